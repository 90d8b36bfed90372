//! Email: messages, templates, the outbox, and the transports that send it.

mod backoff;
pub mod delivery;
pub mod jobs;
pub mod mailbox;
pub mod message;
pub mod notifications;
pub(crate) mod obsolete;
pub mod outbox;
mod redact;
pub mod reminder;
mod send_rate;
pub mod templates;
#[cfg(test)]
mod tests;
pub mod transport;
pub mod worker;
