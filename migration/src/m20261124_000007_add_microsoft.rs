//! Signing in with Microsoft: whose identity is whose (`identities`), and the conversations with Microsoft that are under way
//! (`microsoft_trips`).

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number, number_or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("identities")
                    .col(number("user_id").primary_key())
                    .col(key(manager, "tid"))
                    .col(key(manager, "oid"))
                    .col(text("label"))
                    .col(instant("linked_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("identities_user")
                            .from("identities", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identities_by_pair")
                    .table("identities")
                    .col("tid")
                    .col("oid")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("microsoft_trips")
                    .col(key(manager, "state_hash").primary_key())
                    .col(text("purpose"))
                    .col(number_or_null("user_id"))
                    .col(text("session_handle"))
                    .col(text("browser_hash"))
                    .col(text("nonce"))
                    .col(text("verifier"))
                    .col(text("next"))
                    .col(instant("expires_at"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["microsoft_trips", "identities"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
