//! The metrics of the operator that are read from the database.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::admin::failed_emails::count_failed_emails;
use crate::admin::queue::select_waiting;
use crate::entity::outbox::EmailState;
use crate::entity::{email_job, outbox, password_reset_request, user_session};
use crate::error::{ErrorContext, InternalError};

/// Numbers of emails, jobs, sessions and users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminMetrics {
    /// The number of emails that are still to be sent.
    pub pending_emails: u64,
    /// The number of failed emails.
    pub failed_emails: u64,
    /// The age of the oldest pending email, in seconds.
    pub oldest_pending_email_seconds: u64,
    /// The number of jobs and requests that could not be turned into emails.
    pub failed_jobs: u64,
    /// The number of sessions that have not expired.
    pub sessions: u64,
    /// The number of pending registrations.
    pub pending_registrations: u64,
}

/// Reads the metrics.
pub async fn read_metrics(backend: &Backend) -> Result<AdminMetrics, InternalError> {
    let (db, now) = (backend.db.pool(), backend.now());
    let pending = outbox::Entity::find().filter(outbox::Column::State.eq(EmailState::Pending));
    let oldest = pending
        .clone()
        .order_by_asc(outbox::Column::CreatedAt)
        .one(db)
        .await
        .context("find the oldest waiting email")?;
    let sessions = user_session::Entity::find().filter(user_session::Column::ExpiresAt.gt(now));
    let jobs = email_job::Entity::find().filter(email_job::Column::FailedAt.is_not_null());
    let requests =
        password_reset_request::Entity::find().filter(password_reset_request::Column::FailedAt.is_not_null());
    Ok(AdminMetrics {
        failed_jobs: jobs.count(db).await.context("count failed jobs")?
            + requests.count(db).await.context("count failed requests")?,
        pending_emails: pending.count(db).await.context("count emails")?,
        failed_emails: count_failed_emails(db).await?,
        oldest_pending_email_seconds: oldest.map_or(0, |row| now.since(row.created_at).as_secs()),
        sessions: sessions.count(db).await.context("count sessions")?,
        pending_registrations: select_waiting(backend, None)
            .count(db)
            .await
            .context("count pending registrations")?,
    })
}
