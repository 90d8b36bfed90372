//! The portal in process: router and use cases against real databases, a fresh one a test.
//!
//! `TEST_STACK=sqlite` (the default): SQLite, sessions in SQL. `TEST_STACK=postgres`: PostgreSQL and Redis, from
//! `TEST_DATABASE_URL` (whose user may create databases) and `TEST_REDIS_URL`. `script/test` runs both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::items_after_statements,
    reason = "a test that cannot go on fails"
)]

mod admins;
mod asvs;
mod asvs_ciphers;
mod asvs_cookies;
mod asvs_document;
mod asvs_forms;
mod asvs_rights;
mod asvs_secrets;
mod changing_address;
mod changing_password;
mod confirming;
mod deciding;
mod deletion;
mod equal_answers;
mod hostile;
mod limits;
mod manners;
mod metrics;
mod operator;
mod outbox;
mod own_account;
mod recovery;
mod registering;
mod schema;
mod sessions;
mod setup;
mod sign_in_links;
mod signing_in;
mod still_pages;
mod support;
