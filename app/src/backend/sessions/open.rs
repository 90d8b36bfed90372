//! Opening a session.
//!
//! Guarantees: a session gets an id of its own at sign-in and at any change of privilege; the one before it goes on until
//! the new one's row is committed, so that whatever fails in between leaves the browser signed in as it was.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::session::{Error as SessionError, Id, Record};
use tower_sessions::{Session, SessionStore};

use super::at_once::insert_sign_in_at_once;
use super::end::{delete_session, end_sessions};
use super::{Browser, HANDLE, Kind, MOST_SESSIONS, OpenedBy, USER, Viewer};
use crate::backend::audit::{audit_row, insert_audit_row};
use crate::backend::database::Lock;
use crate::backend::entity::{audit, user, user_session};
use crate::backend::error::{Doing, Failure};
use crate::backend::session_store::hash_hex;
use crate::backend::{Actor, Backend, random};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// How long a session lives that can only choose a new password.
const RESTRICTED_LIFETIME: Duration = Duration::from_mins(15);

/// Whom a session is opened for, as they were when they proved who they are.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Their number.
    pub user_id: UserId,
    /// Their name.
    pub username: &'a str,
    /// The epoch at the proof: if it has moved meanwhile, the session is dead at its first request.
    pub epoch: i32,
    /// Whether the computer is shared.
    pub shared: bool,
    /// How they came in.
    pub by: OpenedBy,
}

impl Opening<'_> {
    /// What the audit says of it.
    fn audit_row(&self, browser: &Browser, now: Timestamp) -> audit::ActiveModel {
        let (id, name) = (self.user_id, self.username);
        let actor = Actor { id: Some(id), name: name.to_owned(), source: browser.address.clone() };
        audit_row(self.by.action(), &actor, Some((id, name)), now)
    }
}

/// A browser's session: the one that it came with, and the one that was opened for it meanwhile.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    came_with: Session,
    opened: Arc<OnceLock<NewSession>>,
}

/// A session whose cookie is still to be set.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// The secret id.
    pub id: Id,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// Whether the cookie is to end with the browser, too.
    pub shared: bool,
}

impl BrowserSession {
    /// The session that the browser came with; an empty one for strangers.
    pub fn of(came_with: Session) -> Self {
        Self { came_with, opened: Arc::default() }
    }

    /// The session that was opened in this request, if any.
    pub fn opened(&self) -> Option<NewSession> {
        self.opened.get().copied()
    }

    /// Forgets the record that the browser came with. Without its row it opens nothing, so that a failure is no more than a
    /// line in the log.
    pub async fn forget(&self) {
        if let Err(error) = self.came_with.flush().await {
            tracing::warn!(cause = %error, "could not remove an ended session's record");
        }
    }
}

/// A session whose record is there, and whose row is still to be written. The one before it goes on until then: whatever
/// comes between leaves the browser signed in as it was.
#[derive(Debug)]
pub struct PreparedSession {
    user_id: UserId,
    old_handle: Option<String>,
    old_id: Option<Id>,
    new: NewSession,
    row: user_session::ActiveModel,
}

impl PreparedSession {
    /// Goes on with the proof of the session before it: nothing was proved anew.
    #[must_use]
    pub fn keeping_proof_of(mut self, viewer: &Viewer) -> Self {
        self.row.proved_at = ActiveValue::Set(viewer.proved_at.0);
        self.row.opened_by = ActiveValue::Set(viewer.opened_by.as_str().to_owned());
        self
    }

    /// Hands the session over to its browser, once its row is committed.
    pub async fn hand_over(self, backend: &Backend, session: &BrowserSession) {
        let _ = session.opened.set(self.new);
        if let Some(old) = self.old_id
            && let Err(error) = backend.sessions.delete(&old).await
        {
            tracing::warn!(cause = %error, "could not remove a replaced session's record");
        }
    }
}

/// Makes the record of a new session under a new id. Nobody is signed in until [`insert_session`] has written the row;
/// if that never happens, the record opens nothing.
pub async fn prepare_session(
    backend: &Backend,
    session: &BrowserSession,
    opening: &Opening<'_>,
    browser: &Browser,
) -> Result<PreparedSession, Failure> {
    let now = backend.now();
    let old_handle: Option<String> = session.came_with.get(HANDLE).await.doing("read the old session")?;
    let handle = random::handle();
    let kind = opening.by.kind();
    let lifetime = match kind {
        Kind::Ordinary => backend.settings.session_lifetime,
        Kind::Restricted => RESTRICTED_LIFETIME,
    };
    let expires_at = now.after(lifetime);
    let mut record = Record {
        id: Id::default(),
        data: HashMap::from([
            (HANDLE.to_owned(), Value::from(handle.as_str())),
            (USER.to_owned(), Value::from(opening.user_id)),
        ]),
        expiry_date: OffsetDateTime::from_unix_timestamp(expires_at.seconds())
            .map_err(|_| Failure::Data("a session ends after all time"))?,
    };
    backend.sessions.create(&mut record).await.map_err(SessionError::Store).doing("create the session")?;
    let row = user_session::ActiveModel {
        handle: ActiveValue::Set(handle),
        id_hash: ActiveValue::Set(hash_hex(record.id)),
        user_id: ActiveValue::Set(opening.user_id),
        kind: ActiveValue::Set(kind.as_str().to_owned()),
        opened_by: ActiveValue::Set(opening.by.as_str().to_owned()),
        shared: ActiveValue::Set(opening.shared),
        epoch: ActiveValue::Set(opening.epoch),
        expires_at: ActiveValue::Set(expires_at.0),
        proved_at: ActiveValue::Set(now.0),
        agent: ActiveValue::Set(browser.agent.chars().filter(|c| !c.is_control()).take(256).collect()),
        address: ActiveValue::Set(browser.address.clone()),
        created_at: ActiveValue::Set(now.0),
        last_seen_at: ActiveValue::Set(now.0),
    };
    let new = NewSession { id: record.id, expires_at, shared: opening.shared };
    Ok(PreparedSession { user_id: opening.user_id, old_handle, old_id: session.came_with.id(), new, row })
}

/// Writes the row of a prepared session and ends the one that this browser had before.
pub async fn insert_session(db: &impl ConnectionTrait, prepared: &PreparedSession) -> Result<(), Failure> {
    if let Some(old) = &prepared.old_handle {
        delete_session(db, old).await?;
    }
    user_session::Entity::insert(prepared.row.clone())
        .exec_without_returning(db)
        .await
        .doing("insert the session")?;
    end_the_longest_unused(db, prepared.user_id, &prepared.row).await
}

/// Keeps [`MOST_SESSIONS`] ordinary ones of a person, and every restricted one.
async fn end_the_longest_unused(
    db: &impl ConnectionTrait,
    user_id: UserId,
    newest: &user_session::ActiveModel,
) -> Result<(), Failure> {
    let newest = newest.handle.try_as_ref().map_or("", String::as_str);
    let surplus: Vec<String> = user_session::Entity::find()
        .select_only()
        .column(user_session::Column::Handle)
        .filter(user_session::Column::UserId.eq(user_id))
        // Whoever signs in often must not end the session in which the owner takes the account back.
        .filter(user_session::Column::Kind.eq(Kind::Ordinary.as_str()))
        // Not the newest, where all are of one moment.
        .filter(user_session::Column::Handle.ne(newest))
        .order_by_desc(user_session::Column::LastSeenAt)
        .order_by_desc(user_session::Column::CreatedAt)
        .offset(MOST_SESSIONS - 1)
        .limit(MOST_SESSIONS)
        .into_tuple()
        .all(db)
        .await
        .doing("look for the longest unused sessions")?;
    if surplus.is_empty() {
        return Ok(());
    }
    end_sessions(db, Condition::all().add(user_session::Column::Handle.is_in(surplus))).await.map(drop)
}

/// The same, and writes down that somebody signed in.
pub async fn insert_sign_in(
    db: &impl ConnectionTrait,
    prepared: &PreparedSession,
    opening: &Opening<'_>,
    browser: &Browser,
    now: Timestamp,
) -> Result<(), Failure> {
    // First the person, then their sessions, as everywhere (see `end::hold_person`).
    if opening.by.kind() == Kind::Ordinary {
        note_sign_in(db, opening.user_id, now).await?;
    }
    insert_session(db, prepared).await?;
    insert_audit_row(db, opening.audit_row(browser, now)).await
}

/// Writes down when somebody last signed in.
pub async fn note_sign_in(db: &impl ConnectionTrait, user_id: UserId, now: Timestamp) -> Result<(), Failure> {
    user::Entity::update_many()
        .col_expr(user::Column::LastSignInAt, Expr::value(now.0))
        .filter(user::Column::Id.eq(user_id))
        .exec(db)
        .await
        .doing("note the sign-in")?;
    Ok(())
}

/// Opens a session under a new id. One that this browser had before is ended.
pub async fn open_session(
    backend: &Backend,
    session: &BrowserSession,
    opening: &Opening<'_>,
    browser: &Browser,
) -> Result<(), Failure> {
    open_session_proved_at(backend, session, opening, browser, backend.now()).await
}

/// The same for somebody whose proof of who they are may be older.
pub async fn open_session_proved_at(
    backend: &Backend,
    session: &BrowserSession,
    opening: &Opening<'_>,
    browser: &Browser,
    proved_at: Timestamp,
) -> Result<(), Failure> {
    let mut prepared = prepare_session(backend, session, opening, browser).await?;
    prepared.row.proved_at = ActiveValue::Set(proved_at.0);
    let now = backend.now();
    if backend.db.is_postgres() && opening.by.kind() == Kind::Ordinary {
        let audit = opening.audit_row(browser, now);
        let (replaced, row) = (prepared.old_handle.as_deref(), &prepared.row);
        insert_sign_in_at_once(backend.db.pool(), opening.user_id, replaced, row, &audit, now).await?;
    } else {
        let txn = backend.db.begin_write(Lock::None).await?;
        insert_sign_in(&*txn, &prepared, opening, browser, now).await?;
        txn.commit().await?;
    }
    prepared.hand_over(backend, session).await;
    Ok(())
}
