//! Retries of queued jobs and requests.
//!
//! # Guarantees
//!
//! - A failed row is retried after a delay and has failed for good after [`MAX_ATTEMPTS`] attempts, so it never stops the rows
//!   behind it.
//! - An outage, for example a deadlock, uses up no attempt.

use std::time::Duration;

use crate::error::InternalError;
use domain::time::Timestamp;

/// The number of attempts after which a row has failed. With the delays below they take about an hour.
const MAX_ATTEMPTS: i32 = 7;
/// The delay after the first attempt. It doubles after each further attempt.
const FIRST_DELAY: Duration = Duration::from_mins(1);

/// The state of a row after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The number of attempts.
    pub attempts: i32,
    /// The earliest time of the next attempt.
    pub due_at: Timestamp,
    /// The time of the failure, if there is no further attempt.
    pub failed_at: Option<Timestamp>,
}

impl Retry {
    /// Returns the state after an attempt at `now` that ended with `error`, with `attempts` failed attempts before it.
    pub fn after(error: &InternalError, attempts: i32, now: Timestamp) -> Self {
        if error.is_outage() {
            return Self { attempts, due_at: now.after(FIRST_DELAY), failed_at: None };
        }
        let doublings = u32::try_from(attempts).unwrap_or(0).min(16);
        let attempts = attempts.saturating_add(1);
        Self {
            attempts,
            due_at: now.after(FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings))),
            failed_at: (attempts >= MAX_ATTEMPTS).then_some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnAcquireErr, DbErr};

    use super::*;

    #[test]
    fn retries_become_less_frequent_and_end() {
        let now = Timestamp(1_800_000_000_000_000);
        let after = |attempts| Retry::after(&InternalError::Data("a fault"), attempts, now);
        assert_eq!(after(0), Retry { attempts: 1, due_at: now.after(FIRST_DELAY), failed_at: None });
        assert_eq!(after(2).due_at, now.after(4 * FIRST_DELAY));
        assert_eq!(after(5).failed_at, None);
        assert_eq!(after(6).failed_at, Some(now));
    }

    #[test]
    fn an_outage_uses_up_no_attempt() {
        let now = Timestamp(1_800_000_000_000_000);
        let source = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let outage = InternalError::Database { context: "connect", source };
        let retry = Retry { attempts: 6, due_at: now.after(FIRST_DELAY), failed_at: None };
        assert_eq!(Retry::after(&outage, 6, now), retry);
    }
}
