//! Emails stay when the account that they are about is deleted: warnings that wait must still be sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The columns of `outbox`, in order.
const COLUMNS: &str = "id, kind, user_id, recipient, seal_context, sealed, priority, status, created_at, due_at, not_after, \
                       leased_until, attempts, last_error, finished_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_delete(manager, "SET NULL").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_delete(manager, "CASCADE").await
    }
}

/// Changes what becomes of the emails about an account that is deleted.
async fn on_delete(manager: &SchemaManager<'_>, action: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DbBackend::Postgres => vec![
            "ALTER TABLE outbox DROP CONSTRAINT outbox_user".to_owned(),
            format!(
                "ALTER TABLE outbox ADD CONSTRAINT outbox_user FOREIGN KEY (user_id) REFERENCES users (id) \
                 ON DELETE {action}"
            ),
        ],
        _ => rebuild(action),
    };
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// SQLite cannot change a foreign key: the table is made anew, and no number is used twice.
fn rebuild(action: &str) -> Vec<String> {
    let table = format!(
        "CREATE TABLE outbox_rebuilt (
            id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
            kind text NOT NULL,
            user_id integer NULL,
            recipient text NOT NULL,
            seal_context text NOT NULL,
            sealed text NULL,
            priority integer NOT NULL,
            status text NOT NULL,
            created_at bigint NOT NULL,
            due_at bigint NOT NULL,
            not_after bigint NULL,
            leased_until bigint NOT NULL DEFAULT 0,
            attempts integer NOT NULL DEFAULT 0,
            last_error text NOT NULL,
            finished_at bigint NOT NULL DEFAULT 0,
            FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE {action}
        )"
    );
    let copy = format!("INSERT INTO outbox_rebuilt ({COLUMNS}) SELECT {COLUMNS} FROM outbox");
    [
        table.as_str(),
        copy.as_str(),
        "DELETE FROM sqlite_sequence WHERE name = 'outbox_rebuilt'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_rebuilt', seq FROM sqlite_sequence WHERE name = 'outbox'",
        "DROP TABLE outbox",
        "ALTER TABLE outbox_rebuilt RENAME TO outbox",
        "CREATE INDEX outbox_due ON outbox (status, due_at)",
        "CREATE INDEX outbox_finished ON outbox (finished_at)",
        "CREATE INDEX outbox_by_kind ON outbox (kind, created_at)",
    ]
    .map(str::to_owned)
    .into()
}
