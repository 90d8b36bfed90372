//! When an account is deleted, because its owner asked for it.

use sea_orm_migration::prelude::*;

use crate::columns::instant_or_null;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = instant_or_null("deletion_due_at");
        manager.alter_table(Table::alter().table("users").add_column(column).to_owned()).await?;
        let index =
            "CREATE INDEX users_deletion_due ON users (deletion_due_at) WHERE deletion_due_at IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX users_deletion_due").await?;
        manager.alter_table(Table::alter().table("users").drop_column("deletion_due_at").to_owned()).await
    }
}
