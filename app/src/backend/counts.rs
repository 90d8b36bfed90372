//! What the backend counts for the operator.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a try of signing in came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// Signed in.
    Entered,
    /// Came in by a temporary password, to choose a new one.
    Restricted,
    /// The password was right, the account is not active.
    NotActive,
    /// Wrong name or password.
    Incorrect,
    /// Refused for too many tries.
    TooMany,
    /// Refused because too many passwords wait to be hashed.
    Busy,
}

impl SignInOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Entered, Self::Restricted, Self::NotActive, Self::Incorrect, Self::TooMany, Self::Busy];

    /// Its name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Restricted => "restricted",
            Self::NotActive => "not_active",
            Self::Incorrect => "incorrect",
            Self::TooMany => "too_many",
            Self::Busy => "busy",
        }
    }
}

/// The counters of this process, since its start.
#[derive(Debug, Default)]
pub struct Counts {
    sign_ins: [AtomicU64; SignInOutcome::ALL.len()],
}

impl Counts {
    /// Counts what a try came to.
    pub fn count_sign_in(&self, outcome: SignInOutcome) {
        if let Some(count) = self.sign_ins.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many tries came to that.
    pub fn sign_ins(&self, outcome: SignInOutcome) -> u64 {
        self.sign_ins.get(outcome as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
