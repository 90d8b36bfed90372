//! Indexes of the approval queue: pending registrations in their order, and those of an email domain.
//!
//! The conditions and the expression are literally those of the queries in `backend/src/admin/queue/`, otherwise the databases do
//! not use the indexes. `email_canonical` has exactly one `@`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let domain = match manager.get_database_backend() {
            DbBackend::Postgres => "split_part(email_canonical, '@', 2)",
            _ => "substr(email_canonical, instr(email_canonical, '@') + 1)",
        };
        let waiting = "WHERE status IN ('pending', 'held')";
        for statement in [
            format!("CREATE INDEX users_queue ON users (created_at, id) {waiting}"),
            format!("CREATE INDEX users_queue_domain ON users (({domain}), created_at, id) {waiting}"),
        ] {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["users_queue_domain", "users_queue"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }
}
