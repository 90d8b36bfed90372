//! How often jobs and requests for temporary passwords were tried, and when they failed for good.

use sea_orm_migration::prelude::*;

use crate::columns::{instant_or_null, number};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 2] = ["mail_jobs", "reset_requests"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let mut attempts = number("attempts");
            attempts.default(0);
            manager.alter_table(Table::alter().table(table).add_column(attempts).to_owned()).await?;
            let failed_at = instant_or_null("failed_at");
            manager.alter_table(Table::alter().table(table).add_column(failed_at).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            for column in ["failed_at", "attempts"] {
                manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
            }
        }
        Ok(())
    }
}
