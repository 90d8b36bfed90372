//! Creation of sessions.
//!
//! # Guarantees
//!
//! - A session gets a new id at sign-in and at every change of privilege.
//! - The previous session stays valid until the row of the new one is committed, so a failure in between leaves the browser
//!   signed in as before.
//! - The record of a session that is not activated is deleted, whatever the reason.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tower_sessions::session::{Error as SessionError, Id, Record};
use tower_sessions::{Session, SessionStore};

use crate::audit::audit_row;
use crate::auth::rate_limit::is_same_client;
use crate::entity::{audit, user_session};
use crate::error::{ErrorContext, InternalError};
use crate::infra::random;
use crate::sessions::revoke::{delete_session, end_sessions};
use crate::sessions::store::{SessionRecords, hash_hex};
use crate::sessions::{AuthMethod, Browser, CurrentUser, MAX_SESSIONS, PUBLIC_ID, SessionKind, USER};
use crate::{Actor, Backend};
use domain::status::UserId;
use domain::time::Timestamp;

/// The lifetime of a restricted session.
const RESTRICTED_LIFETIME: Duration = Duration::from_mins(15);

/// The values of a new session at the time of the authentication.
#[derive(Debug)]
pub struct SessionRequest<'a> {
    /// The id of the user.
    pub user_id: UserId,
    /// The username.
    pub username: &'a str,
    /// The credential version at the authentication. If it has changed since, the session is invalid from its first request.
    pub credential_version: i32,
    /// True if the computer is shared.
    pub shared: bool,
    /// The authentication method.
    pub auth_method: AuthMethod,
}

impl SessionRequest<'_> {
    /// Returns the row of the audit log.
    pub(super) fn audit_row(&self, browser: &Browser, now: Timestamp) -> audit::ActiveModel {
        let (id, name) = (self.user_id, self.username);
        let actor = Actor { id: Some(id), name: name.to_owned(), client_ip: browser.client_ip.clone() };
        audit_row(self.auth_method.action(), &actor, Some((id, name)), now)
    }
}

/// The session of the request, and the session that the request has opened.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    current: Session,
    opened: Arc<OnceLock<NewSession>>,
    ended: Arc<OnceLock<()>>,
}

/// A new session whose cookie is not set yet.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// The secret id.
    pub id: Id,
    /// The absolute expiry time.
    pub expires_at: Timestamp,
    /// True if the cookie must also expire when the browser is closed.
    pub shared: bool,
}

impl BrowserSession {
    /// Creates the value from the session of the request, which is empty for a visitor.
    pub fn new(current: Session) -> Self {
        Self { current, opened: Arc::default(), ended: Arc::default() }
    }

    /// Returns the session that this request has opened.
    pub fn opened(&self) -> Option<NewSession> {
        self.opened.get().copied()
    }

    /// Returns true if this request has ended its own session and opened no other one, so that the browser needs no cookie.
    pub fn has_ended(&self) -> bool {
        self.ended.get().is_some() && self.opened.get().is_none()
    }

    /// Deletes the record of the request's session, which the request has ended.
    pub async fn delete_record(&self, backend: &Backend) {
        let _ = self.ended.set(());
        delete_ended_record(backend, &self.current).await;
    }
}

/// Deletes the record of an ended session. Without its row the record gives no access, so an error is only logged. (An error of
/// [`Session::flush`] would make the session layer answer the request with 500.)
pub async fn delete_ended_record(backend: &Backend, session: &Session) {
    if let Some(id) = session.id()
        && let Err(error) = backend.sessions.delete(&id).await
    {
        tracing::warn!(cause = %error, "could not remove the record of an ended session");
    }
}

/// The record of a session that is not activated yet. It is deleted when this value is dropped, unless it is kept.
#[derive(Debug)]
struct PendingRecord {
    sessions: SessionRecords,
    id: Id,
    kept: bool,
}

impl Drop for PendingRecord {
    fn drop(&mut self) {
        // Without a runtime the process ends, and the record expires.
        let Ok(runtime) = Handle::try_current() else { return };
        if self.kept {
            return;
        }
        let (sessions, id) = (self.sessions.clone(), self.id);
        runtime.spawn(async move {
            if let Err(error) = sessions.delete(&id).await {
                tracing::warn!(cause = %error, "could not remove the record of an unused session");
            }
        });
    }
}

/// A new session whose record exists and whose row is not written yet. Until then the previous session stays valid.
#[derive(Debug)]
pub struct PendingSession {
    user_id: UserId,
    previous_public_id: Option<String>,
    previous_id: Option<Id>,
    record: PendingRecord,
    new: NewSession,
    pub(super) row: user_session::ActiveModel,
}

impl PendingSession {
    /// Keeps the authentication of the current session, because the user has not authenticated again.
    #[must_use]
    pub fn keeping_authentication_of(mut self, current_user: &CurrentUser) -> Self {
        self.row.authenticated_at = ActiveValue::Set(current_user.authenticated_at);
        self.row.auth_method = ActiveValue::Set(current_user.auth_method.into());
        self
    }

    /// Returns the public id.
    pub(crate) fn public_id(&self) -> &str {
        self.row.public_id.try_as_ref().map_or("", String::as_str)
    }

    /// Gives the session to the browser after its row has been committed, and deletes the record of the previous session.
    pub async fn activate(mut self, backend: &Backend, session: &BrowserSession) {
        self.record.kept = true;
        let _ = session.opened.set(self.new);
        if let Some(previous) = self.previous_id
            && let Err(error) = backend.sessions.delete(&previous).await
        {
            tracing::warn!(cause = %error, "could not remove the record of a replaced session");
        }
    }
}

/// Creates the record of a new session with a new id. It gives no access until [`insert_session`] has written the row.
pub async fn prepare_session(
    backend: &Backend,
    session: &BrowserSession,
    request: &SessionRequest<'_>,
    browser: &Browser,
) -> Result<PendingSession, InternalError> {
    let now = backend.now();
    let previous_public_id: Option<String> =
        session.current.get(PUBLIC_ID).await.context("read the previous session")?;
    let public_id = random::public_id();
    let kind = request.auth_method.session_kind();
    let lifetime = match kind {
        SessionKind::Ordinary => backend.settings.session_lifetime,
        SessionKind::Restricted => RESTRICTED_LIFETIME,
    };
    let expires_at = now.after(lifetime);
    let record = create_record(backend, &public_id, request.user_id, expires_at).await?;
    let id = record.id;
    let row = user_session::ActiveModel {
        public_id: ActiveValue::Set(public_id),
        id_hash: ActiveValue::Set(hash_hex(id)),
        user_id: ActiveValue::Set(request.user_id),
        kind: ActiveValue::Set(kind.into()),
        auth_method: ActiveValue::Set(request.auth_method.into()),
        shared: ActiveValue::Set(request.shared),
        credential_version: ActiveValue::Set(request.credential_version),
        expires_at: ActiveValue::Set(expires_at),
        authenticated_at: ActiveValue::Set(now),
        user_agent: ActiveValue::Set(stored_user_agent(browser)),
        client_ip: ActiveValue::Set(browser.client_ip.clone()),
        created_at: ActiveValue::Set(now),
        last_seen_at: ActiveValue::Set(now),
    };
    let new = NewSession { id, expires_at, shared: request.shared };
    let previous_id = session.current.id();
    Ok(PendingSession { user_id: request.user_id, previous_public_id, previous_id, record, new, row })
}

/// Creates the record of a session that is to replace another session of the user: see [`replace_session`].
pub(crate) async fn prepare_replacement(
    backend: &Backend,
    session: &BrowserSession,
    user_id: UserId,
) -> Result<PendingSession, InternalError> {
    let previous_public_id: Option<String> =
        session.current.get(PUBLIC_ID).await.context("read the previous session")?;
    let public_id = random::public_id();
    // The row, which is copied from the replaced session, may expire earlier.
    let expires_at = backend.now().after(backend.settings.session_lifetime);
    let record = create_record(backend, &public_id, user_id, expires_at).await?;
    let id = record.id;
    let row = user_session::ActiveModel {
        public_id: ActiveValue::Set(public_id),
        id_hash: ActiveValue::Set(hash_hex(id)),
        ..Default::default()
    };
    let new = NewSession { id, expires_at, shared: false };
    let previous_id = session.current.id();
    Ok(PendingSession { user_id, previous_public_id, previous_id, record, new, row })
}

/// Creates the record of a session in the store.
async fn create_record(
    backend: &Backend,
    public_id: &str,
    user_id: UserId,
    expires_at: Timestamp,
) -> Result<PendingRecord, InternalError> {
    let mut record = Record {
        id: Id::default(),
        data: HashMap::from([
            (PUBLIC_ID.to_owned(), Value::from(public_id)),
            (USER.to_owned(), Value::from(user_id.0)),
        ]),
        expiry_date: OffsetDateTime::from_unix_timestamp(expires_at.seconds())
            .map_err(|_| InternalError::Data("the expiry time of a session is out of range"))?,
    };
    backend.sessions.create(&mut record).await.map_err(SessionError::Store).context("create the session")?;
    Ok(PendingRecord { sessions: backend.sessions.clone(), id: record.id, kept: false })
}

/// Returns the User-Agent header without control characters, and at most 256 characters of it.
fn stored_user_agent(browser: &Browser) -> String {
    browser.user_agent.chars().filter(|c| !c.is_control()).take(256).collect()
}

/// Writes the row of a pending session and ends the previous session of the browser.
pub async fn insert_session(
    db: &impl ConnectionTrait,
    pending: &PendingSession,
) -> Result<(), InternalError> {
    if let Some(previous) = &pending.previous_public_id {
        delete_session(db, previous).await?;
    }
    user_session::Entity::insert(pending.row.clone())
        .exec_without_returning(db)
        .await
        .context("insert the session")?;
    evict_least_recently_used(db, pending.user_id, &pending.row).await
}

/// Ends the session `replaced`, and writes the row of the pending session as a copy of it. Returns false if the session has ended or was
/// opened from another client IP.
pub(crate) async fn replace_session(
    db: &impl ConnectionTrait,
    pending: &mut PendingSession,
    replaced: &str,
    client_ip: IpAddr,
) -> Result<bool, InternalError> {
    let row =
        user_session::Entity::find_by_id(replaced).one(db).await.context("find the replaced session")?;
    let is_same = |row: &user_session::Model| {
        row.client_ip.parse().is_ok_and(|opened_from| is_same_client(opened_from, client_ip))
    };
    let Some(row) = row.filter(is_same) else { return Ok(false) };
    let this = Condition::all().add(user_session::Column::PublicId.eq(replaced));
    if end_sessions(db, this).await? != 1 {
        return Ok(false);
    }
    pending.new = NewSession { expires_at: row.expires_at, shared: row.shared, ..pending.new };
    pending.row = user_session::ActiveModel {
        public_id: pending.row.public_id.clone(),
        id_hash: pending.row.id_hash.clone(),
        ..row.into_active_model().reset_all()
    };
    insert_session(db, pending).await?;
    Ok(true)
}

/// Ends the least recently used ordinary sessions of a user beyond [`MAX_SESSIONS`]. Restricted sessions stay.
async fn evict_least_recently_used(
    db: &impl ConnectionTrait,
    user_id: UserId,
    newest: &user_session::ActiveModel,
) -> Result<(), InternalError> {
    let newest = newest.public_id.try_as_ref().map_or("", String::as_str);
    let surplus: Vec<String> = user_session::Entity::find()
        .select_only()
        .column(user_session::Column::PublicId)
        .filter(user_session::Column::UserId.eq(user_id))
        // A thief who signs in often must not end the session in which the owner recovers the account.
        .filter(user_session::Column::Kind.eq(SessionKind::Ordinary))
        // Never the newest, even if all have the same time.
        .filter(user_session::Column::PublicId.ne(newest))
        .order_by_desc(user_session::Column::LastSeenAt)
        .order_by_desc(user_session::Column::CreatedAt)
        .offset(MAX_SESSIONS - 1)
        .limit(MAX_SESSIONS)
        .into_tuple()
        .all(db)
        .await
        .context("find the least recently used sessions")?;
    if surplus.is_empty() {
        return Ok(());
    }
    end_sessions(db, Condition::all().add(user_session::Column::PublicId.is_in(surplus))).await.map(drop)
}
