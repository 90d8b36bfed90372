//! The Leptos application: server functions (`api`), HTTP glue (`http`), pages, islands and components.
//!
//! The crate is compiled twice: with feature `ssr` for the server and with feature `hydrate` for the browser. The
//! browser build contains `islands`, `components` and the client stubs of `api`, but neither `http` nor `pages`.

// The type of a view nests as deep as its page. Release builds do not erase these types and exceed the default limit
// of 128.
#![recursion_limit = "512"]

pub mod api;
pub mod components;
#[cfg(feature = "ssr")]
pub mod http;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod pages;
