//! Browsers in which someone has signed in before, and failed sign-ins since.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("known_browsers")
                    .col(key(manager, "id_hash").primary_key())
                    .col(number("user_id"))
                    .col(number("failures"))
                    .col(instant("last_used_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("known_browsers_user")
                            .from("known_browsers", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        let index = "CREATE INDEX known_browsers_of_user ON known_browsers (user_id, last_used_at)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("known_browsers").to_owned()).await
    }
}
