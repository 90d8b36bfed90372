//! Deletion of an account at its owner's request, and cancelling the deletion.
//!
//! # Guarantees
//!
//! - A request requires re-authentication, and is rejected for the last administrator who can sign in.
//! - An account is deleted [`DELETION_DELAY`] after the request. Until then it is deactivated, has no sessions, and its username
//!   and email address stay taken.
//! - The owner gets an email with a link that keeps the account. Every email address that can undo a change gets one too.
//! - That link replaces the password, because a thief may have requested the deletion.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::accounts::blocked_identities::{block, unblock, unlink_and_block_identity};
use crate::accounts::email_address::is_known;
use crate::accounts::email_verification::mark_email_confirmed;
use crate::accounts::last_admin::count_admins;
use crate::audit::{Action, insert_audit};
use crate::auth::known_browsers::forget_all_browsers;
use crate::auth::link::{LinkProof, check_password, find_valid_link};
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::reauthentication::reauthenticate;
use crate::auth::revocation::{random_password, replace_password, revoke_credentials};
use crate::auth::token::{
    NewToken, UNDO_LIFETIME, consume_token, insert_token, limit_lifetime, prolong_tokens, restore_tokens,
    revoke_tokens, undo_tokens,
};
use crate::email::message::Message;
use crate::email::obsolete::drop_after_status_change;
use crate::email::outbox::{NewEmail, drop_unsent_to, enqueue, was_dropped_at};
use crate::entity::blocked_identity::BlockReason;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::microsoft::identity_lookup::find_identity;
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, CurrentUser, SessionRequest, delete_user_sessions, insert_sign_in,
    lock_user_row, prepare_session, refuse_during_recovery, require_session,
};
use crate::{Actor, Backend};
use domain::errors::ErrorCode;
use domain::password::Password;
use domain::status::Status;
use domain::time::Timestamp;
use domain::token::Purpose;

/// The time between the request and the deletion. It is as long as a change of email address can be undone, so that a thief
/// cannot delete an account before its owner has read the email.
pub const DELETION_DELAY: Duration = Duration::from_hours(72);

/// Requests the deletion of the current user's account. Returns the time at which it will be deleted.
pub async fn request_deletion(
    backend: &Backend,
    current_user: &CurrentUser,
    current_password: &Password,
    client_ip: &str,
) -> Result<Timestamp, UseCaseError> {
    reauthenticate(backend, current_user, current_password, client_ip).await?;
    let now = backend.now();
    let due = now.after(DELETION_DELAY);
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    require_session(&*txn, current_user).await?;
    refuse_during_recovery(&*txn, current_user.user_id, now).await?;
    if current_user.is_admin() && count_admins(backend, &*txn, Some(current_user.user_id)).await? == 0 {
        return Err(ErrorCode::LastAdminDeletion.into());
    }
    schedule_deletion(&txn, current_user, due, now).await?;
    delete_user_sessions(&*txn, current_user.user_id).await?;
    forget_all_browsers(&*txn, current_user.user_id).await?;
    revoke_credentials(&*txn, current_user.user_id, now).await?;
    drop_after_status_change(&*txn, current_user.user_id, Status::Deactivated, now).await?;
    let confirmed_email =
        current_user.email_confirmed_at.is_some().then_some(current_user.email_canonical.as_str());
    block(backend, &*txn, current_user.user_id, confirmed_email, BlockReason::Deleted).await?;
    let subject = Some((current_user.user_id, current_user.username.as_str()));
    insert_audit(&*txn, Action::RequestDeletion, &current_user.actor(client_ip.to_owned()), subject, now)
        .await?;
    let user = user::Entity::find_by_id(current_user.user_id).one(&*txn).await.context("read the account")?;
    let user = user.ok_or(ErrorCode::SignedOut)?;
    send_deletion_emails(backend, &txn, &user, due, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(due)
}

/// Deactivates the account and sets the time of its deletion with one conditional UPDATE.
async fn schedule_deletion(
    txn: &WriteTransaction,
    current_user: &CurrentUser,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Deactivated))
        .col_expr(user::Column::StatusSince, Expr::value(now))
        .col_expr(user::Column::StatusBy, Expr::value(current_user.user_id))
        .col_expr(user::Column::DeletionDueAt, Expr::value(due))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(current_user.user_id))
        .filter(user::Column::CredentialVersion.eq(current_user.credential_version))
        .filter(user::Column::Status.eq(Status::Active))
        .exec(&**txn)
        .await
        .context("request the deletion of an account")?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(ErrorCode::SignedOut.into()) }
}

/// Sends the owner an email with a link that keeps the account. An email address that can still undo a change gets a link that
/// also undoes the change, because the account's current email address may belong to a thief.
async fn send_deletion_emails(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), InternalError> {
    if may_get_keep_link(user) {
        let new_token = NewToken {
            user_id: Some(user.id),
            purpose: Purpose::KeepAccount,
            credential_version: user.credential_version,
            email_canonical: &user.email_canonical,
            email: None,
            now,
            expires_at: due,
        };
        enqueue_deletion_email(backend, txn, user, new_token, &user.email, due, now).await?;
    }
    let mut notified = vec![(user.email_canonical.clone(), Timestamp::NEVER)];
    for token in undo_tokens(&**txn, user.id, now).await? {
        // Earlier deletion requests may have created several tokens for the same change.
        let change = (token.email_canonical.clone(), token.created_at);
        if notified.contains(&change) || token.email_canonical == user.email_canonical {
            continue;
        }
        notified.push(change);
        let new_token = NewToken {
            user_id: Some(user.id),
            purpose: Purpose::UndoEmailChange,
            credential_version: token.credential_version,
            email_canonical: &token.email_canonical,
            email: token.email.as_deref(),
            // The new token replaces the earlier one: the change that it undoes was made at that time.
            now: token.created_at,
            expires_at: Ord::max(due, token.expires_at),
        };
        let recipient = token.email.as_deref().unwrap_or(&token.email_canonical);
        enqueue_deletion_email(backend, txn, user, new_token, recipient, due, now).await?;
    }
    Ok(())
}

/// Returns true if the account's email address may get a link that keeps the account. An unconfirmed email address may belong to
/// someone else, so the link also requires the password. There is no link if the account has no password, or if the owner of the
/// email address has reported that they did not register.
fn may_get_keep_link(user: &user::Model) -> bool {
    let can_prove_ownership = user.email_confirmed_at.is_some() || user.password_hash.is_some();
    can_prove_ownership && user.registration_disputed_at.is_none()
}

/// Creates the token and enqueues the email with its link.
async fn enqueue_deletion_email(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    new_token: NewToken<'_>,
    recipient: &str,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), InternalError> {
    let undoes_change = new_token.purpose == Purpose::UndoEmailChange;
    let token = insert_token(&**txn, new_token).await?;
    let page = if undoes_change { "undo" } else { "keep" };
    let message = Message::AccountDeletion {
        username: user.username.clone(),
        due,
        url: backend.settings.link(&format!("/{page}/{}", token.expose())),
        undoes_change,
        has_password: user.password_hash.is_some(),
        has_identity: find_identity(&**txn, user.id).await?.is_some(),
    };
    let new_email = NewEmail { user_id: Some(user.id), recipient, message, not_after: Some(due) };
    enqueue(&**txn, &backend.keys, new_email, now).await
}

/// Keeps the account of the link. Returns true if this browser may now choose a new password. Users without a password sign in
/// as before.
///
/// The person who requested the deletion knew the password. So the link revokes access in the same way as undoing a change of
/// email address.
pub async fn keep_account(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<bool, UseCaseError> {
    let first = keep_account_once(backend, session, link, proof, browser).await;
    let answers = [LinkAnswer::AccountKept, LinkAnswer::AccountKeptSignIn];
    let link_use = or_first_answer(backend, first, proof.request(link, Some(session)), &answers).await?;
    Ok(link_use.answer == LinkAnswer::AccountKept)
}

async fn keep_account_once(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<LinkUse, UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) =
        find_valid_link(backend, link, &[Purpose::KeepAccount]).await?.ok_or(ErrorCode::LinkInvalid)?;
    if proof.current_user.is_some_and(|current_user| current_user.user_id != user.id) {
        return Err(ErrorCode::OtherUserSignedIn.into());
    }
    let has_password = user.password_hash.is_some();
    if user.email_confirmed_at.is_none() && has_password {
        check_password(backend, &user, proof).await?;
    }
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version + 1,
        shared: false,
        auth_method: AuthMethod::KeepLink,
    };
    let new_session = if has_password {
        let hash = backend.hasher.hash(&random_password(), &browser.client_ip).await?;
        Some((prepare_session(backend, session, &session_request, browser).await?, hash))
    } else {
        None
    };
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if !consume_token(&*txn, token.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    cancel_deletion(backend, &txn, &user, now).await?;
    let actor =
        Actor { id: Some(user.id), name: user.username.clone(), client_ip: browser.client_ip.clone() };
    insert_audit(&*txn, Action::KeepAccount, &actor, Some((user.id, &user.username)), now).await?;
    if let Some((pending_session, hash)) = &new_session {
        revoke_old_access(backend, &txn, &user, hash, proof, now).await?;
        if !insert_sign_in(&*txn, pending_session, &session_request, browser, now).await? {
            return Err(ErrorCode::LinkInvalid.into());
        }
    }
    let answer = if has_password { LinkAnswer::AccountKept } else { LinkAnswer::AccountKeptSignIn };
    let link_use = LinkUse { answer, user_id: Some(user.id) };
    let opened = new_session.as_ref().map(|(pending_session, _)| pending_session);
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, opened, now).await?;
    txn.commit().await?;
    if let Some((pending_session, _)) = new_session {
        pending_session.activate(backend, session).await;
    }
    Ok(link_use)
}

/// Replaces the password of a kept account and unlinks its Microsoft identity. Confirms the email address if possible.
async fn revoke_old_access(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    hash: &str,
    proof: &LinkProof<'_>,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    // Access to the mailbox and the password together confirm the email address, as with a sign-in link.
    let confirmable = !is_known(&**txn, &user.email_canonical).await?;
    if user.email_confirmed_at.is_none() && confirmable {
        mark_email_confirmed(txn, user, proof.client_ip, now).await?;
    }
    // An account whose email address stays unconfirmed cannot get a temporary password, so it keeps the password that was just
    // entered.
    if user.email_confirmed_at.is_some() || confirmable {
        replace_password(&**txn, user.id, hash).await?;
    }
    unlink_and_block_identity(backend, &**txn, user.id, Timestamp::default(), now).await?;
    Ok(())
}

/// Reactivates an account that is due for deletion. It is one conditional UPDATE, so that an account that has been deleted or kept
/// in the meantime is left unchanged.
pub(crate) async fn cancel_deletion(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active))
        .col_expr(user::Column::StatusSince, Expr::value(now))
        .col_expr(user::Column::StatusBy, Expr::value(user.id))
        .col_expr(user::Column::DeletionDueAt, Expr::value(Option::<Timestamp>::None))
        .col_expr(user::Column::CredentialVersion, Expr::value(user.credential_version + 1))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::Status.eq(Status::Deactivated))
        .filter(user::Column::DeletionDueAt.is_not_null())
        .filter(user::Column::CredentialVersion.is_in([user.credential_version, user.credential_version + 1]))
        .exec(&**txn)
        .await
        .context("cancel the deletion of an account")?;
    if updated.rows_affected != 1 {
        return Err(ErrorCode::LinkInvalid.into());
    }
    delete_user_sessions(&**txn, user.id).await?;
    revoke_credentials(&**txn, user.id, now).await?;
    drop_after_status_change(&**txn, user.id, Status::Active, now).await?;
    discard_deletion_request(txn, user, now).await?;
    let confirmed_email = user.email_confirmed_at.is_some().then_some(user.email_canonical.as_str());
    unblock(backend, &**txn, user.id, confirmed_email).await?;
    Ok(())
}

/// Discards the links and emails of a deletion request that has been cancelled: revokes links that keep the account, drops unsent
/// emails, and limits undo links, which the request prolonged, to their usual lifetime.
pub(crate) async fn discard_deletion_request(
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    revoke_tokens(&**txn, Some(user.id), &[Purpose::KeepAccount], now).await?;
    limit_lifetime(&**txn, user.id, Purpose::UndoEmailChange, UNDO_LIFETIME).await?;
    drop_unsent_to(&**txn, EmailKind::AccountDeletion, user.id, &user.email, now).await
}

/// Restores the links of a deletion request that an administrator's decision discarded at `discarded_at`, because the decision has
/// been undone. If the email about the deletion had not been sent, it is written again.
pub(crate) async fn restore_deletion_request(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    due: Timestamp,
    discarded_at: Timestamp,
    now: Timestamp,
) -> Result<(), InternalError> {
    restore_tokens(&**txn, user.id, Purpose::KeepAccount, discarded_at).await?;
    let requested_at = due.before(DELETION_DELAY);
    prolong_tokens(&**txn, user.id, Purpose::UndoEmailChange, requested_at, due).await?;
    if was_dropped_at(&**txn, user.id, EmailKind::AccountDeletion, discarded_at).await? {
        send_deletion_emails(backend, txn, user, due, now).await?;
    }
    Ok(())
}
