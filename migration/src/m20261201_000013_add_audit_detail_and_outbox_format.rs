//! `audit.detail` (numbers about an action), `outbox.format` (the version of an email's content), and the indexes with which
//! one account can be deleted without reading whole tables.

use sea_orm_migration::prelude::*;

use crate::columns::{number, text_or_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 5] = [
    ("audit_actor_id", "audit (actor_id, id)"),
    ("outbox_user_id", "outbox (user_id, id)"),
    ("email_jobs_user_id", "email_jobs (user_id)"),
    ("outbox_pending", "outbox (priority, id) WHERE state = 'pending'"),
    ("users_admins", "users (status, id) WHERE role = 'admin'"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let detail = Table::alter().table("audit").add_column(text_or_null("detail")).to_owned();
        let format = Table::alter().table("outbox").add_column(number("format").default(1)).to_owned();
        for table in [detail, format] {
            manager.alter_table(table).await?;
        }
        for (name, columns) in INDEXES {
            let statement = format!("CREATE INDEX {name} ON {columns}");
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        let detail = Table::alter().table("audit").drop_column("detail").to_owned();
        let format = Table::alter().table("outbox").drop_column("format").to_owned();
        for table in [detail, format] {
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
