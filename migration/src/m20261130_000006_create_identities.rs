//! Identities: `identities` (linked Microsoft accounts), `authorization_requests` (sign-ins with Microsoft that have begun)
//! and `blocked_identities` (keyed hashes of blocked identities).

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number, number_or_null, text, text_or_null, user_foreign_key};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let identities = Table::create()
            .table("identities")
            .col(number("user_id").primary_key())
            .col(key(manager, "tid"))
            .col(key(manager, "oid"))
            .col(text("label"))
            .col(instant("linked_at"))
            .foreign_key(&mut user_foreign_key("identities", "identities_user", ForeignKeyAction::Cascade))
            .to_owned();
        let both_or_none = Expr::cust("(user_id IS NULL) = (session_public_id IS NULL)");
        let requests = Table::create()
            .table("authorization_requests")
            .col(key(manager, "state_hash").primary_key())
            .col(text("purpose"))
            .col(number_or_null("user_id"))
            .col(text_or_null("session_public_id"))
            .col(text("browser_hash"))
            .col(text("nonce"))
            .col(text("code_verifier"))
            .col(text("return_to"))
            .col(instant("expires_at"))
            .check(both_or_none)
            .to_owned();
        let blocked = Table::create()
            .table("blocked_identities")
            .col(key(manager, "hash").primary_key())
            .col(text("reason"))
            .col(instant("created_at"))
            .to_owned();
        for table in [identities, requests, blocked] {
            manager.create_table(table).await?;
        }
        let index = "CREATE UNIQUE INDEX identities_tid_oid ON identities (tid, oid)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["blocked_identities", "authorization_requests", "identities"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
