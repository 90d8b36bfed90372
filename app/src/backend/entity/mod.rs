//! The tables as sea-orm knows them: columns and relations, nothing else. Queries and rules live beside the use cases.

pub mod audit;
pub mod ended_session;
pub mod identity;
pub mod known_browser;
pub mod mail_job;
pub mod mailbox_email;
pub mod microsoft_trip;
pub mod outbox;
pub mod portal_key;
pub mod reset_request;
pub mod session_record;
pub mod shut_out;
pub mod user;
pub mod user_session;
pub mod user_token;
