//! The emails after a request to change an account's email address.

use crate::Backend;
use crate::accounts::email_address::canonical;
use crate::auth::token::{NewToken, insert_token, revoke_tokens};
use crate::email::jobs::{CONFIRMATION_LIFETIME, existing_owner};
use crate::email::mailbox::{is_confirmation_limit_reached, record_email};
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, drop_unsent, enqueue};
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::InternalError;
use crate::infra::database::WriteTransaction;
use domain::email_address::EmailAddress;
use domain::status::Status;
use domain::time::Timestamp;
use domain::token::Purpose;

/// Writes the link that confirms the new email address. If another account has confirmed it, its owner is notified instead.
pub(super) async fn write_emails(
    backend: &Backend,
    txn: &WriteTransaction,
    email: &str,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let parsed = EmailAddress::parse(email).ok();
    let Some(email_canonical) = parsed.as_ref().and_then(canonical) else { return Ok(()) };
    if user.status != Status::Active
        || existing_owner::notify(backend, txn, &email_canonical, now).await?
        || is_confirmation_limit_reached(backend, &**txn, &email_canonical, now).await?
    {
        return Ok(());
    }
    record_email(backend, &**txn, &email_canonical, EmailKind::ConfirmNewEmail, now).await?;
    enqueue_new_email_confirmation(backend, txn, email, user, now).await
}

/// Writes the email with the link that confirms the new email address, whatever the limit of the mailbox. It replaces earlier
/// ones.
pub(crate) async fn enqueue_new_email_confirmation(
    backend: &Backend,
    txn: &WriteTransaction,
    email: &str,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let parsed = EmailAddress::parse(email).ok();
    let Some(email_canonical) = parsed.as_ref().and_then(canonical) else { return Ok(()) };
    revoke_tokens(&**txn, Some(user.id), &[Purpose::ChangeEmail], now).await?;
    drop_unsent(&**txn, user.id, &[EmailKind::ConfirmNewEmail], now).await?;
    let expires_at = now.after(CONFIRMATION_LIFETIME);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::ChangeEmail,
        credential_version: user.credential_version,
        email_canonical: &email_canonical,
        email: Some(email),
        now,
        expires_at,
    };
    let token = insert_token(&**txn, new_token).await?;
    let message = Message::ConfirmNewEmail {
        username: user.username.clone(),
        url: backend.settings.link(&format!("/confirm-address/{}", token.expose())),
        lifetime: CONFIRMATION_LIFETIME,
    };
    let new_email =
        NewEmail { user_id: Some(user.id), recipient: email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, new_email, now).await
}
