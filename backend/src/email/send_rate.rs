//! The rate at which emails are sent (`MAIL_RATE`), over all replicas.
//!
//! # Guarantees
//!
//! - In no period do all replicas together start more attempts to send an email than `MAIL_RATE` allows.
//! - An attempt counts whatever its result, because an email may have been sent even if no answer arrived.
//! - The count does not depend on the rows of the outbox, which may be deleted.

use std::time::Duration;

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::entity::email_attempt;
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use domain::time::Timestamp;

/// The shortest wait for the next attempt.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// Counts an attempt to send an email. The inner error is the time until the next attempt is allowed. The transaction holds
/// [`crate::infra::database::Lock::SendRate`], so that no other replica counts at the same time.
pub(super) async fn acquire_attempt(
    backend: &Backend,
    txn: &WriteTransaction,
    now: Timestamp,
) -> Result<Result<(), Duration>, InternalError> {
    let rate = backend.settings.email_rate;
    email_attempt::Entity::delete_many()
        .filter(email_attempt::Column::AttemptedAt.lte(now.before(rate.period)))
        .exec(&**txn)
        .await
        .context("delete old attempts to send an email")?;
    let recent =
        email_attempt::Entity::find().count(&**txn).await.context("count attempts to send an email")?;
    if recent >= u64::from(rate.count) {
        let oldest = email_attempt::Entity::find()
            .order_by_asc(email_attempt::Column::AttemptedAt)
            .one(&**txn)
            .await
            .context("find the oldest attempt to send an email")?;
        let allowed_at = oldest.map_or(now, |row| row.attempted_at.after(rate.period));
        return Ok(Err(allowed_at.since(now).max(MIN_WAIT)));
    }
    let attempt = email_attempt::ActiveModel { id: ActiveValue::NotSet, attempted_at: ActiveValue::Set(now) };
    email_attempt::Entity::insert(attempt)
        .exec_without_returning(&**txn)
        .await
        .context("count an attempt to send an email")?;
    Ok(Ok(()))
}
