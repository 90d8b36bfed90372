//! What was done to accounts: when, who, what, whom, from where. Numbers stay when a person is deleted, so there is no
//! foreign key; what names a person stands in columns of its own, which deletion empties.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, number_or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(instant("at"))
                    .col(text("action"))
                    .col(number_or_null("actor_id"))
                    .col(text("actor_name"))
                    .col(number_or_null("subject_id"))
                    .col(text("subject_name"))
                    .col(text("source"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_by_subject")
                    .table("audit")
                    .col("subject_id")
                    .col("id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit").to_owned()).await
    }
}
