//! The program around the application: settings, router, middleware, worker and command line.
//!
//! # Guarantees
//!
//! - [`router`] answers all requests, so that tests can call it without a socket.

// The type of a view is as deep as its page. Release builds do not erase these types and exceed the default limit of 128.
#![recursion_limit = "512"]

pub mod app_state;
pub mod assets;
pub mod cli;
pub mod config;
pub mod http;
pub mod listener;
pub mod metrics;
pub mod readiness;
pub mod redis;
pub mod serve;
pub mod startup;
pub mod telemetry;
pub mod worker;

pub use crate::http::router::router;
