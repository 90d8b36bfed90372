//! Choosing another password.
//!
//! Guarantees: a voluntary change takes the present password; who has none, or came by a link of the operator's, sets one
//! within ten minutes of having come in; who came by a temporary password or the undo of a change of address chooses
//! one and can do nothing else before. Afterwards every other session, temporary password and sign-in link is void, this
//! session goes on under a new id and epoch, and the owner is told by mail.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::Backend;
use super::audit::{Action, insert_audit};
use super::credentials::void_credentials;
use super::database::{Lock, WriteTransaction};
use super::entity::user;
use super::error::{Doing, Stop};
use super::known_browsers::{KnownBrowser, forget_all, renew};
use super::mail::message::Message;
use super::mail::outbox::{Letter, enqueue};
use super::prove::check_current;
use super::sessions::{
    Browser, BrowserSession, Kind, OpenedBy, Opening, Viewer, delete_sessions_of, insert_session,
    note_sign_in, prepare_session, refuse_during_recovery, require_session,
};
use super::strength::Judgement;
use crate::domain::check::PasswordChange;
use crate::domain::password::Password;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::Status;

/// Changes the viewer's password. Returns the browser's new entry for its cookie; `None` on a shared computer.
pub async fn change_password(
    backend: &Backend,
    session: &BrowserSession,
    viewer: &Viewer,
    form: PasswordChange,
    browser: &Browser,
) -> Result<Option<KnownBrowser>, Stop> {
    let action = prove(backend, viewer, &form.current, &browser.address).await?;
    let judgement = Judgement::of(&form.new, &viewer.username, &viewer.email, &backend.settings);
    let hash = backend
        .hasher
        .hash_unless(form.new.password(), &browser.address, move || judgement.is_guessable())
        .await?;
    let Some(hash) = hash else {
        return Err(Refusal::of_field(Field::NewPassword, Problem::PasswordGuessable).into());
    };
    let opening = Opening {
        user_id: viewer.user_id,
        username: &viewer.username,
        epoch: viewer.epoch + 1,
        shared: viewer.shared,
        by: OpenedBy::Password,
    };
    let prepared = prepare_session(backend, session, &opening, browser).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    if viewer.kind == Kind::Ordinary {
        refuse_during_recovery(&*txn, viewer.user_id, now).await?;
    }
    write_hash(&txn, viewer, &hash).await?;
    if viewer.kind == Kind::Restricted {
        note_sign_in(&*txn, viewer.user_id, now).await?;
    }
    delete_sessions_of(&*txn, viewer.user_id).await?;
    insert_session(&*txn, &prepared).await?;
    void_credentials(&*txn, viewer.user_id, now).await?;
    let known = if viewer.shared {
        forget_all(&*txn, viewer.user_id).await?;
        None
    } else {
        renew(&*txn, viewer.user_id, &browser.known, true, now).await?
    };
    let subject = Some((viewer.user_id, viewer.username.as_str()));
    insert_audit(&*txn, action, &viewer.actor(browser.address.clone()), subject, now).await?;
    let message = Message::PasswordChanged {
        username: viewer.username.clone(),
        link: backend.settings.link("/reset-password"),
    };
    let letter = Letter { user_id: Some(viewer.user_id), recipient: &viewer.email, message, not_after: None };
    enqueue(&*txn, &backend.keys, letter, now).await?;
    txn.commit().await?;
    prepared.hand_over(backend, session).await;
    backend.mail_bell.ring();
    Ok(known)
}

/// Whether the viewer may choose another password: how they have proved it, as the audit names it.
async fn prove(backend: &Backend, viewer: &Viewer, current: &Password, source: &str) -> Result<Action, Stop> {
    if viewer.kind == Kind::Restricted {
        return Ok(Action::ResetPassword);
    }
    if viewer.must_give_password() {
        check_current(backend, viewer.user_id, current, source).await?;
        return Ok(Action::ChangePassword);
    }
    if viewer.proved_lately(backend.now()) {
        return Ok(Action::SetPassword);
    }
    Err(Problem::ProofTooOld.into())
}

/// One conditional UPDATE: whoever was signed out, deactivated or changed it elsewhere meanwhile is too late.
async fn write_hash(txn: &WriteTransaction, viewer: &Viewer, hash: &str) -> Result<(), Stop> {
    let done = user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::AuthEpoch, Expr::col(user::Column::AuthEpoch).add(1))
        .filter(user::Column::Id.eq(viewer.user_id))
        .filter(user::Column::AuthEpoch.eq(viewer.epoch))
        .filter(user::Column::Status.eq(Status::Active.as_str()))
        .exec(&**txn)
        .await
        .doing("write the password")?;
    if done.rows_affected == 1 { Ok(()) } else { Err(Problem::SignedOut.into()) }
}
