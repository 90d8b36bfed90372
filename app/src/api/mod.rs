//! The server functions: every action of the portal, one file an area.
//!
//! Guarantees: each is a public endpoint under `/do/` with a name of its own that survives a deploy; each takes text,
//! parses it with the domain, asks who is calling before it does anything that needs a right, and calls one use case.
//! All answer the same way: an [`Outcome`](crate::domain::answer::Outcome) to scripts, a redirect to plain forms.

#![allow(missing_docs, reason = "the structs of the arguments are made by a macro")]

pub mod account;
pub mod appearance;
pub mod desk;
#[cfg(feature = "ssr")]
pub mod http;
pub mod links;
pub mod microsoft;
pub mod profile;
pub mod recovery;
