//! Changing the password of an account.
//!
//! # Guarantees
//!
//! - A change in an ordinary session requires the current password. A user who has none, or who signed in with a link of the
//!   operator, sets a password within ten minutes of signing in.
//! - A user in a restricted session, for example after a temporary password, chooses a password without the current one.
//! - A change ends every other session and revokes temporary passwords and sign-in links. The session of the request continues
//!   with a new id and credential version.
//! - The user is notified by email.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::audit::{Action, insert_audit};
use crate::auth::known_browsers::{KnownBrowser, forget_all_browsers, renew_browser};
use crate::auth::password::policy::PasswordPolicy;
use crate::auth::reauthentication::verify_current_password;
use crate::auth::revocation::revoke_credentials;
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, drop_unsent, enqueue};
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, CurrentUser, SessionKind, SessionRequest, delete_user_sessions,
    insert_session, prepare_session, record_sign_in, refuse_during_recovery, require_session,
};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::password::{NewPassword, NormalizedPassword};
use domain::status::Status;
use domain::time::Timestamp;
use domain::validation::PasswordChange;

/// Changes the password of the current user. Returns the new entry for the cookie of the browser, or `None` on a shared computer.
pub async fn change_password(
    backend: &Backend,
    session: &BrowserSession,
    current_user: &CurrentUser,
    form: PasswordChange,
    browser: &Browser,
) -> Result<Option<KnownBrowser>, UseCaseError> {
    backend.rate_limiter.acquire_reauthentication(&current_user.rate_limit_key(), backend.now()).await?;
    let action = authorize_change(backend, current_user, &form.current, &browser.client_ip).await?;
    let hash = hash_new_password(backend, current_user, &form.new, &browser.client_ip).await?;
    let session_request = SessionRequest {
        user_id: current_user.user_id,
        username: &current_user.username,
        credential_version: current_user.credential_version + 1,
        shared: current_user.shared,
        auth_method: AuthMethod::Password,
    };
    let pending_session = prepare_session(backend, session, &session_request, browser).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    if current_user.kind == SessionKind::Ordinary {
        refuse_during_recovery(&*txn, current_user.user_id, now).await?;
    }
    update_password_hash(&txn, current_user, &hash).await?;
    if current_user.kind == SessionKind::Restricted {
        record_sign_in(&*txn, current_user.user_id, now).await?;
    }
    delete_user_sessions(&*txn, current_user.user_id).await?;
    insert_session(&*txn, &pending_session).await?;
    revoke_credentials(&*txn, current_user.user_id, now).await?;
    drop_unsent(&*txn, current_user.user_id, &[EmailKind::NoTemporaryPassword], now).await?;
    let known = if current_user.shared {
        forget_all_browsers(&*txn, current_user.user_id).await?;
        None
    } else {
        renew_browser(&*txn, current_user.user_id, &browser.known, true, now).await?
    };
    let subject = Some((current_user.user_id, current_user.username.as_str()));
    insert_audit(&*txn, action, &current_user.actor(browser.client_ip.clone()), subject, now).await?;
    notify_password_changed(backend, &txn, current_user, now).await?;
    txn.commit().await?;
    pending_session.activate(backend, session).await;
    backend.email_wakeup.notify();
    Ok(known)
}

/// Checks that the current user may choose a new password. Returns the action for the audit log, which depends on how the user
/// has authenticated.
async fn authorize_change(
    backend: &Backend,
    current_user: &CurrentUser,
    current_password: &NormalizedPassword,
    client_ip: &str,
) -> Result<Action, UseCaseError> {
    if current_user.kind == SessionKind::Restricted {
        return Ok(Action::ResetPassword);
    }
    if current_user.requires_password() {
        verify_current_password(backend, current_user.user_id, current_password, client_ip).await?;
        return Ok(Action::ChangePassword);
    }
    if current_user.is_recently_authenticated(backend.now()) {
        return Ok(Action::SetPassword);
    }
    Err(ErrorCode::ReauthenticationRequired.into())
}

/// Returns the hash of the new password, or an error if the password is too weak.
async fn hash_new_password(
    backend: &Backend,
    current_user: &CurrentUser,
    new: &NewPassword,
    client_ip: &str,
) -> Result<String, UseCaseError> {
    let policy = PasswordPolicy::new(new, &current_user.username, &current_user.email, &backend.settings);
    let hash = backend.hasher.hash_unless(new.password(), client_ip, move || policy.is_too_weak()).await?;
    hash.ok_or_else(|| FormErrors::of_field(Field::NewPassword, ErrorCode::PasswordTooWeak).into())
}

/// Updates the password hash with one conditional UPDATE. It fails if the user has been signed out or deactivated, or has changed
/// the password elsewhere, in the meantime.
async fn update_password_hash(
    txn: &WriteTransaction,
    current_user: &CurrentUser,
    hash: &str,
) -> Result<(), UseCaseError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(current_user.user_id))
        .filter(user::Column::CredentialVersion.eq(current_user.credential_version))
        .filter(user::Column::Status.eq(Status::Active))
        .exec(&**txn)
        .await
        .context("store the password")?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(ErrorCode::SignedOut.into()) }
}

/// Enqueues the email that reports the change.
async fn notify_password_changed(
    backend: &Backend,
    txn: &WriteTransaction,
    current_user: &CurrentUser,
    now: Timestamp,
) -> Result<(), InternalError> {
    let message = Message::PasswordChanged {
        username: current_user.username.clone(),
        url: backend.settings.link("/reset-password"),
    };
    let new_email = NewEmail {
        user_id: Some(current_user.user_id),
        recipient: &current_user.email,
        message,
        not_after: None,
    };
    enqueue(&**txn, &backend.keys, new_email, now).await
}
