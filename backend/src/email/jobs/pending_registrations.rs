//! Notifications to administrators about pending registrations.
//!
//! # Guarantees
//!
//! - The first notification is written immediately. Registrations of the next 15 minutes are combined into one notification.
//! - A notification says which registrations are pending again because the applicant has answered a question.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::Backend;
use crate::accounts::email_address::display_email;
use crate::email::message::{Message, PendingUser};
use crate::email::notifications::recipients;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::email_job::JobKind;
use crate::entity::outbox::EmailKind;
use crate::entity::{email_job, outbox, question, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use domain::status::{Status, UserId};
use domain::time::Timestamp;

/// The shortest time between two notifications.
const MIN_INTERVAL: Duration = Duration::from_mins(15);
/// Most ids in one statement: both databases limit the number of values (32,766 in SQLite).
const BATCH: usize = 500;

/// Writes one notification about all pending registrations in the queue, or postpones their jobs if the last notification is less
/// than 15 minutes old.
pub(super) async fn process(
    backend: &Backend,
    txn: &WriteTransaction,
    now: Timestamp,
) -> Result<(), InternalError> {
    let last = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq(EmailKind::PendingRegistrations))
        .order_by_desc(outbox::Column::CreatedAt)
        .one(&**txn)
        .await
        .context("find the last notification")?;
    let next_at = last.map_or(now, |row| row.created_at.after(MIN_INTERVAL));
    if next_at > now {
        email_job::Entity::update_many()
            .col_expr(email_job::Column::DueAt, Expr::value(next_at))
            .filter(is_queued())
            .exec(&**txn)
            .await
            .context("postpone notifications")?;
        return Ok(());
    }
    let users = take_pending_users(txn).await?;
    if users.is_empty() { Ok(()) } else { write_notifications(backend, txn, users, now).await }
}

/// Returns the condition of the jobs that wait for a notification.
fn is_queued() -> SimpleExpr {
    email_job::Column::Kind.eq(JobKind::PendingRegistration).and(email_job::Column::FailedAt.is_null())
}

/// Deletes the queued jobs, and returns their users whose registrations are still pending.
async fn take_pending_users(txn: &WriteTransaction) -> Result<Vec<user::Model>, InternalError> {
    let jobs = email_job::Entity::find()
        .filter(is_queued())
        .order_by_asc(email_job::Column::UserId)
        .all(&**txn)
        .await
        .context("read notification jobs")?;
    let mut users = Vec::new();
    for jobs in jobs.chunks(BATCH) {
        let pending = user::Entity::find()
            .filter(user::Column::Id.is_in(jobs.iter().map(|job| job.user_id)))
            .filter(user::Column::Status.eq(Status::Pending))
            .order_by_asc(user::Column::Id)
            .all(&**txn)
            .await
            .context("read pending users")?;
        users.extend(pending);
        email_job::Entity::delete_many()
            .filter(email_job::Column::Id.is_in(jobs.iter().map(|job| job.id)))
            .exec(&**txn)
            .await
            .context("delete finished notification jobs")?;
    }
    // A user with two jobs in different batches appears twice.
    users.dedup_by_key(|user| user.id);
    Ok(users)
}

/// Returns the ids of the users who have answered a question.
async fn find_answered(
    txn: &WriteTransaction,
    users: &[user::Model],
) -> Result<HashSet<UserId>, InternalError> {
    let mut answered = HashSet::new();
    for users in users.chunks(BATCH) {
        let found: Vec<UserId> = question::Entity::find()
            .select_only()
            .column(question::Column::UserId)
            .filter(question::Column::UserId.is_in(users.iter().map(|user| user.id)))
            .filter(question::Column::AnsweredAt.is_not_null())
            .into_tuple()
            .all(&**txn)
            .await
            .context("find answered questions")?;
        answered.extend(found);
    }
    Ok(answered)
}

async fn write_notifications(
    backend: &Backend,
    txn: &WriteTransaction,
    users: Vec<user::Model>,
    now: Timestamp,
) -> Result<(), InternalError> {
    let answered = find_answered(txn, &users).await?;
    let users = users
        .into_iter()
        .map(|user| PendingUser {
            answered: answered.contains(&user.id),
            id: user.id,
            email: display_email(&user.email, &user.email_canonical),
            confirmed: user.email_confirmed_at.is_some(),
            username: user.username,
        })
        .collect();
    let message = Message::PendingRegistrations { users, admin_url: backend.settings.link("/admin") };
    for recipient in recipients(backend, &**txn).await? {
        let new_email =
            NewEmail { user_id: None, recipient: &recipient, message: message.clone(), not_after: None };
        enqueue(&**txn, &backend.keys, new_email, now).await?;
    }
    Ok(())
}
