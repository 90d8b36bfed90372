//! Background tasks: supervision, retries of queued work, and cleanup.

pub mod cleanup;
pub(crate) mod queue;
pub mod supervisor;
