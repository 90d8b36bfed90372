//! Queries and actions of the admin pages, and the use cases behind the admin commands.

pub mod commands;
pub mod failed_emails;
pub mod metrics;
pub mod user_actions;
pub mod users;
