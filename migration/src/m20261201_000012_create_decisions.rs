//! Decisions of administrators: `decisions` and `saved_reasons`.

use sea_orm_migration::prelude::*;

use crate::columns::{
    id, instant, instant_or_null, instant_or_zero, number, number_or_null, text, text_or_null,
    user_foreign_key,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let decisions = Table::create()
            .table("decisions")
            .col(id())
            .col(number("user_id"))
            .col(text("action"))
            .col(number("decided_by"))
            .col(instant("decided_at"))
            .col(text("status_before"))
            .col(instant("status_since_before"))
            .col(number_or_null("status_by_before"))
            .col(text("role_before"))
            .col(instant_or_null("deletion_due_before"))
            .col(number("credential_version_after"))
            .col(text_or_null("reason"))
            .col(text_or_null("note"))
            .col(ColumnDef::new("email_id").big_integer().null())
            .col(instant_or_zero("undo_until"))
            .col(text_or_null("batch"))
            .col(instant_or_null("undone_at"))
            .col(number_or_null("undone_by"))
            .col(text_or_null("blocked_before"))
            .foreign_key(&mut user_foreign_key("decisions", "decisions_user", ForeignKeyAction::Cascade))
            .to_owned();
        let saved_reasons = Table::create()
            .table("saved_reasons")
            .col(id())
            .col(text("action"))
            .col(text("title"))
            .col(text("text"))
            .col(ColumnDef::new("silent").boolean().not_null())
            .col(instant("changed_at"))
            .to_owned();
        for table in [decisions, saved_reasons] {
            manager.create_table(table).await?;
        }
        let statements = [
            "CREATE INDEX decisions_user_id ON decisions (user_id, id)",
            "CREATE INDEX decisions_undo_until ON decisions (undo_until, id)",
            "CREATE INDEX decisions_batch ON decisions (batch, id)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["saved_reasons", "decisions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
