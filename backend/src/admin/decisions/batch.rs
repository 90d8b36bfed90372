//! The accounts of a decision about many, and the names in its results.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::Backend;
use crate::admin::decisions::last_change::find_last_change;
use crate::admin::decisions::mark_of;
use crate::admin::queue::select_waiting;
use crate::entity::{decision, question, user};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::random;
use crate::sessions::CurrentUser;
use domain::decision::{
    BatchReport, DecisionForm, DecisionResult, FilteredQueue, MAX_BATCH, Mark, PersonResult,
};
use domain::errors::ErrorCode;
use domain::free_text::FreeText;
use domain::status::{AdminAction, Status, UserId};

/// Returns the id of a batch and its decision. The next part of a batch continues the decision of the part before, which only its
/// author can do: without JavaScript, its texts are not sent again.
pub(super) async fn begin_batch(
    backend: &Backend,
    batch: Option<&str>,
    form: &DecisionForm,
    admin: &CurrentUser,
) -> Result<(String, DecisionForm), UseCaseError> {
    let Some(batch) = batch else { return Ok((random::public_id(), form.clone())) };
    if !random::is_public_id(batch) {
        return Err(ErrorCode::FormMalformed.into());
    }
    let db = backend.db.pool();
    let first = decision::Entity::find()
        .filter(decision::Column::Batch.eq(batch))
        .order_by_asc(decision::Column::Id)
        .one(db)
        .await
        .context("find a batch")?;
    let Some(first) = first else { return Ok((batch.to_owned(), form.clone())) };
    if first.decided_by != admin.user_id || first.action.known() != Some(form.action) {
        return Err(ErrorCode::FormMalformed.into());
    }
    if is_undone(db, batch).await? {
        return Err(ErrorCode::BatchUndone.into());
    }
    let asked = question::Entity::find()
        .filter(question::Column::UserId.eq(first.user_id))
        .filter(question::Column::AskedAt.eq(first.decided_at))
        .one(db)
        .await
        .context("find the question of a batch")?;
    let text = |text: Option<String>| text.and_then(|text| FreeText::parse(&text).ok());
    let continued = DecisionForm {
        action: form.action,
        silent: first.email_id.is_none(),
        confirmed_only: form.confirmed_only,
        reason: text(first.reason),
        note: text(first.note),
        question: text(asked.and_then(|asked| asked.question)),
    };
    if continued.action == AdminAction::Ask && continued.question.is_none() {
        return Err(ErrorCode::FormMalformed.into());
    }
    Ok((batch.to_owned(), continued))
}

/// Returns the number of decisions of a batch.
pub(super) async fn count_batch(backend: &Backend, batch: &str) -> Result<u64, InternalError> {
    let query = decision::Entity::find().filter(decision::Column::Batch.eq(batch));
    query.count(backend.db.pool()).await.context("count the decisions of a batch")
}

/// Returns true if an administrator has undone a decision of the batch.
async fn is_undone(db: &impl ConnectionTrait, batch: &str) -> Result<bool, InternalError> {
    let undone = decision::Entity::find()
        .filter(decision::Column::Batch.eq(batch))
        .filter(decision::Column::UndoneAt.is_not_null())
        .count(db)
        .await
        .context("find the undone decisions of a batch")?;
    Ok(undone > 0)
}

/// Returns the next accounts of a filtered queue after the id `after`, at most [`MAX_BATCH`], with their marks.
pub(super) async fn find_filtered(
    backend: &Backend,
    queue: &FilteredQueue,
    action: AdminAction,
    after: UserId,
) -> Result<Vec<(UserId, Mark)>, InternalError> {
    let rows = select_filtered(backend, queue, action, after)
        .order_by_asc(user::Column::Id)
        .limit(MAX_BATCH as u64)
        .all(backend.db.pool())
        .await
        .context("read a filtered queue")?;
    Ok(rows.into_iter().map(|row| (row.id, mark_of(&row))).collect())
}

/// Returns the number of accounts of a filtered queue after the id `after`.
pub(super) async fn count_filtered(
    backend: &Backend,
    queue: &FilteredQueue,
    action: AdminAction,
    after: UserId,
) -> Result<u64, InternalError> {
    select_filtered(backend, queue, action, after)
        .count(backend.db.pool())
        .await
        .context("count a filtered queue")
}

/// Selects the accounts of the queue that match the filter, have been shown, have not changed since, and allow the action.
fn select_filtered(
    backend: &Backend,
    queue: &FilteredQueue,
    action: AdminAction,
    after: UserId,
) -> Select<user::Entity> {
    let statuses: &[Status] = match action {
        AdminAction::Approve | AdminAction::Reject => &[Status::Pending, Status::Held],
        _ => &[Status::Pending],
    };
    select_waiting(backend, Some(&queue.filter))
        .filter(user::Column::Status.is_in(statuses.iter().copied()))
        .filter(user::Column::Id.gt(after))
        .filter(user::Column::Id.lte(queue.up_to))
        .filter(user::Column::StatusSince.lte(queue.shown_at))
}

/// Returns the people of a report with another result than [`DecisionResult::Done`], with their names, as `current_user` sees them.
pub async fn describe_report(
    backend: &Backend,
    report: &BatchReport,
    current_user: UserId,
) -> Result<Vec<PersonResult>, InternalError> {
    let db = backend.db.pool();
    let others: Vec<(UserId, DecisionResult)> =
        report.accounts().filter(|(_, result)| *result != DecisionResult::Done).take(MAX_BATCH).collect();
    let users = user::Entity::find()
        .filter(user::Column::Id.is_in(others.iter().map(|(id, _)| *id)))
        .filter(user::Column::Status.ne(Status::Shadow))
        .all(db)
        .await
        .context("find the people of a batch")?;
    let mut users: HashMap<UserId, user::Model> = users.into_iter().map(|user| (user.id, user)).collect();
    let mut people = Vec::new();
    for (id, result) in others {
        let user = users.remove(&id);
        let has_author = matches!(result, DecisionResult::Already | DecisionResult::Changed);
        let change = match user.as_ref().filter(|_| has_author) {
            Some(user) => find_last_change(db, current_user, user).await?,
            None => None,
        };
        people.push(PersonResult {
            id,
            username: user.map_or_else(String::new, |user| user.username),
            result,
            change,
        });
    }
    Ok(people)
}
