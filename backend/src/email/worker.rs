//! The worker: writes emails from queued events, and sends the outbox.
//!
//! # Guarantees
//!
//! - An email is written in the transaction of its event, or of its job if only the worker may know whether there is an email.
//! - A process that is killed at any moment loses no email.
//! - An attempt whose result is unknown is repeated with the same links.
//! - A database that does not answer delays a step by at most 10 seconds.

use std::time::Duration;

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::time::timeout;

use crate::Backend;
use crate::accounts::password_reset;
use crate::email::delivery::SendResult;
use crate::email::outbox::{NOT_NEEDED, NextEmail};
use crate::email::transport::Transport;
use crate::email::{jobs, obsolete, outbox, templates};
use crate::entity::outbox as outbox_row;
use crate::error::InternalError;

/// The longest time that the worker sleeps if nothing wakes it.
pub const IDLE: Duration = Duration::from_secs(15);

/// The longest time for one database step, as in requests: a connection may have been dropped silently on the way. An email whose
/// result could not be recorded is sent again when its lease has expired.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time in which all replicas of a portal are restarted.
const ROLLOUT: Duration = Duration::from_mins(10);

/// The time that is added to a wait for something due, because the clocks of databases and machines differ.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(10);

/// Most jobs in one batch, so that jobs do not delay requests for temporary passwords.
const MAX_JOBS: usize = 100;

/// Turns a batch of jobs and a batch of requests for temporary passwords into emails. Returns the wait before the next batch,
/// which is zero if more work is due.
pub async fn write(backend: &Backend) -> Result<Duration, InternalError> {
    // A failed job does not delay temporary passwords.
    let jobs_left = write_jobs(backend).await;
    let requests_left = with_timeout(password_reset::job::process_batch(backend)).await;
    backend.email_wakeup.sender.notify_one();
    let (jobs_left, requests_left) = (jobs_left?, requests_left?);
    if jobs_left || requests_left {
        return Ok(Duration::ZERO);
    }
    let due = with_timeout(password_reset::job::next_due(backend)).await?.unwrap_or(IDLE);
    Ok(due.saturating_add(CLOCK_TOLERANCE).min(IDLE))
}

/// Turns at most [`MAX_JOBS`] jobs into emails. Returns true if more may be due.
async fn write_jobs(backend: &Backend) -> Result<bool, InternalError> {
    for _ in 0..MAX_JOBS {
        if !with_timeout(jobs::process_next(backend)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends the emails that are due, as fast as the rate allows. Returns the wait before the next call. Once `is_stopping` returns
/// true, no further email is started.
pub async fn send(
    backend: &Backend,
    transport: &Transport,
    is_stopping: impl Fn() -> bool,
) -> Result<Duration, InternalError> {
    loop {
        if is_stopping() {
            return Ok(IDLE);
        }
        if let Some(pause) = transport.pause() {
            return Ok(pause.min(IDLE));
        }
        let leased = match with_timeout(outbox::lease_next(backend)).await? {
            NextEmail::Leased(leased) => leased,
            NextEmail::RateReached(wait) => return Ok(wait.min(IDLE)),
            NextEmail::None => return with_timeout(until_next_email(backend)).await,
        };
        // An attempt that hangs delays only the next batch.
        let second = if transport.sends_concurrently() {
            with_timeout(outbox::lease_next(backend)).await
        } else {
            Ok(NextEmail::None)
        };
        let (first, second) = tokio::join!(deliver(backend, transport, *leased), async {
            match second? {
                NextEmail::Leased(leased) => deliver(backend, transport, *leased).await,
                NextEmail::RateReached(_) | NextEmail::None => Ok(()),
            }
        });
        first.and(second)?;
    }
}

/// Returns the wait until the next email is due, at most [`IDLE`].
async fn until_next_email(backend: &Backend) -> Result<Duration, InternalError> {
    let due = outbox::next_due(backend).await?.unwrap_or(IDLE);
    Ok(due.saturating_add(CLOCK_TOLERANCE).min(IDLE))
}

/// Sends an email and records the result.
async fn deliver(
    backend: &Backend,
    transport: &Transport,
    leased: outbox_row::Model,
) -> Result<(), InternalError> {
    let result = match outbox::open(backend, &leased) {
        Ok(message) => {
            let needed = obsolete::still_needed(backend, backend.db.pool(), &leased, message);
            let Some(message) = with_timeout(needed).await? else {
                return with_timeout(outbox::drop_leased(backend, &leased, NOT_NEEDED)).await;
            };
            let rendered = templates::render(&message, &backend.settings);
            transport.send(&backend.settings, &leased, rendered).await
        }
        Err(error) => unreadable(backend, &leased, &error),
    };
    // An email whose result is not recorded is sent again.
    match with_timeout(outbox::record_result(backend, &leased, result.clone())).await {
        Ok(()) => Ok(()),
        Err(_) => with_timeout(outbox::record_result(backend, &leased, result)).await,
    }
}

/// Returns the result for an email whose content cannot be read. Without the right SECRET_KEY no attempt succeeds. But while the
/// replicas of a portal are restarted with a new key or a new version, another one may read a new email.
fn unreadable(backend: &Backend, leased: &outbox_row::Model, error: &InternalError) -> SendResult {
    let InternalError::Seal(_) = error else { return SendResult::temporary_failure(error.to_string()) };
    let reason = "the email was encrypted with another key. Send it again: if it has a link, it is written again with a new one. \
                  Otherwise it needs the old key as SECRET_KEY_PREVIOUS"
        .to_owned();
    if backend.now().since(leased.created_at) < ROLLOUT {
        SendResult::temporary_failure(reason)
    } else {
        SendResult::PermanentFailure(reason)
    }
}

/// Limits the time of a step that needs only the database.
async fn with_timeout<T>(step: impl Future<Output = Result<T, InternalError>>) -> Result<T, InternalError> {
    timeout(DATABASE_TIMEOUT, step).await.unwrap_or(Err(InternalError::Database {
        context: "get an answer from the database",
        source: DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
    }))
}
