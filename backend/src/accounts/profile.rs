//! The data of the profile page: the current user's sessions, recent activity and linked Microsoft account.
//!
//! # Guarantees
//!
//! - Every query reads only rows of the current user.
//! - The usernames and IP addresses of administrators who acted on the account are not included.
//! - Password hashes, tokens and session ids are not included.

use std::cmp::Reverse;

use sea_orm::sea_query::{Asterisk, Condition, Expr, ExprTrait, Query, SelectStatement, UnionType};
use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use tower_sessions::Session;

use crate::Backend;
use crate::audit::Action;
use crate::entity::open_enum::OpenEnum;
use crate::entity::{audit, identity, user, user_session};
use crate::error::{ErrorContext, InternalError};
use crate::infra::prepared_query::PreparedQuery;
use crate::sessions::{CurrentUser, SessionCookie, SessionKind, is_alive, select_current_user, user_agent};
use domain::status::UserId;
use domain::time::Timestamp;
use domain::view_models::{ActivityRow, SessionRow};

/// The number of audit log entries on the profile page. The data export has more.
pub const RECENT_ACTIVITY_LIMIT: u64 = 20;

/// The account as its owner sees it on the profile page.
#[derive(Clone, Debug)]
pub struct ProfileData {
    /// The sessions and the recent activity.
    pub activity: AccountActivity,
    /// The name of the linked Microsoft account, if there is one.
    pub microsoft: Option<String>,
}

/// The sessions of a user, and the audit log entries about their account.
#[derive(Clone, Debug)]
pub struct AccountActivity {
    /// The sessions: the current one first, then the most recently used.
    pub sessions: Vec<SessionRow>,
    /// The audit log entries, the newest first.
    pub entries: Vec<ActivityRow>,
}

/// A session or an audit log entry. One UNION returns both, so that one query is enough.
#[derive(Debug, FromQueryResult)]
struct ActivityRecord {
    is_session: bool,
    /// The public id of a session, or the action of an entry.
    id_or_action: String,
    /// The user agent of a session, or the name of the actor of an entry.
    agent_or_actor: Option<String>,
    /// The kind of a session.
    kind: OpenEnum<SessionKind>,
    client_ip: Option<String>,
    shared: bool,
    at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    actor_id: Option<UserId>,
    /// The id of an entry, by which entries are ordered.
    entry_id: i64,
}

/// The column with the name of the linked Microsoft account.
const MICROSOFT: &str = "microsoft";

/// Finds the user who is signed in with this session, and their account with at most [`RECENT_ACTIVITY_LIMIT`] audit log entries.
/// One SELECT reads the data that [`find_current_user`] and the profile page need.
///
/// [`find_current_user`]: crate::sessions::find_current_user
pub async fn find_current_user_with_account(
    backend: &Backend,
    session: &Session,
) -> Result<Option<(CurrentUser, ProfileData)>, InternalError> {
    static SELECT: PreparedQuery = PreparedQuery::new(select_user_with_account);
    let Some(cookie) = SessionCookie::from_session(session).await? else { return Ok(None) };
    let db = backend.db.pool();
    let select = SELECT.bind(db.get_database_backend(), cookie.public_id());
    let rows = db.query_all_raw(select).await.context("find the session and its owner's account")?;
    let Some(first) = rows.first() else { return Ok(None) };
    let Some(current_user) = cookie.authenticate(backend, first).await? else { return Ok(None) };
    let read = "read the account of a session's owner";
    let microsoft = first.try_get("", MICROSOFT).context(read)?;
    let records: Result<Vec<_>, _> =
        rows.iter().map(|row| ActivityRecord::from_query_result_optional(row, "")).collect();
    let records = records.context(read)?.into_iter().flatten();
    let activity = AccountActivity::from_records(backend, &current_user, records);
    Ok(Some((current_user, ProfileData { activity, microsoft })))
}

/// Extends [`select_current_user`] by the name of the linked Microsoft account and, with one row for each, the activity records.
fn select_user_with_account(public_id: &str) -> SelectStatement {
    let session_column = |column| {
        let select = user_session::Entity::find_by_id(public_id).select_only().column(column);
        Expr::SubQuery(None, Box::new(select.into_query().into()))
    };
    let activity = select_activity(
        &session_column(user_session::Column::UserId),
        session_column(user_session::Column::CredentialVersion),
        RECENT_ACTIVITY_LIMIT,
    );
    let mut select = select_current_user(public_id);
    select
        .join(
            JoinType::LeftJoin,
            identity::Entity,
            Expr::col((identity::Entity, identity::Column::UserId)).equals((user::Entity, user::Column::Id)),
        )
        .expr_as(Expr::col((identity::Entity, identity::Column::Label)), MICROSOFT)
        .column(("activity", Asterisk))
        .join_subquery(JoinType::LeftJoin, activity, "activity", Condition::all());
    select
}

/// Reads the sessions of the current user and at most `limit` audit log entries.
pub(crate) async fn read_activity(
    backend: &Backend,
    current_user: &CurrentUser,
    limit: u64,
) -> Result<AccountActivity, InternalError> {
    let statement = select_activity(
        &Expr::value(current_user.user_id),
        Expr::value(current_user.credential_version),
        limit,
    );
    let statement = backend.db.pool().get_database_backend().build(&statement);
    let records = ActivityRecord::find_by_statement(statement)
        .all(backend.db.pool())
        .await
        .context("read sessions and recent activity")?;
    Ok(AccountActivity::from_records(backend, current_user, records))
}

impl AccountActivity {
    fn from_records(
        backend: &Backend,
        current_user: &CurrentUser,
        records: impl IntoIterator<Item = ActivityRecord>,
    ) -> Self {
        let now = backend.now();
        let (mut sessions, mut entries): (Vec<ActivityRecord>, Vec<ActivityRecord>) =
            records.into_iter().partition(|record| record.is_session);
        let is_current = |record: &ActivityRecord| record.id_or_action == current_user.public_id;
        // The current session is valid. Its last-seen time may have been updated after its record was read.
        for current in sessions.iter_mut().filter(|record| is_current(record)) {
            current.last_seen_at = current_user.last_seen;
        }
        sessions.retain(|record| {
            is_current(record)
                || (record.kind.known().is_some()
                    && is_alive(backend, record.shared, record.expires_at, record.last_seen_at, now))
        });
        sessions.sort_by(|a, b| {
            is_current(b)
                .cmp(&is_current(a))
                .then(b.last_seen_at.cmp(&a.last_seen_at))
                .then(a.id_or_action.cmp(&b.id_or_action))
        });
        entries.sort_by_key(|record| Reverse(record.entry_id));
        Self {
            sessions: sessions.into_iter().map(|record| session_row(current_user, record)).collect(),
            entries: entries.into_iter().map(|record| activity_row(current_user, record)).collect(),
        }
    }
}

/// Selects the activity records of a user: their sessions with this credential version, and the latest audit log entries.
fn select_activity(user_id: &Expr, credential_version: Expr, limit: u64) -> SelectStatement {
    let entries = audit::Entity::find()
        .select_only()
        .expr_as(Expr::value(false), "is_session")
        .column_as(audit::Column::Action, "id_or_action")
        .column_as(audit::Column::ActorName, "agent_or_actor")
        .expr_as(Expr::value(""), "kind")
        .column_as(audit::Column::ClientIp, "client_ip")
        .expr_as(Expr::value(false), "shared")
        .column_as(audit::Column::At, "at")
        .expr_as(Expr::value(0_i64), "last_seen_at")
        .expr_as(Expr::value(0_i64), "expires_at")
        .column_as(audit::Column::ActorId, "actor_id")
        .column_as(audit::Column::Id, "entry_id")
        .filter(Expr::col((audit::Entity, audit::Column::SubjectId)).eq(user_id.clone()))
        .order_by_desc(audit::Column::Id)
        .limit(limit)
        .into_query();
    // SQLite accepts an order within a UNION only in a subquery.
    let entries = Query::select().expr(Expr::col(Asterisk)).from_subquery(entries, "entries").to_owned();
    let mut sessions = user_session::Entity::find()
        .select_only()
        .expr_as(Expr::value(true), "is_session")
        .column_as(user_session::Column::PublicId, "id_or_action")
        .column_as(user_session::Column::UserAgent, "agent_or_actor")
        .column_as(user_session::Column::Kind, "kind")
        .column_as(user_session::Column::ClientIp, "client_ip")
        .column_as(user_session::Column::Shared, "shared")
        .column_as(user_session::Column::CreatedAt, "at")
        .column_as(user_session::Column::LastSeenAt, "last_seen_at")
        .column_as(user_session::Column::ExpiresAt, "expires_at")
        .expr_as(Expr::value(Option::<i32>::None), "actor_id")
        .expr_as(Expr::value(0_i64), "entry_id")
        .filter(Expr::col((user_session::Entity, user_session::Column::UserId)).eq(user_id.clone()))
        .filter(
            Expr::col((user_session::Entity, user_session::Column::CredentialVersion)).eq(credential_version),
        )
        .into_query();
    sessions.union(UnionType::All, entries).to_owned()
}

fn session_row(current_user: &CurrentUser, record: ActivityRecord) -> SessionRow {
    SessionRow {
        is_current: record.id_or_action == current_user.public_id,
        browser: user_agent::describe(record.agent_or_actor.as_deref().unwrap_or_default()),
        ip_address: record.client_ip.unwrap_or_default(),
        created_at: record.at,
        last_seen: record.last_seen_at,
        shared: record.shared,
        restricted: record.kind.known() == Some(SessionKind::Restricted),
        public_id: record.id_or_action,
    }
}

fn activity_row(current_user: &CurrentUser, record: ActivityRecord) -> ActivityRow {
    let is_own = record.actor_id == Some(current_user.user_id);
    let actor = match (is_own, record.actor_id) {
        (true, _) => String::new(),
        (false, Some(_)) => "an administrator".to_owned(),
        // No user acted: for example the command line, or a visitor with a link.
        (false, None) => record.agent_or_actor.unwrap_or_default(),
    };
    let description = match OpenEnum::<Action>::parse(record.id_or_action.clone()) {
        OpenEnum::Known(action) => action.message().to_owned(),
        OpenEnum::Unknown(name) => name,
    };
    ActivityRow {
        at: record.at,
        is_change: !record.id_or_action.starts_with("session.sign_"),
        description,
        actor,
        ip_address: if is_own { record.client_ip.unwrap_or_default() } else { String::new() },
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    #[test]
    fn the_prepared_query_equals_the_built_statement() {
        let query = PreparedQuery::new(select_user_with_account);
        for db in [DbBackend::Postgres, DbBackend::Sqlite] {
            for public_id in ["one", "another"] {
                assert_eq!(query.bind(db, public_id), db.build(&select_user_with_account(public_id)));
            }
        }
    }
}
