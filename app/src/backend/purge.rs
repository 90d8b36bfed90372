//! Forgetting what has had its time.
//!
//! Guarantees: of accounts, only unconfirmed pending and shadow rows (7 days), rejected rows (30 days) and those whose owner
//! asked for it (72 hours) are ever removed here, and the audit loses their names; mails and tokens some days after they came
//! to nothing or to an end.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::audit::{Action, insert_audit};
use super::database::Lock;
use super::delete_users::{BATCH, delete_users};
use super::entity::{mail_job, outbox, reset_request, session_record, user, user_session, user_token};
use super::error::{Doing, Failure};
use super::known_browsers::purge_browsers;
use super::mail::mailbox::purge_mailbox_emails;
use super::mail::message::Kind;
use super::mail::notifications::forget_deleted;
use super::mail::outbox::State;
use super::microsoft::purge_trips;
use super::{Actor, Backend};
use crate::domain::account::{REJECTION_KEPT, UNCONFIRMED_KEPT};
use crate::domain::status::Status;
use crate::domain::time::Timestamp;

/// How long a sent or dropped mail's row is kept (its content is wiped at once): long enough for "once a day".
const SENT_KEPT: Duration = Duration::from_hours(168);
/// How long a failed email is kept: its links have long expired, and whoever looks after the portal has seen it.
const FAILED_KEPT: Duration = Duration::from_hours(720);
/// How long a dead token's row is kept.
const TOKEN_KEPT: Duration = Duration::from_hours(24);

/// Removes what is over; answers how many accounts went. A step that fails stops none of the others.
pub async fn purge(backend: &Backend) -> Result<usize, Failure> {
    let now = backend.now();
    let registrations = purge_users(backend, &overdue_registrations(now), false, now).await;
    let deletions = purge_users(backend, &overdue_deletions(now), true, now).await;
    let names = forget_deleted(backend).await;
    let rows = purge_rows(backend, now).await;
    let log = backend.db.checkpoint().await;
    let deleted = registrations? + deletions?;
    names.and(rows).and(log)?;
    Ok(deleted)
}

async fn purge_rows(backend: &Backend, now: Timestamp) -> Result<(), Failure> {
    let txn = backend.db.begin_write(Lock::None).await?;
    user_token::Entity::delete_many()
        .filter(user_token::Column::ExpiresAt.lt(now.before(TOKEN_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge tokens")?;
    user_session::Entity::delete_many()
        .filter(user_session::Column::ExpiresAt.lt(now.0))
        .exec(&*txn)
        .await
        .doing("purge sessions")?;
    session_record::Entity::delete_many()
        .filter(session_record::Column::ExpiresAt.lt(now.0))
        .exec(&*txn)
        .await
        .doing("purge session records")?;
    purge_trips(&*txn, now).await?;
    purge_browsers(&*txn, now).await?;
    purge_mailbox_emails(&*txn, now).await?;
    mail_job::Entity::delete_many()
        .filter(mail_job::Column::FailedAt.lt(now.before(SENT_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge failed jobs")?;
    reset_request::Entity::delete_many()
        .filter(reset_request::Column::FailedAt.lt(now.before(TOKEN_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge failed requests")?;
    outbox::Entity::delete_many().filter(overdue_mails(now)).exec(&*txn).await.doing("purge mails")?;
    txn.commit().await
}

/// Emails whose time is over. Finished ones of deleted people go immediately.
fn overdue_mails(now: Timestamp) -> Condition {
    let finished = || {
        Condition::all().add(outbox::Column::Status.is_in([State::Sent, State::Dropped].map(State::as_str)))
    };
    let of_deleted = finished()
        .add(outbox::Column::UserId.is_null())
        .add(outbox::Column::Kind.is_in(Kind::SECURITY.map(Kind::as_str)));
    let failed = Condition::all()
        .add(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .add(outbox::Column::FinishedAt.lt(now.before(FAILED_KEPT).0));
    Condition::any()
        .add(finished().add(outbox::Column::FinishedAt.lt(now.before(SENT_KEPT).0)))
        .add(of_deleted)
        .add(failed)
}

/// Registrations that came to nothing.
fn overdue_registrations(now: Timestamp) -> Condition {
    let waiting = [Status::Pending, Status::Shadow].map(Status::as_str);
    let unconfirmed = Condition::all()
        .add(user::Column::Status.is_in(waiting))
        .add(user::Column::EmailConfirmedAt.is_null())
        // Since the status and not since the registration: who was put back among the waiting has all the time again.
        .add(user::Column::StatusSince.lt(now.before(UNCONFIRMED_KEPT).0));
    let rejected = Condition::all()
        .add(user::Column::Status.eq(Status::Rejected.as_str()))
        .add(user::Column::StatusSince.lt(now.before(REJECTION_KEPT).0));
    Condition::any().add(unconfirmed).add(rejected)
}

/// Accounts whose owners asked for their deletion long enough ago.
fn overdue_deletions(now: Timestamp) -> Condition {
    Condition::all()
        .add(user::Column::Status.eq(Status::Deactivated.as_str()))
        .add(user::Column::DeletionDueAt.lte(now.0))
}

/// Deletes accounts, a batch in each transaction, so that others wait for none of them long. Returns how many.
async fn purge_users(
    backend: &Backend,
    which: &Condition,
    asked: bool,
    now: Timestamp,
) -> Result<usize, Failure> {
    let mut deleted = 0;
    loop {
        let txn = backend.db.begin_write(Lock::None).await?;
        let ids = delete_users(&txn, which.clone()).await?;
        if asked {
            let nobody = Actor { id: None, name: String::new(), source: String::new() };
            for id in &ids {
                insert_audit(&*txn, Action::DeleteAccount, &nobody, Some((*id, "")), now).await?;
            }
        }
        txn.commit().await?;
        deleted += ids.len();
        if ids.len() < BATCH {
            return Ok(deleted);
        }
    }
}
