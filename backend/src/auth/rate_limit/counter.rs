//! Counters of attempts with a limit, and the ways in which attempts use them.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use domain::errors::ErrorCode;
use domain::time::{Limit, Timestamp};

/// A counter of one kind of action for one subject.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    action: &'static str,
    name: String,
    limit: Limit,
}

/// The way in which an attempt uses a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Rejects the attempt if the counter is full. Does not count it.
    Check,
    /// Rejects the attempt if the counter is full, otherwise counts it.
    Require,
    /// Counts the attempt unless the counter is full.
    CountIfRoom,
    /// Counts the attempt in any case.
    Count,
}

impl Mode {
    /// Returns the name that the Redis script uses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Require => "require",
            Self::CountIfRoom => "count_if_room",
            Self::Count => "count",
        }
    }

    /// Returns true if the counter rejects the attempt.
    pub(super) fn rejects(self, full: bool) -> bool {
        full && matches!(self, Self::Check | Self::Require)
    }

    /// Returns true if the attempt is counted, provided that no counter rejects it.
    pub(super) fn counts(self, full: bool) -> bool {
        match self {
            Self::Check => false,
            Self::Require | Self::CountIfRoom => !full,
            Self::Count => true,
        }
    }
}

impl Counter {
    /// Creates the counter of `action` for `subject`. It keeps only a hash of the subject, because Redis must not hold usernames,
    /// email addresses or IP addresses.
    pub(super) fn new(action: &'static str, subject: &str, limit: Limit) -> Self {
        let digest = Sha256::digest(subject.as_bytes());
        let subject = HEXLOWER.encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
        Self { action, name: format!("{action}:{subject}"), limit }
    }

    /// Returns the kind of action that is counted.
    pub(super) fn action(&self) -> &'static str {
        self.action
    }

    /// Returns the limit.
    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    /// Returns the number of the window that contains `now`.
    fn window(&self, now: Timestamp) -> i64 {
        now.0.div_euclid(self.period())
    }

    fn period(&self) -> i64 {
        i64::try_from(self.limit.period.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// Returns the seconds until the window ends, at least one.
    pub(super) fn seconds_left(&self, now: Timestamp) -> u64 {
        let left = self.period().saturating_sub(now.0.rem_euclid(self.period()));
        u64::try_from(left).unwrap_or(0).div_ceil(1_000_000).max(1)
    }

    /// Returns the key of the counter in the window that contains `now`.
    pub(super) fn key(&self, now: Timestamp) -> String {
        format!("{}:{}", self.name, self.window(now))
    }

    /// Returns true if `count` attempts fill the counter.
    pub(super) fn is_filled_by(&self, count: i64) -> bool {
        count >= i64::from(self.limit.count)
    }
}

/// Returns an error with the longest wait if one of the counters rejects the attempt. `full` says which counters are full.
pub(super) fn reject_if_full(
    uses: &[(&Counter, Mode)],
    full: &[bool],
    now: Timestamp,
) -> Result<(), ErrorCode> {
    let rejecting = uses.iter().zip(full).filter(|((_, mode), full)| mode.rejects(**full));
    match rejecting.map(|((counter, _), _)| counter.seconds_left(now)).max() {
        Some(wait) => Err(ErrorCode::TooManyAttempts(wait)),
        None => Ok(()),
    }
}
