//! Emails that are no longer needed.
//!
//! # Guarantees
//!
//! - An event that makes an email unnecessary drops the email in the same transaction, unless the email has been sent.
//! - Before an email is sent, also by an administrator, its reason is checked again. So events in other accounts, and sign-ins, end
//!   it too.
//! - Emails that report a change of an account to its owner, or a disputed registration to administrators, are never dropped
//!   because of a later change, so that no one can delete a warning.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::accounts::email_address::{canonical, is_known};
use crate::email::message::Message;
use crate::email::notifications;
use crate::email::outbox::drop_unsent;
use crate::entity::outbox::EmailKind;
use crate::entity::{outbox, user, user_token};
use crate::error::{ErrorContext, InternalError};
use domain::email_address::EmailAddress;
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// Drops the emails whose links and temporary passwords a change of credentials has revoked.
pub(crate) async fn drop_after_revocation(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    let kinds = [EmailKind::Approved, EmailKind::TemporaryPassword, EmailKind::ConfirmNewEmail];
    drop_unsent(db, user_id, &kinds, now).await.map(drop)
}

/// Drops the emails that a change of status to `status` has made wrong.
pub(crate) async fn drop_after_status_change(
    db: &impl ConnectionTrait,
    user_id: UserId,
    status: Status,
    now: Timestamp,
) -> Result<(), InternalError> {
    let mut kinds = vec![EmailKind::Reactivated, EmailKind::NoTemporaryPassword];
    if status != Status::Rejected {
        kinds.push(EmailKind::Rejected);
    }
    if status != Status::Held {
        kinds.push(EmailKind::Question);
    }
    if !may_confirm(status) {
        kinds.push(EmailKind::ConfirmEmail);
    }
    if status == Status::Rejected {
        kinds.push(EmailKind::AlreadyRegistered);
    }
    drop_unsent(db, user_id, &kinds, now).await.map(drop)
}

/// Drops the emails that a new email address of the account has made wrong.
pub(crate) async fn drop_after_email_change(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    let kinds = [
        EmailKind::ConfirmEmail,
        EmailKind::AlreadyRegistered,
        EmailKind::Reactivated,
        EmailKind::NoTemporaryPassword,
    ];
    drop_unsent(db, user_id, &kinds, now).await.map(drop)
}

/// Drops the emails that are about an unconfirmed email address, which has been confirmed.
pub(crate) async fn drop_after_confirmation(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    let kinds = [EmailKind::ConfirmEmail, EmailKind::NoTemporaryPassword];
    drop_unsent(db, user_id, &kinds, now).await.map(drop)
}

/// Returns true if a link can confirm the email address of an account with this status.
fn may_confirm(status: Status) -> bool {
    matches!(status, Status::Pending | Status::Held | Status::Active)
}

/// Returns the message of an unsent email as it may be sent, or `None` if the email is no longer needed.
pub(crate) async fn still_needed(
    backend: &Backend,
    db: &impl ConnectionTrait,
    row: &outbox::Model,
    message: Message,
) -> Result<Option<Message>, InternalError> {
    if !is_reason_valid(db, row).await? {
        return Ok(None);
    }
    notifications::still_needed(backend, db, &row.recipient, message).await
}

/// Returns true if the reason of an unsent email still holds, as far as its row shows. The content of a notification may name
/// users, whom [`notifications::still_needed`] checks.
pub(crate) async fn is_reason_valid(
    db: &impl ConnectionTrait,
    row: &outbox::Model,
) -> Result<bool, InternalError> {
    let Some(kind) = row.kind.known() else { return Ok(true) };
    if EmailKind::SECURITY.contains(&kind)
        || matches!(
            kind,
            EmailKind::PendingRegistrations
                | EmailKind::RegistrationDisputed
                | EmailKind::Reminder
                | EmailKind::Test
        )
    {
        return Ok(true);
    }
    let Some(user) = find_owner(db, row).await? else { return Ok(false) };
    let is_active = user.status == Status::Active;
    let is_recipient = user.email == row.recipient;
    Ok(match kind {
        EmailKind::Approved => is_active && is_recipient && user.last_sign_in_at <= row.created_at,
        EmailKind::TemporaryPassword => is_active && is_recipient && user.email_confirmed_at.is_some(),
        EmailKind::Reactivated => is_active && is_recipient,
        EmailKind::NoTemporaryPassword => is_recipient,
        EmailKind::AlreadyRegistered => {
            is_recipient && user.email_confirmed_at.is_some() && user.status != Status::Rejected
        }
        EmailKind::ConfirmEmail => {
            let unconfirmed = user.email_confirmed_at.is_none() && user.registration_disputed_at.is_none();
            let may_confirm = may_confirm(user.status) && is_recipient && unconfirmed;
            may_confirm && !is_known(db, &user.email_canonical).await?
        }
        EmailKind::Rejected => user.status == Status::Rejected && is_recipient,
        EmailKind::Question => user.status == Status::Held && is_recipient,
        EmailKind::ConfirmNewEmail => is_active && is_change_requested(db, &user, &row.recipient).await?,
        _ => true,
    })
}

async fn find_owner(
    db: &impl ConnectionTrait,
    row: &outbox::Model,
) -> Result<Option<user::Model>, InternalError> {
    match row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(db).await.context("find the user of an email"),
        None => Ok(None),
    }
}

/// Returns true if the user's request to change their email address to `recipient` can still succeed: they have not requested
/// another change since, their credentials have not changed, and no other account has confirmed that email address.
async fn is_change_requested(
    db: &impl ConnectionTrait,
    user: &user::Model,
    recipient: &str,
) -> Result<bool, InternalError> {
    let valid_tokens = user_token::Entity::find()
        .filter(user_token::Column::UserId.eq(user.id))
        .filter(user_token::Column::Purpose.eq(Purpose::ChangeEmail.as_str()))
        .filter(user_token::Column::Email.eq(recipient))
        .filter(user_token::Column::CredentialVersion.eq(user.credential_version))
        .filter(user_token::Column::UsedAt.is_null())
        .count(db)
        .await
        .context("find a requested email address change")?;
    let email_canonical = EmailAddress::parse(recipient).ok().as_ref().and_then(canonical);
    match email_canonical {
        Some(email_canonical) if valid_tokens > 0 => Ok(!is_known(db, &email_canonical).await?),
        _ => Ok(false),
    }
}
