//! Mail: what has to be worked out (`mail_jobs`, written with what it tells of) and what has to be sent (`outbox`).

use sea_orm_migration::prelude::*;

use crate::columns::{instant, instant_or_null, number, number_or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("mail_jobs")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(text("kind"))
                    .col(number("user_id"))
                    .col(instant("created_at"))
                    .col(instant("due_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .name("mail_jobs_user")
                            .from("mail_jobs", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("outbox")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(text("kind"))
                    .col(number_or_null("user_id"))
                    .col(text("recipient"))
                    .col(text("seal_context"))
                    .col(ColumnDef::new("sealed").text().null())
                    .col(number("priority"))
                    .col(text("status"))
                    .col(instant("created_at"))
                    .col(instant("due_at"))
                    .col(instant_or_null("not_after"))
                    .col(instant("leased_until").default(0))
                    .col(number("attempts").default(0))
                    .col(text("last_error"))
                    .col(instant("finished_at").default(0))
                    .foreign_key(
                        ForeignKey::create()
                            .name("outbox_user")
                            .from("outbox", "user_id")
                            .to("users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        let statements = [
            "CREATE INDEX mail_jobs_due ON mail_jobs (due_at, id)",
            "CREATE INDEX outbox_due ON outbox (status, due_at)",
            "CREATE INDEX outbox_finished ON outbox (finished_at)",
            "CREATE INDEX outbox_by_kind ON outbox (kind, created_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outbox").to_owned()).await?;
        manager.drop_table(Table::drop().table("mail_jobs").to_owned()).await
    }
}
