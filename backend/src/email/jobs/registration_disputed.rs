//! The notification to administrators that the owner of an account's email address did not register.

use crate::Backend;
use crate::accounts::email_address::display_email;
use crate::email::message::Message;
use crate::email::notifications::recipients;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::user;
use crate::error::InternalError;
use crate::infra::database::WriteTransaction;
use domain::time::Timestamp;

/// Writes the notification to each recipient, unless the email address has been confirmed or changed in the meantime.
pub(super) async fn write_emails(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    if user.registration_disputed_at.is_none() {
        return Ok(());
    }
    let message = Message::RegistrationDisputed {
        username: user.username.clone(),
        email: display_email(&user.email, &user.email_canonical),
        url: backend.settings.link(&format!("/admin/users/{}", user.id)),
    };
    for recipient in recipients(backend, &**txn).await? {
        let message = message.clone();
        let new_email = NewEmail { user_id: Some(user.id), recipient: &recipient, message, not_after: None };
        enqueue(&**txn, &backend.keys, new_email, now).await?;
    }
    Ok(())
}
