//! The admin pages.

mod accounts;
pub(crate) mod decision;
pub(crate) mod email_preview;
pub(crate) mod failed_emails;
mod list_dialogs;
mod queue;
mod queue_bar;
mod queue_facts;
pub(crate) mod reasons;
pub(crate) mod recent_decisions;
pub(crate) mod saved_reasons;
pub(crate) mod user;
pub(crate) mod users;
mod users_url;
