//! The clock: the only place that reads the system time.
//!
//! # Guarantees
//!
//! - Timestamps are whole microseconds.
//! - Tests set the time and advance it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::Timestamp;

/// The source of the time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system clock.
    System,
    /// A fixed time that tests advance, in microseconds.
    Fixed {
        /// The time of the next reading.
        micros: Arc<AtomicI64>,
        /// The microseconds that pass with every reading.
        step: Arc<AtomicI64>,
    },
}

impl Clock {
    /// Creates a fixed clock with the time `at`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed { micros: Arc::new(AtomicI64::new(at.0)), step: Arc::default() }
    }

    /// Lets a microsecond pass with every reading of a fixed clock, as with the system clock: rows that are to have the same time
    /// then have it only if the clock was read once.
    pub fn tick(&self) {
        if let Self::Fixed { step, .. } = self {
            step.store(1, Ordering::SeqCst);
        }
    }

    /// Returns the current time.
    #[expect(clippy::disallowed_methods, reason = "the one place that may read the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let nanos = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
                Timestamp(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX))
            }
            Self::Fixed { micros, step } => {
                Timestamp(micros.fetch_add(step.load(Ordering::SeqCst), Ordering::SeqCst))
            }
        }
    }

    /// Advances a fixed clock. Does nothing to the system clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed { micros, .. } = self {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(by, Ordering::SeqCst);
        }
    }
}
