//! Components without client state, shared by pages and islands.

pub mod alert;
pub mod badge;
pub mod email_address;
pub mod icon;
