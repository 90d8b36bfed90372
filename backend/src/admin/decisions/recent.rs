//! Decisions that can still be undone.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::Backend;
use crate::entity::{decision, user};
use crate::error::{ErrorContext, InternalError};
use domain::decision::{RecentDecision, UndoTarget};
use domain::status::UserId;
use domain::time::Timestamp;

/// The maximum number of decisions and batches that are listed.
const MAX_LISTED: u64 = 50;

/// The newest decision of a batch (or the only one), the number of decisions and the earliest end of their time.
type Group = (i64, i64, Timestamp);

/// Returns the decisions that can be undone, the newest first. A batch is one. `current_user` is the administrator who views them.
pub async fn recent_decisions(
    backend: &Backend,
    current_user: UserId,
) -> Result<Vec<RecentDecision>, InternalError> {
    let db = backend.db.pool();
    let groups = read_groups(backend).await?;
    let rows = decision::Entity::find()
        .filter(decision::Column::Id.is_in(groups.iter().map(|(id, ..)| *id)))
        .all(db)
        .await
        .context("read recent decisions")?;
    let rows: HashMap<i64, decision::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let people = rows.values().flat_map(|row| [row.user_id, row.decided_by]);
    let names: HashMap<UserId, String> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::Username])
        .filter(user::Column::Id.is_in(people))
        .into_tuple::<(UserId, String)>()
        .all(db)
        .await
        .context("find the people of recent decisions")?
        .into_iter()
        .collect();
    let last = read_last_decisions(backend, rows.values().map(|row| row.user_id)).await?;
    let to_view = |(id, count, undo_until): Group| {
        let row = rows.get(&id)?;
        if row.batch.is_none() && last.get(&row.user_id).is_some_and(|last| *last > id) {
            return None;
        }
        Some(RecentDecision {
            target: row.batch.clone().map_or(UndoTarget::Decision(row.id), UndoTarget::Batch),
            action: row.action.known()?,
            username: names.get(&row.user_id).cloned().unwrap_or_default(),
            count: u64::try_from(count).unwrap_or(1),
            decided_by: names.get(&row.decided_by).cloned(),
            by_you: row.decided_by == current_user,
            decided_at: row.decided_at,
            undo_until,
            email: row.email_id.is_some(),
        })
    };
    Ok(groups.into_iter().filter_map(to_view).collect())
}

/// Returns the id of the last decision about each of these users that has not been undone. The ones before it can no longer be undone.
async fn read_last_decisions(
    backend: &Backend,
    people: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, i64>, InternalError> {
    let last = decision::Entity::find()
        .select_only()
        .column(decision::Column::UserId)
        .column_as(decision::Column::Id.max(), "last")
        .filter(decision::Column::UserId.is_in(people))
        .filter(decision::Column::UndoneAt.is_null())
        .group_by(decision::Column::UserId)
        .into_tuple::<(UserId, i64)>()
        .all(backend.db.pool())
        .await
        .context("find the last decisions")?;
    Ok(last.into_iter().collect())
}

async fn read_groups(backend: &Backend) -> Result<Vec<Group>, InternalError> {
    // Decisions without a batch are groups of their own.
    let own = SimpleExpr::from(Func::cast_as(Expr::col(decision::Column::Id), "text"));
    let group: SimpleExpr = Func::coalesce([Expr::col(decision::Column::Batch), own]).into();
    decision::Entity::find()
        .select_only()
        .column_as(decision::Column::Id.max(), "id")
        .column_as(decision::Column::Id.count(), "decisions")
        .column_as(decision::Column::UndoUntil.min(), "until")
        .filter(decision::Column::UndoUntil.gt(backend.now()))
        .filter(decision::Column::UndoneAt.is_null())
        .group_by(group)
        .order_by_desc(Expr::col(decision::Column::Id).max())
        .limit(MAX_LISTED)
        .into_tuple()
        .all(backend.db.pool())
        .await
        .context("find recent decisions")
}
