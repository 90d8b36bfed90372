//! The only module that uses `graph-rs-sdk`: builds the sendMail request and the token request.
//!
//! # Guarantees
//!
//! - The SDK's own HTTP clients never send a request. [`GraphEmail`](super::GraphEmail) and [`credential::Credential`] send them.
//! - No error or `Debug` output contains a token or the secret.

pub(super) mod client;
pub(super) mod credential;
