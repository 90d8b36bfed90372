//! Who is signed in.

use std::time::Duration;

use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IdenStatic, QueryFilter, QueryResult,
    QueryTrait, SelectA, SelectB,
};
use tower_sessions::Session;
use tower_sessions::session::Id;

use super::{HANDLE, Kind, OpenedBy, USER, Viewer};
use crate::backend::Backend;
use crate::backend::entity::{user, user_session};
use crate::backend::error::{Doing, Failure};
use crate::backend::session_store::hash_hex;
use crate::backend::template::Template;
use crate::domain::status::{Role, Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::view::TimeLeft;

/// How long an unused session on a shared computer lives.
const SHARED_IDLE: Duration = Duration::from_hours(2);
/// How often last-seen is written at most.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// A session that a browser came with, until its row has said whose it is.
#[derive(Debug)]
pub struct Presented {
    id: Id,
    handle: String,
}

impl Presented {
    /// The one that `session` is, if its record is there.
    pub async fn of(session: &Session) -> Result<Option<Self>, Failure> {
        let handle: Option<String> = session.get(HANDLE).await.doing("read the session")?;
        Ok(handle.zip(session.id()).map(|(handle, id)| Self { id, handle }))
    }

    /// The public name.
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// The session and its owner by what [`select_viewer`] has found, if it is still good for anything.
    fn judge(
        &self,
        backend: &Backend,
        found: &QueryResult,
    ) -> Result<Option<(user_session::Model, user::Model)>, Failure> {
        let read = "read a session and its owner";
        let row = user_session::Model::from_query_result(found, SelectA.as_str()).doing(read)?;
        let user = user::Model::from_query_result_optional(found, SelectB.as_str()).doing(read)?;
        let Some(user) = user else { return Ok(None) };
        let alive = is_alive(backend, row.shared, row.expires_at, row.last_seen_at, backend.now());
        let theirs = row.id_hash == hash_hex(self.id) && row.epoch == user.auth_epoch;
        let active = Status::parse(&user.status) == Some(Status::Active);
        Ok((alive && theirs && active).then_some((row, user)))
    }

    /// Who is signed in with it, if anybody, by what [`select_viewer`] has found. Notes that they were seen, once a
    /// minute at most.
    pub async fn recognise(&self, backend: &Backend, found: &QueryResult) -> Result<Option<Viewer>, Failure> {
        let Some((row, user)) = self.judge(backend, found)? else { return Ok(None) };
        let now = backend.now();
        let role = Role::parse(&user.role).ok_or(Failure::Data("an unknown role"))?;
        let mut last_seen = Timestamp(row.last_seen_at);
        if now.since(last_seen) >= SEEN_EVERY {
            match note_seen(backend, &row.handle, now).await {
                Ok(()) => last_seen = now,
                // Nobody is signed out because the database takes no writes.
                Err(failure) => tracing::warn!(cause = %failure, "a session goes on without being noted"),
            }
        }
        Ok(Some(Viewer {
            user_id: user.id,
            username: user.username,
            email: user.email,
            email_canonical: user.email_canonical,
            email_confirmed_at: user.email_confirmed_at.map(Timestamp),
            role,
            registered: Timestamp(user.created_at),
            last_sign_in: Timestamp(user.last_sign_in_at),
            has_password: user.password_hash.is_some(),
            epoch: row.epoch,
            handle: row.handle,
            kind: Kind::parse(&row.kind),
            opened_by: OpenedBy::parse(&row.opened_by),
            proved_at: Timestamp(row.proved_at),
            shared: row.shared,
            last_seen,
            ends_at: ends_at(backend, row.shared, row.expires_at, last_seen.0),
        }))
    }
}

/// Selects a session, with its owner, by its public name.
pub fn select_viewer(handle: &str) -> SelectStatement {
    user_session::Entity::find_by_id(handle).find_also_related(user::Entity).into_query()
}

/// Who is signed in with this session, if anybody. Notes that they were seen, once a minute at most.
pub async fn find_viewer(backend: &Backend, session: &Session) -> Result<Option<Viewer>, Failure> {
    match find_presented(backend, session).await? {
        Some((presented, found)) => presented.recognise(backend, &found).await,
        None => Ok(None),
    }
}

/// Whose this session is and how long it lasts, if it is not over. Nobody is noted as seen: a page that asks so does not
/// keep its session alive.
pub async fn find_time_left(backend: &Backend, session: &Session) -> Result<Option<TimeLeft>, Failure> {
    let Some((presented, found)) = find_presented(backend, session).await? else { return Ok(None) };
    let Some((row, user)) = presented.judge(backend, &found)? else { return Ok(None) };
    let ends_at = ends_at(backend, row.shared, row.expires_at, row.last_seen_at);
    Ok(Some(TimeLeft { person: user.id, seconds: seconds_until(ends_at, backend.now()) }))
}

/// Whole seconds until then, at least one: what ends within this one is not over yet.
pub fn seconds_until(end: Timestamp, now: Timestamp) -> u64 {
    end.since(now).as_secs().max(1)
}

async fn find_presented(
    backend: &Backend,
    session: &Session,
) -> Result<Option<(Presented, QueryResult)>, Failure> {
    static SELECT: Template = Template::of(select_viewer);
    let Some(presented) = Presented::of(session).await? else { return Ok(None) };
    let db = backend.db.pool();
    let select = SELECT.fill(db.get_database_backend(), &presented.handle);
    let found = db.query_one_raw(select).await.doing("find the session")?;
    Ok(found.map(|found| (presented, found)))
}

/// Whose session it was, as far as its record still says. Opens nothing.
pub async fn whose(session: &Session) -> Option<UserId> {
    session.get(USER).await.ok().flatten()
}

/// Whether a session has time left.
pub fn is_alive(backend: &Backend, shared: bool, expires_at: i64, last_seen_at: i64, now: Timestamp) -> bool {
    now < ends_at(backend, shared, expires_at, last_seen_at)
}

/// When a session ends that is not used any more.
fn ends_at(backend: &Backend, shared: bool, expires_at: i64, last_seen_at: i64) -> Timestamp {
    let idle = if shared { SHARED_IDLE } else { backend.settings.session_idle };
    Timestamp(last_seen_at).after(idle).min(Timestamp(expires_at))
}

async fn note_seen(backend: &Backend, handle: &str, now: Timestamp) -> Result<(), Failure> {
    user_session::Entity::update_many()
        .col_expr(user_session::Column::LastSeenAt, Expr::value(now.0))
        .filter(user_session::Column::Handle.eq(handle))
        .exec(backend.db.pool())
        .await
        .doing("note when the session was seen")?;
    Ok(())
}
