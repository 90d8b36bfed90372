//! The result of an attempt to send an email, for every transport.

use std::time::Duration;

/// The result of an attempt to send an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendResult {
    /// The next server has accepted the email.
    Accepted,
    /// The email was not accepted, or the result is unknown. Another attempt follows.
    TemporaryFailure {
        /// The reason.
        reason: String,
        /// The wait that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The email will never be accepted. Contains the reason.
    PermanentFailure(String),
}

impl SendResult {
    /// Returns a temporary failure without a wait that the server asked for.
    pub(crate) fn temporary_failure(reason: String) -> Self {
        Self::TemporaryFailure { reason, retry_after: None }
    }

    /// Replaces the reason of a failure.
    #[must_use]
    pub fn map_reason(self, map: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Accepted => Self::Accepted,
            Self::TemporaryFailure { reason, retry_after } => {
                Self::TemporaryFailure { reason: map(reason), retry_after }
            }
            Self::PermanentFailure(reason) => Self::PermanentFailure(map(reason)),
        }
    }
}
