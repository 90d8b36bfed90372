//! Jobs and requests that cannot be turned into emails: tried again after a while, and failed after some tries, so that one
//! bad row stops none behind it.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// Tries before a row has failed: with the waits below, about an hour.
const MAX_ATTEMPTS: i32 = 7;
/// The wait after the first try; doubled each time.
const FIRST_WAIT: Duration = Duration::from_mins(1);

/// What becomes of a row after a try in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it was tried.
    pub attempts: i32,
    /// Not before.
    pub due_at: Timestamp,
    /// When it failed, if it is not tried again.
    pub failed_at: Option<Timestamp>,
}

impl Retry {
    /// What follows after `attempts` tries before this one.
    pub fn after(attempts: i32, now: Timestamp) -> Self {
        let doublings = u32::try_from(attempts).unwrap_or(0).min(16);
        let attempts = attempts.saturating_add(1);
        Self {
            attempts,
            due_at: now.after(FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings))),
            failed_at: (attempts >= MAX_ATTEMPTS).then_some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_end() {
        let now = Timestamp(1_800_000_000_000_000);
        assert_eq!(
            Retry::after(0, now),
            Retry { attempts: 1, due_at: now.after(FIRST_WAIT), failed_at: None }
        );
        assert_eq!(Retry::after(2, now).due_at, now.after(4 * FIRST_WAIT));
        assert_eq!(Retry::after(5, now).failed_at, None);
        assert_eq!(Retry::after(6, now).failed_at, Some(now));
    }
}
