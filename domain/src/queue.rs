//! View models of the approval queue: pending registrations with the facts for a decision.

use crate::status::{AdminAction, UserId};
use crate::time::Timestamp;
use crate::view_models::UserRow;

/// A number that was counted up to a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The number, or the limit if there are more.
    pub count: u64,
    /// True if there are more.
    pub more: bool,
}

impl Counted {
    /// Returns the number of `found` things, of which at most one more than `limit` were looked for.
    #[must_use]
    pub fn up_to(limit: u64, found: u64) -> Self {
        Self { count: found.min(limit), more: found > limit }
    }

    /// Returns a number of things that were all counted.
    #[must_use]
    pub fn exactly(count: u64) -> Self {
        Self { count, more: false }
    }

    /// Returns the number as text, for example `312` or `100+`.
    #[must_use]
    pub fn text(self) -> String {
        format!("{}{}", self.count, if self.more { "+" } else { "" })
    }
}

/// A page of the approval queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueView {
    /// The registrations, the oldest first.
    pub rows: Vec<QueueRow>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// The number of registrations on all pages.
    pub total: Counted,
    /// The highest id of all counted registrations.
    pub highest_id: Option<UserId>,
}

/// A pending registration with the facts for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    /// The account.
    pub user: UserRow,
    /// The domain of the email address, in ASCII and lower case.
    pub domain: String,
    /// The number of other pending registrations with an email address of the same domain.
    pub same_domain: Counted,
    /// The client that registered, as the rate limits count it.
    pub client_ip: Option<String>,
    /// The number of other pending registrations of the same client.
    pub same_client: Counted,
    /// The question that was asked at registration.
    pub question: Option<String>,
    /// The answer to it.
    pub answer: Option<String>,
    /// The questions of administrators, the oldest first.
    pub asked: Vec<AskedQuestion>,
    /// Earlier decisions about the same email address, the newest first.
    pub earlier: Vec<EarlierDecision>,
    /// The administrator to whom the request is assigned.
    pub assigned: Option<Assignment>,
}

/// A question of an administrator to an applicant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedQuestion {
    /// The question.
    pub question: String,
    /// The username of the administrator, or `None` if their account has been deleted.
    pub asked_by: Option<String>,
    /// The time of the question.
    pub asked_at: Timestamp,
    /// The answer.
    pub answer: Option<String>,
    /// The time of the answer.
    pub answered_at: Option<Timestamp>,
}

/// A decision that was made before about the same email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierDecision {
    /// The outcome.
    pub outcome: Outcome,
    /// The time of the decision.
    pub at: Timestamp,
    /// The account, or `None` if it has been deleted and only a hash of its email address is left.
    pub account: Option<(UserId, String)>,
    /// The username of the administrator, if it is known.
    pub by: Option<String>,
    /// The reason that the applicant was told.
    pub reason: Option<String>,
    /// The note for administrators.
    pub note: Option<String>,
}

/// The outcome of an earlier decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The registration was approved.
    Approved,
    /// The registration was rejected.
    Rejected,
    /// The registration was moved back to pending.
    MovedBack,
    /// The account was deactivated.
    Deactivated,
    /// The account was reactivated.
    Reactivated,
    /// The account was deleted.
    Deleted,
}

impl Outcome {
    /// Returns the outcome of an action, or `None` for actions that are not decisions about a registration or an account.
    #[must_use]
    pub fn of(action: AdminAction) -> Option<Self> {
        match action {
            AdminAction::Approve => Some(Self::Approved),
            AdminAction::Reject => Some(Self::Rejected),
            AdminAction::Reconsider => Some(Self::MovedBack),
            AdminAction::Deactivate => Some(Self::Deactivated),
            AdminAction::Reactivate => Some(Self::Reactivated),
            _ => None,
        }
    }

    /// Returns the outcome as text.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::MovedBack => "Moved back to pending",
            Self::Deactivated => "Deactivated",
            Self::Reactivated => "Reactivated",
            Self::Deleted => "Deleted",
        }
    }
}

/// The assignment of a request to an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The username of the administrator.
    pub to: String,
    /// True if this is the administrator who views the page.
    pub is_you: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_above_the_limit_says_that_there_are_more() {
        assert_eq!(Counted::up_to(100, 100).text(), "100");
        assert_eq!(Counted::up_to(100, 101).text(), "100+");
        assert_eq!(Counted::up_to(100, 0).text(), "0");
    }
}
