//! What can come of sending a mail, whichever way it goes.

use std::time::Duration;

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The next server has it.
    Accepted,
    /// Not now, or nobody knows: try again, after that long if the server said so.
    Again {
        /// What happened.
        reason: String,
        /// What the server asked for.
        after: Option<Duration>,
    },
    /// It will never be taken.
    Refused(String),
}

impl SendOutcome {
    /// The same, with other words for what happened.
    #[must_use]
    pub fn with_reason(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Accepted => Self::Accepted,
            Self::Again { reason, after } => Self::Again { reason: words(reason), after },
            Self::Refused(reason) => Self::Refused(words(reason)),
        }
    }
}
