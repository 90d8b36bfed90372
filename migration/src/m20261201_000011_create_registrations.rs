//! Registrations: `registrations` (how each account was requested) and `questions` (of administrators to applicants).

use sea_orm_migration::prelude::*;

use crate::columns::{id, instant, instant_or_null, number, number_or_null, text_or_null, user_foreign_key};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cascade = ForeignKeyAction::Cascade;
        let registrations = Table::create()
            .table("registrations")
            .col(number("user_id").primary_key())
            .col(text_or_null("question"))
            .col(text_or_null("answer"))
            .col(text_or_null("client_ip"))
            .col(instant("created_at"))
            .col(number_or_null("assigned_to"))
            .col(instant_or_null("assigned_at"))
            .foreign_key(&mut user_foreign_key("registrations", "registrations_user", cascade))
            .to_owned();
        let questions = Table::create()
            .table("questions")
            .col(id())
            .col(number("user_id"))
            .col(number_or_null("asked_by"))
            .col(instant("asked_at"))
            .col(text_or_null("question"))
            .col(text_or_null("answer"))
            .col(instant_or_null("answered_at"))
            .col(instant_or_null("withdrawn_at"))
            .foreign_key(&mut user_foreign_key("questions", "questions_user", cascade))
            .to_owned();
        for table in [registrations, questions] {
            manager.create_table(table).await?;
        }
        let statements = [
            "CREATE INDEX registrations_client_ip ON registrations (client_ip, created_at)",
            "CREATE INDEX questions_user_id ON questions (user_id, id)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["questions", "registrations"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
