//! Mail: from what it tells of to the wire.
//!
//! Guarantees: a mail is written in the transaction of what it tells of (`outbox`, or `mail_jobs` where only the worker
//! may know whether there is one), so that neither is without the other; whoever kills the process at any moment loses
//! no mail. A send whose outcome nobody knows is tried again with the same links.

pub mod jobs;
pub mod message;
pub mod outbox;
pub mod templates;
pub mod transport;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Backend;
use super::error::Failure;
use transport::{SendOutcome, Transport};

/// How long the worker sleeps when there is nothing to do and nobody rings.
pub const IDLE: Duration = Duration::from_secs(15);

/// Does all that is due: turns jobs into mails, sends what may leave now. Answers when to come again.
pub async fn work(backend: &Backend, transport: &Transport) -> Result<Duration, Failure> {
    while jobs::work_next(backend).await? {}
    loop {
        let allowance = outbox::allowance(backend).await?;
        if let Err(wait) = allowance {
            return Ok(wait.min(IDLE));
        }
        let Some(leased) = outbox::lease_next(backend).await? else {
            return Ok(IDLE);
        };
        let outcome = match outbox::open(backend, &leased) {
            Ok(message) => {
                let rendered = templates::render(&message, &backend.settings);
                transport.send(&backend.settings, &leased, rendered).await
            }
            Err(failure) => SendOutcome::Refused(failure.to_string()),
        };
        outbox::settle(backend, &leased, outcome).await?;
    }
}
