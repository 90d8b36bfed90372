//! What the operator's metrics say of the database.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use crate::backend::Backend;
use crate::backend::entity::{mail_job, outbox, reset_request, user_session};
use crate::backend::error::{Doing, Failure};
use crate::backend::mail::outbox::State;
use crate::backend::queries::desk::count_waiting;
use crate::backend::queries::mails::count_given_up;
use crate::domain::time::Timestamp;

/// Some counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Mails that wait to be sent.
    pub mails_waiting: u64,
    /// Mails that were given up.
    pub mails_given_up: u64,
    /// How long the oldest of those that wait has waited, in seconds.
    pub oldest_mail_seconds: u64,
    /// Jobs and requests that could not be turned into emails.
    pub jobs_failed: u64,
    /// Sessions that have time left.
    pub sessions: u64,
    /// People who wait for a decision.
    pub people_waiting: u64,
}

/// Reads them.
pub async fn read_figures(backend: &Backend) -> Result<Figures, Failure> {
    let (db, now) = (backend.db.pool(), backend.now());
    let waiting = outbox::Entity::find().filter(outbox::Column::Status.eq(State::Waiting.as_str()));
    let oldest = waiting
        .clone()
        .order_by_asc(outbox::Column::CreatedAt)
        .one(db)
        .await
        .doing("find the oldest mail")?;
    let sessions = user_session::Entity::find().filter(user_session::Column::ExpiresAt.gt(now.0));
    let jobs = mail_job::Entity::find().filter(mail_job::Column::FailedAt.is_not_null());
    let requests = reset_request::Entity::find().filter(reset_request::Column::FailedAt.is_not_null());
    Ok(Figures {
        jobs_failed: jobs.count(db).await.doing("count failed jobs")?
            + requests.count(db).await.doing("count failed requests")?,
        mails_waiting: waiting.count(db).await.doing("count mails")?,
        mails_given_up: count_given_up(backend).await?,
        oldest_mail_seconds: oldest.map_or(0, |row| now.since(Timestamp(row.created_at)).as_secs()),
        sessions: sessions.count(db).await.doing("count sessions")?,
        people_waiting: count_waiting(backend).await?,
    })
}
