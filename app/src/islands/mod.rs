//! What is alive in the browser. Each is complete as the server sends it, and works without scripts.
//!
//! Rules (the first three fail silently): no Resource, Suspense or SharedValue in an island; an island with children
//! stands on a server page only; `use_context` only under the form island's children; no static holds anything of a
//! visitor's; props are owned and serialisable.

#![allow(missing_docs, reason = "the structs of the props are made by a macro")]

pub mod desk;
pub mod fields;
pub mod form;
pub mod send;
pub mod session_end;
pub mod theme;
pub mod times;
