//! Sessions: what is shown and revoked (`user_sessions`, the truth for both stores), and the records themselves for
//! portals without Redis (`session_records`). Both know only a hash of the id.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_sessions")
                    .col(key(manager, "handle").primary_key())
                    .col(text("id_hash"))
                    .col(number("user_id"))
                    .col(text("kind"))
                    .col(ColumnDef::new("shared").boolean().not_null())
                    .col(number("epoch"))
                    .col(instant("expires_at"))
                    .col(instant("proved_at"))
                    .col(text("agent"))
                    .col(text("address"))
                    .col(instant("created_at"))
                    .col(instant("last_seen_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("user_sessions_user")
                            .from("user_sessions", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("user_sessions_by_user")
                    .table("user_sessions")
                    .col("user_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("session_records")
                    .col(key(manager, "id").primary_key())
                    .col(text("data"))
                    .col(instant("expires_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("session_records").to_owned()).await?;
        manager.drop_table(Table::drop().table("user_sessions").to_owned()).await
    }
}
