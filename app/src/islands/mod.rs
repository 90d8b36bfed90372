//! Islands: components that are hydrated in the browser. Each works without scripts as the server sends it.
//!
//! Rules (breaking one of the first three fails silently):
//!
//! - An island contains no `Resource`, `Suspense` or `SharedValue`.
//! - An island with children is used only on pages, never in another island.
//! - `use_context` works only below the children of the form island.
//! - No static holds data about a user.
//! - Props are owned and serialisable.

#![allow(missing_docs, reason = "the structs of the props are made by a macro")]

pub mod admin_lists;
pub mod api_client;
pub mod fields;
pub mod form;
pub mod relative_time;
pub mod saved_reasons;
pub mod session_timeout;
pub mod theme;
