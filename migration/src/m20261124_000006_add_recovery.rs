//! Recovery and the account's own pages: requests for a temporary password (`reset_requests`, worked out later, so that
//! asking does the same whatever the address is), the address that a change is about (`user_tokens.email`,
//! `mail_jobs.email`), how a session was opened (`user_sessions.opened_by`), keyed hashes of whoever was shut out
//! (`shut_outs`), and keys that outlive SECRET_KEY's rotation (`portal_keys`, sealed).

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

const ADDED: [(&str, &str, &str); 3] = [
    ("user_tokens", "email", ""),
    ("mail_jobs", "email", ""),
    // Those that are open already were opened in an ordinary way.
    ("user_sessions", "opened_by", "password"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("reset_requests")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(text("email_canonical"))
                    .col(instant("created_at"))
                    .col(instant("due_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("shut_outs")
                    .col(key(manager, "hash").primary_key())
                    .col(text("reason"))
                    .col(instant("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("portal_keys")
                    .col(key(manager, "name").primary_key())
                    .col(text("sealed"))
                    .col(instant("created_at"))
                    .to_owned(),
            )
            .await?;
        for (table, column, default) in ADDED {
            let mut added = text(column);
            added.default(default);
            manager.alter_table(Table::alter().table(table).add_column(added).to_owned()).await?;
        }
        let index =
            "CREATE INDEX user_tokens_by_address ON user_tokens (email_canonical, purpose, created_at)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX user_tokens_by_address").await?;
        for (table, column, _) in ADDED {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        for table in ["portal_keys", "shut_outs", "reset_requests"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
