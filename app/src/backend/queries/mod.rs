//! What pages read.

pub mod desk;
pub mod mails;
