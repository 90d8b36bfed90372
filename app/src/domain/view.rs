//! What the browser may see.
//!
//! Guarantees: nothing here holds a secret, a hash or an id of a session; whatever is not here never leaves the
//! server as data.

use serde::{Deserialize, Serialize};

use super::status::{Decision, PublicStatus, Role, UserId};
use super::time::Timestamp;

/// One person on the desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// The number.
    pub id: UserId,
    /// The name.
    pub username: String,
    /// The address, as typed; beside a domain that is not ASCII stands its ASCII form.
    pub email: String,
    /// Whether the address is confirmed.
    pub confirmed: bool,
    /// When the owner of the unconfirmed email address said that they did not register.
    pub disowned_at: Option<Timestamp>,
    /// When the account is deleted, because its owner asked for it.
    pub deletion_due: Option<Timestamp>,
    /// Where they stand.
    pub status: PublicStatus,
    /// Their role.
    pub role: Role,
    /// Whether a password is set.
    pub has_password: bool,
    /// When they registered.
    pub registered: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// Since when they have this status.
    pub status_since: Timestamp,
    /// Who gave it to them; `None` where nobody decided, or the decider is gone.
    pub decided_by: Option<String>,
    /// Whether this is whoever looks.
    pub is_you: bool,
    /// What can be decided here and now.
    pub offers: Vec<Decision>,
}

impl PersonRow {
    /// How they sign in, in words.
    #[must_use]
    pub fn sign_in_method(&self) -> &'static str {
        // Who comes from Microsoft has an account without a password, and nobody else has.
        if self.has_password { "Password" } else { "Microsoft" }
    }
}

/// A page of a list, and where the next begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to ask for to see more.
    pub next: Option<String>,
    /// How many there are in all.
    pub total: u64,
}

/// The desk as one administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskView {
    /// Who waits, the longest first.
    pub waiting: Page<PersonRow>,
    /// Everybody, by name.
    pub people: Page<PersonRow>,
    /// How many mails were given up.
    pub given_up: u64,
    /// When this was read.
    pub made_at: Timestamp,
}

/// One of somebody's own sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its public name.
    pub handle: String,
    /// Whether it is the one that looks.
    pub is_this: bool,
    /// Browser and system, in words.
    pub browser: String,
    /// The network address it was opened from.
    pub address: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen: Timestamp,
    /// Whether the computer is shared.
    pub shared: bool,
    /// Whether it can only choose a new password.
    pub restricted: bool,
}

impl SessionRow {
    /// Whether whoever looks may end it: not their own, which they sign out of, and none of a temporary password.
    pub fn can_be_ended(&self) -> bool {
        !self.is_this && !self.restricted
    }
}

/// Something that was done to somebody's account, as they see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
    /// Whether it changed the account, and was no coming or going.
    pub is_change: bool,
    /// By whom, where it was somebody else.
    pub by: String,
    /// From where, where it was the owner.
    pub address: String,
}

/// A mail that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUpMail {
    /// The number.
    pub id: i64,
    /// What it is, e.g. "Approval".
    pub kind: String,
    /// Whom it was for.
    pub recipient: String,
    /// When it was written.
    pub written: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
    /// What the mail server said last.
    pub reason: String,
}

/// Emails that wait because they could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedMails {
    /// The number of emails.
    pub count: u64,
    /// The time at which the oldest email was written.
    pub since: Timestamp,
    /// The last error of the oldest email.
    pub reason: String,
}

/// The failed emails as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailsView {
    /// Emails that still wait, if any.
    pub delayed: Option<DelayedMails>,
    /// Emails that failed, the newest first.
    pub failed: Page<GivenUpMail>,
}

/// A session that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLeft {
    /// Whose it is.
    pub person: UserId,
    /// Whole seconds until it ends if it is not used any more; at least one.
    pub seconds: u64,
}
