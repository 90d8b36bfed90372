//! The id of the portal that owns the database: `portal_id`, one row. It is random and never changes, unlike the portal's URL.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::key;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("portal_id").col(key(manager, "id").primary_key()).to_owned();
        manager.create_table(table).await?;
        // 64 random bits in hexadecimal. It is a name and no secret.
        let random = if manager.get_database_backend() == DbBackend::Postgres {
            "substr(md5(gen_random_uuid()::text), 1, 16)"
        } else {
            "lower(hex(randomblob(8)))"
        };
        let insert = format!("INSERT INTO portal_id (id) VALUES ({random})");
        manager.get_connection().execute_unprepared(&insert).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("portal_id").to_owned()).await
    }
}
