//! Vestibule's application: what it knows (`domain`), what it does (`backend`), how it is called (`api`) and
//! what people see (`pages`, `islands`, `components`).
//!
//! One crate, compiled twice: for the server with feature `ssr`, for the browser with feature `hydrate`.
//! The browser gets `domain`, `islands`, `components` and the stubs of `api`; `backend` and `pages` stay here.

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]

pub mod api;
pub mod components;
pub mod domain;
pub mod islands;

#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(feature = "ssr")]
pub mod pages;
