//! The sentences about decisions of administrators.

use crate::decision::{ChangeKind, DecisionResult, LastChange, PersonResult};
use crate::errors::ErrorCode;
use crate::status::AdminAction;
use crate::time::{Timestamp, ago, utc_time};

impl AdminAction {
    /// Returns the effect of the action as one sentence.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Approve => "Approved.",
            Self::Reject => "Rejected.",
            Self::Reconsider => "Moved back to pending.",
            Self::Deactivate => "Deactivated and signed out everywhere.",
            Self::Reactivate => "Reactivated.",
            Self::MakeAdmin => "Now an administrator. They'll have to sign in again.",
            Self::RemoveAdmin => "No longer an administrator. They'll have to sign in again.",
            Self::Ask => "On hold until they answer.",
        }
    }

    /// Returns the past participle before a number of people: "Rejected 48 of 50 people".
    #[must_use]
    pub fn past(self) -> &'static str {
        match self {
            Self::Approve => "Approved",
            Self::Reject => "Rejected",
            Self::Deactivate => "Deactivated",
            Self::Reactivate => "Reactivated",
            Self::Ask => "Asked",
            Self::Reconsider | Self::MakeAdmin | Self::RemoveAdmin => "Changed",
        }
    }

    /// Returns the action on `name` as it follows the name of the administrator: "approved ada".
    #[must_use]
    pub fn clause(self, name: &str) -> String {
        match self {
            Self::Approve => format!("approved {name}"),
            Self::Reject => format!("rejected {name}"),
            Self::Reconsider => format!("moved {name} back to pending"),
            Self::Deactivate => format!("deactivated {name}"),
            Self::Reactivate => format!("reactivated {name}"),
            Self::MakeAdmin => format!("made {name} an administrator"),
            Self::RemoveAdmin => format!("removed {name}'s administrator role"),
            Self::Ask => format!("asked {name} a question"),
        }
    }

    /// Returns the action on `name` as the object of a sentence: "the approval of ada".
    #[must_use]
    pub fn noun(self, name: &str) -> String {
        match self {
            Self::Approve => format!("the approval of {name}"),
            Self::Reject => format!("the rejection of {name}"),
            Self::Deactivate => format!("the deactivation of {name}"),
            Self::Reactivate => format!("the reactivation of {name}"),
            Self::Ask => format!("the question to {name}"),
            Self::Reconsider | Self::MakeAdmin | Self::RemoveAdmin => {
                format!("the change to {name}'s account")
            }
        }
    }
}

/// Returns the effect of a decision, the time at which its email is sent, and the end of the time for undoing.
pub(crate) fn decided(action: AdminAction, email: bool, undo_until: Timestamp) -> String {
    let (done, at) = (action.done(), utc_time(undo_until));
    match (email, undo_until > Timestamp::NEVER) {
        (true, true) => format!("{done} We'll send the email at {at}. Until then, you can undo this."),
        (false, true) => format!("{done} You can undo this until {at}."),
        (true, false) => format!("{done} They'll get an email."),
        (false, false) => done.to_owned(),
    }
}

impl LastChange {
    /// Returns the change as a sentence: "grace approved ada 2 minutes ago." `name` is the username of the affected user.
    #[must_use]
    pub fn message(&self, name: &str, now: Timestamp) -> String {
        let by = match self.by.as_deref() {
            _ if self.by_you => "You",
            Some(by) => by,
            None => "An administrator",
        };
        let ago = ago(now, self.at);
        match self.kind {
            ChangeKind::Decided(action) => format!("{by} {} {ago}.", action.clause(name)),
            ChangeKind::Undone(action) => format!("{by} undid {} {ago}.", action.noun(name)),
            ChangeKind::Other => format!("The account of {name} changed {ago}."),
        }
    }
}

impl PersonResult {
    /// Returns the result of `action`, or of undoing it, as a sentence: "grace approved ada 2 minutes ago."
    #[must_use]
    pub fn message(&self, action: AdminAction, undo: bool, now: Timestamp) -> String {
        match &self.change {
            Some(change) => change.message(&self.username, now),
            None => self.result.message(action, undo),
        }
    }
}

impl DecisionResult {
    /// Returns the result of `action`, or of undoing it, for one account. Results that another administrator explains have the
    /// sentence of [`LastChange::message`] instead, if it is known.
    #[must_use]
    pub fn message(self, action: AdminAction, undo: bool) -> String {
        let fixed = match self {
            Self::Done if undo => "Undone.",
            Self::Done => action.done(),
            Self::Already if undo => "Already undone.",
            Self::Already => "Already decided.",
            Self::Changed => return ErrorCode::AccountChanged.message(),
            Self::Refused(code) => return code.message(),
            Self::NotBegun => "Not done, because the other decisions took too long. Try again.",
        };
        fixed.to_owned()
    }
}
