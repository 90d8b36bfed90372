//! Messages that a page shows once, after an action.
//!
//! # Guarantees
//!
//! - A message is a code and carries no text. Its sentence is in [`crate::messages`].

use serde::{Deserialize, Serialize};

use crate::status::AdminAction;
use crate::time::Timestamp;

/// A success message that is shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashMessage {
    /// The account has been created and is pending.
    Registered,
    /// The user has signed out.
    SignedOut,
    /// The session has ended.
    SessionEnded,
    /// The email address has been confirmed, and the account is pending.
    EmailConfirmed,
    /// The email address has been confirmed, and the account is on hold.
    EmailConfirmedOnHold,
    /// The email address has been confirmed, and the account is active.
    EmailConfirmedActive,
    /// The owner of the email address has cancelled the registration.
    RegistrationRemoved,
    /// Administrators have been notified that the owner of the email address did not register.
    RegistrationDisputed,
    /// A new link to confirm the email address is queued.
    ConfirmationSent,
    /// The first administrator has been created.
    AdminCreated,
    /// An administrator's action has been carried out.
    ActionApplied(AdminAction),
    /// The failed email is queued again.
    EmailQueued,
    /// All failed emails are queued again.
    EmailsQueued,
    /// The failed email has been dismissed.
    EmailDismissed,
    /// The reason has been saved.
    SavedReasonAdded,
    /// The saved reason has been changed.
    SavedReasonUpdated,
    /// The saved reason has been deleted.
    SavedReasonDeleted,
    /// A temporary password is queued if the account exists.
    ResetRequested,
    /// The password has been changed, and all other sessions have ended.
    PasswordChanged,
    /// One session has been revoked.
    SessionRevoked,
    /// All other sessions have been revoked.
    OtherSessionsRevoked,
    /// A link to the new email address is queued if no other account has confirmed that email address.
    EmailChangeRequested,
    /// The email address has been changed, and this browser stays signed in.
    EmailChanged,
    /// The email address has been changed, and this browser is signed out.
    EmailChangedSignIn,
    /// The previous email address has been restored, and a new password can be chosen.
    EmailRestored,
    /// The previous email address has been restored, and the account is deactivated.
    EmailRestoredInactive,
    /// The account will be deleted at this time unless its owner keeps it.
    DeletionRequested(Timestamp),
    /// The deletion has been cancelled, and a new password can be chosen.
    AccountKept,
    /// The deletion has been cancelled, and the owner can sign in.
    AccountKeptSignIn,
    /// A Microsoft account has been linked.
    MicrosoftLinked,
    /// The Microsoft account has been unlinked.
    MicrosoftUnlinked,
    /// The user has re-authenticated with Microsoft.
    Reauthenticated,
    /// The user has signed out of the portal, but not of Microsoft.
    SignedOutLocally,
    /// An administrator's decision has been carried out, and can be undone or sends an email.
    Decided {
        /// The action.
        action: AdminAction,
        /// The id of the decision.
        decision: i64,
        /// True if the decision sends an email.
        email: bool,
        /// The end of the time in which the decision can be undone, and the time at which its email is sent. Zero for none.
        undo_until: Timestamp,
    },
    /// Another administrator had already made the same decision.
    AlreadyDecided(AdminAction),
    /// A decision has been undone.
    Undone {
        /// The action.
        action: AdminAction,
        /// True if the decision would have sent an email.
        email: bool,
    },
    /// An applicant's answer to a question has been saved, and the registration is pending again.
    AnswerSaved,
    /// A registration has been withdrawn and deleted.
    RequestWithdrawn,
    /// A request has been assigned to the administrator.
    Assigned,
    /// The assignment of a request has ended.
    Unassigned,
}

impl FlashMessage {
    /// Returns false for news that is neither good nor the result of the person's action.
    #[must_use]
    pub fn is_success(self) -> bool {
        !matches!(
            self,
            Self::SessionEnded
                | Self::DeletionRequested(_)
                | Self::SignedOutLocally
                | Self::EmailRestoredInactive
        )
    }
}
