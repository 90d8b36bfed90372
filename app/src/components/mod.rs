//! Shared pieces without a life of their own: pages and islands both use them.

pub mod address;
pub mod badge;
pub mod icon;
pub mod notice;
