//! The delay before the next attempt to send an email.

use std::time::Duration;

use crate::infra::random;

/// Attempts before an email has failed: with the delays below, about a day.
pub(super) const MAX_ATTEMPTS: i32 = 14;
/// Attempts after which the delay that a server asks for is used even if it is shorter than ours.
const MAX_TRUSTED_ATTEMPTS: i32 = 4;
/// The delay after the first failed attempt. It doubles each time, up to [`MAX_DELAY`].
const INITIAL_DELAY: Duration = Duration::from_secs(30);
const MAX_DELAY: Duration = Duration::from_hours(4);

/// Returns the delay before the next attempt: the delay that the server asks for, but after [`MAX_TRUSTED_ATTEMPTS`] attempts not
/// less than the exponential delay. Otherwise a server that says "in a second" for an hour would get all attempts within a minute.
pub(super) fn retry_delay(attempts: i32, retry_after: Option<Duration>) -> Duration {
    match retry_after {
        Some(after) if attempts <= MAX_TRUSTED_ATTEMPTS => after,
        Some(after) => after.max(exponential_delay(attempts - MAX_TRUSTED_ATTEMPTS)),
        None => exponential_delay(attempts),
    }
}

/// Returns a delay that doubles with each attempt, plus up to half of it at random, so that many emails are not attempted again
/// at the same time.
fn exponential_delay(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let delay = INITIAL_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_DELAY);
    let jitter = u32::from(u16::from_le_bytes(random::bytes::<2>()));
    delay + delay.saturating_mul(jitter) / (2 * u32::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_retry_after_is_used_for_the_first_attempts_only() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(retry_delay(1, second), Duration::from_secs(1));
        assert_eq!(retry_delay(MAX_TRUSTED_ATTEMPTS, second), Duration::from_secs(1));
        let total: Duration = (1..MAX_ATTEMPTS).map(|attempts| retry_delay(attempts, second)).sum();
        assert!(total > Duration::from_hours(4), "{total:?}");
        assert_eq!(retry_delay(9, Some(Duration::from_hours(9))), Duration::from_hours(9));
    }

    #[test]
    fn delays_double_and_stay_below_their_maximum() {
        assert!((30..=45).contains(&exponential_delay(1).as_secs()));
        assert!((60..=90).contains(&exponential_delay(2).as_secs()));
        assert!(exponential_delay(100) <= MAX_DELAY + MAX_DELAY / 2);
    }
}
