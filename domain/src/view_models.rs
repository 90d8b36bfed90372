//! View models: the data that pages and islands show.
//!
//! # Guarantees
//!
//! - No view model holds a secret, a hash or a session id.
//! - Islands and server functions get no other data about users.

use serde::{Deserialize, Serialize};

use crate::decision::{LastChange, Mark};
use crate::queue::{Counted, QueueView};
use crate::status::{AdminAction, PublicStatus, Role, UserId};
use crate::time::Timestamp;

/// A user on the admin pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// The id of the user.
    pub id: UserId,
    /// The username.
    pub username: String,
    /// The email address as typed, followed by the ASCII form of the domain if the domain is not ASCII.
    pub email: String,
    /// True if the email address is confirmed.
    pub confirmed: bool,
    /// The time at which the owner of the unconfirmed email address reported that they did not register.
    pub disputed_at: Option<Timestamp>,
    /// The time at which the account will be deleted at its owner's request.
    pub deletion_due: Option<Timestamp>,
    /// The status.
    pub status: PublicStatus,
    /// The role.
    pub role: Role,
    /// True if the user has a password.
    pub has_password: bool,
    /// The time of registration.
    pub registered: Timestamp,
    /// The time of the last sign-in.
    pub last_sign_in: Option<Timestamp>,
    /// The time of the last change of status.
    pub status_since: Timestamp,
    /// The username of the administrator who set the status, or `None` if no administrator did or their account has been deleted.
    pub decided_by: Option<String>,
    /// True if this is the administrator who views the page.
    pub is_you: bool,
    /// The actions that are allowed at the moment.
    pub allowed_actions: Vec<AdminAction>,
    /// The last change by an administrator, or of the status. Lists do not read it.
    pub last_change: Option<Box<LastChange>>,
}

impl UserRow {
    /// Returns the mark of the user, which a form about them carries.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { status_since: self.status_since, role: self.role }
    }

    /// Returns the user's sign-in method as text.
    #[must_use]
    pub fn sign_in_method(&self) -> &'static str {
        // Only accounts created through Microsoft have no password.
        if self.has_password { "Password" } else { "Microsoft" }
    }
}

/// A page of a list with cursor pagination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// The number of rows on all pages.
    pub total: Counted,
}

/// The users page as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersPageView {
    /// The approval queue.
    pub queue: QueueView,
    /// All users, ordered by username.
    pub users: Page<UserRow>,
    /// The number of failed emails.
    pub failed_emails: u64,
    /// The number of emails that should have been sent some time ago.
    pub overdue_emails: u64,
    /// The time at which the data was read.
    pub read_at: Timestamp,
}

/// A session of the signed-in user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The public id, which does not authenticate.
    pub public_id: String,
    /// True if this is the session of the request.
    pub is_current: bool,
    /// The browser and the operating system as text.
    pub browser: String,
    /// The IP address at sign-in.
    pub ip_address: String,
    /// The time of sign-in.
    pub created_at: Timestamp,
    /// The time of the last request, to the minute.
    pub last_seen: Timestamp,
    /// True if the computer is shared.
    pub shared: bool,
    /// True if the session can only choose a new password or sign out.
    pub restricted: bool,
}

impl SessionRow {
    /// Returns true if the user can revoke the session: any session except the current one and restricted ones.
    pub fn is_revocable(&self) -> bool {
        !self.is_current && !self.restricted
    }
}

/// An entry of the audit log about the signed-in user's own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// The time of the event.
    pub at: Timestamp,
    /// The event as text.
    pub description: String,
    /// True if the event changed the account, false for sign-in and sign-out.
    pub is_change: bool,
    /// The person or program that caused the event. Empty if it was the user.
    pub actor: String,
    /// The client IP if the user caused the event, otherwise empty.
    pub ip_address: String,
}

/// A failed email.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedEmail {
    /// The id of the email.
    pub id: i64,
    /// The kind of email as text, for example "Approval".
    pub kind: String,
    /// The email address of the recipient.
    pub recipient: String,
    /// The account that the email is about, if there is one: its id and username.
    pub account: Option<(UserId, String)>,
    /// The time at which the email was written.
    pub written: Timestamp,
    /// The number of attempts to send the email.
    pub attempts: i32,
    /// The last error of the mail server.
    pub reason: String,
}

/// Emails that will be retried because they could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedEmails {
    /// The number of emails.
    pub count: u64,
    /// The time at which the oldest email was written.
    pub since: Timestamp,
    /// The last error of the oldest email.
    pub reason: String,
}

/// The failed emails page as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEmailsView {
    /// Emails that will be retried, if any.
    pub delayed: Option<DelayedEmails>,
    /// Emails that failed, the newest first.
    pub failed: Page<FailedEmail>,
}

/// The time that remains until the session of the request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTimeLeft {
    /// The id of the signed-in user.
    pub user_id: UserId,
    /// Whole seconds until the session ends if it is not used, at least 1.
    pub seconds: u64,
}
