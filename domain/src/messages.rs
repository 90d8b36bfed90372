//! The sentences that people read for each code, shared by the server and the browser.
//!
//! # Guarantees
//!
//! - Every [`ErrorCode`] and every [`FlashMessage`] has a sentence.

use std::time::Duration;

use crate::decision_messages::decided;
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
                return format!("Username must be {MIN_LENGTH} to {MAX_LENGTH} characters.");
            }
            Self::UsernameInvalid => {
                "Use only letters (a to z) and numbers, with single dots, hyphens or underscores in between."
            }
            Self::UsernameReserved => "That username is reserved. Choose a different one.",
            Self::UsernameTaken => "That username is already taken. Choose a different one.",
            Self::IdentifierMissing => "Enter your username or email address.",
            Self::EmailMissing => "Enter your email address.",
            Self::EmailInvalid => "Enter an email address in the correct format, like name@example.com.",
            Self::PasswordMissing => "Enter a password.",
            Self::PasswordTooShort(least) => return format!("Password must be at least {least} characters."),
            Self::PasswordTooLong => {
                return format!("Password must be {} characters or fewer.", password::MAX_LENGTH);
            }
            Self::PasswordInvalidCharacter => "Your password contains a character that cannot be used.",
            Self::PasswordTooWeak => "That password is too easy to guess. Try three or four unrelated words.",
            Self::PasswordsDiffer => "The passwords do not match.",
            Self::CurrentPasswordMissing => "Enter your current password.",
            Self::CurrentPasswordWrong => "Your current password is incorrect.",
            Self::PasswordWrong => "That password is incorrect.",
            Self::PasswordUnchanged => "Choose a password that is different from your current one.",
            Self::EmailUnchanged => "That is already your email address.",
            Self::ReauthenticationRequired => {
                "You signed in too long ago to do this. Sign out and sign in again, or ask for a temporary password. Nothing has changed."
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
            // An outage may have been noticed after the change.
            Self::Busy(_) => "The portal is not available right now. Try again in a moment.",
            Self::TimedOut => {
                "That took too long, and we do not know if it worked. Check before you try again."
            }
            Self::LinkInvalid => {
                "This link has expired or has already been used. Sign in with your password, or ask for a temporary password."
            }
            Self::EmailTaken => {
                "Another account has already confirmed this email address. Use that account instead. Nothing has changed."
            }
            Self::OtherUserSignedIn => {
                "You're signed in with a different account. Sign out, then open the link again."
            }
            Self::AdminExists => "This portal already has an administrator. Sign in instead.",
            Self::UserNotFound => "We could not find that account.",
            Self::WrongStatus(status) => {
                return format!(
                    "This account is {}. Nothing has changed.",
                    status.message().to_ascii_lowercase()
                );
            }
            Self::EmailUnconfirmed => "The email address must be confirmed first. Nothing has changed.",
            Self::OwnAccount => "You cannot do this to your own account. Ask another administrator.",
            Self::AlreadyAdmin => "This person is already an administrator.",
            Self::NotAdmin => "This person is not an administrator.",
            Self::LastAdmin => "You cannot do this, because the portal would have no administrator left.",
            Self::LastAdminDeletion => {
                "You're the only administrator. Make someone else an administrator before you delete your account."
            }
            Self::SessionNotFound => "That session has already ended.",
            Self::EmailNotFound => "This email can no longer be sent again or dismissed.",
            Self::EmailNotNeeded => {
                "This email is no longer needed. We have removed it from the list and will not send it."
            }
            Self::EmailExpired => {
                "The link in this email has expired, so we cannot send the email again. Tell the person in another way, then dismiss the email."
            }
            Self::AnswerMissing => "Enter an answer.",
            Self::QuestionMissing => "Enter a question.",
            Self::ReasonMissing => "Enter a reason.",
            Self::TitleMissing => "Enter a title.",
            Self::TextTooLong(most) => return format!("Use {most} characters or fewer."),
            Self::ReasonAndNoteTooLong(most) => {
                return format!(
                    "Use {most} characters or fewer for the reason and the note together. We keep both in the note."
                );
            }
            Self::QuestionClosed => "This question no longer needs an answer. Nothing has changed.",
            Self::AlreadyDecided => {
                "An administrator has already made a decision about your request. Nothing has changed."
            }
            Self::SavedTextMissing => "Enter the text.",
            Self::SavedReasonNotFound => "We could not find that saved reason. It may have been deleted.",
            Self::SavedReasonChanged => {
                "Another administrator has changed this saved reason since you opened it. Open it again to see the new text. Nothing has changed."
            }
            Self::TooManySavedReasons(most) => {
                return format!("There are already {most} saved reasons. Delete one before you add another.");
            }
            Self::FormMalformed => "We could not read the form. Try again. Nothing has changed.",
            Self::FormTooLarge => "You entered too much text. Shorten it and try again.",
            Self::CookiesBlocked => {
                "Your browser does not keep cookies. Allow cookies for this website and try again. Nothing has changed."
            }
            Self::SignedOut => "You're signed out. Sign in to continue.",
            Self::Forbidden => "Only administrators can do that.",
            Self::MicrosoftNotConfigured => "You cannot sign in with Microsoft here. Use your password.",
            Self::MicrosoftUnavailable => {
                "We cannot reach Microsoft right now. Try again in a moment, or use your password. Nothing has changed."
            }
            Self::MicrosoftDenied => {
                "You did not finish signing in with Microsoft. Try again, or use your password."
            }
            Self::MicrosoftRefused => {
                "We could not sign you in with Microsoft. Try again. If it happens again, tell your administrator. Nothing has changed."
            }
            Self::MicrosoftRequestExpired => {
                "Your sign-in with Microsoft took too long, was started in another browser or has already ended. Try again. Nothing has changed."
            }
            Self::MicrosoftEmailTaken => {
                "An account here already uses the email address of your Microsoft account. Sign in to that account with its password, then link Microsoft in your profile."
            }
            Self::MicrosoftNoEmail => {
                "Your Microsoft account has no email address that we can use. Register with a password, or ask your administrator."
            }
            Self::MicrosoftMismatch => {
                "That is not the Microsoft account linked to your account here. Try again with the linked Microsoft account. Nothing has changed."
            }
            Self::MicrosoftLinkedElsewhere => {
                "That Microsoft account is linked to another account here. Use a different Microsoft account, or first unlink this one from the other account. Nothing has changed."
            }
            Self::MicrosoftAlreadyLinked => "A Microsoft account is already linked. Unlink it first.",
            Self::MicrosoftNotLinked => "No Microsoft account is linked.",
            Self::RecoveryInProgress => {
                "You cannot do this while someone is using a temporary password of this account. Choose a new password with it, or try again in 15 minutes. Nothing has changed."
            }
            Self::MicrosoftNoRecentSignIn => {
                "We could not check that you've just signed in with Microsoft. Try again, or ask an administrator for help. Nothing has changed."
            }
            Self::LastSignInMethod => {
                "Microsoft is your only way to sign in. Set a password before you unlink it."
            }
            Self::AccountChanged => {
                "This account has changed since you opened the page. Check it, then decide again. Nothing has changed."
            }
            Self::NoneSelected => "Select at least one person.",
            Self::TooManySelected(most) => return format!("Select at most {most} people."),
            Self::DecisionNotFound => "We could not find that decision. The account may have been deleted.",
            Self::OtherRegistration => {
                "The page that you used is about another registration in this browser. Check this page, then try again. Nothing has changed."
            }
            Self::BatchUndone => {
                "An administrator has undone this decision, so it was not continued. Reload the page to see who is still pending."
            }
            Self::UndoIdentityTaken => {
                "You cannot undo this, because another account now has the same email address. Nothing has changed."
            }
            Self::UndoTooLate => {
                "It is too late to undo this, because the time for undoing it has ended. Nothing has changed."
            }
            Self::UndoEmailSent => {
                "It is too late to undo this, because the email has been sent. Nothing has changed."
            }
            Self::UndoEmailLeaving => {
                "It is too late to undo this, because we have started to send the email. Nothing has changed."
            }
            Self::UndoSignedIn => {
                "It is too late to undo this, because the person has signed in since then. Nothing has changed."
            }
            Self::UndoAnswered => {
                "It is too late to undo this, because the person has answered the question. Nothing has changed."
            }
            Self::UndoAccountChanged => {
                "It is too late to undo this, because the account has changed since then. Nothing has changed."
            }
            Self::Unreachable => "We could not reach the portal. Check your connection and try again.",
            Self::Internal(bits) => {
                let reference = error_reference(bits);
                return format!(
                    "Something went wrong on our side. If it happens again, tell your administrator and quote reference {reference}. Nothing has changed."
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
            Self::Pending => "Pending",
            Self::Held => "On hold",
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
                "Your account is waiting for an administrator's approval. We'll email you when it's approved."
            }
            Self::Held => "An administrator has a question about your registration. Check your email.",
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
            Self::Approve => "Approve anyway",
            Self::Reject => "Reject",
            Self::Reconsider => "Move back to pending",
            Self::Deactivate => "Deactivate",
            Self::Reactivate => "Reactivate",
            Self::MakeAdmin => "Make administrator",
            Self::RemoveAdmin => "Remove administrator role",
            Self::Ask => "Ask a question",
        }
    }

    /// Returns the question that asks for confirmation. `name` is the username.
    #[must_use]
    pub fn question(self, name: &str) -> String {
        match self {
            Self::Approve => format!("Approve {name}?"),
            Self::Reject => format!("Reject {name}?"),
            Self::Reconsider => format!("Move {name} back to pending?"),
            Self::Deactivate => format!("Deactivate {name}?"),
            Self::Reactivate => format!("Reactivate {name}?"),
            Self::MakeAdmin => format!("Make {name} an administrator?"),
            Self::RemoveAdmin => format!("Remove {name}'s administrator role?"),
            Self::Ask => format!("Ask {name} a question"),
        }
    }

    /// Returns the consequences for the user, shown before the action.
    #[must_use]
    pub fn consequence(self, user: &UserRow) -> String {
        let (confirmed, has_password) = (user.confirmed, user.has_password);
        let fixed = match self {
            Self::Approve if !confirmed && !has_password => {
                "They'll get an email and can sign in with Microsoft. Their email address has not been confirmed, so it may belong to someone else."
            }
            Self::Approve if !has_password => "They'll get an email and can sign in with Microsoft.",
            Self::Approve if !confirmed => {
                "They'll get an email with a sign-in link, which also asks for their password. Their email address has not been confirmed, so it may belong to someone else."
            }
            Self::Approve => "They'll get an email with a sign-in link.",
            Self::Reject => {
                "They will not be told by email. You can move them back to pending within 30 days."
            }
            Self::Reconsider => "Their registration will be pending again. They will not be told by email.",
            Self::Deactivate => {
                if let Some(at) = user.deletion_due {
                    return format!(
                        "This account will be deleted on {}, because someone signed in to it and asked us to. If you deactivate the account, we will not delete it. It will stay deactivated, and the link in its owner's email will no longer work.",
                        utc_text(at)
                    );
                }
                "They'll be signed out everywhere immediately and cannot sign in until they are reactivated."
            }
            Self::Reactivate => {
                if let Some(at) = user.deletion_due {
                    return format!(
                        "This account will be deleted on {}, because someone signed in to it and asked us to. If you reactivate the account, we will not delete it. They'll get an email that says that the account is active again.",
                        utc_text(at)
                    );
                }
                "They'll get an email and can sign in again."
            }
            Self::Ask => {
                "They'll get an email with your question and a link to answer it. Their registration is on hold until they answer."
            }
            Self::MakeAdmin => {
                "They'll be able to manage every account, including yours. They'll have to sign in again."
            }
            Self::RemoveAdmin => {
                "They'll keep their account but lose access to the admin pages. They'll have to sign in again."
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
                "Your account has been created and is waiting for approval. Check your inbox and spam folder for an email from us, and follow its instructions. We'll also email you when your account is approved."
            }
            Self::SignedOut => "You're signed out.",
            Self::SessionEnded => "Your session has ended. Sign in to continue.",
            Self::EmailConfirmed => {
                "Your email address has been confirmed. Next, an administrator will review your registration. We'll email you when it's approved."
            }
            Self::EmailConfirmedOnHold => {
                "Your email address has been confirmed. An administrator has asked you a question. To answer it, sign in or open the link in the email with the question."
            }
            Self::EmailConfirmedActive => "Your email address has been confirmed.",
            Self::RegistrationRemoved => "The registration has been removed. Thank you for telling us.",
            Self::RegistrationDisputed => {
                "We've told the administrators, and we'll send no more links to your email address."
            }
            Self::ConfirmationSent => {
                "Check your inbox and spam folder for a link to confirm your email address. We send at most 3 links an hour and 10 a day, including the first one."
            }
            Self::AdminCreated => "Welcome. You're now an administrator.",
            Self::ActionApplied(action) => match action {
                AdminAction::Approve => "Approved. They'll get an email.",
                AdminAction::Reactivate => "Reactivated. They'll get an email.",
                AdminAction::Ask => "On hold until they answer. They'll get an email.",
                _ => action.done(),
            },
            Self::Decided { action, email, undo_until, .. } => return decided(action, email, undo_until),
            Self::AlreadyDecided(action) => {
                return format!("Another administrator has already made this decision. {}", action.done());
            }
            Self::Undone { action: AdminAction::Deactivate, .. } => {
                "Undone. The account is active again. They'll have to sign in again."
            }
            Self::Undone { email: true, .. } => "Undone. We will not send the email.",
            Self::Undone { .. } => "Undone.",
            Self::Assigned => "Assigned to you for 15 minutes.",
            Self::Unassigned => "No longer assigned to you.",
            Self::EmailQueued => "We'll try to send this email again.",
            Self::EmailsQueued => {
                "We'll try to send these emails again. Some may take a while. Emails whose links have expired stay here."
            }
            Self::EmailDismissed => "The failed email has been dismissed. We will not send it.",
            Self::SavedReasonAdded => "The reason has been saved.",
            Self::SavedReasonUpdated => "The saved reason has been changed.",
            Self::SavedReasonDeleted => "The saved reason has been deleted.",
            Self::ResetRequested => {
                "If an active account uses that email address, we'll email you what to do next. A temporary password works for 2 hours. We send at most 3 emails an hour."
            }
            Self::PasswordChanged => "Your password has been changed. You're signed out everywhere else.",
            Self::MicrosoftLinked => "Your Microsoft account has been linked. You can now sign in with it.",
            Self::MicrosoftUnlinked => "Your Microsoft account is no longer linked.",
            Self::Reauthenticated => "Thank you for confirming. You will not be asked again for 10 minutes.",
            Self::SignedOutLocally => "You're signed out here, but still signed in at Microsoft.",
            Self::SessionRevoked => "That session has ended.",
            Self::OtherSessionsRevoked => "You're signed out everywhere else.",
            Self::EmailChangeRequested => {
                "Check your new email address for a confirmation link. Until you confirm it, we'll keep using your current email address. We send at most 3 links an hour."
            }
            Self::EmailChanged => "Your email address has been changed. You're signed out everywhere else.",
            Self::EmailChangedSignIn => "Your email address has been changed. Sign in to continue.",
            Self::EmailRestoredInactive => {
                "Your old email address has been restored, and the old password no longer works. This account is deactivated. An administrator can reactivate it."
            }
            Self::EmailRestored => {
                "Your old email address has been restored. Everyone has been signed out, and the old password no longer works. Choose a new password."
            }
            Self::DeletionRequested(at) => {
                return format!(
                    "Your account will be deleted on {}. To keep it, check your email for a link, or ask an administrator.",
                    utc_date(at)
                );
            }
            Self::AccountKept => {
                "Your account will not be deleted. Your old password no longer works. Choose a new password."
            }
            Self::AccountKeptSignIn => "Your account will not be deleted. Sign in to continue.",
            Self::AnswerSaved => {
                "Your answer has been saved. Your registration is waiting for approval again. We'll email you when it's approved."
            }
            Self::RequestWithdrawn => "Your request has been withdrawn, and your account has been deleted.",
        };
        fixed.to_owned()
    }
}
