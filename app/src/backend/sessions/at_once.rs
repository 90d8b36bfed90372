//! Writing down a sign-in in one statement, where the database can: PostgreSQL, for which it is a transaction of its own.
//!
//! Guarantees: the same rows as [`super::insert_sign_in`] in a transaction, all of them or none, in the same order: whatever
//! touches a session needs the row that holding the person gives, and so comes after it. Of many sign-ins of one person at
//! the same moment none sees another's session: what is then too many ends with the next one. Of a request that is broken
//! off the statement goes on. (It is one conversation with the database instead of six.)

use std::sync::LazyLock;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, IdenStatic, Iterable, Statement, Value};

use super::{Kind, MOST_SESSIONS};
use crate::backend::entity::{audit, user_session};
use crate::backend::error::{Doing, Failure};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// Its values: the time, the person, the session that this browser had, then a session's and an audit's columns.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let session = names(user_session::Column::iter());
    let audit = names(audit_columns());
    let first = 4;
    let second = first + session.len();
    let kept = MOST_SESSIONS - 1;
    format!(
        "WITH person AS (
           UPDATE users SET last_sign_in_at = $1 WHERE id = $2 RETURNING id
         ), replaced AS (
           DELETE FROM user_sessions WHERE handle = $3 AND EXISTS (SELECT FROM person) RETURNING id_hash
         ), longest_unused AS (
           DELETE FROM user_sessions WHERE EXISTS (SELECT FROM person) AND handle = ANY (ARRAY (
             SELECT handle FROM user_sessions WHERE user_id = $2 AND handle <> $3 AND kind = '{}'
             ORDER BY last_seen_at DESC, created_at DESC OFFSET {kept}
           )) RETURNING id_hash
         ), ended AS (
           INSERT INTO ended_sessions (id_hash)
           SELECT id_hash FROM longest_unused UNION SELECT id_hash FROM replaced ON CONFLICT DO NOTHING
         ), session AS (
           INSERT INTO user_sessions ({}) SELECT {} FROM person
         )
         INSERT INTO audit ({}) SELECT {} FROM person",
        Kind::Ordinary.as_str(),
        session.join(", "),
        places(first, session.len()),
        audit.join(", "),
        places(second, audit.len()),
    )
});

fn audit_columns() -> impl Iterator<Item = audit::Column> {
    audit::Column::iter().filter(|column| !matches!(column, audit::Column::Id))
}

fn names<C: IdenStatic>(columns: impl Iterator<Item = C>) -> Vec<&'static str> {
    columns.map(|column| column.as_str()).collect()
}

fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Writes that `user_id` signed in: when, the row of the new session in the place of the one that this browser had, by its
/// handle, and `audit`.
pub(super) async fn insert_sign_in_at_once(
    postgres: &impl ConnectionTrait,
    user_id: UserId,
    replaced: Option<&str>,
    session: &user_session::ActiveModel,
    audit: &audit::ActiveModel,
    now: Timestamp,
) -> Result<(), Failure> {
    // No session has an empty handle.
    let replaced = replaced.unwrap_or_default();
    let mut values = vec![Value::from(now.0), Value::from(user_id), Value::from(replaced)];
    let session = user_session::Column::iter().map(|column| session.get(column).into_value());
    let audit = audit_columns().map(|column| audit.get(column).into_value());
    for value in session.chain(audit) {
        values.push(value.ok_or(Failure::Data("a row to be written is not complete"))?);
    }
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, STATEMENT.as_str(), values);
    let written = postgres.execute_raw(statement).await.doing("write the sign-in")?;
    match written.rows_affected() {
        0 => Err(Failure::Data("who signs in is not there any more")),
        _ => Ok(()),
    }
}
