//! The tables as sea-orm entities: columns and relations only. Queries and rules are next to the use cases.

pub mod audit;
pub mod authorization_request;
pub mod blocked_identity;
pub mod decision;
pub mod email_attempt;
pub mod email_job;
pub mod ended_session;
pub mod identity;
pub mod known_browser;
pub mod link_use;
pub mod mailbox_email;
pub mod open_enum;
pub mod outbox;
pub mod password_reset_request;
pub mod portal_id;
pub mod portal_key;
pub mod question;
pub mod registration;
pub mod saved_reason;
pub mod session_record;
pub mod user;
pub mod user_session;
pub mod user_token;
