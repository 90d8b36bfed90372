//! Counts the emails to one mailbox that any visitor can cause, so that no one can flood it through us.
//!
//! # Guarantees
//!
//! - The count outlives the accounts that the emails are about.
//! - The table holds keyed hashes of mailboxes, and no email address.

use std::time::Duration;

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::accounts::email_address::mailbox_of;
use crate::entity::mailbox_email;
use crate::entity::outbox::EmailKind;
use crate::error::{ErrorContext, InternalError};
use domain::time::Timestamp;

/// The time for which an email is counted: the longest period that is asked for.
const RETENTION: Duration = Duration::from_hours(24);

/// Most links to one mailbox, whatever the tag of its email address.
const MAX_CONFIRMATIONS: [(u64, Duration); 2] =
    [(3, Duration::from_hours(1)), (10, Duration::from_hours(24))];

/// Records that the mailbox of an email address gets an email, in the transaction that writes the email.
pub async fn record_email(
    backend: &Backend,
    db: &impl ConnectionTrait,
    email_canonical: &str,
    kind: EmailKind,
    now: Timestamp,
) -> Result<(), InternalError> {
    let row = mailbox_email::ActiveModel {
        id: ActiveValue::NotSet,
        mailbox_hash: ActiveValue::Set(
            backend.blocked_identities.hash_mailbox(&mailbox_of(email_canonical))?,
        ),
        kind: ActiveValue::Set(kind.into()),
        created_at: ActiveValue::Set(now),
    };
    mailbox_email::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .context("record an email to a mailbox")?;
    Ok(())
}

/// Counts the emails of these kinds that the mailbox of an email address got within `period`, which is at most a day.
pub async fn count_recent(
    backend: &Backend,
    db: &impl ConnectionTrait,
    email_canonical: &str,
    kinds: &[EmailKind],
    period: Duration,
    now: Timestamp,
) -> Result<u64, InternalError> {
    mailbox_email::Entity::find()
        .filter(
            mailbox_email::Column::MailboxHash
                .eq(backend.blocked_identities.hash_mailbox(&mailbox_of(email_canonical))?),
        )
        .filter(mailbox_email::Column::Kind.is_in(kinds.iter().copied()))
        .filter(mailbox_email::Column::CreatedAt.gt(now.before(period)))
        .count(db)
        .await
        .context("count emails to a mailbox")
}

/// Returns true if the mailbox of an email address has recently got as many confirmation links as it may.
pub(super) async fn is_confirmation_limit_reached(
    backend: &Backend,
    db: &impl ConnectionTrait,
    email_canonical: &str,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let kinds = [EmailKind::ConfirmEmail, EmailKind::ConfirmNewEmail];
    for (max, period) in MAX_CONFIRMATIONS {
        if count_recent(backend, db, email_canonical, &kinds, period, now).await? >= max {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deletes the records that are no longer counted.
pub async fn purge_mailbox_emails(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), InternalError> {
    mailbox_email::Entity::delete_many()
        .filter(mailbox_email::Column::CreatedAt.lt(now.before(RETENTION)))
        .exec(db)
        .await
        .context("purge emails to mailboxes")?;
    Ok(())
}
