//! One request for a temporary password for each email address, found by the time when it is due.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let first = "DELETE FROM reset_requests WHERE id NOT IN \
                     (SELECT min(id) FROM reset_requests GROUP BY email_canonical)";
        manager.get_connection().execute_unprepared(first).await?;
        let by_address = Index::create()
            .name("reset_requests_by_address")
            .table("reset_requests")
            .col("email_canonical")
            .unique()
            .to_owned();
        manager.create_index(by_address).await?;
        let by_due =
            Index::create().name("reset_requests_by_due").table("reset_requests").col("due_at").to_owned();
        manager.create_index(by_due).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["reset_requests_by_due", "reset_requests_by_address"] {
            manager.drop_index(Index::drop().name(index).table("reset_requests").to_owned()).await?;
        }
        Ok(())
    }
}
