//! The pages, which only the server renders: the route table, layouts and one file per page.
//!
//! # Guarantees
//!
//! - Every route is `SsrMode::Async`, so that a page is complete without scripts and its status is set before the first byte.
//! - Every page has an access level: a route without one does not compile.
//! - Pages only read, through the backend's queries. Every action is a form that posts to a server function.

pub mod admin;
mod answer;
mod card;
mod change_password;
mod delete_account;
pub mod dev_mail;
mod document;
mod email_change;
mod email_verification;
pub mod error_page;
mod first_admin;
mod form;
mod home;
mod invalid_link;
mod keep_account;
mod layouts;
mod login;
mod logout;
mod microsoft;
mod page_request;
mod profile;
mod reauthentication;
mod register;
mod registration_status;
mod rendered;
mod reset_password;
mod routes;
mod sign_in_link;

pub use crate::pages::document::{CspNonce, DocumentAssets, provide_page_nonce, script_tags, shell};
pub use crate::pages::routes::{Access, App, PAGES, PageRoute, UserData, has_visitor_form, user_data};
