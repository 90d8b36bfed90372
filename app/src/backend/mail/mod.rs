//! Mail: from what it tells of to the wire.
//!
//! Guarantees: a mail is written in the transaction of what it tells of (`outbox`, or `mail_jobs` where only the worker
//! may know whether there is one), so that neither is without the other; whoever kills the process at any moment loses
//! no mail. A send whose outcome nobody knows is tried again with the same links.

pub mod graph;
pub mod jobs;
pub mod message;
pub mod outbox;
pub mod outcome;
pub mod resets;
pub mod templates;
pub mod transport;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Backend;
use super::entity::outbox as outbox_row;
use super::error::Failure;
use outcome::SendOutcome;
use transport::Transport;

/// How long the worker sleeps when there is nothing to do and nobody rings.
pub const IDLE: Duration = Duration::from_secs(15);

/// Does all that is due: turns jobs into mails, sends what may leave now. Answers when to come again.
pub async fn work(backend: &Backend, transport: &Transport) -> Result<Duration, Failure> {
    while jobs::work_next(backend).await? {}
    while resets::work_next(backend).await? {}
    loop {
        if let Some(rest) = transport.rest() {
            return Ok(rest.min(idle(backend).await?));
        }
        let allowance = outbox::allowance(backend, 1).await?;
        if let Err(wait) = allowance {
            return Ok(wait.min(idle(backend).await?));
        }
        let Some(leased) = outbox::lease_next(backend).await? else {
            return idle(backend).await;
        };
        // One that hangs holds up nobody but the next.
        let second = transport.sends_two() && outbox::allowance(backend, 2).await?.is_ok();
        let second = if second { outbox::lease_next(backend).await? } else { None };
        let (first, second) = tokio::join!(deliver(backend, transport, leased), async {
            match second {
                Some(leased) => deliver(backend, transport, leased).await,
                None => Ok(()),
            }
        });
        first.and(second)?;
    }
}

/// Sends one mail and writes down what came of it.
async fn deliver(backend: &Backend, transport: &Transport, leased: outbox_row::Model) -> Result<(), Failure> {
    let outcome = match outbox::open(backend, &leased) {
        Ok(message) => {
            let rendered = templates::render(&message, &backend.settings);
            transport.send(&backend.settings, &leased, rendered).await
        }
        Err(failure) => SendOutcome::Refused(failure.to_string()),
    };
    outbox::settle(backend, &leased, outcome).await
}

/// How long there is nothing to do, unless somebody rings.
async fn idle(backend: &Backend) -> Result<Duration, Failure> {
    let due = resets::next_due(backend).await?.unwrap_or(IDLE);
    // A little later than due: clocks of databases and machines differ.
    Ok(due.saturating_add(Duration::from_millis(10)).min(IDLE))
}
