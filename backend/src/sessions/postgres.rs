//! A sign-in in one PostgreSQL statement, which is one round trip instead of six.
//!
//! # Guarantees
//!
//! - The statement writes the same rows as [`crate::sessions::insert_sign_in`] in a transaction: all of them or none.
//! - The statement locks the user's row before any session, because all its other parts read the locked row.
//! - The statement completes even if the client disconnects.
//!
//! Concurrent sign-ins of one user do not see each other's sessions. If this leaves too many sessions, the next
//! sign-in ends the surplus.

use std::sync::LazyLock;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, IdenStatic, Iterable, Statement, Value};

use crate::entity::open_enum::ColumnText;
use crate::entity::{audit, user_session};
use crate::error::{ErrorContext, InternalError};
use crate::sessions::{MAX_SESSIONS, SessionKind};
use domain::status::UserId;
use domain::time::Timestamp;

/// The statement. Its values are the time, the user, the previous session of the browser, and the columns of the session and of
/// the audit row.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let session = column_names(user_session::Column::iter());
    let audit = column_names(audit_columns());
    let first = 4;
    let second = first + session.len();
    let kept = MAX_SESSIONS - 1;
    format!(
        "WITH person AS (
           UPDATE users SET last_sign_in_at = $1 WHERE id = $2 RETURNING id
         ), replaced AS (
           DELETE FROM user_sessions WHERE public_id = $3 AND EXISTS (SELECT FROM person) RETURNING id_hash
         ), longest_unused AS (
           DELETE FROM user_sessions WHERE EXISTS (SELECT FROM person) AND public_id = ANY (ARRAY (
             SELECT public_id FROM user_sessions WHERE user_id = $2 AND public_id <> $3 AND kind = '{}'
             ORDER BY last_seen_at DESC, created_at DESC OFFSET {kept}
           )) RETURNING id_hash
         ), ended AS (
           INSERT INTO ended_sessions (id_hash)
           SELECT id_hash FROM longest_unused UNION SELECT id_hash FROM replaced ON CONFLICT DO NOTHING
         ), session AS (
           INSERT INTO user_sessions ({}) SELECT {} FROM person
         )
         INSERT INTO audit ({}) SELECT {} FROM person",
        SessionKind::Ordinary.as_str(),
        session.join(", "),
        placeholders(first, session.len()),
        audit.join(", "),
        placeholders(second, audit.len()),
    )
});

fn audit_columns() -> impl Iterator<Item = audit::Column> {
    audit::Column::iter().filter(|column| !matches!(column, audit::Column::Id))
}

fn column_names<C: IdenStatic>(columns: impl Iterator<Item = C>) -> Vec<&'static str> {
    columns.map(|column| column.as_str()).collect()
}

fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

/// Writes a sign-in of `user_id`: its time, the row of the new session and `audit`. Ends the `previous` session of the browser,
/// given by its public id.
pub(super) async fn insert_sign_in_in_one_statement(
    postgres: &impl ConnectionTrait,
    user_id: UserId,
    previous: Option<&str>,
    session: &user_session::ActiveModel,
    audit: &audit::ActiveModel,
    now: Timestamp,
) -> Result<(), InternalError> {
    // No session has an empty public id.
    let previous = previous.unwrap_or_default();
    let mut values = vec![Value::from(now), Value::from(user_id), Value::from(previous)];
    let session = user_session::Column::iter().map(|column| session.get(column).into_value());
    let audit = audit_columns().map(|column| audit.get(column).into_value());
    for value in session.chain(audit) {
        values.push(value.ok_or(InternalError::Data("a row to be written is not complete"))?);
    }
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, STATEMENT.as_str(), values);
    let written = postgres.execute_raw(statement).await.context("write the sign-in")?;
    match written.rows_affected() {
        0 => Err(InternalError::Data("who signs in is not there any more")),
        _ => Ok(()),
    }
}
