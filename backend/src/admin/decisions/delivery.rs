//! The emails of decisions.

use sea_orm::ConnectionTrait;

use crate::Backend;
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, Schedule, enqueue_scheduled};
use crate::entity::user;
use crate::error::InternalError;
use domain::time::Timestamp;

/// The times of a decision's rows, and the priority of its email unless it is that of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    /// The time of the decision. All of its rows have it, so that undoing it finds them.
    pub(super) decided_at: Timestamp,
    /// The time at which the email is sent.
    pub(super) due_at: Timestamp,
    pub(super) priority: Option<i32>,
}

impl Delivery {
    /// The delivery of an email that is sent immediately.
    pub(super) fn immediate(now: Timestamp) -> Self {
        Self { decided_at: now, due_at: now, priority: None }
    }
}

/// Enqueues an email to a user and returns its id.
pub(super) async fn enqueue_email(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    message: Message,
    not_after: Option<Timestamp>,
    delivery: Delivery,
) -> Result<i64, InternalError> {
    let priority = delivery.priority.unwrap_or_else(|| message.kind().priority());
    let schedule = Schedule { due_at: delivery.due_at, priority };
    let new_email = NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after };
    enqueue_scheduled(db, &backend.keys, new_email, schedule, delivery.decided_at).await
}
