//! The sentences that people read for each code, shared by the server and the browser.
//!
//! # Guarantees
//!
//! - Every [`ErrorCode`] and every [`FlashMessage`] has a sentence.

use std::time::Duration;

use crate::errors::ErrorCode;
use crate::errors::error_reference;
use crate::flash_message::FlashMessage;
use crate::password;
use crate::status::{AdminAction, PublicStatus, Role};
use crate::time::{period_in_words, utc_date, utc_text};
use crate::username::{MAX_LENGTH, MIN_LENGTH};
use crate::view_models::UserRow;

impl ErrorCode {
    /// Returns the sentence that people read.
    #[must_use]
    pub fn message(self) -> String {
        let fixed = match self {
            Self::UsernameMissing => "Enter a username.",
            Self::UsernameLength => {
                return format!("Use {MIN_LENGTH} to {MAX_LENGTH} characters for the username.");
            }
            Self::UsernameInvalid => {
                "Use letters (a to z), digits, and single dots, hyphens or underscores between them."
            }
            Self::UsernameReserved => "That name is reserved. Choose another username.",
            Self::UsernameTaken => "That username is already taken.",
            Self::IdentifierMissing => "Enter your username or email address.",
            Self::EmailMissing => "Enter your email address.",
            Self::EmailInvalid => "Enter an email address like name@example.com.",
            Self::PasswordMissing => "Enter a password.",
            Self::PasswordTooShort(least) => return format!("Use at least {least} characters."),
            Self::PasswordTooLong => return format!("Use at most {} characters.", password::MAX_LENGTH),
            Self::PasswordInvalidCharacter => "The password contains a character that cannot be used.",
            Self::PasswordTooWeak => {
                "That password would be guessed early. Use three or four unrelated words."
            }
            Self::PasswordsDiffer => "The two passwords are not the same.",
            Self::CurrentPasswordMissing => "Enter your current password.",
            Self::CurrentPasswordWrong => "That is not your current password.",
            Self::PasswordWrong => "That is not the password of this account.",
            Self::PasswordUnchanged => "That is your current password. Choose another one.",
            Self::EmailUnchanged => "That is your address already.",
            Self::ReauthenticationRequired => {
                "Nothing was changed: too much time has passed since you signed in. Sign out and sign in again, or ask for a temporary password."
            }
            Self::InvalidCredentials => "Incorrect username or password.",
            Self::NotActive(status) => return status.sign_in_error().to_owned(),
            Self::DueForDeletion(at) => {
                return format!(
                    "This account will be deleted on {}. To keep this account, use the link in the email about the deletion, or ask an administrator.",
                    utc_text(at)
                );
            }
            Self::TooManyAttempts(seconds) => {
                let wait = period_in_words(Duration::from_secs(seconds));
                return format!("Too many attempts. Try again in {wait}.");
            }
            Self::Busy(_) => "The portal can't answer right now. Nothing was changed. Try again in a moment.",
            Self::TimedOut => {
                "That took too long, and it may have been done all the same. Look at your profile before you try again."
            }
            Self::LinkInvalid => {
                "This link has expired or was already used. Sign in with your password, or ask for a temporary one."
            }
            Self::EmailTaken => {
                "Another account has confirmed this address, so nothing was changed. Sign in with that account."
            }
            Self::OtherUserSignedIn => {
                "Another account is signed in here. Sign out first, then open the link again."
            }
            Self::AdminExists => "An administrator exists already. Sign in.",
            Self::UserNotFound => "There is no such account.",
            Self::WrongStatus(status) => {
                return format!(
                    "Nothing was changed: this account is {}.",
                    status.message().to_ascii_lowercase()
                );
            }
            Self::EmailUnconfirmed => "Nothing was changed: the address has to be confirmed first.",
            Self::OwnAccount => "You can't do that to your own account. Ask another administrator.",
            Self::AlreadyAdmin => "Nothing was changed: this account is an administrator already.",
            Self::NotAdmin => "Nothing was changed: this account is not an administrator.",
            Self::LastAdmin => "Nothing was changed: that would leave nobody to administer the portal.",
            Self::LastAdminDeletion => {
                "You are the only administrator. Make somebody else an administrator first, then delete your account."
            }
            Self::SessionNotFound => "That session is over already.",
            Self::EmailNotFound => "That mail is not waiting to be sent again.",
            Self::FormMalformed => {
                "The form did not arrive as it should. Nothing was changed. Send it again."
            }
            Self::FormTooLarge => "That is more than this form can take. Nothing was changed.",
            Self::SignedOut => "You are signed out. Sign in to go on.",
            Self::Forbidden => "Only administrators can do that.",
            Self::MicrosoftNotConfigured => {
                "Signing in with Microsoft is not set up here. Use your password."
            }
            Self::MicrosoftUnavailable => {
                "Microsoft can't be reached right now, and nothing was changed. Try again in a moment, or use your password."
            }
            Self::MicrosoftDenied => {
                "You came back from Microsoft without signing in. Try again, or use your password."
            }
            Self::MicrosoftRefused => {
                "What Microsoft answered can't be accepted, and nothing was changed. Try again. If it happens again, tell your administrator."
            }
            Self::MicrosoftRequestExpired => {
                "That visit to Microsoft began too long ago, in another browser, or is over already. Nothing was changed. Try again."
            }
            Self::MicrosoftEmailTaken => {
                "An account here has the address of your Microsoft account. Sign in with its password, then link Microsoft in your profile."
            }
            Self::MicrosoftNoEmail => {
                "Your Microsoft account has no email address that we can use. Register with a password, or ask your administrator."
            }
            Self::MicrosoftMismatch => {
                "That is not the Microsoft account linked with your account here, and nothing was changed. Try again with the linked one."
            }
            Self::MicrosoftLinkedElsewhere => {
                "That Microsoft account is linked with another account here, and nothing was changed. Choose another one at Microsoft, or unlink it there first."
            }
            Self::MicrosoftAlreadyLinked => "A Microsoft account is linked already. Unlink it first.",
            Self::MicrosoftNotLinked => "No Microsoft account is linked.",
            Self::RecoveryInProgress => {
                "You cannot do this while someone is using a temporary password of this account. Choose a new password with it, or try again in 15 minutes. Nothing has changed."
            }
            Self::MicrosoftNoRecentSignIn => {
                "We could not check that you've just signed in with Microsoft. Try again, or ask an administrator for help. Nothing has changed."
            }
            Self::LastSignInMethod => {
                "Nothing was changed: it is your only way to sign in. Set a password first."
            }
            Self::Unreachable => "The portal could not be reached. Check your connection, then try again.",
            Self::Internal(bits) => {
                let reference = error_reference(bits);
                return format!(
                    "Something went wrong on our side, and nothing was changed. Reference {reference}."
                );
            }
        };
        fixed.to_owned()
    }
}

impl PublicStatus {
    /// Returns the status as one word, for badges.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Pending => "Waiting",
            Self::Held => "Held",
            Self::Active => "Active",
            Self::Rejected => "Rejected",
            Self::Deactivated => "Deactivated",
        }
    }

    /// Returns the message for a user who entered the right password but whose status does not allow sign-in.
    #[must_use]
    pub fn sign_in_error(self) -> &'static str {
        match self {
            Self::Pending => {
                "Your account is waiting for an administrator's approval. We'll mail you when it is approved."
            }
            Self::Held => "An administrator asked you something. The question is in your mail.",
            Self::Rejected => "Your request to join was declined.",
            Self::Deactivated => "This account has been deactivated. An administrator can reactivate it.",
            Self::Active => "Sign in again.",
        }
    }
}

impl Role {
    /// Returns the role as one word, for badges.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Member => "Member",
            Self::Admin => "Administrator",
        }
    }
}

impl AdminAction {
    /// Returns the label of the button. `confirmed` is true if the user's email address is confirmed.
    #[must_use]
    pub fn label(self, confirmed: bool) -> &'static str {
        match self {
            Self::Approve if confirmed => "Approve",
            Self::Approve => "Approve unconfirmed address",
            Self::Reject => "Reject",
            Self::Reconsider => "Put back among the waiting",
            Self::Deactivate => "Deactivate",
            Self::Reactivate => "Reactivate",
            Self::MakeAdmin => "Make administrator",
            Self::RemoveAdmin => "Remove administrator",
        }
    }

    /// Returns the question that asks for confirmation. `name` is the username.
    #[must_use]
    pub fn question(self, name: &str) -> String {
        match self {
            Self::Approve => format!("Approve {name}?"),
            Self::Reject => format!("Reject {name}?"),
            Self::Reconsider => format!("Put {name} back among the waiting?"),
            Self::Deactivate => format!("Deactivate {name}?"),
            Self::Reactivate => format!("Reactivate {name}?"),
            Self::MakeAdmin => format!("Make {name} an administrator?"),
            Self::RemoveAdmin => format!("Remove {name} as an administrator?"),
        }
    }

    /// Returns the consequences for the user, shown before the action.
    #[must_use]
    pub fn consequence(self, user: &UserRow) -> String {
        let (confirmed, has_password) = (user.confirmed, user.has_password);
        let fixed = match self {
            Self::Approve if !confirmed && !has_password => {
                "Nobody has shown yet that this address is theirs. They get a mail that says so, and sign in with Microsoft."
            }
            Self::Approve if !has_password => "They get a mail that says so, and sign in with Microsoft.",
            Self::Approve if !confirmed => {
                "Nobody has shown yet that this address is theirs. They get a mail with a link to sign in, which also asks for the password."
            }
            Self::Approve => "They get a mail with a link to sign in.",
            Self::Reject => "They are not told by mail. You can put them back among the waiting for 30 days.",
            Self::Reconsider => "They wait for a decision again.",
            Self::Deactivate => {
                if let Some(at) = user.deletion_due {
                    return format!(
                        "This account will be deleted on {}, because its owner asked us to. If you deactivate the account, its owner can no longer keep it, and we will not delete it.",
                        utc_text(at)
                    );
                }
                "They are signed out everywhere at once and can't sign in until reactivated."
            }
            Self::Reactivate => {
                if let Some(at) = user.deletion_due {
                    return format!(
                        "This account will be deleted on {}, because its owner asked us to. If you reactivate the account, we will not delete it. They'll get an email that says that the account is active again.",
                        utc_text(at)
                    );
                }
                "They can sign in again, and get a mail that says so."
            }
            Self::MakeAdmin => "They can decide about everybody, you included. They have to sign in again.",
            Self::RemoveAdmin => {
                "They keep their account and can't open the desk any more. They have to sign in again."
            }
        };
        fixed.to_owned()
    }
}

impl FlashMessage {
    /// Returns the sentence that people read.
    #[must_use]
    pub fn message(self) -> String {
        let fixed = match self {
            Self::Registered => {
                "Your account was created and is waiting for approval. We'll mail you when it is approved."
            }
            Self::SignedOut => "You are signed out.",
            Self::SessionEnded => "Your session is over. Sign in to go on.",
            Self::EmailConfirmed => {
                "Your address is confirmed. An administrator decides next, and we'll mail you then."
            }
            Self::EmailConfirmedActive => "Your address is confirmed.",
            Self::RegistrationRemoved => "The registration was removed. Thank you for telling us.",
            Self::RegistrationDisputed => {
                "We've told the administrators, and we'll send no more links to your email address."
            }
            Self::ConfirmationSent => "A new link to confirm your address is on its way.",
            Self::AdminCreated => "You are the first administrator. Welcome.",
            Self::ActionApplied(action) => match action {
                AdminAction::Approve => "Approved. The mail that says so is on its way.",
                AdminAction::Reject => "Rejected.",
                AdminAction::Reconsider => "Back among the waiting.",
                AdminAction::Deactivate => "Deactivated, and signed out everywhere.",
                AdminAction::Reactivate => "Reactivated.",
                AdminAction::MakeAdmin => "Made an administrator. They have to sign in again.",
                AdminAction::RemoveAdmin => "No longer an administrator. They have to sign in again.",
            },
            Self::EmailQueued => "The mail will be sent again.",
            Self::EmailsQueued => "We'll send these emails again. Some may take a while.",
            Self::EmailDismissed => "The failed email has been dismissed. We will not send it.",
            Self::ResetRequested => {
                "If an account has that address, a temporary password is on its way. It is valid for 2 hours. Nothing after a few minutes? Look in your spam folder, then ask again."
            }
            Self::PasswordChanged => "Your password is changed. You are signed out everywhere else.",
            Self::MicrosoftLinked => "Your Microsoft account is linked. You can sign in with it from now on.",
            Self::MicrosoftUnlinked => "Your Microsoft account is not linked any more.",
            Self::Reauthenticated => "That was you. You can go on for ten minutes.",
            Self::SignedOutLocally => "You are signed out here. At Microsoft you are still signed in.",
            Self::SessionRevoked => "That session is over.",
            Self::OtherSessionsRevoked => "You are signed out everywhere else.",
            Self::EmailChangeRequested => {
                "We mailed a link to the new address. Until you use it, your present address stays."
            }
            Self::EmailChanged => "Your address is changed. You are signed out everywhere else.",
            Self::EmailChangedSignIn => "Your address is changed. Sign in to go on.",
            Self::EmailRestoredInactive => {
                "Your old address is yours again, and the old password no longer works. The account is deactivated. An administrator can reactivate it."
            }
            Self::EmailRestored => {
                "Your old address is yours again, everybody is signed out, and the old password no longer works. Choose a new one."
            }
            Self::DeletionRequested(at) => {
                return format!(
                    "Your account will be deleted on {}. We've emailed you a link to keep it.",
                    utc_date(at)
                );
            }
            Self::AccountKept => {
                "Your account will not be deleted. Your old password no longer works. Choose a new password."
            }
            Self::AccountKeptSignIn => "Your account will not be deleted. Sign in to continue.",
        };
        fixed.to_owned()
    }
}
