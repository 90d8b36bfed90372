//! Erasing the data of registrations that is no longer needed after an approval: answers, questions and IP addresses.
//!
//! # Guarantees
//!
//! - The data is kept for [`REGISTRATION_DATA_RETENTION`] after the approval, and as long as there is no approval.
//! - A later deactivation and reactivation of the account prolongs nothing.
//! - Each batch is a transaction of its own, and repeats the condition.

use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::Backend;
use crate::entity::{decision, question, registration, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use domain::status::transitions::REGISTRATION_DATA_RETENTION;
use domain::status::{AdminAction, Status, UserId};
use domain::time::Timestamp;

/// The maximum number of accounts that one transaction changes. Both databases limit the number of values in a statement.
const BATCH: u64 = 500;

/// Erases the data of registrations that were approved long enough ago.
pub(crate) async fn erase_registration_data(backend: &Backend) -> Result<(), InternalError> {
    let before = backend.now().before(REGISTRATION_DATA_RETENTION);
    while erase_registrations(backend, before).await? == BATCH {}
    while erase_questions(backend, before).await? == BATCH {}
    Ok(())
}

/// Erases one batch of answers, questions and IP addresses of registrations. Returns the number of registrations.
async fn erase_registrations(backend: &Backend, before: Timestamp) -> Result<u64, InternalError> {
    let has_data = Condition::any()
        .add(registration::Column::ClientIp.is_not_null())
        .add(registration::Column::Question.is_not_null())
        .add(registration::Column::Answer.is_not_null());
    let condition = Condition::all()
        // Most registrations are newer. This spares the check of their approval.
        .add(registration::Column::CreatedAt.lt(before))
        .add(has_data)
        .add(registration::Column::UserId.in_subquery(approved_users(before)));
    let ids: Vec<UserId> = registration::Entity::find()
        .select_only()
        .column(registration::Column::UserId)
        .filter(condition.clone())
        .order_by_asc(registration::Column::UserId)
        .limit(BATCH)
        .into_tuple()
        .all(backend.db.pool())
        .await
        .context("find data of registrations to erase")?;
    if ids.is_empty() {
        return Ok(0);
    }
    let found = ids.len() as u64;
    let nothing = || Expr::value(Option::<String>::None);
    let txn = backend.db.begin_write(Lock::None).await?;
    registration::Entity::update_many()
        .col_expr(registration::Column::ClientIp, nothing())
        .col_expr(registration::Column::Question, nothing())
        .col_expr(registration::Column::Answer, nothing())
        .filter(registration::Column::UserId.is_in(ids))
        .filter(condition)
        .exec(&*txn)
        .await
        .context("erase data of registrations")?;
    txn.commit().await?;
    Ok(found)
}

/// Erases one batch of questions of administrators and their answers. Returns the number of questions.
async fn erase_questions(backend: &Backend, before: Timestamp) -> Result<u64, InternalError> {
    let has_data = Condition::any()
        .add(question::Column::Question.is_not_null())
        .add(question::Column::Answer.is_not_null());
    let condition = Condition::all()
        .add(question::Column::AskedAt.lt(before))
        .add(has_data)
        .add(question::Column::UserId.in_subquery(approved_users(before)));
    let ids: Vec<i64> = question::Entity::find()
        .select_only()
        .column(question::Column::Id)
        .filter(condition.clone())
        .order_by_asc(question::Column::Id)
        .limit(BATCH)
        .into_tuple()
        .all(backend.db.pool())
        .await
        .context("find questions to erase")?;
    if ids.is_empty() {
        return Ok(0);
    }
    let found = ids.len() as u64;
    let nothing = || Expr::value(Option::<String>::None);
    let txn = backend.db.begin_write(Lock::None).await?;
    question::Entity::update_many()
        .col_expr(question::Column::Question, nothing())
        .col_expr(question::Column::Answer, nothing())
        .filter(question::Column::Id.is_in(ids))
        .filter(condition)
        .exec(&*txn)
        .await
        .context("erase questions")?;
    txn.commit().await?;
    Ok(found)
}

/// Returns the query for the ids of the users who were approved before this time: by a decision that has not been undone or, if
/// there is none, because they have had their status since then.
fn approved_users(before: Timestamp) -> SelectStatement {
    let approvals = Query::select()
        .column(decision::Column::UserId)
        .from(decision::Entity)
        .and_where(decision::Column::Action.eq(AdminAction::Approve.slug()))
        .and_where(decision::Column::DecidedAt.lt(before))
        .and_where(decision::Column::UndoneAt.is_null())
        .to_owned();
    let approved = Condition::any()
        .add(user::Column::StatusSince.lt(before))
        .add(user::Column::Id.in_subquery(approvals));
    Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .and_where(user::Column::Status.is_in([Status::Active, Status::Deactivated]))
        .cond_where(approved)
        .to_owned()
}
