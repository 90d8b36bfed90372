//! Accounts: `users`. The table's name and id type are those of the original application.

use sea_orm_migration::prelude::*;

use crate::columns::{
    instant, instant_or_null, instant_or_zero, key, number, number_or_null, text, text_or_null,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statuses = ["pending", "held", "active", "rejected", "deactivated", "shadow"];
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
                    .col(instant_or_null("registration_disputed_at"))
                    .col(text_or_null("password_hash"))
                    .col(text("status").check(Expr::col("status").is_in(statuses)))
                    .col(instant("status_since"))
                    .col(number_or_null("status_by"))
                    .col(text("role").check(Expr::col("role").is_in(["member", "admin"])))
                    .col(number("credential_version").default(0))
                    .col(instant_or_null("deletion_due_at"))
                    .col(instant("created_at"))
                    .col(instant_or_zero("last_sign_in_at"))
                    .to_owned(),
            )
            .await?;
        let statements = [
            "CREATE UNIQUE INDEX users_username_key ON users (username_key)",
            // Only a confirmed email address is reserved, so that no one can block someone else's by typing it.
            "CREATE UNIQUE INDEX users_confirmed_email ON users (email_canonical) \
             WHERE email_confirmed_at IS NOT NULL AND status <> 'rejected'",
            "CREATE INDEX users_email_canonical ON users (email_canonical)",
            "CREATE INDEX users_status ON users (status, created_at, id)",
            "CREATE INDEX users_deletion_due_at ON users (deletion_due_at) WHERE deletion_due_at IS NOT NULL",
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
