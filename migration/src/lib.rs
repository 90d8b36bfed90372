//! The schema of Vestibule's database, one migration per file, the same on SQLite and PostgreSQL.
//!
//! # Guarantees
//!
//! - Released migrations never change. A new one is added at the end.
//! - Every migration has a `down` that undoes it.
//! - Instants are Unix microseconds in `BIGINT`.
//! - Text that is compared or sorted is compared byte by byte on both databases.
//!
//! README.md of this crate says how to add a migration.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::prelude::{DbErr, IntoSchemaManagerConnection, MigratorTrait};
use sea_orm_migration::sea_orm::{EntityTrait, QueryOrder};
use sea_orm_migration::seaql_migrations;

mod columns;
mod m20261130_000001_create_users;
mod m20261130_000002_create_user_tokens;
mod m20261130_000003_create_sessions;
mod m20261130_000004_create_outbox;
mod m20261130_000005_create_audit;
mod m20261130_000006_create_identities;
mod m20261130_000007_create_portal_keys;
mod m20261201_000008_create_email_attempts;
mod m20261201_000009_create_portal_id;
mod m20261201_000010_create_link_uses;
mod m20261201_000011_create_registrations;
mod m20261201_000012_create_decisions;
mod m20261201_000013_add_audit_detail_and_outbox_format;
mod m20261201_000014_create_queue_indexes;

/// Runs the migrations in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261130_000001_create_users::Migration),
            Box::new(m20261130_000002_create_user_tokens::Migration),
            Box::new(m20261130_000003_create_sessions::Migration),
            Box::new(m20261130_000004_create_outbox::Migration),
            Box::new(m20261130_000005_create_audit::Migration),
            Box::new(m20261130_000006_create_identities::Migration),
            Box::new(m20261130_000007_create_portal_keys::Migration),
            Box::new(m20261201_000008_create_email_attempts::Migration),
            Box::new(m20261201_000009_create_portal_id::Migration),
            Box::new(m20261201_000010_create_link_uses::Migration),
            Box::new(m20261201_000011_create_registrations::Migration),
            Box::new(m20261201_000012_create_decisions::Migration),
            Box::new(m20261201_000013_add_audit_detail_and_outbox_format::Migration),
            Box::new(m20261201_000014_create_queue_indexes::Migration),
        ]
    }
}

/// Returns the names of the applied migrations in their order. Changes nothing, unlike the functions of the library, which first
/// create the table of the applied migrations.
///
/// # Errors
///
/// If the database cannot be read.
pub async fn applied_migrations<'c>(db: impl IntoSchemaManagerConnection<'c>) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows = seaql_migrations::Entity::find()
        .order_by_asc(seaql_migrations::Column::Version)
        .all(manager.get_connection())
        .await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
