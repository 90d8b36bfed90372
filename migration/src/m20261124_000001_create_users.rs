//! The people. Name and id type are the original application's.

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
                    .table("users")
                    .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
                    .col(text("username"))
                    .col(key(manager, "username_key"))
                    .col(text("email"))
                    .col(key(manager, "email_canonical"))
                    .col(instant_or_null("email_confirmed_at"))
                    .col(ColumnDef::new("password_hash").text().null())
                    .col(text("status"))
                    .col(instant("status_since"))
                    .col(number_or_null("status_by"))
                    .col(text("role"))
                    .col(number("auth_epoch").default(0))
                    .col(instant("created_at"))
                    .col(instant("last_sign_in_at").default(0))
                    .to_owned(),
            )
            .await?;
        let statements = [
            "CREATE UNIQUE INDEX users_username_key ON users (username_key)",
            // Only a known address is reserved: nobody burns another's by typing it.
            "CREATE UNIQUE INDEX users_known_address ON users (email_canonical) \
             WHERE email_confirmed_at IS NOT NULL AND status <> 'rejected'",
            "CREATE INDEX users_email_canonical ON users (email_canonical)",
            "CREATE INDEX users_by_status ON users (status, created_at, id)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("users").to_owned()).await
    }
}
