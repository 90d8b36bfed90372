//! The server functions: every action of the portal, one file per area.
//!
//! # Guarantees
//!
//! - Every server function is a public endpoint below `/do/`, with its own name, which does not change between deployments.
//! - Every server function takes text, parses it with the domain, checks the user and calls one use case.
//! - Scripts get an [`ActionResult`](crate::api::action_result::ActionResult), plain forms a redirect.

#![allow(missing_docs, reason = "the structs of the arguments are made by a macro")]

pub mod account;
pub mod action_result;
pub mod admin;
pub mod appearance;
pub mod decisions;
pub mod email_links;
pub mod microsoft;
pub mod password;
pub mod profile;
pub mod queue;
pub mod registration;
pub mod saved_reasons;
pub mod sessions;
