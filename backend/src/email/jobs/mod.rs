//! The queue of events from which the worker writes emails: `email_jobs`.
//!
//! # Guarantees
//!
//! - A request that inserts a job does the same work whatever the email will be, so that no visitor learns who has an account.
//! - A job is deleted in the transaction that writes its emails. A job that is cancelled at the same time writes none.
//! - A job that fails is attempted again later, and does not stop the jobs behind it.

mod email_change;
mod existing_owner;
mod pending_registrations;
mod registration;
mod registration_disputed;

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::entity::email_job::JobKind;
use crate::entity::open_enum::ColumnText;
use crate::entity::{email_job, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::jobs::queue::Retry;
use crate::sessions::lock_user_row;
use domain::status::UserId;
use domain::time::Timestamp;

pub(crate) use crate::email::jobs::email_change::enqueue_new_email_confirmation;
pub(crate) use crate::email::jobs::registration::enqueue_confirmation;

/// The time until a link that confirms an email address expires.
const CONFIRMATION_LIFETIME: Duration = Duration::from_hours(72);

/// Inserts a job, in the transaction of the event that it reports.
pub async fn insert_job(
    db: &impl ConnectionTrait,
    kind: JobKind,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    insert_job_with_email(db, kind, user_id, None, now).await
}

/// Inserts a job about an email address that is not the account's own.
pub async fn insert_job_with_email(
    db: &impl ConnectionTrait,
    kind: JobKind,
    user_id: UserId,
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), InternalError> {
    let row = email_job::ActiveModel {
        id: ActiveValue::NotSet,
        kind: ActiveValue::Set(kind.into()),
        user_id: ActiveValue::Set(user_id),
        email: ActiveValue::Set(email.map(ToOwned::to_owned)),
        created_at: ActiveValue::Set(now),
        due_at: ActiveValue::Set(now),
        attempts: ActiveValue::Set(0),
        failed_at: ActiveValue::Set(None),
    };
    email_job::Entity::insert(row).exec_without_returning(db).await.context("store an email job")?;
    Ok(())
}

/// Processes the next job that is due. Returns false if there is none. A job that fails is attempted again later.
pub async fn process_next(backend: &Backend) -> Result<bool, InternalError> {
    let now = backend.now();
    // Only one worker at a time across all replicas: combining notifications needs it, and the work is short.
    let txn = backend.db.begin_write(Lock::Notifications).await?;
    let job = email_job::Entity::find()
        .filter(email_job::Column::DueAt.lte(now))
        .filter(email_job::Column::FailedAt.is_null())
        // A job of a later version is left for a worker that knows its kind.
        .filter(email_job::Column::Kind.is_in(JobKind::ALL.iter().copied()))
        .order_by_asc(email_job::Column::DueAt)
        .order_by_asc(email_job::Column::Id)
        .one(&*txn)
        .await
        .context("find an email job")?;
    let Some(job) = job else { return Ok(false) };
    match process(backend, &txn, &job, now).await {
        Ok(()) => txn.commit().await?,
        Err(error) => {
            drop(txn);
            record_failure(backend, &job, &error, now).await?;
        }
    }
    Ok(true)
}

async fn process(
    backend: &Backend,
    txn: &WriteTransaction,
    job: &email_job::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    if job.kind.known() == Some(JobKind::PendingRegistration) {
        return pending_registrations::process(backend, txn, now).await;
    }
    // The user first, then the job, like the events that cancel jobs.
    lock_user_row(&**txn, job.user_id).await?;
    let deleted =
        email_job::Entity::delete_by_id(job.id).exec(&**txn).await.context("delete an email job")?;
    if deleted.rows_affected == 0 {
        // The job has been cancelled in the meantime.
        return Ok(());
    }
    let user =
        user::Entity::find_by_id(job.user_id).one(&**txn).await.context("find the user of an email job")?;
    match user {
        Some(user) => write_emails(backend, txn, job, &user, now).await,
        None => Ok(()),
    }
}

async fn write_emails(
    backend: &Backend,
    txn: &WriteTransaction,
    job: &email_job::Model,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    match job.kind.known() {
        Some(JobKind::EmailChange) => {
            let new_email = job.email.as_deref().unwrap_or_default();
            email_change::write_emails(backend, txn, new_email, user, now).await
        }
        Some(JobKind::RegistrationDisputed) => {
            registration_disputed::write_emails(backend, txn, user, now).await
        }
        Some(JobKind::Registered) => registration::write_emails(backend, txn, user, now).await,
        _ => registration::write_requested_confirmation(backend, txn, user, now).await,
    }
}

/// Records a failed attempt. If the database is the cause, this fails too, and nothing has changed.
async fn record_failure(
    backend: &Backend,
    job: &email_job::Model,
    error: &InternalError,
    now: Timestamp,
) -> Result<(), InternalError> {
    let retry = Retry::after(error, job.attempts, now);
    email_job::Entity::update_many()
        .col_expr(email_job::Column::Attempts, Expr::value(retry.attempts))
        .col_expr(email_job::Column::DueAt, Expr::value(retry.due_at))
        .col_expr(email_job::Column::FailedAt, Expr::value(retry.failed_at))
        .filter(email_job::Column::Id.eq(job.id))
        .exec(backend.db.pool())
        .await
        .context("record a failed email job")?;
    let (kind, attempts) = (job.kind.as_str(), retry.attempts);
    if retry.failed_at.is_some() {
        tracing::error!(job = job.id, kind, attempts, cause = %error, "email job failed");
    } else {
        tracing::warn!(job = job.id, kind, attempts, cause = %error, "email job failed, will retry");
    }
    Ok(())
}
