//! Integration tests of the router and the use cases, in process. Each test has its own new database.
//!
//! `TEST_STACK=sqlite` (the default) runs them on SQLite, with session records in SQL. `TEST_STACK=postgres` runs them on
//! PostgreSQL and Redis, from `TEST_DATABASE_URL` (its user must be allowed to create databases) and `TEST_REDIS_URL`.
//! `script/test` runs both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::items_after_statements,
    reason = "a test that cannot go on fails"
)]

mod accept;
mod admin_commands;
mod asvs;
mod asvs_ciphers;
mod asvs_cookies;
mod asvs_document;
mod asvs_forms;
mod asvs_rights;
mod asvs_secrets;
mod batch;
mod cookieless;
mod data_export;
mod decisions;
mod deletion;
mod demo;
mod email_addresses;
mod email_change;
mod email_preview;
mod email_rate;
mod email_resend;
mod email_verification;
mod failed_emails;
mod first_admin;
mod http_headers;
mod indexes;
mod invisible_characters;
mod kept_accounts;
mod kept_input;
mod known_browsers;
mod last_admin;
mod later_versions;
mod link_uses;
mod malformed_input;
mod metrics;
mod migrations;
mod nearly_right_paths;
mod normal_forms;
mod obsolete_emails;
mod other_cookies;
mod outages;
mod outbox;
mod page_cache;
mod password_change;
mod password_reset;
mod password_reset_requests;
mod profile;
mod question_links;
mod questions;
mod queue;
mod rate_limits;
mod redis_access;
mod reference;
mod register_question;
mod registration;
mod registration_status;
mod reminders;
mod repeated_actions;
mod repeated_registration;
mod saved_reasons;
mod sessions;
mod sign_in;
mod sign_in_links;
mod support;
mod tabs;
mod unchecked_text;
mod undo;
mod user_actions;
mod user_enumeration;
mod withdrawal;
