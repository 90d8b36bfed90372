//! Passwords: normalising, hashing, verifying, and the policy for new ones.

mod argon2;
pub mod blocklist;
mod fair_queue;
pub mod hasher;
mod normal_form;
pub mod policy;

pub use crate::auth::password::normal_form::normalize;
