//! Undoing the decisions of a batch.
//!
//! # Guarantees
//!
//! - A batch is undone as it was made: at most [`MAX_BATCH`] decisions in one request, each in its own transaction and with its own
//!   result, none begun after [`MAX_DURATION`].

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::Backend;
use crate::admin::decisions::many::{MAX_DURATION, result_of};
use crate::admin::decisions::undo::undo_decision;
use crate::entity::decision;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::random;
use crate::sessions::CurrentUser;
use domain::decision::{BatchReport, MAX_BATCH, NextPart};
use domain::errors::ErrorCode;

/// Undoes the next decisions of a batch, after the id `after`.
pub async fn undo_batch(
    backend: &Backend,
    batch: &str,
    after: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<BatchReport, UseCaseError> {
    if !random::is_public_id(batch) {
        return Err(ErrorCode::DecisionNotFound.into());
    }
    let rows = select_after(batch, after)
        .order_by_asc(decision::Column::Id)
        .limit(MAX_BATCH as u64)
        .all(backend.db.pool())
        .await
        .context("read a batch")?;
    let action = rows.first().and_then(|row| row.action.known()).ok_or(ErrorCode::DecisionNotFound)?;
    let mut report = BatchReport {
        batch: batch.to_owned(),
        action,
        undo: true,
        before: count_undone(backend, batch, after).await?,
        not_done_before: 0,
        results: Vec::new(),
        next: None,
        people: Vec::new(),
    };
    let (begun_at, reference) = (backend.now(), random::reference());
    let mut last = after;
    for row in &rows {
        if backend.now().since(begun_at) > MAX_DURATION {
            break;
        }
        let undone = undo_decision(backend, row.id, admin, client_ip).await;
        report.add(row.user_id, result_of(undone, reference, |undone| undone.repeated)?);
        last = row.id;
    }
    let remaining = select_after(batch, last).count(backend.db.pool()).await.context("count a batch")?;
    report.next = (remaining > 0).then_some(NextPart { after: last, remaining, queue: None });
    Ok(report)
}

/// Returns the number of decisions of a batch up to the id `after` that have been undone.
async fn count_undone(backend: &Backend, batch: &str, after: i64) -> Result<u64, InternalError> {
    decision::Entity::find()
        .filter(decision::Column::Batch.eq(batch))
        .filter(decision::Column::Id.lte(after))
        .filter(decision::Column::UndoneAt.is_not_null())
        .count(backend.db.pool())
        .await
        .context("count the undone decisions of a batch")
}

fn select_after(batch: &str, after: i64) -> Select<decision::Entity> {
    decision::Entity::find().filter(decision::Column::Batch.eq(batch)).filter(decision::Column::Id.gt(after))
}
