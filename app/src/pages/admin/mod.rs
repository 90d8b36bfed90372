//! The admin pages.

pub(crate) mod failed_emails;
pub(crate) mod user;
pub(crate) mod users;
