//! Authentication of a request by its session.

use std::time::Duration;

use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IdenStatic, QueryFilter, QueryResult,
    QueryTrait, SelectA, SelectB,
};
use tower_sessions::Session;
use tower_sessions::session::Id;

use crate::Backend;
use crate::entity::{user, user_session};
use crate::error::{ErrorContext, InternalError};
use crate::sessions::store::hash_hex;
use crate::sessions::{AuthMethod, CurrentUser, PUBLIC_ID, USER};
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::view_models::SessionTimeLeft;

/// The time after which an unused session on a shared computer ends.
const SHARED_IDLE: Duration = Duration::from_hours(2);
/// The minimum interval between two updates of the time of the last request.
const LAST_SEEN_INTERVAL: Duration = Duration::from_mins(1);

/// The session id of a request, before its row has been checked.
#[derive(Debug)]
pub struct SessionCookie {
    id: Id,
    public_id: String,
}

impl SessionCookie {
    /// Reads the cookie of `session`. Returns `None` if the session has no record.
    pub async fn from_session(session: &Session) -> Result<Option<Self>, InternalError> {
        let public_id: Option<String> = session.get(PUBLIC_ID).await.context("read the session")?;
        Ok(public_id.zip(session.id()).map(|(public_id, id)| Self { id, public_id }))
    }

    /// Returns the public id.
    pub fn public_id(&self) -> &str {
        &self.public_id
    }

    /// Returns the session and its user from the row that [`select_current_user`] found, or `None` if the session is not valid.
    fn validate(
        &self,
        backend: &Backend,
        found: &QueryResult,
    ) -> Result<Option<(user_session::Model, user::Model)>, InternalError> {
        let context = "read a session and its owner";
        let row = user_session::Model::from_query_result(found, SelectA.as_str()).context(context)?;
        let user = user::Model::from_query_result_optional(found, SelectB.as_str()).context(context)?;
        let Some(user) = user else { return Ok(None) };
        let alive = is_alive(backend, row.shared, row.expires_at, row.last_seen_at, backend.now());
        // A session of a kind that only a later version knows is not valid.
        let known = row.kind.known().is_some();
        let matching = row.id_hash == hash_hex(self.id) && row.credential_version == user.credential_version;
        let active = user.status == Status::Active;
        Ok((alive && known && matching && active).then_some((row, user)))
    }

    /// Returns the signed-in user from the row that [`select_current_user`] found, or `None` if the session is not valid. Updates
    /// the time of the last request, at most once a minute.
    pub async fn authenticate(
        &self,
        backend: &Backend,
        found: &QueryResult,
    ) -> Result<Option<CurrentUser>, InternalError> {
        let Some((row, user)) = self.validate(backend, found)? else { return Ok(None) };
        let now = backend.now();
        let Some(kind) = row.kind.known() else { return Ok(None) };
        let mut last_seen = row.last_seen_at;
        if now.since(last_seen) >= LAST_SEEN_INTERVAL {
            match update_last_seen(backend, &row.public_id, now).await {
                Ok(()) => last_seen = now,
                // A database that accepts no writes signs no one out.
                Err(error) => tracing::warn!(cause = %error, "could not update session last-seen"),
            }
        }
        Ok(Some(CurrentUser {
            user_id: user.id,
            username: user.username,
            email: user.email,
            email_canonical: user.email_canonical,
            email_confirmed_at: user.email_confirmed_at,
            role: user.role,
            registered: user.created_at,
            last_sign_in: user.last_sign_in_at,
            has_password: user.password_hash.is_some(),
            credential_version: row.credential_version,
            public_id: row.public_id,
            kind,
            // A method that only a later version knows permits no more than a password.
            auth_method: row.auth_method.known().unwrap_or(AuthMethod::Password),
            authenticated_at: row.authenticated_at,
            shared: row.shared,
            last_seen,
            ends_at: ends_at(backend, row.shared, row.expires_at, last_seen),
        }))
    }
}

/// Returns the query for a session and its user by the public id.
pub fn select_current_user(public_id: &str) -> SelectStatement {
    user_session::Entity::find_by_id(public_id).find_also_related(user::Entity).into_query()
}

/// Returns the user who is signed in with this session. Updates the time of the last request, at most once a minute.
pub async fn find_current_user(
    backend: &Backend,
    session: &Session,
) -> Result<Option<CurrentUser>, InternalError> {
    match find_session_cookie(backend, session).await? {
        Some((cookie, found)) => cookie.authenticate(backend, &found).await,
        None => Ok(None),
    }
}

/// Returns the user and the time left of this session, if it is valid. It does not update the time of the last request, so a page
/// that polls does not extend its session.
pub async fn find_time_left(
    backend: &Backend,
    session: &Session,
) -> Result<Option<SessionTimeLeft>, InternalError> {
    let Some((cookie, found)) = find_session_cookie(backend, session).await? else { return Ok(None) };
    let Some((row, user)) = cookie.validate(backend, &found)? else { return Ok(None) };
    let ends_at = ends_at(backend, row.shared, row.expires_at, row.last_seen_at);
    Ok(Some(SessionTimeLeft { user_id: user.id, seconds: seconds_until(ends_at, backend.now()) }))
}

/// Returns the whole seconds until `end`, at least one.
pub fn seconds_until(end: Timestamp, now: Timestamp) -> u64 {
    end.since(now).as_secs().max(1)
}

async fn find_session_cookie(
    backend: &Backend,
    session: &Session,
) -> Result<Option<(SessionCookie, QueryResult)>, InternalError> {
    let Some(cookie) = SessionCookie::from_session(session).await? else { return Ok(None) };
    let select = select_current_user(&cookie.public_id);
    let found = backend.db.pool().query_one(&select).await.context("find the session")?;
    Ok(found.map(|found| (cookie, found)))
}

/// Returns the user id in a session's record, even if the session has ended. It authenticates no one.
pub async fn session_owner(session: &Session) -> Option<UserId> {
    session.get(USER).await.ok().flatten()
}

/// Returns true if the session has not expired.
pub fn is_alive(
    backend: &Backend,
    shared: bool,
    expires_at: Timestamp,
    last_seen_at: Timestamp,
    now: Timestamp,
) -> bool {
    now < ends_at(backend, shared, expires_at, last_seen_at)
}

/// Returns the time at which a session ends if it is not used again.
fn ends_at(backend: &Backend, shared: bool, expires_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
    let idle = if shared { SHARED_IDLE } else { backend.settings.session_idle };
    Ord::min(last_seen_at.after(idle), expires_at)
}

async fn update_last_seen(backend: &Backend, public_id: &str, now: Timestamp) -> Result<(), InternalError> {
    user_session::Entity::update_many()
        .col_expr(user_session::Column::LastSeenAt, Expr::value(now))
        .filter(user_session::Column::PublicId.eq(public_id))
        .exec(backend.db.pool())
        .await
        .context("update session last-seen")?;
    Ok(())
}
