//! Password reset: accepting requests for a temporary password, and sending the emails.

pub mod job;
pub mod request;
