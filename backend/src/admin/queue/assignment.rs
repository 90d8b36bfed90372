//! The assignment of requests to administrators, so that two of them do not work on the same request. It forbids nothing.
//!
//! # Guarantees
//!
//! - The transaction checks that its author is an active administrator.
//! - Only requests that wait for a decision are assigned, and an assignment ends after [`ASSIGNMENT_LIFETIME`].

use std::time::Duration;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::admin::decisions::require_admin;
use crate::entity::{registration, user};
use crate::error::{ErrorContext, UseCaseError};
use crate::infra::database::Lock;
use crate::sessions::CurrentUser;
use domain::errors::ErrorCode;
use domain::status::{Status, UserId};
use domain::time::Timestamp;

/// The time for which a request is marked as assigned.
pub const ASSIGNMENT_LIFETIME: Duration = Duration::from_mins(15);

/// Assigns a request that waits for a decision to `admin`, even if it is assigned to someone else.
pub async fn assign(backend: &Backend, subject: UserId, admin: &CurrentUser) -> Result<(), UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let waiting = user::Entity::find_by_id(subject)
        .filter(user::Column::Status.ne(Status::Shadow))
        .one(&*txn)
        .await
        .context("find the request")?;
    let waiting = waiting.ok_or(ErrorCode::UserNotFound)?;
    if !matches!(waiting.status, Status::Pending | Status::Held) {
        return Err(ErrorCode::WrongStatus(waiting.status.public()).into());
    }
    let row = registration::ActiveModel {
        user_id: ActiveValue::Set(subject),
        question: ActiveValue::Set(None),
        answer: ActiveValue::Set(None),
        client_ip: ActiveValue::Set(None),
        created_at: ActiveValue::Set(waiting.created_at),
        assigned_to: ActiveValue::Set(Some(admin.user_id)),
        assigned_at: ActiveValue::Set(Some(now)),
    };
    // Accounts that are older than the table have no row yet.
    let on_conflict = OnConflict::column(registration::Column::UserId)
        .update_columns([registration::Column::AssignedTo, registration::Column::AssignedAt])
        .to_owned();
    registration::Entity::insert(row)
        .on_conflict(on_conflict)
        .exec_without_returning(&*txn)
        .await
        .context("assign the request")?;
    Ok(txn.commit().await?)
}

/// Ends the assignment of a request to `admin`. Does nothing if the request is assigned to someone else.
pub async fn unassign(backend: &Backend, subject: UserId, admin: &CurrentUser) -> Result<(), UseCaseError> {
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    registration::Entity::update_many()
        .col_expr(registration::Column::AssignedTo, Expr::value(Option::<UserId>::None))
        .col_expr(registration::Column::AssignedAt, Expr::value(Option::<Timestamp>::None))
        .filter(registration::Column::UserId.eq(subject))
        .filter(registration::Column::AssignedTo.eq(admin.user_id))
        .exec(&*txn)
        .await
        .context("end the assignment")?;
    Ok(txn.commit().await?)
}
