//! Passwords: hashing, verifying, and the policy for new ones.

mod argon2;
pub mod blocklist;
mod fair_queue;
pub mod hasher;
pub mod policy;
