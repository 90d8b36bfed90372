//! The audit log: one row for each change of an account.

mod action;
mod log;

pub use crate::entity::audit::Action;
pub use log::{audit_row, erase_names, insert_audit, insert_audit_row};
