//! The audit log: `audit`. Its user ids stay when an account is deleted, so they have no foreign key. Names and IP addresses
//! have their own columns, which deletion empties.

use sea_orm_migration::prelude::*;

use crate::columns::{id, instant, number_or_null, text, text_or_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let audit = Table::create()
            .table("audit")
            .col(id())
            .col(instant("at"))
            .col(text("action"))
            .col(number_or_null("actor_id"))
            .col(text_or_null("actor_name"))
            .col(number_or_null("subject_id"))
            .col(text_or_null("subject_name"))
            .col(text_or_null("client_ip"))
            .to_owned();
        manager.create_table(audit).await?;
        let index = "CREATE INDEX audit_subject_id ON audit (subject_id, id)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit").to_owned()).await
    }
}
