//! The email to the owner of an account whose confirmed email address someone else has entered.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::outbox::EmailKind;
use crate::entity::{outbox, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use domain::status::Status;
use domain::time::Timestamp;

/// The shortest time between two of these emails to one owner.
const MIN_INTERVAL: Duration = Duration::from_hours(24);

/// Notifies the owner of the account that has confirmed the email address, at most once a day. Returns false if no account has
/// confirmed it.
pub(super) async fn notify(
    backend: &Backend,
    txn: &WriteTransaction,
    email_canonical: &str,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let owner = user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::EmailConfirmedAt.is_not_null())
        .filter(user::Column::Status.ne(Status::Rejected))
        .one(&**txn)
        .await
        .context("find the owner of the email address")?;
    let Some(owner) = owner else { return Ok(false) };
    let recent = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq(EmailKind::AlreadyRegistered))
        .filter(outbox::Column::UserId.eq(owner.id))
        .filter(outbox::Column::CreatedAt.gt(now.before(MIN_INTERVAL)))
        .count(&**txn)
        .await
        .context("find recent emails to the owner")?;
    if recent > 0 {
        return Ok(true);
    }
    let message = Message::AlreadyRegistered {
        username: owner.username.clone(),
        url: backend.settings.link("/login"),
        deletion_due: owner.deletion_due_at.filter(|due| *due > now),
    };
    let new_email = NewEmail { user_id: Some(owner.id), recipient: &owner.email, message, not_after: None };
    enqueue(&**txn, &backend.keys, new_email, now).await?;
    Ok(true)
}
