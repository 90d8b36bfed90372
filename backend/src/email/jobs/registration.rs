//! The emails after a registration, and after a request for another confirmation link.

use crate::Backend;
use crate::accounts::email_address::is_known;
use crate::auth::token::{NewToken, insert_token};
use crate::email::jobs::{CONFIRMATION_LIFETIME, existing_owner, insert_job};
use crate::email::mailbox::{is_confirmation_limit_reached, record_email};
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::email_job::JobKind;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::InternalError;
use crate::infra::database::WriteTransaction;
use domain::status::Status;
use domain::time::Timestamp;
use domain::token::Purpose;

/// Writes the email to the registered email address, and inserts the job that notifies administrators.
pub(super) async fn write_emails(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    match user.status {
        Status::Shadow => existing_owner::notify(backend, txn, &user.email_canonical, now).await.map(drop),
        Status::Pending | Status::Held | Status::Active => {
            // An owner who has already confirmed the email address is notified, and gets no link that confirms it for someone
            // else.
            if user.email_confirmed_at.is_none()
                && !existing_owner::notify(backend, txn, &user.email_canonical, now).await?
            {
                write_confirmation(backend, txn, user, now).await?;
            }
            if user.status == Status::Pending {
                insert_job(&**txn, JobKind::PendingRegistration, user.id, now).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Writes another confirmation link, unless the email address has been confirmed, by this account or another.
pub(super) async fn write_requested_confirmation(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let may_confirm = matches!(user.status, Status::Pending | Status::Held | Status::Active)
        && user.email_confirmed_at.is_none();
    if may_confirm && !is_known(&**txn, &user.email_canonical).await? {
        write_confirmation(backend, txn, user, now).await?;
    }
    Ok(())
}

async fn write_confirmation(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    if user.registration_disputed_at.is_some()
        || is_confirmation_limit_reached(backend, &**txn, &user.email_canonical, now).await?
    {
        return Ok(());
    }
    record_email(backend, &**txn, &user.email_canonical, EmailKind::ConfirmEmail, now).await?;
    enqueue_confirmation(backend, txn, user, now).await
}

/// Writes the email with a confirmation link, whatever the limit of the mailbox.
pub(crate) async fn enqueue_confirmation(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let expires_at = now.after(CONFIRMATION_LIFETIME);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::ConfirmEmail,
        credential_version: user.credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now,
        expires_at,
    };
    let token = insert_token(&**txn, new_token).await?;
    let message = Message::ConfirmEmail {
        username: user.username.clone(),
        url: backend.settings.link(&format!("/confirm/{}", token.expose())),
        lifetime: CONFIRMATION_LIFETIME,
    };
    let new_email =
        NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, new_email, now).await
}
