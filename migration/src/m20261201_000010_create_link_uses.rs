//! Uses of links: `link_uses`. For a minute, the browser that used a link gets the same answer again. There is no foreign key,
//! because a link can delete its own account.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, key, number_or_null, text, text_or_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let uses = Table::create()
            .table("link_uses")
            .col(key(manager, "token_hash").primary_key())
            .col(text("browser_hash"))
            .col(text("answer"))
            .col(number_or_null("user_id"))
            .col(text_or_null("session_public_id"))
            .col(instant("used_at"))
            .to_owned();
        manager.create_table(uses).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("link_uses").to_owned()).await
    }
}
