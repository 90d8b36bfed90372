//! Keys that outlive a rotation of `SECRET_KEY`, sealed with it: `portal_keys`.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = Table::create()
            .table("portal_keys")
            .col(key(manager, "name").primary_key())
            .col(text("sealed"))
            .col(instant("created_at"))
            .to_owned();
        manager.create_table(keys).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("portal_keys").to_owned()).await
    }
}
