//! Email: `outbox` (emails to be sent), `email_jobs` and `password_reset_requests` (queues from which the worker writes
//! emails) and `mailbox_emails` (the emails that a mailbox has received recently, for limits).

use sea_orm_migration::prelude::*;

use crate::columns::{
    id, instant, instant_or_null, instant_or_zero, key, number, number_or_null, text, text_or_null,
    user_foreign_key,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An email outlives the account that it is about: an unsent warning must still be sent.
        let outbox = Table::create()
            .table("outbox")
            .col(id())
            .col(text("kind"))
            .col(number_or_null("user_id"))
            .col(text("recipient"))
            .col(text("seal_context"))
            .col(text_or_null("sealed"))
            .col(number("priority"))
            .col(text("state"))
            .col(instant("created_at"))
            .col(instant("due_at"))
            .col(instant_or_null("not_after"))
            .col(instant_or_zero("leased_until"))
            .col(number("attempts").default(0))
            .col(text_or_null("last_error"))
            .col(instant_or_zero("finished_at"))
            .foreign_key(&mut user_foreign_key("outbox", "outbox_user", ForeignKeyAction::SetNull))
            .to_owned();
        let jobs = Table::create()
            .table("email_jobs")
            .col(id())
            .col(text("kind"))
            .col(number("user_id"))
            .col(text_or_null("email"))
            .col(instant("created_at"))
            .col(instant("due_at"))
            .col(number("attempts").default(0))
            .col(instant_or_null("failed_at"))
            .foreign_key(&mut user_foreign_key("email_jobs", "email_jobs_user", ForeignKeyAction::Cascade))
            .to_owned();
        // No foreign key: a request is stored whether or not the email address has an account.
        let requests = Table::create()
            .table("password_reset_requests")
            .col(id())
            .col(text("email_canonical").unique_key())
            .col(instant("created_at"))
            .col(instant("due_at"))
            .col(number("attempts").default(0))
            .col(instant_or_null("failed_at"))
            .to_owned();
        let mailboxes = Table::create()
            .table("mailbox_emails")
            .col(id())
            .col(key(manager, "mailbox_hash"))
            .col(text("kind"))
            .col(instant("created_at"))
            .to_owned();
        for table in [outbox, jobs, requests, mailboxes] {
            manager.create_table(table).await?;
        }
        let statements = [
            "CREATE INDEX outbox_due_at ON outbox (state, due_at)",
            "CREATE INDEX outbox_finished_at ON outbox (finished_at)",
            "CREATE INDEX outbox_kind ON outbox (kind, created_at)",
            "CREATE INDEX email_jobs_due_at ON email_jobs (due_at, id)",
            "CREATE INDEX password_reset_requests_due_at ON password_reset_requests (due_at)",
            "CREATE INDEX mailbox_emails_mailbox_hash ON mailbox_emails (mailbox_hash, created_at)",
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["mailbox_emails", "password_reset_requests", "email_jobs", "outbox"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
