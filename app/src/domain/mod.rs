//! What Vestibule knows about accounts, free of IO, clock, environment and frameworks.
//!
//! Guarantees: a value of [`username::Username`], [`address::EmailAddress`] or [`password::NewPassword`] is valid,
//! because parsing is the only way to one; a transition is either allowed by [`account`] or a
//! [`problem::Problem`] that says why not; what stands in [`view`] is all that a browser ever sees.

pub mod account;
pub mod address;
pub mod answer;
pub mod check;
pub mod next;
pub mod password;
pub mod problem;
pub mod status;
pub mod time;
pub mod token;
pub mod username;
pub mod view;
pub mod words;

#[cfg(test)]
mod tests;
