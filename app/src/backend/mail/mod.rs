//! Mail: from what it tells of to the wire.
//!
//! Guarantees: a mail is written in the transaction of what it tells of (`outbox`, or `mail_jobs` where only the worker
//! may know whether there is one), so that neither is without the other; whoever kills the process at any moment loses
//! no mail. A send whose outcome nobody knows is tried again with the same links. A database that has gone silent holds up
//! the mail for seconds.

mod attempts;
pub mod graph;
pub mod jobs;
pub mod mailbox;
pub mod message;
pub mod notifications;
pub mod outbox;
pub mod outcome;
pub mod resets;
pub mod templates;
pub mod transport;

#[cfg(test)]
mod tests;

use std::time::Duration;

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::time::timeout;

use super::Backend;
use super::entity::outbox as outbox_row;
use super::error::Failure;
use outcome::SendOutcome;
use transport::Transport;

/// How long the worker sleeps when there is nothing to do and nobody rings.
pub const IDLE: Duration = Duration::from_secs(15);

/// How long the database is waited for in each step, as in requests: a connection may have been forgotten on the way. A mail
/// that was sent and could not be settled is sent once more when its lease is over.
const DATABASE: Duration = Duration::from_secs(10);

/// Most jobs that one batch turns into emails, so that the requests for temporary passwords get their turn.
const JOBS: usize = 100;

/// Turns a batch of jobs and a batch of requests for temporary passwords into emails. Returns how long to wait before the
/// next batch: no time if more is due.
pub async fn write(backend: &Backend) -> Result<Duration, Failure> {
    // A failed job does not delay temporary passwords.
    let jobs = write_jobs(backend).await;
    let requests = soon(resets::work_batch(backend)).await;
    backend.mail_bell.sender.notify_one();
    let (more_jobs, more_requests) = (jobs?, requests?);
    if more_jobs || more_requests {
        return Ok(Duration::ZERO);
    }
    let due = soon(resets::next_due(backend)).await?.unwrap_or(IDLE);
    // A little later than due: clocks of databases and machines differ.
    Ok(due.saturating_add(Duration::from_millis(10)).min(IDLE))
}

/// Turns at most [`JOBS`] jobs into emails; `true` if more may be due.
async fn write_jobs(backend: &Backend) -> Result<bool, Failure> {
    for _ in 0..JOBS {
        if !soon(jobs::work_next(backend)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Sends what may leave now. Returns when to come again. Once `is_stopping` says so, no other email is begun.
pub async fn send(
    backend: &Backend,
    transport: &Transport,
    is_stopping: impl Fn() -> bool,
) -> Result<Duration, Failure> {
    loop {
        if is_stopping() {
            return Ok(IDLE);
        }
        if let Some(rest) = transport.rest() {
            return Ok(rest.min(IDLE));
        }
        let allowance = soon(outbox::allowance(backend, 1)).await?;
        if let Err(wait) = allowance {
            return Ok(wait.min(IDLE));
        }
        let Some(leased) = soon(outbox::lease_next(backend)).await? else {
            return Ok(IDLE);
        };
        // One that hangs holds up nobody but the next.
        let second = if transport.sends_two() { lease_second(backend).await } else { Ok(None) };
        let (first, second) = tokio::join!(deliver(backend, transport, leased), async {
            match second? {
                Some(leased) => deliver(backend, transport, leased).await,
                None => Ok(()),
            }
        });
        first.and(second)?;
    }
}

/// Another mail, if two may leave.
async fn lease_second(backend: &Backend) -> Result<Option<outbox_row::Model>, Failure> {
    if soon(outbox::allowance(backend, 2)).await?.is_err() {
        return Ok(None);
    }
    soon(outbox::lease_next(backend)).await
}

/// Sends one mail and writes down what came of it.
async fn deliver(backend: &Backend, transport: &Transport, leased: outbox_row::Model) -> Result<(), Failure> {
    let outcome = match outbox::open(backend, &leased) {
        Ok(message) => {
            match soon(notifications::still_needed(backend, backend.db.pool(), &leased.recipient, message))
                .await?
            {
                Some(message) => {
                    let rendered = templates::render(&message, &backend.settings);
                    transport.send(&backend.settings, &leased, rendered).await
                }
                None => return soon(outbox::drop_leased(backend, &leased, notifications::NOT_NEEDED)).await,
            }
        }
        // Another SECRET_KEY may open it, or another version read it.
        Err(failure) => SendOutcome::Again { reason: failure.to_string(), after: None },
    };
    // What is not written down is sent once more.
    match soon(outbox::settle(backend, &leased, outcome.clone())).await {
        Ok(()) => Ok(()),
        Err(_) => soon(outbox::settle(backend, &leased, outcome)).await,
    }
}

/// A step that needs the database alone.
async fn soon<T>(step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(DATABASE, step).await.unwrap_or(Err(Failure::Database {
        doing: "hear from the database",
        source: DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
    }))
}
