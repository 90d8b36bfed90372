//! Queries and actions of the admin pages, and the use cases behind the admin commands.

pub mod commands;
pub mod decisions;
pub mod failed_emails;
pub mod metrics;
pub mod overdue_emails;
pub mod queue;
pub mod saved_reasons;
mod user_count;
pub mod users;
