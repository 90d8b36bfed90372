//! Which emails a mailbox got lately, for limits. Apart from the outbox, whose rows go with the account that they are about.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("mailbox_emails")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(key(manager, "mailbox_hash"))
                    .col(text("kind"))
                    .col(instant("created_at"))
                    .to_owned(),
            )
            .await?;
        let index = Index::create()
            .name("mailbox_emails_by_mailbox")
            .table("mailbox_emails")
            .col("mailbox_hash")
            .col("created_at")
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("mailbox_emails").to_owned()).await
    }
}
