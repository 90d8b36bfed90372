//! The tables as sea-orm knows them: columns and relations, nothing else. Queries and rules live beside the use cases.

pub mod audit;
pub mod mail_job;
pub mod outbox;
pub mod session_record;
pub mod user;
pub mod user_session;
pub mod user_token;
