//! The schema of Vestibule's database, one step a file, the same on SQLite and PostgreSQL.
//!
//! Guarantees: steps are only ever added, never changed once released; each has a `down` that undoes it; instants are
//! `BIGINT` Unix microseconds; columns that decide equality or order of text are compared byte by byte on both.
//! How to add one: README.md beside this crate's manifest.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

mod columns;
mod m20261124_000001_create_users;
mod m20261124_000002_create_user_tokens;
mod m20261124_000003_create_sessions;
mod m20261124_000004_create_outbox;
mod m20261124_000005_create_audit;
mod m20261124_000006_add_recovery;
mod m20261124_000007_add_microsoft;
mod m20261129_000001_create_mailbox_emails;
mod m20261129_000002_limit_reset_requests;
mod m20261129_000003_add_disowned_address;
mod m20261129_000004_add_attempts;
mod m20261130_000001_add_deletion_due;
mod m20261130_000002_keep_security_emails;
mod m20261130_000003_create_known_browsers;
mod m20261130_000004_create_ended_sessions;

/// Runs the steps in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_users::Migration),
            Box::new(m20261124_000002_create_user_tokens::Migration),
            Box::new(m20261124_000003_create_sessions::Migration),
            Box::new(m20261124_000004_create_outbox::Migration),
            Box::new(m20261124_000005_create_audit::Migration),
            Box::new(m20261124_000006_add_recovery::Migration),
            Box::new(m20261124_000007_add_microsoft::Migration),
            Box::new(m20261129_000001_create_mailbox_emails::Migration),
            Box::new(m20261129_000002_limit_reset_requests::Migration),
            Box::new(m20261129_000003_add_disowned_address::Migration),
            Box::new(m20261129_000004_add_attempts::Migration),
            Box::new(m20261130_000001_add_deletion_due::Migration),
            Box::new(m20261130_000002_keep_security_emails::Migration),
            Box::new(m20261130_000003_create_known_browsers::Migration),
            Box::new(m20261130_000004_create_ended_sessions::Migration),
        ]
    }
}
