//! Cleanup: deletes expired accounts, emails, tokens and sessions.
//!
//! # Guarantees
//!
//! - The only accounts that are deleted are unconfirmed pending and shadow registrations (7 days), unconfirmed registrations on
//!   hold (30 days), rejected registrations (30 days) and accounts whose owner requested it (72 hours). The audit log loses their
//!   names, and gets one row for each.
//! - Answers, questions and IP addresses of registrations are erased 90 days after the approval
//!   ([`crate::accounts::registration_data`]).
//! - Emails and tokens are deleted some days after they were sent, used, failed or expired.
//! - A step that fails stops none of the others.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::accounts::delete_users::{BATCH, delete_users};
use crate::accounts::registration_data::erase_registration_data;
use crate::audit::{Action, insert_audit};
use crate::auth::known_browsers::purge_known_browsers;
use crate::auth::link_use::purge_link_uses;
use crate::email::mailbox::purge_mailbox_emails;
use crate::email::notifications::erase_deleted_users;
use crate::entity::outbox::{EmailKind, EmailState};
use crate::entity::{
    email_job, outbox, password_reset_request, session_record, user, user_session, user_token,
};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use crate::microsoft::purge_authorization_requests;
use crate::{Actor, Backend};
use domain::status::Status;
use domain::status::transitions::{HELD_RETENTION, REJECTION_RETENTION, UNCONFIRMED_RETENTION};
use domain::time::Timestamp;

/// The time for which the row of a sent or dropped email is kept, for the limits per day. Its content is deleted immediately.
const SENT_RETENTION: Duration = Duration::from_hours(168);
/// The time for which a failed email is kept: its links have expired long before, and the administrators have seen it.
const FAILED_RETENTION: Duration = Duration::from_hours(720);
/// The time for which the row of an expired token is kept.
const TOKEN_RETENTION: Duration = Duration::from_hours(24);

/// Deletes expired data. Returns the number of deleted accounts.
pub async fn purge(backend: &Backend) -> Result<usize, InternalError> {
    let now = backend.now();
    let registrations = purge_users(backend, &expired_registrations(now), Action::DeleteExpired, now).await;
    let deletions = purge_users(backend, &due_deletions(now), Action::DeleteAccount, now).await;
    let names = erase_deleted_users(backend).await;
    let registration_data = erase_registration_data(backend).await;
    let rows = purge_rows(backend, now).await;
    let log = backend.db.checkpoint().await;
    let deleted = registrations? + deletions?;
    names.and(registration_data).and(rows).and(log)?;
    Ok(deleted)
}

async fn purge_rows(backend: &Backend, now: Timestamp) -> Result<(), InternalError> {
    let txn = backend.db.begin_write(Lock::None).await?;
    user_token::Entity::delete_many()
        .filter(user_token::Column::ExpiresAt.lt(now.before(TOKEN_RETENTION)))
        .exec(&*txn)
        .await
        .context("purge tokens")?;
    user_session::Entity::delete_many()
        .filter(user_session::Column::ExpiresAt.lt(now))
        .exec(&*txn)
        .await
        .context("purge sessions")?;
    session_record::Entity::delete_many()
        .filter(session_record::Column::ExpiresAt.lt(now))
        .exec(&*txn)
        .await
        .context("purge session records")?;
    purge_authorization_requests(&*txn, now).await?;
    purge_known_browsers(&*txn, now).await?;
    purge_link_uses(&*txn, now).await?;
    purge_mailbox_emails(&*txn, now).await?;
    email_job::Entity::delete_many()
        .filter(email_job::Column::FailedAt.lt(now.before(SENT_RETENTION)))
        .exec(&*txn)
        .await
        .context("purge failed jobs")?;
    password_reset_request::Entity::delete_many()
        .filter(password_reset_request::Column::FailedAt.lt(now.before(TOKEN_RETENTION)))
        .exec(&*txn)
        .await
        .context("purge failed requests")?;
    outbox::Entity::delete_many().filter(expired_emails(now)).exec(&*txn).await.context("purge emails")?;
    txn.commit().await
}

/// Returns the condition for expired emails. Sent and dropped ones of deleted users are deleted immediately.
fn expired_emails(now: Timestamp) -> Condition {
    let finished =
        || Condition::all().add(outbox::Column::State.is_in([EmailState::Sent, EmailState::Dropped]));
    let of_deleted =
        finished().add(outbox::Column::UserId.is_null()).add(outbox::Column::Kind.is_in(EmailKind::SECURITY));
    let failed = Condition::all()
        .add(outbox::Column::State.eq(EmailState::Failed))
        .add(outbox::Column::FinishedAt.lt(now.before(FAILED_RETENTION)));
    Condition::any()
        .add(finished().add(outbox::Column::FinishedAt.lt(now.before(SENT_RETENTION))))
        .add(of_deleted)
        .add(failed)
}

/// Returns the condition for registrations that were never confirmed or that were rejected.
fn expired_registrations(now: Timestamp) -> Condition {
    let unconfirmed = Condition::all()
        .add(user::Column::Status.is_in([Status::Pending, Status::Shadow]))
        .add(user::Column::EmailConfirmedAt.is_null())
        // Since the last change of status, so that a registration that was moved back to pending has the full time again.
        .add(user::Column::StatusSince.lt(now.before(UNCONFIRMED_RETENTION)));
    let held = Condition::all()
        .add(user::Column::Status.eq(Status::Held))
        .add(user::Column::EmailConfirmedAt.is_null())
        .add(user::Column::StatusSince.lt(now.before(HELD_RETENTION)));
    let rejected = Condition::all()
        .add(user::Column::Status.eq(Status::Rejected))
        .add(user::Column::StatusSince.lt(now.before(REJECTION_RETENTION)));
    Condition::any().add(unconfirmed).add(held).add(rejected)
}

/// Returns the condition for accounts whose requested deletion is due.
fn due_deletions(now: Timestamp) -> Condition {
    Condition::all()
        .add(user::Column::Status.eq(Status::Deactivated))
        .add(user::Column::DeletionDueAt.lte(now))
}

/// Deletes the accounts that match `condition`, one batch per transaction, so that other transactions do not wait long. Writes a
/// row of the audit log for each. Returns the number of deleted accounts.
async fn purge_users(
    backend: &Backend,
    condition: &Condition,
    action: Action,
    now: Timestamp,
) -> Result<usize, InternalError> {
    let mut deleted = 0;
    loop {
        let txn = backend.db.begin_write(Lock::None).await?;
        let ids = delete_users(&txn, condition.clone()).await?;
        let no_actor = Actor { id: None, name: String::new(), client_ip: String::new() };
        for id in &ids {
            insert_audit(&*txn, action, &no_actor, Some((*id, "")), now).await?;
        }
        txn.commit().await?;
        deleted += ids.len();
        if ids.len() < BATCH {
            return Ok(deleted);
        }
    }
}
