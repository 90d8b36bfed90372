//! Repeated actions: an action that has already had its effect is answered as done.

use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::audit::{self, Action};
use crate::error::{ErrorContext, InternalError};
use domain::status::UserId;
use domain::time::Timestamp;

/// The time for which a repetition of an action is answered as done.
pub const REPEAT_PERIOD: Duration = Duration::from_mins(10);

/// Returns true if the last of the actions `among` on `subject` is `action`, and `actor_id` did it within [`REPEAT_PERIOD`]. Then
/// the same action of the same user has had its effect, and nothing has changed since.
pub(crate) async fn has_just_done(
    db: &impl ConnectionTrait,
    actor_id: UserId,
    action: Action,
    among: &[Action],
    subject_id: Option<UserId>,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let subject = subject_id.map_or_else(
        || audit::Column::SubjectId.is_null(),
        |subject_id| audit::Column::SubjectId.eq(subject_id),
    );
    let last = audit::Entity::find()
        .filter(subject)
        .filter(audit::Column::Action.is_in(among.iter().copied()))
        .order_by_desc(audit::Column::Id)
        .one(db)
        .await
        .context("find the last action on an account")?;
    Ok(last.is_some_and(|last| {
        last.action.known() == Some(action)
            && last.actor_id == Some(actor_id)
            && now.since(last.at) < REPEAT_PERIOD
    }))
}
