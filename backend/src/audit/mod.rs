//! The audit log: one row for each change of an account.

mod action;
mod log;
mod repetition;

pub use crate::entity::audit::Action;
pub use log::{audit_row, erase_names, insert_audit, insert_audit_row, insert_audit_with_detail};
pub use repetition::REPEAT_PERIOD;
pub(crate) use repetition::has_just_done;
