//! Counts the emails to one mailbox that any visitor can cause, so that no one can flood it through us.
//!
//! # Guarantees
//! - The count outlives the accounts that the emails are about.
//! - The table holds keyed hashes of mailboxes, and no email address.

use std::time::Duration;

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::message::Kind;
use crate::backend::Backend;
use crate::backend::canonical::mailbox_of;
use crate::backend::entity::mailbox_email;
use crate::backend::error::{Doing, Failure};
use crate::domain::time::Timestamp;

/// How long an email counts: the longest period that is asked for.
const KEPT: Duration = Duration::from_hours(24);

/// Notes, in the transaction that writes it, that the mailbox of an email address gets an email.
pub async fn note_email(
    backend: &Backend,
    db: &impl ConnectionTrait,
    email_canonical: &str,
    kind: Kind,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = mailbox_email::ActiveModel {
        id: ActiveValue::NotSet,
        mailbox_hash: ActiveValue::Set(backend.shut_outs.hash_mailbox(&mailbox_of(email_canonical))?),
        kind: ActiveValue::Set(kind.as_str().to_owned()),
        created_at: ActiveValue::Set(now.0),
    };
    mailbox_email::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .doing("note an email to a mailbox")?;
    Ok(())
}

/// Counts the emails of these kinds that the mailbox of an email address got within `period`, of at most a day.
pub async fn count_recent(
    backend: &Backend,
    db: &impl ConnectionTrait,
    email_canonical: &str,
    kinds: &[Kind],
    period: Duration,
    now: Timestamp,
) -> Result<u64, Failure> {
    mailbox_email::Entity::find()
        .filter(
            mailbox_email::Column::MailboxHash
                .eq(backend.shut_outs.hash_mailbox(&mailbox_of(email_canonical))?),
        )
        .filter(mailbox_email::Column::Kind.is_in(kinds.iter().map(|kind| kind.as_str())))
        .filter(mailbox_email::Column::CreatedAt.gt(now.before(period).0))
        .count(db)
        .await
        .doing("count emails to a mailbox")
}

/// Deletes what counts no more.
pub async fn purge_mailbox_emails(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    mailbox_email::Entity::delete_many()
        .filter(mailbox_email::Column::CreatedAt.lt(now.before(KEPT).0))
        .exec(db)
        .await
        .doing("purge emails to mailboxes")?;
    Ok(())
}
