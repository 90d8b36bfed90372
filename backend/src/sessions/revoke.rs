//! Revocation of sessions.
//!
//! # Guarantees
//!
//! - The row is deleted before the record, so a session has ended even if the session store fails.
//! - Every transaction that changes several sessions of a user locks the user's row first, so concurrent ones wait for each other
//!   and cannot deadlock.

use sea_orm::sea_query::{Expr, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    QueryTrait,
};
use tower_sessions::session::Error as SessionError;

use crate::audit::{Action, insert_audit};
use crate::auth::known_browsers::{KnownBrowser, renew_browser};
use crate::auth::link_use::{FormSecret, delete_link_uses, find_link_users};
use crate::entity::{ended_session, user, user_session};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::Lock;
use crate::infra::random;
use crate::sessions::{Browser, BrowserSession, CurrentUser, SessionKind};
use crate::{Actor, Backend};
use domain::errors::ErrorCode;
use domain::status::UserId;
use domain::time::Timestamp;

/// Signs out: ends the session of the current user, and the sessions that links have opened in the browser with `form_secret`. A
/// link whose button was pressed twice may have replaced the session of the request, and its answer may still be on its way.
pub async fn sign_out(
    backend: &Backend,
    session: &BrowserSession,
    current_user: Option<&CurrentUser>,
    form_secret: Option<&FormSecret>,
    client_ip: &str,
) -> Result<(), InternalError> {
    let txn = backend.db.begin_write(Lock::None).await?;
    let mut public_ids: Vec<String> = current_user.iter().map(|user| user.public_id.clone()).collect();
    if let Some(form_secret) = form_secret {
        let mut users = find_link_users(&*txn, form_secret).await?;
        users.extend(current_user.map(|user| user.user_id));
        users.sort_unstable();
        for user_id in users {
            lock_user_row(&*txn, user_id).await?;
        }
        public_ids.extend(delete_link_uses(&*txn, form_secret).await?);
    }
    let owners = end_sessions_of_owners(&*txn, public_ids).await?;
    for owner in &owners {
        let actor =
            Actor { id: Some(owner.id), name: owner.username.clone(), client_ip: client_ip.to_owned() };
        let subject = Some((owner.id, owner.username.as_str()));
        insert_audit(&*txn, Action::SignOut, &actor, subject, backend.now()).await?;
    }
    txn.commit().await?;
    if current_user.is_some() || !owners.is_empty() {
        session.delete_record(backend).await;
    }
    Ok(())
}

/// Ends the sessions with these public ids. Returns their owners.
async fn end_sessions_of_owners(
    db: &impl ConnectionTrait,
    public_ids: Vec<String>,
) -> Result<Vec<user::Model>, InternalError> {
    let sessions = Condition::all().add(user_session::Column::PublicId.is_in(public_ids));
    let of_sessions = user_session::Entity::find()
        .select_only()
        .column(user_session::Column::UserId)
        .filter(sessions.clone())
        .into_query();
    let owners = user::Entity::find()
        .filter(user::Column::Id.in_subquery(of_sessions))
        .all(db)
        .await
        .context("find the owners of sessions")?;
    end_sessions(db, sessions).await?;
    Ok(owners)
}

/// Ends one session.
pub(super) async fn delete_session(db: &impl ConnectionTrait, public_id: &str) -> Result<(), InternalError> {
    end_sessions(db, Condition::all().add(user_session::Column::PublicId.eq(public_id))).await.map(drop)
}

/// Ends one of the current user's sessions. Returns false if the user has no such session. A restricted session is not ended:
/// with it the owner recovers an account whose session someone else uses, and it lasts only for minutes.
pub async fn revoke_session(
    backend: &Backend,
    current_user: &CurrentUser,
    public_id: &str,
    client_ip: &str,
) -> Result<bool, UseCaseError> {
    backend.rate_limiter.acquire_session_end(&current_user.public_id, backend.now()).await?;
    // PostgreSQL refuses a query with a NUL character.
    if !random::is_public_id(public_id) {
        return Ok(false);
    }
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    let this = Condition::all()
        .add(user_session::Column::PublicId.eq(public_id))
        .add(user_session::Column::UserId.eq(current_user.user_id))
        .add(user_session::Column::Kind.ne(SessionKind::Restricted));
    if end_sessions(&*txn, this).await? == 0 {
        return Ok(false);
    }
    let subject = Some((current_user.user_id, current_user.username.as_str()));
    insert_audit(
        &*txn,
        Action::EndSession,
        &current_user.actor(client_ip.to_owned()),
        subject,
        backend.now(),
    )
    .await?;
    txn.commit().await?;
    Ok(true)
}

/// Ends all ordinary sessions of the current user except this one, and forgets the user's known browsers. Returns the new content
/// of this browser's cookie, if the browser was known.
pub async fn revoke_other_sessions(
    backend: &Backend,
    current_user: &CurrentUser,
    browser: &Browser,
) -> Result<Option<KnownBrowser>, UseCaseError> {
    backend.rate_limiter.acquire_session_end(&current_user.public_id, backend.now()).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    let others = Condition::all()
        .add(user_session::Column::UserId.eq(current_user.user_id))
        .add(user_session::Column::PublicId.ne(current_user.public_id.as_str()))
        .add(user_session::Column::Kind.ne(SessionKind::Restricted));
    let ended = end_sessions(&*txn, others).await?;
    let now = backend.now();
    let known = renew_browser(&*txn, current_user.user_id, &browser.known, false, now).await?;
    if ended > 0 {
        let subject = Some((current_user.user_id, current_user.username.as_str()));
        let actor = current_user.actor(browser.client_ip.clone());
        insert_audit(&*txn, Action::EndOtherSessions, &actor, subject, now).await?;
    }
    txn.commit().await?;
    Ok(known)
}

/// Locks a user's row for the rest of the transaction. Every change of a user's sessions does this first: two transactions that
/// lock the sessions in different orders can deadlock, and PostgreSQL aborts one of them. SQLite has only one writer anyway.
/// Returns false if the account does not exist.
pub async fn lock_user_row(db: &impl ConnectionTrait, user_id: UserId) -> Result<bool, InternalError> {
    let locked = user::Entity::find_by_id(user_id)
        .select_only()
        .column(user::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<UserId>()
        .one(db)
        .await
        .context("lock the user")?;
    Ok(locked.is_some())
}

/// Locks the current user's session for the rest of the transaction. Returns an error if the session has ended during the
/// request.
pub async fn require_session(
    db: &impl ConnectionTrait,
    current_user: &CurrentUser,
) -> Result<(), UseCaseError> {
    lock_user_row(db, current_user.user_id).await?;
    let locked = user_session::Entity::update_many()
        .col_expr(user_session::Column::CredentialVersion, Expr::value(current_user.credential_version))
        .filter(user_session::Column::PublicId.eq(current_user.public_id.as_str()))
        .filter(user_session::Column::CredentialVersion.eq(current_user.credential_version))
        .exec(db)
        .await
        .context("find the session")?;
    if locked.rows_affected == 1 { Ok(()) } else { Err(ErrorCode::SignedOut.into()) }
}

/// Returns an error while the account has a restricted session: its owner may be recovering it, and someone else who knows the
/// password must not be faster. The caller has locked the user's row, so that no such session begins in the meantime.
pub async fn refuse_during_recovery(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let restricted = user_session::Entity::find()
        .filter(user_session::Column::UserId.eq(user_id))
        .filter(user_session::Column::Kind.eq(SessionKind::Restricted))
        .filter(user_session::Column::ExpiresAt.gt(now))
        .count(db)
        .await
        .context("find a restricted session")?;
    if restricted == 0 { Ok(()) } else { Err(ErrorCode::RecoveryInProgress.into()) }
}

/// Ends every session of a user.
pub async fn delete_user_sessions(db: &impl ConnectionTrait, user_id: UserId) -> Result<(), InternalError> {
    let sessions = Condition::all().add(user_session::Column::UserId.eq(user_id));
    end_sessions(db, sessions).await.map(drop)
}

/// Ends the sessions that match `condition`. Returns their number. Their records are removed later ([`remove_ended_records`]), so
/// that no request waits for the session store, and a store that fails keeps no session alive.
pub async fn end_sessions(db: &impl ConnectionTrait, condition: Condition) -> Result<u64, InternalError> {
    let ended = Query::select()
        .column(user_session::Column::IdHash)
        .from(user_session::Entity)
        .cond_where(condition.clone())
        .to_owned();
    let insert = Query::insert()
        .into_table(ended_session::Entity)
        .columns([ended_session::Column::IdHash])
        .select_from(ended)
        .map_err(|_| InternalError::Data("the columns of ended sessions do not match"))?
        .on_conflict(OnConflict::column(ended_session::Column::IdHash).do_nothing().to_owned())
        .to_owned();
    db.execute(&insert).await.context("record ended sessions")?;
    let ended =
        user_session::Entity::delete_many().filter(condition).exec(db).await.context("end sessions")?;
    Ok(ended.rows_affected)
}

/// The maximum number of records that are removed at a time.
const BATCH: u64 = 500;

/// Removes the records of sessions that have ended. If the session store fails, the next call tries again.
pub async fn remove_ended_records(backend: &Backend) -> Result<(), InternalError> {
    loop {
        let ended: Vec<String> = ended_session::Entity::find()
            .select_only()
            .column(ended_session::Column::IdHash)
            .limit(BATCH)
            .into_tuple()
            .all(backend.db.pool())
            .await
            .context("find ended sessions")?;
        if ended.is_empty() {
            return Ok(());
        }
        let removed = backend.sessions.delete_hashed(&ended).await;
        removed.map_err(SessionError::Store).context("remove the records of ended sessions")?;
        ended_session::Entity::delete_many()
            .filter(ended_session::Column::IdHash.is_in(ended))
            .exec(backend.db.pool())
            .await
            .context("delete ended sessions")?;
    }
}
