//! Mailed secrets, as hashes. A token without a user is the one that makes the first administrator.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, instant_or_null, key, number, number_or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_tokens")
                    .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
                    .col(number_or_null("user_id"))
                    .col(text("purpose"))
                    .col(key(manager, "token_hash").unique_key())
                    .col(number("epoch"))
                    .col(text("email_canonical"))
                    .col(instant("created_at"))
                    .col(instant("expires_at"))
                    .col(instant_or_null("used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("user_tokens_user")
                            .from("user_tokens", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("user_tokens_by_user").table("user_tokens").col("user_id").to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("user_tokens").to_owned()).await
    }
}
