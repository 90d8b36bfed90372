//! Hashes of emailed secrets: `user_tokens`. The table's name and id type are those of the original application. The token
//! that creates the first administrator has no user.

use sea_orm_migration::prelude::*;

use crate::columns::{
    instant, instant_or_null, key, number, number_or_null, text, text_or_null, user_foreign_key,
};

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
                    .col(number("credential_version"))
                    .col(text("email_canonical"))
                    .col(text_or_null("email"))
                    .col(instant("created_at"))
                    .col(instant("expires_at"))
                    .col(instant_or_null("used_at"))
                    .foreign_key(&mut user_foreign_key(
                        "user_tokens",
                        "user_tokens_user",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        let statements = [
            "CREATE INDEX user_tokens_user_id ON user_tokens (user_id)",
            "CREATE INDEX user_tokens_email_canonical ON user_tokens (email_canonical, purpose, created_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("user_tokens").to_owned()).await
    }
}
