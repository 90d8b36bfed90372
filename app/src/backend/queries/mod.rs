//! What pages read.

pub mod desk;
pub mod figures;
pub mod mails;
pub mod profile;
