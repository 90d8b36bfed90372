//! Counters for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// The outcome of an attempt to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The user is signed in.
    SignedIn,
    /// The user signed in with a temporary password and must choose a new one.
    Restricted,
    /// The password was right, but the account is not active.
    NotActive,
    /// The identifier or the password was wrong.
    Incorrect,
    /// The attempt was refused by a rate limit.
    RateLimited,
    /// The attempt was refused because the queue of the hasher was full.
    Busy,
}

impl SignInOutcome {
    /// All outcomes.
    pub const ALL: [Self; 6] =
        [Self::SignedIn, Self::Restricted, Self::NotActive, Self::Incorrect, Self::RateLimited, Self::Busy];

    /// Returns the name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "entered",
            Self::Restricted => "restricted",
            Self::NotActive => "not_active",
            Self::Incorrect => "incorrect",
            Self::RateLimited => "too_many",
            Self::Busy => "busy",
        }
    }
}

/// The counters of this process since its start.
#[derive(Debug, Default)]
pub struct Counters {
    sign_ins: [AtomicU64; SignInOutcome::ALL.len()],
}

impl Counters {
    /// Counts an attempt to sign in with this outcome.
    pub fn count_sign_in(&self, outcome: SignInOutcome) {
        if let Some(count) = self.sign_ins.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of attempts to sign in with this outcome.
    pub fn sign_ins(&self, outcome: SignInOutcome) -> u64 {
        self.sign_ins.get(outcome as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
