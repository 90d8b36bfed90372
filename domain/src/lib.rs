//! Rules and types of accounts, without I/O, clock, environment or framework.
//!
//! # Guarantees
//!
//! - Every [`username::Username`], [`email_address::EmailAddress`] and [`password::NewPassword`] is valid, because parsing is
//!   the only way to create one.
//! - Every change of status or role is allowed by [`status::transitions::AccountState::decide`] or refused with an [`errors::ErrorCode`].
//! - Islands and server functions get user data only as the types of [`view_models`].

pub mod decision;
mod decision_messages;
pub mod email_address;
pub mod errors;
pub mod flash_message;
pub mod free_text;
pub mod invisible;
pub mod messages;
pub mod password;
pub mod queue;
pub mod return_to;
pub mod saved_reason;
pub mod status;
#[cfg(test)]
mod tests;
pub mod time;
pub mod token;
pub mod username;
pub mod validation;
pub mod view_models;
