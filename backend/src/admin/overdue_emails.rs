//! Emails that should have been sent some time ago.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter};

use crate::Backend;
use crate::entity::outbox;
use crate::entity::outbox::EmailState;
use crate::error::{ErrorContext, InternalError};

/// The time after which an email that is due counts as overdue.
pub const OVERDUE_AFTER: Duration = Duration::from_mins(15);

/// Returns the number of emails that have been due for [`OVERDUE_AFTER`] and have not been sent, failed or dropped.
pub async fn overdue_emails(backend: &Backend) -> Result<u64, InternalError> {
    let since = backend.now().before(OVERDUE_AFTER);
    // A failed attempt postpones the next one. The first one was due when the email was written or, after a decision, at the end of
    // the time in which the decision could be undone.
    let attempted = Condition::all()
        .add(outbox::Column::Attempts.gt(0))
        .add(outbox::Column::CreatedAt.lte(since.before(backend.settings.undo_window)));
    outbox::Entity::find()
        .filter(outbox::Column::State.eq(EmailState::Pending))
        .filter(Condition::any().add(outbox::Column::DueAt.lte(since)).add(attempted))
        .count(backend.db.pool())
        .await
        .context("count overdue emails")
}
