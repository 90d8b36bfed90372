//! The times of attempts to send an email, by which all replicas together keep to `MAIL_RATE`: `email_attempts`.

use sea_orm_migration::prelude::*;

use crate::columns::{id, instant};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let attempts =
            Table::create().table("email_attempts").col(id()).col(instant("attempted_at")).to_owned();
        manager.create_table(attempts).await?;
        let index = "CREATE INDEX email_attempts_attempted_at ON email_attempts (attempted_at)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("email_attempts").to_owned()).await
    }
}
