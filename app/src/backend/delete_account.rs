//! Deleting one's own account, and keeping it after all.
//!
//! # Guarantees
//! - Asking takes the password again, and the last administrator who can sign in stays.
//! - An account is deleted [`DELETION_DELAY`] after its owner asked. Until then it is deactivated, no one is signed in to it,
//!   and its username and email address stay taken.
//! - The owner gets an email with a link that keeps the account, at every email address that can undo a change as well.
//! - That link replaces the known password, because a thief may have asked.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::credentials::{replace_known_password, unknown_password, void_credentials};
use super::database::{Lock, WriteTransaction};
use super::entity::user;
use super::error::{Doing, Failure, Stop};
use super::identities::find_identity;
use super::known_address::is_known;
use super::known_browsers::forget_all;
use super::links::{Proof, check_password, find_live, mark_confirmed};
use super::mail::message::{Kind, Message};
use super::mail::outbox::{Letter, drop_unsent, enqueue};
use super::prove::prove_again;
use super::sessions::{
    Browser, BrowserSession, OpenedBy, Opening, Viewer, delete_sessions_of, hold_person, insert_sign_in,
    prepare_session, refuse_during_recovery, require_session,
};
use super::setup::count_admins;
use super::shut_out::{Reason, drop_identity, let_in, shut_out};
use super::token::{
    Binding, UNDO_LIFETIME, insert_token, limit_lifetime, spend_token, void_tokens, ways_back,
};
use super::{Actor, Backend};
use crate::domain::password::Password;
use crate::domain::problem::Problem;
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// How long after the request an account is deleted: as long as a change of its email address can be undone, so that a thief
/// cannot delete it before the owner has read the email.
pub const DELETION_DELAY: Duration = Duration::from_hours(72);

/// Asks for the deletion of the viewer's account. Returns when it will be deleted.
pub async fn ask_deletion(
    backend: &Backend,
    viewer: &Viewer,
    current: &Password,
    source: &str,
) -> Result<Timestamp, Stop> {
    prove_again(backend, viewer, current, source).await?;
    let now = backend.now();
    let due = now.after(DELETION_DELAY);
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    require_session(&*txn, viewer).await?;
    refuse_during_recovery(&*txn, viewer.user_id, now).await?;
    if viewer.is_admin() && count_admins(backend, &*txn, Some(viewer.user_id)).await? == 0 {
        return Err(Problem::LastAdminStays.into());
    }
    let waits = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Deactivated.as_str()))
        .col_expr(user::Column::StatusSince, Expr::value(now.0))
        .col_expr(user::Column::StatusBy, Expr::value(viewer.user_id))
        .col_expr(user::Column::DeletionDueAt, Expr::value(due.0))
        .col_expr(user::Column::AuthEpoch, Expr::col(user::Column::AuthEpoch).add(1))
        .filter(user::Column::Id.eq(viewer.user_id))
        .filter(user::Column::AuthEpoch.eq(viewer.epoch))
        .filter(user::Column::Status.eq(Status::Active.as_str()))
        .exec(&*txn)
        .await
        .doing("ask for the deletion of an account")?;
    if waits.rows_affected != 1 {
        return Err(Problem::SignedOut.into());
    }
    delete_sessions_of(&*txn, viewer.user_id).await?;
    forget_all(&*txn, viewer.user_id).await?;
    void_credentials(&*txn, viewer.user_id, now).await?;
    let address = viewer.email_confirmed_at.is_some().then_some(viewer.email_canonical.as_str());
    shut_out(backend, &*txn, viewer.user_id, address, Reason::Deleted).await?;
    let subject = Some((viewer.user_id, viewer.username.as_str()));
    insert_audit(&*txn, Action::AskDeletion, &viewer.actor(source.to_owned()), subject, now).await?;
    let user = user::Entity::find_by_id(viewer.user_id).one(&*txn).await.doing("read the account")?;
    let user = user.ok_or(Problem::SignedOut)?;
    announce(backend, &txn, &user, due, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(due)
}

/// Tells the owner, with a link that keeps the account. An email address that can still undo a change gets a link that does
/// both: the account's present email address may be a thief's.
async fn announce(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), Failure> {
    if may_keep_by_email(user) {
        let own = Binding {
            user_id: Some(user.id),
            purpose: Purpose::KeepAccount,
            epoch: user.auth_epoch,
            email_canonical: &user.email_canonical,
            email: "",
            now,
            expires_at: due,
        };
        tell(backend, txn, user, own, &user.email, due, now).await?;
    }
    let mut told = vec![(user.email_canonical.clone(), 0)];
    for way_back in ways_back(&**txn, user.id, now).await? {
        // Earlier requests for deletion may have made links that stand for the same change.
        let change = (way_back.email_canonical.clone(), way_back.created_at);
        if told.contains(&change) || way_back.email_canonical == user.email_canonical {
            continue;
        }
        told.push(change);
        let undo = Binding {
            user_id: Some(user.id),
            purpose: Purpose::UndoAddress,
            epoch: way_back.epoch,
            email_canonical: &way_back.email_canonical,
            email: &way_back.email,
            // It stands for the earlier one: what it undoes began then.
            now: Timestamp(way_back.created_at),
            expires_at: due.max(Timestamp(way_back.expires_at)),
        };
        tell(backend, txn, user, undo, &way_back.email, due, now).await?;
    }
    Ok(())
}

/// Whether the account's email address may get a link that keeps the account. An unconfirmed one may be someone else's: then the
/// link also asks for the password, and where there is none, or its owner has said that they did not register, there is no link.
fn may_keep_by_email(user: &user::Model) -> bool {
    let owned = user.email_confirmed_at.is_some() || user.password_hash.is_some();
    owned && user.email_disowned_at.is_none()
}

async fn tell(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    binding: Binding<'_>,
    recipient: &str,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), Failure> {
    let undoes_change = binding.purpose == Purpose::UndoAddress;
    let token = insert_token(&**txn, binding).await?;
    let page = if undoes_change { "undo" } else { "keep" };
    let message = Message::AccountDeletion {
        username: user.username.clone(),
        due,
        link: backend.settings.link(&format!("/{page}/{}", token.expose())),
        undoes_change,
        has_password: user.password_hash.is_some(),
        has_identity: find_identity(&**txn, user.id).await?.is_some(),
    };
    let letter = Letter { user_id: Some(user.id), recipient, message, not_after: Some(due) };
    enqueue(&**txn, &backend.keys, letter, now).await
}

/// Keeps the account that the link is for. Returns whether this browser may choose a new password now: accounts without a
/// password sign in as before.
///
/// Someone who asked for the deletion knew the password. So the link does what undoing a change of email address does.
pub async fn keep_account(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &Proof<'_>,
    browser: &Browser,
) -> Result<bool, Stop> {
    let (token, user) = find_live(backend, link, &[Purpose::KeepAccount]).await?.ok_or(Problem::LinkVoid)?;
    if proof.viewer.is_some_and(|viewer| viewer.user_id != user.id) {
        return Err(Problem::SomebodyElse.into());
    }
    let has_password = user.password_hash.is_some();
    if user.email_confirmed_at.is_none() && has_password {
        check_password(backend, &user, proof).await?;
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch + 1,
        shared: false,
        by: OpenedBy::KeepLink,
    };
    let prepared = if has_password {
        let hash = backend.hasher.hash(&unknown_password(), &browser.address).await?;
        Some((prepare_session(backend, session, &opening, browser).await?, hash))
    } else {
        None
    };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    hold_person(&*txn, user.id).await?;
    if !spend_token(&*txn, token.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    cancel_deletion(backend, &txn, &user, now).await?;
    let actor = Actor { id: Some(user.id), name: user.username.clone(), source: browser.address.clone() };
    insert_audit(&*txn, Action::KeepAccount, &actor, Some((user.id, &user.username)), now).await?;
    if let Some((prepared, hash)) = &prepared {
        // Mailbox and password together confirm the email address, as with a sign-in link.
        let confirmable = !is_known(&*txn, &user.email_canonical).await?;
        if user.email_confirmed_at.is_none() && confirmable {
            mark_confirmed(&txn, &user, proof.source, now).await?;
        }
        // An account whose email address stays unconfirmed gets no temporary password: its own one, which was just given, stays.
        if user.email_confirmed_at.is_some() || confirmable {
            replace_known_password(&*txn, user.id, hash).await?;
        }
        drop_identity(backend, &*txn, user.id, Timestamp::default(), now).await?;
        insert_sign_in(&*txn, prepared, &opening, browser, now).await?;
    }
    txn.commit().await?;
    if let Some((prepared, _)) = prepared {
        prepared.hand_over(backend, session).await;
    }
    Ok(has_password)
}

/// Reactivates an account that is due for deletion: one conditional UPDATE, so that an account that has been deleted or kept
/// meanwhile stays as it is.
pub(super) async fn cancel_deletion(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Stop> {
    let kept = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active.as_str()))
        .col_expr(user::Column::StatusSince, Expr::value(now.0))
        .col_expr(user::Column::StatusBy, Expr::value(user.id))
        .col_expr(user::Column::DeletionDueAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::AuthEpoch, Expr::value(user.auth_epoch + 1))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::Status.eq(Status::Deactivated.as_str()))
        .filter(user::Column::DeletionDueAt.is_not_null())
        .filter(user::Column::AuthEpoch.is_in([user.auth_epoch, user.auth_epoch + 1]))
        .exec(&**txn)
        .await
        .doing("keep an account")?;
    if kept.rows_affected != 1 {
        return Err(Problem::LinkVoid.into());
    }
    delete_sessions_of(&**txn, user.id).await?;
    void_credentials(&**txn, user.id, now).await?;
    settle_deletion(txn, user, now).await?;
    let address = user.email_confirmed_at.is_some().then_some(user.email_canonical.as_str());
    let_in(backend, &**txn, user.id, address).await?;
    Ok(())
}

/// Ends what belonged to a deletion that will not happen: links that keep the account, announcements that have not been sent, and
/// the time by which it prolonged the undoing of a change.
pub(super) async fn settle_deletion(
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    void_tokens(&**txn, Some(user.id), &[Purpose::KeepAccount], now).await?;
    limit_lifetime(&**txn, user.id, Purpose::UndoAddress, UNDO_LIFETIME).await?;
    drop_unsent(&**txn, Kind::AccountDeletion, user.id, &user.email, now).await
}
