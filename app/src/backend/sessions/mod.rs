//! Sessions: opening, recognising and ending them.
//!
//! Guarantees: signed in is who has both a session record and a row in `user_sessions` of the same id, with the user's
//! present epoch, an active user, and time left. The row is read with the user in one SELECT on each request, so
//! ending a session, deactivating or demoting somebody counts from their very next request. Anonymous visitors have no
//! session at all.

pub mod store;

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use tower_sessions::{Expiry, Session};

use super::audit::{Action, insert_audit};
use super::database::Lock;
use super::entity::{user, user_session};
use super::error::{Doing, Failure};
use super::{Actor, Backend, random};
use crate::domain::status::{Role, Status, UserId};
use crate::domain::time::Timestamp;

/// The one thing that a session record holds.
pub const HANDLE: &str = "handle";
/// How long an unused session on a shared computer lives.
pub const SHARED_IDLE: Duration = Duration::from_hours(2);
/// How often last-seen is written at most.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Their number.
    pub user_id: UserId,
    /// Their name.
    pub username: String,
    /// Their address.
    pub email: String,
    /// When the address was confirmed.
    pub email_confirmed_at: Option<Timestamp>,
    /// Their role.
    pub role: Role,
    /// When they registered.
    pub registered: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Timestamp,
    /// Whether they have a password.
    pub has_password: bool,
    /// The session's public name.
    pub handle: String,
}

impl Viewer {
    /// Whether they may run the portal.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Them as whoever acts from `source`.
    pub fn actor(&self, source: String) -> Actor {
        Actor { id: Some(self.user_id), name: self.username.clone(), source }
    }
}

/// What is known of the browser that opens a session.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Its User-Agent.
    pub agent: String,
    /// The network address it comes from.
    pub address: String,
}

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
    pub action: Action,
}

/// Opens a session under a new id. One that this browser had before is ended.
pub async fn open_session(
    backend: &Backend,
    session: &Session,
    opening: Opening<'_>,
    browser: &Browser,
) -> Result<(), Failure> {
    let now = backend.now();
    let old: Option<String> = session.get(HANDLE).await.doing("read the old session")?;
    if session.id().is_some() {
        // Not `flush`: that would go on under the old id.
        session.clear().await;
        session.cycle_id().await.doing("end the old session")?;
    }
    let handle = random::handle();
    let expires_at = now.after(backend.settings.session_lifetime);
    session.insert(HANDLE, &handle).await.doing("fill the session")?;
    session.set_expiry(Some(expiry(expires_at, opening.shared)));
    session.save().await.doing("create the session")?;
    let id = session.id().ok_or(Failure::Data("a saved session has no id"))?;

    let actor = Actor {
        id: Some(opening.user_id),
        name: opening.username.to_owned(),
        source: browser.address.clone(),
    };
    let txn = backend.db.begin_write(Lock::None).await?;
    if let Some(old) = old {
        delete_session(&*txn, &old).await?;
    }
    let row = user_session::ActiveModel {
        handle: ActiveValue::Set(handle),
        id_hash: ActiveValue::Set(store::hash_hex(id)),
        user_id: ActiveValue::Set(opening.user_id),
        kind: ActiveValue::Set("ordinary".to_owned()),
        shared: ActiveValue::Set(opening.shared),
        epoch: ActiveValue::Set(opening.epoch),
        expires_at: ActiveValue::Set(expires_at.0),
        proved_at: ActiveValue::Set(now.0),
        agent: ActiveValue::Set(browser.agent.chars().take(256).collect()),
        address: ActiveValue::Set(browser.address.clone()),
        created_at: ActiveValue::Set(now.0),
        last_seen_at: ActiveValue::Set(now.0),
    };
    user_session::Entity::insert(row).exec_without_returning(&*txn).await.doing("insert the session")?;
    user::Entity::update_many()
        .col_expr(user::Column::LastSignInAt, Expr::value(now.0))
        .filter(user::Column::Id.eq(opening.user_id))
        .exec(&*txn)
        .await
        .doing("note the sign-in")?;
    insert_audit(&*txn, opening.action, &actor, Some((opening.user_id, opening.username)), now).await?;
    txn.commit().await
}

/// When cookie and record end. A shared computer's cookie ends with the browser.
fn expiry(expires_at: Timestamp, shared: bool) -> Expiry {
    match OffsetDateTime::from_unix_timestamp(expires_at.seconds()) {
        Ok(end) if !shared => Expiry::AtDateTime(end),
        _ => Expiry::OnSessionEnd,
    }
}

/// Who is signed in with this session, if anybody. Notes that they were seen, once a minute at most.
pub async fn find_viewer(backend: &Backend, session: &Session) -> Result<Option<Viewer>, Failure> {
    let Some(handle) = session.get::<String>(HANDLE).await.doing("read the session")? else {
        return Ok(None);
    };
    let Some(id) = session.id() else { return Ok(None) };
    let found = user_session::Entity::find_by_id(handle)
        .find_also_related(user::Entity)
        .one(backend.db.pool())
        .await
        .doing("find the session")?;
    let Some((row, Some(user))) = found else {
        return Ok(None);
    };
    let now = backend.now();
    if !is_alive(backend, &row, now) || row.id_hash != store::hash_hex(id) || row.epoch != user.auth_epoch {
        return Ok(None);
    }
    if Status::parse(&user.status) != Some(Status::Active) {
        return Ok(None);
    }
    let role = Role::parse(&user.role).ok_or(Failure::Data("an unknown role"))?;
    if now.since(Timestamp(row.last_seen_at)) >= SEEN_EVERY {
        note_seen(backend, &row.handle, now).await?;
    }
    Ok(Some(Viewer {
        user_id: user.id,
        username: user.username,
        email: user.email,
        email_confirmed_at: user.email_confirmed_at.map(Timestamp),
        role,
        registered: Timestamp(user.created_at),
        last_sign_in: Timestamp(user.last_sign_in_at),
        has_password: user.password_hash.is_some(),
        handle: row.handle,
    }))
}

fn is_alive(backend: &Backend, row: &user_session::Model, now: Timestamp) -> bool {
    let idle = if row.shared { SHARED_IDLE } else { backend.settings.session_idle };
    now.0 < row.expires_at && now.since(Timestamp(row.last_seen_at)) < idle
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

/// Ends the viewer's own session: row first, so that it is over even if the record's store fails.
pub async fn sign_out(
    backend: &Backend,
    session: &Session,
    viewer: &Viewer,
    source: &str,
) -> Result<(), Failure> {
    let txn = backend.db.begin_write(Lock::None).await?;
    delete_session(&*txn, &viewer.handle).await?;
    let actor = viewer.actor(source.to_owned());
    insert_audit(&*txn, Action::SignOut, &actor, Some((viewer.user_id, &viewer.username)), backend.now())
        .await?;
    txn.commit().await?;
    // Without its row the record opens nothing, and the next request removes the cookie.
    if let Err(error) = session.flush().await {
        tracing::warn!(cause = %error, "could not remove an ended session's record");
    }
    Ok(())
}

async fn delete_session(db: &impl ConnectionTrait, handle: &str) -> Result<(), Failure> {
    user_session::Entity::delete_by_id(handle.to_owned()).exec(db).await.doing("delete the session")?;
    Ok(())
}

/// Ends every session of a person.
pub async fn delete_sessions_of(db: &impl ConnectionTrait, user_id: UserId) -> Result<(), Failure> {
    user_session::Entity::delete_many()
        .filter(user_session::Column::UserId.eq(user_id))
        .exec(db)
        .await
        .doing("end their sessions")?;
    Ok(())
}
