//! The program around the application: settings, router, middleware, worker and command line.
//!
//! Guarantees: [`router`] is all that answers requests, so that tests can ask it without a socket.

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]

pub mod accent;
pub mod cli;
pub mod config;
pub mod dev_mail;
pub mod doctor;
pub mod download;
pub mod health;
pub mod listen;
pub mod metrics;
mod microsoft;
pub mod middleware;
pub mod portal;
pub mod readiness;
pub mod redis;
pub mod router;
pub mod serve;
pub mod start;
pub mod stills;
pub mod telemetry;
pub mod time_left;
pub mod worker;

pub use router::router;
