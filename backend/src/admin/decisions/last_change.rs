//! The last change of an account: its kind, its author and its time.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::{decision, user};
use crate::error::{ErrorContext, InternalError};
use domain::decision::{ChangeKind, LastChange};
use domain::status::UserId;

/// Returns the last change of an account, as `current_user` sees it. Returns `None` if it has not changed since registration.
pub(crate) async fn find_last_change(
    db: &impl ConnectionTrait,
    current_user: UserId,
    user: &user::Model,
) -> Result<Option<LastChange>, InternalError> {
    let last = decision::Entity::find()
        .filter(decision::Column::UserId.eq(user.id))
        .order_by_desc(decision::Column::Id)
        .one(db)
        .await
        .context("find the last decision")?;
    let known = last.as_ref().and_then(|last| {
        let action = last.action.known()?;
        let undone = last.undone_at.zip(last.undone_by);
        Some(match undone {
            Some((at, by)) => (ChangeKind::Undone(action), by, at),
            None => (ChangeKind::Decided(action), last.decided_by, last.decided_at),
        })
    });
    // Since the last decision, the status may have changed without an administrator.
    let Some((kind, by, at)) = known.filter(|(.., at)| *at >= user.status_since) else {
        let has_changed = user.status_since > user.created_at;
        let other = LastChange { kind: ChangeKind::Other, by: None, by_you: false, at: user.status_since };
        return Ok(has_changed.then_some(other));
    };
    let author = user::Entity::find_by_id(by).one(db).await.context("find the administrator who decided")?;
    let by_name = author.map(|author| author.username);
    Ok(Some(LastChange { kind, by: by_name, by_you: by == current_user, at }))
}
