//! Changing the email address of an account, and undoing that change.
//!
//! # Guarantees
//!
//! - A request requires re-authentication, and does the same work whether or not the new email address has an account.
//! - The link in the email to the new address works only together with a session or the password, and becomes invalid with a
//!   request for another email address or a change of credentials. So the owner of a mistyped email address gains nothing.
//! - A change ends every other session. If the old email address was confirmed, its owner is notified and can undo the change for
//!   72 hours.
//! - Undoing a change ends all sessions, replaces the password, revokes later undo links and unlinks the Microsoft identity,
//!   which the owner can link again. Then the owner chooses a new password.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::accounts::blocked_identities::unlink_and_block_identity;
use crate::accounts::deletion::cancel_deletion;
use crate::accounts::email_address::canonical;
use crate::accounts::registration::unique_violation_error;
use crate::audit::{Action, insert_audit};
use crate::auth::known_browsers::{KnownBrowser, forget_all_browsers, renew_browser};
use crate::auth::link::{LinkProof, check_password, find_valid_link};
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::reauthentication::reauthenticate;
use crate::auth::revocation::{
    delete_email_change_jobs, random_password, replace_password, revoke_credentials,
};
use crate::auth::token::{
    NewToken, UNDO_LIFETIME, consume_token, email_addresses_that_can_undo, insert_token, revoke_later_tokens,
    revoke_other_email_changes,
};
use crate::email::jobs::insert_job_with_email;
use crate::email::message::Message;
use crate::email::obsolete::drop_after_email_change;
use crate::email::outbox::{NewEmail, drop_unsent_to, drop_unsent_where, enqueue};
use crate::entity::email_job::JobKind;
use crate::entity::outbox::EmailKind;
use crate::entity::{outbox, user, user_token};
use crate::error::{InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, CurrentUser, SessionRequest, delete_user_sessions, insert_session,
    insert_sign_in, lock_user_row, prepare_session, refuse_during_recovery, require_session,
};
use crate::{Actor, Backend};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;
use domain::validation::EmailChange;

/// Requests a change of the current user's email address.
pub async fn request_email_change(
    backend: &Backend,
    current_user: &CurrentUser,
    form: &EmailChange,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let Some(email_canonical) = canonical(&form.email) else {
        return Err(FormErrors::of_field(Field::Email, ErrorCode::EmailInvalid).into());
    };
    reauthenticate(backend, current_user, &form.current, client_ip).await?;
    if email_canonical == current_user.email_canonical {
        return Err(FormErrors::of_field(Field::Email, ErrorCode::EmailUnchanged).into());
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    refuse_during_recovery(&*txn, current_user.user_id, now).await?;
    cancel_other_changes(&txn, current_user.user_id, form.email.as_str(), now).await?;
    insert_job_with_email(&*txn, JobKind::EmailChange, current_user.user_id, Some(form.email.as_str()), now)
        .await?;
    let subject = Some((current_user.user_id, current_user.username.as_str()));
    let actor = current_user.actor(client_ip.to_owned());
    insert_audit(&*txn, Action::RequestEmailChange, &actor, subject, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

/// Cancels the user's earlier requests: their jobs, and the links to other email addresses. A link to the same email address stays
/// valid until the worker writes the next one, because it writes none if the mailbox has reached its limit.
async fn cancel_other_changes(
    txn: &WriteTransaction,
    user_id: UserId,
    email: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    delete_email_change_jobs(&**txn, user_id).await?;
    revoke_other_email_changes(&**txn, user_id, email, now).await?;
    let emails = Condition::all()
        .add(outbox::Column::UserId.eq(user_id))
        .add(outbox::Column::Kind.eq(EmailKind::ConfirmNewEmail))
        .add(outbox::Column::Recipient.ne(email));
    drop_unsent_where(&**txn, emails, now).await.map(drop)
}

/// The result of a change of email address.
#[derive(Debug)]
pub struct EmailChangeResult {
    /// True if the browser stays signed in.
    pub stays_signed_in: bool,
    /// The new entry for the cookie of the browser, if it was a known browser.
    pub known: Option<KnownBrowser>,
}

/// Changes the email address of the account to the one to which the link was sent.
pub async fn confirm_email_change(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<EmailChangeResult, UseCaseError> {
    let mut known = None;
    let first = confirm_email_change_once(backend, session, link, proof, browser).await;
    let first = first.map(|(link_use, remembered)| {
        known = remembered;
        link_use
    });
    let answers = [LinkAnswer::EmailChanged, LinkAnswer::EmailChangedSignIn];
    let link_use = or_first_answer(backend, first, proof.request(link, Some(session)), &answers).await?;
    Ok(EmailChangeResult { stays_signed_in: link_use.answer == LinkAnswer::EmailChanged, known })
}

async fn confirm_email_change_once(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<(LinkUse, Option<KnownBrowser>), UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) =
        find_valid_link(backend, link, &[Purpose::ChangeEmail]).await?.ok_or(ErrorCode::LinkInvalid)?;
    let current_user = current_user_if_owner(proof, user.id)?;
    if current_user.is_none() {
        check_password(backend, &user, proof).await?;
    }
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version + 1,
        shared: current_user.is_some_and(|current_user| current_user.shared),
        auth_method: AuthMethod::Password,
    };
    let pending_session = match current_user {
        Some(current_user) => Some(
            prepare_session(backend, session, &session_request, browser)
                .await?
                .keeping_authentication_of(current_user),
        ),
        None => None,
    };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    if let Some(current_user) = current_user {
        require_session(&*txn, current_user).await?;
    }
    lock_user_row(&*txn, user.id).await?;
    refuse_during_recovery(&*txn, user.id, now).await?;
    replace_email_address(&txn, &token, &user, now).await?;
    let known = renew_browser(&*txn, user.id, &browser.known, false, now).await?;
    if let Some(pending_session) = &pending_session {
        insert_session(&*txn, pending_session).await?;
    }
    if user.email_confirmed_at.is_some() {
        notify_old_email_address(backend, &txn, &user, now).await?;
    }
    insert_audit(&*txn, Action::ChangeEmail, &actor_of(&user, browser), Some((user.id, &user.username)), now)
        .await?;
    let stays_signed_in = pending_session.is_some();
    let answer = if stays_signed_in { LinkAnswer::EmailChanged } else { LinkAnswer::EmailChangedSignIn };
    let link_use = LinkUse { answer, user_id: Some(user.id) };
    let opened = pending_session.as_ref();
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, opened, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    if let Some(pending_session) = pending_session {
        pending_session.activate(backend, session).await;
    }
    Ok((link_use, known))
}

/// Returns the current user if they own the link, and `None` for a visitor. Another user has to sign out first.
fn current_user_if_owner<'a>(
    proof: &LinkProof<'a>,
    owner: UserId,
) -> Result<Option<&'a CurrentUser>, UseCaseError> {
    match proof.current_user {
        Some(current_user) if current_user.user_id != owner => Err(ErrorCode::OtherUserSignedIn.into()),
        current_user => Ok(current_user),
    }
}

fn actor_of(user: &user::Model, browser: &Browser) -> Actor {
    Actor { id: Some(user.id), name: user.username.clone(), client_ip: browser.client_ip.clone() }
}

/// Consumes the token and replaces the email address of the account with the one of the token, with one conditional UPDATE. The
/// unique index rejects it if another account has confirmed the same email address. Deletes every session and revokes all links
/// and temporary passwords.
async fn replace_email_address(
    txn: &WriteTransaction,
    token: &user_token::Model,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let email = token.email.as_deref().ok_or(InternalError::Data("a token without its email address"))?;
    lock_user_row(&**txn, user.id).await?;
    if !consume_token(&**txn, token.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    let updated = user::Entity::update_many()
        .col_expr(user::Column::Email, Expr::value(email))
        .col_expr(user::Column::EmailCanonical, Expr::value(token.email_canonical.as_str()))
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(now))
        .col_expr(user::Column::RegistrationDisputedAt, Expr::value(Option::<Timestamp>::None))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::CredentialVersion.eq(user.credential_version))
        .exec(&**txn)
        .await
        .map_err(unique_violation_error)?;
    if updated.rows_affected != 1 {
        return Err(ErrorCode::LinkInvalid.into());
    }
    delete_user_sessions(&**txn, user.id).await?;
    revoke_credentials(&**txn, user.id, now).await?;
    drop_after_email_change(&**txn, user.id, now).await?;
    Ok(())
}

/// Notifies the owner of the old email address, with a link that undoes the change. The old email address must be confirmed:
/// the owner of an unconfirmed one could take the account over with the link.
async fn notify_old_email_address(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    if has_undoable_change(txn, user.id, now).await? {
        // The old email address is less than three days old, and the owner of an earlier one can still undo that change. The old
        // one may belong to a thief, who must not be able to undo anything.
        let message = Message::EmailChangedAgain {
            username: user.username.clone(),
            url: backend.settings.link("/login"),
        };
        let new_email = NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, new_email, now).await;
    }
    let expires_at = now.after(UNDO_LIFETIME);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::UndoEmailChange,
        credential_version: user.credential_version + 1,
        email_canonical: &user.email_canonical,
        email: Some(&user.email),
        now,
        expires_at,
    };
    let token = insert_token(&**txn, new_token).await?;
    let message = Message::EmailChanged {
        username: user.username.clone(),
        url: backend.settings.link(&format!("/undo/{}", token.expose())),
        lifetime: UNDO_LIFETIME,
    };
    let new_email =
        NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, new_email, now).await
}

/// Returns true if the owner of an earlier email address can still undo a change.
async fn has_undoable_change(
    txn: &WriteTransaction,
    user_id: UserId,
    now: Timestamp,
) -> Result<bool, InternalError> {
    Ok(!email_addresses_that_can_undo(&**txn, user_id, now).await?.is_empty())
}

/// Restores the old email address of the account. The person who changed it knew the password, so the password is replaced, all
/// sessions are deleted, and this browser may choose a new password, as after a temporary password. An account that is due for
/// deletion is kept. Returns true if the browser may choose a password, and false if an administrator deactivated the account.
pub async fn undo_email_change(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<bool, UseCaseError> {
    let first = undo_email_change_once(backend, session, link, proof, browser).await;
    let answers = [LinkAnswer::EmailRestored, LinkAnswer::EmailRestoredInactive];
    let link_use = or_first_answer(backend, first, proof.request(link, Some(session)), &answers).await?;
    Ok(link_use.answer == LinkAnswer::EmailRestored)
}

async fn undo_email_change_once(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<LinkUse, UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) =
        find_valid_link(backend, link, &[Purpose::UndoEmailChange]).await?.ok_or(ErrorCode::LinkInvalid)?;
    current_user_if_owner(proof, user.id)?;
    // A thief who changed the email address may also have asked for the deletion.
    let is_due_for_deletion = user.deletion_due_at.is_some();
    let active = user.status == Status::Active || is_due_for_deletion;
    let hash = backend.hasher.hash(&random_password(), &browser.client_ip).await?;
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version + 1,
        shared: false,
        auth_method: AuthMethod::UndoLink,
    };
    let pending_session =
        if active { Some(prepare_session(backend, session, &session_request, browser).await?) } else { None };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    replace_email_address(&txn, &token, &user, now).await?;
    forget_all_browsers(&*txn, user.id).await?;
    let restored = token.email.as_deref().unwrap_or_default();
    if is_due_for_deletion {
        cancel_deletion(backend, &txn, &user, now).await?;
        drop_unsent_to(&*txn, EmailKind::AccountDeletion, user.id, restored, now).await?;
    }
    // The change that this email reports is undone, and its link no longer works.
    drop_unsent_to(&*txn, EmailKind::EmailChanged, user.id, restored, now).await?;
    replace_password(&*txn, user.id, &hash).await?;
    // A thief who changed the email address more than once has an undo link too, which must not undo this change. Earlier
    // links stay valid.
    revoke_later_tokens(&*txn, &token, now).await?;
    // The thief must not sign in with a Microsoft account that they have linked, before the change or after it. Without a password
    // an identity that was linked before the change stays, because it is the only sign-in method.
    let since = if user.password_hash.is_some() { Timestamp::default() } else { token.created_at };
    unlink_and_block_identity(backend, &*txn, user.id, since, now).await?;
    insert_audit(
        &*txn,
        Action::UndoEmailChange,
        &actor_of(&user, browser),
        Some((user.id, &user.username)),
        now,
    )
    .await?;
    if let Some(pending_session) = &pending_session
        && !insert_sign_in(&*txn, pending_session, &session_request, browser, now).await?
    {
        return Err(ErrorCode::LinkInvalid.into());
    }
    let answer = if active { LinkAnswer::EmailRestored } else { LinkAnswer::EmailRestoredInactive };
    let link_use = LinkUse { answer, user_id: Some(user.id) };
    let opened = pending_session.as_ref();
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, opened, now).await?;
    txn.commit().await?;
    if let Some(pending_session) = pending_session {
        pending_session.activate(backend, session).await;
    }
    Ok(link_use)
}
