//! Sessions: `user_sessions` (the source of truth for both session stores), `session_records` (the records, if Redis is
//! not configured), `ended_sessions` (records that are still to be removed) and `known_browsers`.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number, text, user_foreign_key};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::create()
            .table("user_sessions")
            .col(key(manager, "public_id").primary_key())
            .col(text("id_hash"))
            .col(number("user_id"))
            .col(text("kind"))
            .col(text("auth_method"))
            .col(ColumnDef::new("shared").boolean().not_null())
            .col(number("credential_version"))
            .col(instant("expires_at"))
            .col(instant("authenticated_at"))
            .col(text("user_agent"))
            .col(text("client_ip"))
            .col(instant("created_at"))
            .col(instant("last_seen_at"))
            .foreign_key(&mut user_foreign_key(
                "user_sessions",
                "user_sessions_user",
                ForeignKeyAction::Cascade,
            ))
            .to_owned();
        let records = Table::create()
            .table("session_records")
            .col(key(manager, "id").primary_key())
            .col(text("data"))
            .col(instant("expires_at"))
            .to_owned();
        let ended =
            Table::create().table("ended_sessions").col(key(manager, "id_hash").primary_key()).to_owned();
        let browsers = Table::create()
            .table("known_browsers")
            .col(key(manager, "id_hash").primary_key())
            .col(number("user_id"))
            .col(number("failures"))
            .col(instant("last_used_at"))
            .foreign_key(&mut user_foreign_key(
                "known_browsers",
                "known_browsers_user",
                ForeignKeyAction::Cascade,
            ))
            .to_owned();
        for table in [sessions, records, ended, browsers] {
            manager.create_table(table).await?;
        }
        let statements = [
            "CREATE INDEX user_sessions_user_id ON user_sessions (user_id)",
            "CREATE INDEX known_browsers_user_id ON known_browsers (user_id, last_used_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["known_browsers", "ended_sessions", "session_records", "user_sessions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
