//! Reminders to administrators about registrations that no one has decided on.
//!
//! # Guarantees
//!
//! - All replicas together write at most one reminder in 24 hours.
//! - A registration that is on hold or assigned to an administrator leads to no reminder, nor does a shadow account.
//! - There is no reminder while administrators decide on other accounts.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};

use crate::Backend;
use crate::email::message::Message;
use crate::email::notifications::recipients;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::outbox::EmailKind;
use crate::entity::{decision, outbox, registration, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use domain::status::Status;
use domain::status::transitions::ASSIGNMENT_PERIOD;
use domain::time::Timestamp;

/// The shortest time between two reminders.
const MIN_INTERVAL: Duration = Duration::from_hours(24);

/// Writes a reminder if a registration has been waiting for `REMIND_AFTER`, no one has decided anything in that time, and the last
/// reminder is a day old.
pub async fn remind(backend: &Backend) -> Result<(), InternalError> {
    let now = backend.now();
    // Usually no one is waiting, and then no lock is needed.
    if waiting_message(backend, backend.db.pool(), now).await?.is_none() {
        return Ok(());
    }
    let txn = backend.db.begin_write(Lock::Notifications).await?;
    if last_reminder(&*txn).await?.is_some_and(|at| now < at.after(MIN_INTERVAL)) {
        return Ok(());
    }
    let Some(message) = waiting_message(backend, &*txn, now).await? else { return Ok(()) };
    for recipient in recipients(backend, &*txn).await? {
        let message = message.clone();
        let new_email = NewEmail { user_id: None, recipient: &recipient, message, not_after: None };
        enqueue(&*txn, &backend.keys, new_email, now).await?;
    }
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

async fn last_reminder(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, InternalError> {
    let last = outbox::Entity::find()
        .filter(outbox::Column::Kind.eq(EmailKind::Reminder))
        .order_by_desc(outbox::Column::CreatedAt)
        .one(db)
        .await
        .context("find the last reminder")?;
    Ok(last.map(|row| row.created_at))
}

/// Returns the reminder as it is true now, or `None` if there is nothing to remind of.
pub(super) async fn waiting_message(
    backend: &Backend,
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Option<Message>, InternalError> {
    let remind_after = backend.settings.remind_after;
    if remind_after.is_zero() {
        return Ok(None);
    }
    let before = now.before(remind_after);
    let Some((count, oldest)) = count_waiting(db, before, now).await? else { return Ok(None) };
    if has_decided_since(db, before).await? {
        return Ok(None);
    }
    Ok(Some(Message::Reminder { count, oldest, url: backend.settings.link("/admin") }))
}

/// Returns the number of registrations that have been waiting since `before` and are not assigned, and the time since which the
/// oldest of them has been waiting. Returns `None` if there are none.
async fn count_waiting(
    db: &impl ConnectionTrait,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<(i64, Timestamp)>, InternalError> {
    let is_unassigned = Condition::any()
        .add(registration::Column::AssignedAt.is_null())
        .add(registration::Column::AssignedAt.lte(now.before(ASSIGNMENT_PERIOD)));
    let found: Option<(i64, Option<Timestamp>)> = user::Entity::find()
        .select_only()
        .column_as(user::Column::Id.count(), "waiting")
        .column_as(user::Column::StatusSince.min(), "oldest")
        .join_rev(JoinType::LeftJoin, registration::Relation::User.def())
        .filter(user::Column::Status.eq(Status::Pending))
        .filter(user::Column::StatusSince.lte(before))
        .filter(is_unassigned)
        .into_tuple()
        .one(db)
        .await
        .context("count waiting registrations")?;
    Ok(found.and_then(|(count, oldest)| Some((count, oldest?))))
}

async fn has_decided_since(db: &impl ConnectionTrait, since: Timestamp) -> Result<bool, InternalError> {
    let last = decision::Entity::find()
        .order_by_desc(decision::Column::Id)
        .one(db)
        .await
        .context("find the last decision")?;
    Ok(last.is_some_and(|last| last.decided_at > since))
}
