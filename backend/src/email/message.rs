//! The content of each email, before a template renders it.
//!
//! # Guarantees
//!
//! - `Debug` output never contains the secrets of a message.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entity::open_enum::ColumnText;
use crate::entity::outbox::EmailKind;
use domain::status::{PublicStatus, UserId};
use domain::time::Timestamp;

impl EmailKind {
    /// The kinds that report a change of an account to its owner. They are sent even if the account has been deleted, so that
    /// no one can delete a warning.
    pub const SECURITY: [Self; 4] =
        [Self::PasswordChanged, Self::EmailChanged, Self::MicrosoftChanged, Self::AccountDeletion];

    /// Returns the label that administrators see.
    pub fn label(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "Confirm email address",
            Self::AlreadyRegistered => "Already registered",
            Self::PendingRegistrations => "Notification to administrators",
            Self::RegistrationDisputed => "Email address disputed",
            Self::Approved => "Approval",
            Self::Reactivated => "Reactivation",
            Self::TemporaryPassword => "Temporary password",
            Self::NoTemporaryPassword => "No temporary password",
            Self::PasswordChanged => "Password changed",
            Self::ConfirmNewEmail => "Confirm new email address",
            Self::EmailChanged => "Email address changed",
            Self::MicrosoftChanged => "Microsoft account changed",
            Self::AccountDeletion => "Account deletion",
            Self::Test => "Test email",
            Self::Rejected => "Rejection",
            Self::Question => "Question",
            Self::Reminder => "Reminder to administrators",
        }
    }

    /// Returns the priority. Smaller numbers are sent first: emails that someone is waiting for before notifications.
    pub fn priority(self) -> i32 {
        match self {
            Self::TemporaryPassword => 5,
            Self::RegistrationDisputed
            | Self::Approved
            | Self::Reactivated
            | Self::PasswordChanged
            | Self::EmailChanged
            | Self::MicrosoftChanged
            | Self::AccountDeletion
            | Self::Rejected
            | Self::Question => 10,
            Self::ConfirmEmail
            | Self::AlreadyRegistered
            | Self::NoTemporaryPassword
            | Self::ConfirmNewEmail => 20,
            Self::PendingRegistrations | Self::Test | Self::Reminder => 30,
        }
    }
}

/// A user whose registration is pending, as a notification names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUser {
    /// The user's id.
    pub id: UserId,
    /// The username.
    pub username: String,
    /// The email address.
    pub email: String,
    /// True if the email address is confirmed.
    pub confirmed: bool,
    /// True if the registration is pending again because the user has answered a question.
    #[serde(default)]
    pub answered: bool,
}

/// The content of an email.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Confirm your email address.
    ConfirmEmail {
        /// The username of the registration.
        username: String,
        /// The URL that confirms the email address.
        url: String,
        /// The time until the link expires.
        lifetime: Duration,
    },
    /// Someone registered with your email address, and you already have an account.
    AlreadyRegistered {
        /// The username of the owner's account.
        username: String,
        /// The URL of the sign-in page.
        url: String,
        /// The time at which the account is deleted, if its owner asked for it.
        #[serde(default)]
        deletion_due: Option<Timestamp>,
    },
    /// Registrations are pending: to administrators.
    PendingRegistrations {
        /// The users whose registrations are pending.
        users: Vec<PendingUser>,
        /// The URL of the admin pages.
        admin_url: String,
    },
    /// The owner of an account's email address did not register: to administrators.
    RegistrationDisputed {
        /// The username of the account.
        username: String,
        /// The email address.
        email: String,
        /// The URL of the account's admin page.
        url: String,
    },
    /// Your account has been approved.
    Approved {
        /// The username.
        username: String,
        /// The URL that signs the user in once.
        url: String,
        /// The time until the link expires.
        lifetime: Duration,
        /// True if the page also asks for the password.
        asks_password: bool,
    },
    /// Your account has been approved, and you sign in with Microsoft.
    ApprovedMicrosoft {
        /// The username.
        username: String,
        /// The URL of the sign-in page.
        url: String,
    },
    /// Your account has been reactivated.
    Reactivated {
        /// The username.
        username: String,
        /// The URL of the sign-in page.
        url: String,
        /// True if the reactivation cancelled a deletion.
        #[serde(default)]
        deletion_cancelled: bool,
    },
    /// A temporary password.
    TemporaryPassword {
        /// The username.
        username: String,
        /// The temporary password, in groups.
        password: String,
        /// The URL of the sign-in page.
        url: String,
        /// The time until the temporary password expires.
        lifetime: Duration,
    },
    /// Someone asked for a temporary password, and the account cannot have one.
    NoTemporaryPassword {
        /// The username.
        username: String,
        /// The status of the account. If it is active, the account has no password.
        status: PublicStatus,
        /// The URL of the sign-in page.
        url: String,
        /// The time at which the account is deleted, if its owner asked for it.
        #[serde(default)]
        deletion_due: Option<Timestamp>,
    },
    /// Someone asked for a temporary password, and no account has confirmed the email address. It names no account,
    /// because a mistyped email address belongs to someone else.
    NoConfirmedEmail {
        /// The URL of the sign-in page.
        url: String,
    },
    /// Your password has been changed.
    PasswordChanged {
        /// The username.
        username: String,
        /// The URL of the page that sends a temporary password.
        url: String,
    },
    /// Confirm your new email address.
    ConfirmNewEmail {
        /// The username.
        username: String,
        /// The URL that confirms the email address.
        url: String,
        /// The time until the link expires.
        lifetime: Duration,
    },
    /// Your email address has been changed: to the old email address.
    EmailChanged {
        /// The username.
        username: String,
        /// The URL that undoes the change.
        url: String,
        /// The time until the link expires.
        lifetime: Duration,
    },
    /// Your email address has been changed: to an email address that the account had only for a short time. It contains no
    /// link that undoes the change.
    EmailChangedAgain {
        /// The username.
        username: String,
        /// The URL of the sign-in page.
        url: String,
    },
    /// Your account will be deleted.
    AccountDeletion {
        /// The username.
        username: String,
        /// The time at which the account is deleted.
        due: Timestamp,
        /// The URL that keeps the account.
        url: String,
        /// True if the link also undoes a change of email address.
        undoes_change: bool,
        /// True if the account has a password, which is replaced if the account is kept.
        has_password: bool,
        /// True if a Microsoft account is linked, which is unlinked if an account with a password is kept.
        has_identity: bool,
    },
    /// A test of the email settings by the operator.
    Test {
        /// The URL of the portal.
        url: String,
    },
    /// A Microsoft account has been linked.
    MicrosoftLinked {
        /// The username.
        username: String,
        /// The URL of the profile.
        url: String,
    },
    /// A Microsoft account has been unlinked.
    MicrosoftUnlinked {
        /// The username.
        username: String,
        /// The URL of the profile.
        url: String,
    },
    /// Your registration has been declined.
    Rejected {
        /// The username.
        username: String,
        /// The reason, in the words of an administrator.
        reason: Option<String>,
        /// The URL of the portal.
        url: String,
    },
    /// An administrator has a question about your registration.
    Question {
        /// The username.
        username: String,
        /// The question, in the words of an administrator.
        question: String,
        /// The URL of the page that answers it.
        url: String,
        /// The time until the link expires.
        lifetime: Duration,
        /// True if the email address is not confirmed, so the page of the link has the button "This wasn't me". Emails of earlier
        /// versions do not have this field.
        #[serde(default)]
        disputable: bool,
    },
    /// Registrations are waiting for a decision: to administrators.
    Reminder {
        /// The number of registrations.
        count: i64,
        /// The time since which the oldest of them has been waiting.
        oldest: Timestamp,
        /// The URL of the admin pages.
        url: String,
    },
}

impl Message {
    /// Returns the kind of the email.
    pub fn kind(&self) -> EmailKind {
        match self {
            Self::ConfirmEmail { .. } => EmailKind::ConfirmEmail,
            Self::AlreadyRegistered { .. } => EmailKind::AlreadyRegistered,
            Self::PendingRegistrations { .. } => EmailKind::PendingRegistrations,
            Self::RegistrationDisputed { .. } => EmailKind::RegistrationDisputed,
            Self::Approved { .. } | Self::ApprovedMicrosoft { .. } => EmailKind::Approved,
            Self::Reactivated { .. } => EmailKind::Reactivated,
            Self::TemporaryPassword { .. } => EmailKind::TemporaryPassword,
            Self::NoTemporaryPassword { .. } | Self::NoConfirmedEmail { .. } => {
                EmailKind::NoTemporaryPassword
            }
            Self::PasswordChanged { .. } => EmailKind::PasswordChanged,
            Self::ConfirmNewEmail { .. } => EmailKind::ConfirmNewEmail,
            Self::AccountDeletion { .. } => EmailKind::AccountDeletion,
            Self::Test { .. } => EmailKind::Test,
            Self::MicrosoftLinked { .. } | Self::MicrosoftUnlinked { .. } => EmailKind::MicrosoftChanged,
            Self::Rejected { .. } => EmailKind::Rejected,
            Self::Question { .. } => EmailKind::Question,
            Self::EmailChanged { .. } | Self::EmailChangedAgain { .. } => EmailKind::EmailChanged,
            Self::Reminder { .. } => EmailKind::Reminder,
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.kind().as_str())
    }
}
