//! Changing one's address, and taking that back.
//!
//! Guarantees: asking takes the password and does the same whether or not the new address has an account; the link goes
//! to the new address and works for whoever is also signed in or knows the password, so that a mistyped address gives
//! nobody anything; a link is void once another address is asked for or the credentials change. When the new address
//! counts, every other session is over and the old one, if it was confirmed, is told and can take it back for 72 hours.
//! Taking it back signs everybody out, voids the password and every later link of the kind, unlinks the Microsoft identity
//! (its owner links it again), and lets its owner choose a new password.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::canonical::canonical;
use super::credentials::{replace_known_password, unknown_password, void_credentials};
use super::database::{Lock, WriteTransaction};
use super::delete_account::cancel_deletion;
use super::entity::{user, user_token};
use super::error::{Failure, Stop};
use super::known_browsers::{KnownBrowser, forget_all, renew};
use super::links::{Proof, check_password, find_live};
use super::mail::jobs::{JobKind, insert_address_job};
use super::mail::message::{Kind, Message};
use super::mail::outbox::{Letter, drop_unsent, enqueue};
use super::prove::prove_again;
use super::register::taken;
use super::sessions::{
    Browser, BrowserSession, OpenedBy, Opening, Viewer, delete_sessions_of, hold_person, insert_session,
    insert_sign_in, prepare_session, refuse_during_recovery, require_session,
};
use super::shut_out::drop_identity;
use super::token::{
    Binding, UNDO_LIFETIME, addresses_with_way_back, insert_token, spend_token, void_later_tokens,
    void_tokens,
};
use super::{Actor, Backend};
use crate::domain::check::AddressChange;
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::{Status, UserId};
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// Asks for another address to become the viewer's address.
pub async fn ask_address_change(
    backend: &Backend,
    viewer: &Viewer,
    form: &AddressChange,
    source: &str,
) -> Result<(), Stop> {
    let Some(email_canonical) = canonical(&form.email) else {
        return Err(Refusal::of_field(Field::Email, Problem::AddressShape).into());
    };
    prove_again(backend, viewer, &form.current, source).await?;
    if email_canonical == viewer.email_canonical {
        return Err(Refusal::of_field(Field::Email, Problem::AddressUnchanged).into());
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, viewer).await?;
    refuse_during_recovery(&*txn, viewer.user_id, now).await?;
    void_tokens(&*txn, Some(viewer.user_id), &[Purpose::ChangeAddress], now).await?;
    insert_address_job(&*txn, JobKind::AddressChange, viewer.user_id, form.email.as_str(), now).await?;
    let subject = Some((viewer.user_id, viewer.username.as_str()));
    let actor = viewer.actor(source.to_owned());
    insert_audit(&*txn, Action::AskAddressChange, &actor, subject, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

/// The result of a change of email address.
#[derive(Debug)]
pub struct AddressChanged {
    /// Whether the browser goes on signed in.
    pub stays: bool,
    /// The browser's new entry for its cookie, if it was known.
    pub known: Option<KnownBrowser>,
}

/// Makes the address that the link was mailed to the account's.
pub async fn change_address(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &Proof<'_>,
    browser: &Browser,
) -> Result<AddressChanged, Stop> {
    let (token, user) =
        find_live(backend, link, &[Purpose::ChangeAddress]).await?.ok_or(Problem::LinkVoid)?;
    let viewer = own_viewer(proof, user.id)?;
    if viewer.is_none() {
        check_password(backend, &user, proof).await?;
    }
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch + 1,
        shared: viewer.is_some_and(|viewer| viewer.shared),
        by: OpenedBy::Password,
    };
    let prepared = match viewer {
        Some(viewer) => {
            Some(prepare_session(backend, session, &opening, browser).await?.keeping_proof_of(viewer))
        }
        None => None,
    };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    if let Some(viewer) = viewer {
        require_session(&*txn, viewer).await?;
    }
    hold_person(&*txn, user.id).await?;
    refuse_during_recovery(&*txn, user.id, now).await?;
    replace(&txn, &token, &user, now).await?;
    let known = renew(&*txn, user.id, &browser.known, false, now).await?;
    if let Some(prepared) = &prepared {
        insert_session(&*txn, prepared).await?;
    }
    if user.email_confirmed_at.is_some() {
        tell_old_address(backend, &txn, &user, now).await?;
    }
    insert_audit(&*txn, Action::ChangeAddress, &owner(&user, browser), Some((user.id, &user.username)), now)
        .await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    let stays = prepared.is_some();
    if let Some(prepared) = prepared {
        prepared.hand_over(backend, session).await;
    }
    Ok(AddressChanged { stays, known })
}

/// The viewer, if they are the link's owner; somebody else has to sign out first.
fn own_viewer<'a>(proof: &Proof<'a>, owner: UserId) -> Result<Option<&'a Viewer>, Stop> {
    match proof.viewer {
        Some(viewer) if viewer.user_id != owner => Err(Problem::SomebodyElse.into()),
        viewer => Ok(viewer),
    }
}

fn owner(user: &user::Model, browser: &Browser) -> Actor {
    Actor { id: Some(user.id), name: user.username.clone(), source: browser.address.clone() }
}

/// Spends the token and puts its address in the place of the present one: one conditional UPDATE; the unique index
/// refuses it when another account has confirmed the address. Every session and credential in flight is over.
async fn replace(
    txn: &WriteTransaction,
    token: &user_token::Model,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Stop> {
    hold_person(&**txn, user.id).await?;
    if !spend_token(&**txn, token.id, now).await? {
        return Err(Problem::LinkVoid.into());
    }
    let done = user::Entity::update_many()
        .col_expr(user::Column::Email, Expr::value(token.email.as_str()))
        .col_expr(user::Column::EmailCanonical, Expr::value(token.email_canonical.as_str()))
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(now.0))
        .col_expr(user::Column::EmailDisownedAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::AuthEpoch, Expr::col(user::Column::AuthEpoch).add(1))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::AuthEpoch.eq(user.auth_epoch))
        .exec(&**txn)
        .await
        .map_err(taken)?;
    if done.rows_affected != 1 {
        return Err(Problem::LinkVoid.into());
    }
    delete_sessions_of(&**txn, user.id).await?;
    void_credentials(&**txn, user.id, now).await?;
    Ok(())
}

/// Only an address that was confirmed: to any other the link back would be a way in for a stranger.
async fn tell_old_address(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    if has_way_back(txn, user.id, now).await? {
        // The address came in less than three days ago, and another can still take that back: whoever brought it in may be a
        // thief, and gets no way back of their own.
        let message = Message::AddressChangedAgain {
            username: user.username.clone(),
            link: backend.settings.link("/login"),
        };
        let letter = Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, letter, now).await;
    }
    let expires_at = now.after(UNDO_LIFETIME);
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::UndoAddress,
        epoch: user.auth_epoch + 1,
        email_canonical: &user.email_canonical,
        email: &user.email,
        now,
        expires_at,
    };
    let token = insert_token(&**txn, binding).await?;
    let message = Message::AddressChanged {
        username: user.username.clone(),
        link: backend.settings.link(&format!("/undo/{}", token.expose())),
        lifetime: UNDO_LIFETIME,
    };
    let letter =
        Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, letter, now).await
}

/// Whether an earlier address can take a change back.
async fn has_way_back(txn: &WriteTransaction, user_id: UserId, now: Timestamp) -> Result<bool, Failure> {
    Ok(!addresses_with_way_back(&**txn, user_id, now).await?.is_empty())
}

/// Makes the old address the account's again. Whoever changed it knew the password: that is void, everybody is signed out,
/// and this browser may choose a new one, as after a temporary password. An account that is due for deletion is kept.
/// Answers whether the browser may choose a password: not where an administrator deactivated the account.
pub async fn undo_address_change(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &Proof<'_>,
    browser: &Browser,
) -> Result<bool, Stop> {
    let (token, user) = find_live(backend, link, &[Purpose::UndoAddress]).await?.ok_or(Problem::LinkVoid)?;
    own_viewer(proof, user.id)?;
    // A thief who changed the email address may also have asked for the deletion.
    let is_due_for_deletion = user.deletion_due_at.is_some();
    let active = user.status == Status::Active.as_str() || is_due_for_deletion;
    let hash = backend.hasher.hash(&unknown_password(), &browser.address).await?;
    let opening = Opening {
        user_id: user.id,
        username: &user.username,
        epoch: user.auth_epoch + 1,
        shared: false,
        by: OpenedBy::UndoLink,
    };
    let prepared =
        if active { Some(prepare_session(backend, session, &opening, browser).await?) } else { None };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    replace(&txn, &token, &user, now).await?;
    forget_all(&*txn, user.id).await?;
    if is_due_for_deletion {
        cancel_deletion(backend, &txn, &user, now).await?;
        drop_unsent(&*txn, Kind::AccountDeletion, user.id, &token.email, now).await?;
    }
    replace_known_password(&*txn, user.id, &hash).await?;
    // Whoever changed the address again had a link sent to an address of their own: it must not take this back. Links from
    // before stay good.
    void_later_tokens(&*txn, &token, now).await?;
    // Nor may they come in by a Microsoft account that they have linked, before the change or after. Where it is the only way
    // in it stays, if it was there before.
    let since = if user.password_hash.is_some() { Timestamp::default() } else { Timestamp(token.created_at) };
    drop_identity(backend, &*txn, user.id, since, now).await?;
    insert_audit(&*txn, Action::UndoAddress, &owner(&user, browser), Some((user.id, &user.username)), now)
        .await?;
    if let Some(prepared) = &prepared {
        insert_sign_in(&*txn, prepared, &opening, browser, now).await?;
    }
    txn.commit().await?;
    if let Some(prepared) = prepared {
        prepared.hand_over(backend, session).await;
    }
    Ok(active)
}
