//! Ending sessions.
//!
//! Guarantees: the row goes first, so that a session is over even where the record's store fails; whoever touches several of
//! a person's sessions holds the person first, so that two at once wait for each other and none is broken off.

use sea_orm::sea_query::{Expr, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use tower_sessions::session::Error as SessionError;

use super::{Browser, BrowserSession, Kind, Viewer};
use crate::backend::Backend;
use crate::backend::audit::{Action, insert_audit};
use crate::backend::database::Lock;
use crate::backend::entity::{ended_session, user, user_session};
use crate::backend::error::{Doing, Failure, Stop};
use crate::backend::known_browsers::{KnownBrowser, renew};
use crate::domain::problem::Problem;
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// Ends the viewer's own session: row first, so that it is over even if the record's store fails.
pub async fn sign_out(
    backend: &Backend,
    session: &BrowserSession,
    viewer: &Viewer,
    source: &str,
) -> Result<(), Failure> {
    let txn = backend.db.begin_write(Lock::None).await?;
    delete_session(&*txn, &viewer.handle).await?;
    let actor = viewer.actor(source.to_owned());
    insert_audit(&*txn, Action::SignOut, &actor, Some((viewer.user_id, &viewer.username)), backend.now())
        .await?;
    txn.commit().await?;
    session.forget().await;
    Ok(())
}

/// Ends one session.
pub(super) async fn delete_session(db: &impl ConnectionTrait, handle: &str) -> Result<(), Failure> {
    end_sessions(db, Condition::all().add(user_session::Column::Handle.eq(handle))).await.map(drop)
}

/// Ends one of the viewer's own sessions; `false` where they have no such session. One of a temporary password is not ended:
/// it is how the owner comes back whose session somebody else has, and lasts for minutes.
pub async fn revoke_session(
    backend: &Backend,
    viewer: &Viewer,
    handle: &str,
    source: &str,
) -> Result<bool, Stop> {
    backend.limits.end_sessions(&viewer.handle, backend.now()).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    let this = Condition::all()
        .add(user_session::Column::Handle.eq(handle))
        .add(user_session::Column::UserId.eq(viewer.user_id))
        .add(user_session::Column::Kind.ne(Kind::Restricted.as_str()));
    if end_sessions(&*txn, this).await? == 0 {
        return Ok(false);
    }
    let subject = Some((viewer.user_id, viewer.username.as_str()));
    insert_audit(&*txn, Action::EndSession, &viewer.actor(source.to_owned()), subject, backend.now()).await?;
    txn.commit().await?;
    Ok(true)
}

/// Ends all of the viewer's sessions but this one, and but those of temporary passwords, and forgets their browsers. Returns
/// this browser's new entry for its cookie, if it was known.
pub async fn revoke_other_sessions(
    backend: &Backend,
    viewer: &Viewer,
    browser: &Browser,
) -> Result<Option<KnownBrowser>, Stop> {
    backend.limits.end_sessions(&viewer.handle, backend.now()).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    let others = Condition::all()
        .add(user_session::Column::UserId.eq(viewer.user_id))
        .add(user_session::Column::Handle.ne(viewer.handle.as_str()))
        .add(user_session::Column::Kind.ne(Kind::Restricted.as_str()));
    let ended = end_sessions(&*txn, others).await?;
    let now = backend.now();
    let known = renew(&*txn, viewer.user_id, &browser.known, false, now).await?;
    if ended > 0 {
        let subject = Some((viewer.user_id, viewer.username.as_str()));
        let actor = viewer.actor(browser.address.clone());
        insert_audit(&*txn, Action::EndOtherSessions, &actor, subject, now).await?;
    }
    txn.commit().await?;
    Ok(known)
}

/// Holds a person's row for the rest of the transaction. Whoever changes a person's sessions does this first: of two that
/// took the sessions in another order, PostgreSQL would end one (a deadlock). On SQLite there is one writer anyway.
pub async fn hold_person(db: &impl ConnectionTrait, user_id: UserId) -> Result<(), Failure> {
    user::Entity::find_by_id(user_id)
        .select_only()
        .column(user::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<UserId>()
        .one(db)
        .await
        .doing("hold the person")?;
    Ok(())
}

/// Holds the viewer's session for the rest of the transaction, or refuses: one that was ended while its request was under way
/// does nothing any more.
pub async fn require_session(db: &impl ConnectionTrait, viewer: &Viewer) -> Result<(), Stop> {
    hold_person(db, viewer.user_id).await?;
    let there = user_session::Entity::update_many()
        .col_expr(user_session::Column::Epoch, Expr::value(viewer.epoch))
        .filter(user_session::Column::Handle.eq(viewer.handle.as_str()))
        .filter(user_session::Column::Epoch.eq(viewer.epoch))
        .exec(db)
        .await
        .doing("look for the session")?;
    if there.rows_affected == 1 { Ok(()) } else { Err(Problem::SignedOut.into()) }
}

/// Refuses while the account has a restricted session: its owner may be taking it back, and someone else who knows the
/// password must not be faster. The caller holds the person, so that no such session begins meanwhile.
pub async fn refuse_during_recovery(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), Stop> {
    let restricted = user_session::Entity::find()
        .filter(user_session::Column::UserId.eq(user_id))
        .filter(user_session::Column::Kind.eq(Kind::Restricted.as_str()))
        .filter(user_session::Column::ExpiresAt.gt(now.0))
        .count(db)
        .await
        .doing("look for a restricted session")?;
    if restricted == 0 { Ok(()) } else { Err(Problem::RecoveryUnderWay.into()) }
}

/// Ends every session of a person.
pub async fn delete_sessions_of(db: &impl ConnectionTrait, user_id: UserId) -> Result<(), Failure> {
    let theirs = Condition::all().add(user_session::Column::UserId.eq(user_id));
    end_sessions(db, theirs).await.map(drop)
}

/// Ends the sessions that `which` selects. Returns how many. Their records are removed afterwards ([`remove_ended_records`]), so
/// that no one waits for their store, and a store that fails keeps no session alive.
pub async fn end_sessions(db: &impl ConnectionTrait, which: Condition) -> Result<u64, Failure> {
    let ended = Query::select()
        .column(user_session::Column::IdHash)
        .from(user_session::Entity)
        .cond_where(which.clone())
        .to_owned();
    let note = Query::insert()
        .into_table(ended_session::Entity)
        .columns([ended_session::Column::IdHash])
        .select_from(ended)
        .map_err(|_| Failure::Data("the columns of ended sessions do not match"))?
        .on_conflict(OnConflict::column(ended_session::Column::IdHash).do_nothing().to_owned())
        .to_owned();
    db.execute(&note).await.doing("note which sessions end")?;
    let ended = user_session::Entity::delete_many().filter(which).exec(db).await.doing("end sessions")?;
    Ok(ended.rows_affected)
}

/// Most records that one transaction removes.
const BATCH: u64 = 500;

/// Removes the records of sessions that have ended. Where their store fails, they are left for another time.
pub async fn remove_ended_records(backend: &Backend) -> Result<(), Failure> {
    loop {
        let ended: Vec<String> = ended_session::Entity::find()
            .select_only()
            .column(ended_session::Column::IdHash)
            .limit(BATCH)
            .into_tuple()
            .all(backend.db.pool())
            .await
            .doing("find ended sessions")?;
        if ended.is_empty() {
            return Ok(());
        }
        let removed = backend.sessions.delete_hashed(&ended).await;
        removed.map_err(SessionError::Store).doing("remove the records of ended sessions")?;
        ended_session::Entity::delete_many()
            .filter(ended_session::Column::IdHash.is_in(ended))
            .exec(backend.db.pool())
            .await
            .doing("forget ended sessions")?;
    }
}
