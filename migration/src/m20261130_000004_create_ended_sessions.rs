//! Sessions that have ended, whose records are still to be removed from their store.

use sea_orm_migration::prelude::*;

use crate::columns::key;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table =
            Table::create().table("ended_sessions").col(key(manager, "id_hash").primary_key()).to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("ended_sessions").to_owned()).await
    }
}
