//! The sentence for each code: one place for what people read, on the server and in the browser.
//!
//! Guarantees: every [`Problem`] and [`Notice`] has words, and they say what to do next where there is something.

use std::time::Duration;

use super::answer::{Notice, reference};
use super::password;
use super::problem::Problem;
use super::status::{Decision, PublicStatus, Role};
use super::time::{period_in_words, utc_date, utc_text};
use super::username::{MAX_LENGTH, MIN_LENGTH};
use super::view::PersonRow;

impl Problem {
    /// What people read.
    #[must_use]
    pub fn words(self) -> String {
        let fixed = match self {
            Self::UsernameMissing => "Enter a username.",
            Self::UsernameLength => {
                return format!("Use {MIN_LENGTH} to {MAX_LENGTH} characters for the username.");
            }
            Self::UsernameShape => {
                "Use letters (a to z), digits, and single dots, hyphens or underscores between them."
            }
            Self::UsernameReserved => "That name is reserved. Choose another username.",
            Self::UsernameTaken => "That username is already taken.",
            Self::IdentifierMissing => "Enter your username or email address.",
            Self::AddressMissing => "Enter your email address.",
            Self::AddressShape => "Enter an email address like name@example.com.",
            Self::PasswordMissing => "Enter a password.",
            Self::PasswordTooShort(least) => return format!("Use at least {least} characters."),
            Self::PasswordTooLong => return format!("Use at most {} characters.", password::MAX_LENGTH),
            Self::PasswordCharacter => "The password contains a character that cannot be used.",
            Self::PasswordGuessable => {
                "That password would be guessed early. Use three or four unrelated words."
            }
            Self::PasswordsDiffer => "The two passwords are not the same.",
            Self::CurrentPasswordMissing => "Enter your current password.",
            Self::CurrentPasswordWrong => "That is not your current password.",
            Self::PasswordWrong => "That is not the password of this account.",
            Self::PasswordUnchanged => "That is your current password. Choose another one.",
            Self::AddressUnchanged => "That is your address already.",
            Self::ProofTooOld => {
                "Nothing was changed: too much time has passed since you signed in. Sign out and sign in again, or ask for a temporary password."
            }
            Self::Incorrect => "Incorrect username or password.",
            Self::NotActive(status) => return status.refusal().to_owned(),
            Self::DueForDeletion(at) => {
                return format!(
                    "This account will be deleted on {}. To keep this account, use the link in the email about the deletion, or ask an administrator.",
                    utc_text(at)
                );
            }
            Self::TooMany(seconds) => {
                let wait = period_in_words(Duration::from_secs(seconds));
                return format!("Too many attempts. Try again in {wait}.");
            }
            Self::Busy(_) => "The portal can't answer right now. Nothing was changed. Try again in a moment.",
            Self::TookTooLong => {
                "That took too long, and it may have been done all the same. Look at your profile before you try again."
            }
            Self::LinkVoid => {
                "This link has expired or was already used. Sign in with your password, or ask for a temporary one."
            }
            Self::AddressTaken => {
                "Another account has confirmed this address, so nothing was changed. Sign in with that account."
            }
            Self::SomebodyElse => {
                "Another account is signed in here. Sign out first, then open the link again."
            }
            Self::SetupDone => "An administrator exists already. Sign in.",
            Self::NoSuchPerson => "There is no such account.",
            Self::OtherState(status) => {
                return format!(
                    "Nothing was changed: this account is {}.",
                    status.words().to_ascii_lowercase()
                );
            }
            Self::AddressUnconfirmed => "Nothing was changed: the address has to be confirmed first.",
            Self::NotYourself => "You can't do that to your own account. Ask another administrator.",
            Self::AlreadyAdmin => "Nothing was changed: this account is an administrator already.",
            Self::NotAdmin => "Nothing was changed: this account is not an administrator.",
            Self::LastAdmin => "Nothing was changed: that would leave nobody to administer the portal.",
            Self::LastAdminStays => {
                "You are the only administrator. Make somebody else an administrator first, then delete your account."
            }
            Self::SessionGone => "That session is over already.",
            Self::MailGone => "That mail is not waiting to be sent again.",
            Self::FormDamaged => "The form did not arrive as it should. Nothing was changed. Send it again.",
            Self::FormTooLarge => "That is more than this form can take. Nothing was changed.",
            Self::SignedOut => "You are signed out. Sign in to go on.",
            Self::Forbidden => "Only administrators can do that.",
            Self::MicrosoftOff => "Signing in with Microsoft is not set up here. Use your password.",
            Self::MicrosoftAway => {
                "Microsoft can't be reached right now, and nothing was changed. Try again in a moment, or use your password."
            }
            Self::MicrosoftDenied => {
                "You came back from Microsoft without signing in. Try again, or use your password."
            }
            Self::MicrosoftRefused => {
                "What Microsoft answered can't be accepted, and nothing was changed. Try again. If it happens again, tell your administrator."
            }
            Self::MicrosoftStale => {
                "That visit to Microsoft began too long ago, in another browser, or is over already. Nothing was changed. Try again."
            }
            Self::MicrosoftKnown => {
                "An account here has the address of your Microsoft account. Sign in with its password, then link Microsoft in your profile."
            }
            Self::MicrosoftNoAddress => {
                "Your Microsoft account has no email address that we can use. Register with a password, or ask your administrator."
            }
            Self::MicrosoftOther => {
                "That is not the Microsoft account linked with your account here, and nothing was changed. Try again with the linked one."
            }
            Self::MicrosoftTaken => {
                "That Microsoft account is linked with another account here, and nothing was changed. Choose another one at Microsoft, or unlink it there first."
            }
            Self::MicrosoftLinked => "A Microsoft account is linked already. Unlink it first.",
            Self::MicrosoftUnlinked => "No Microsoft account is linked.",
            Self::RecoveryUnderWay => {
                "You cannot do this while someone is using a temporary password of this account. Choose a new password with it, or try again in 15 minutes. Nothing has changed."
            }
            Self::MicrosoftNoProof => {
                "We could not check that you've just signed in with Microsoft. Try again, or ask an administrator for help. Nothing has changed."
            }
            Self::LastWayIn => "Nothing was changed: it is your only way to sign in. Set a password first.",
            Self::Unreachable => "The portal could not be reached. Check your connection, then try again.",
            Self::Internal(bits) => {
                let reference = reference(bits);
                return format!(
                    "Something went wrong on our side, and nothing was changed. Reference {reference}."
                );
            }
        };
        fixed.to_owned()
    }
}

impl PublicStatus {
    /// The status as a word of its own, as badges show it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pending => "Waiting",
            Self::Held => "Held",
            Self::Active => "Active",
            Self::Rejected => "Rejected",
            Self::Deactivated => "Deactivated",
        }
    }

    /// What somebody reads who gave the right password and still cannot sign in.
    #[must_use]
    pub fn refusal(self) -> &'static str {
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
    /// The role as a word of its own.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Member => "Member",
            Self::Admin => "Administrator",
        }
    }
}

impl Decision {
    /// What the button says.
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

    /// What is asked before it is done.
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

    /// What follows from it, said before it is done.
    #[must_use]
    pub fn consequence(self, person: &PersonRow) -> String {
        let (confirmed, has_password) = (person.confirmed, person.has_password);
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
                if let Some(at) = person.deletion_due {
                    return format!(
                        "This account will be deleted on {}, because its owner asked us to. If you deactivate the account, its owner can no longer keep it, and we will not delete it.",
                        utc_text(at)
                    );
                }
                "They are signed out everywhere at once and can't sign in until reactivated."
            }
            Self::Reactivate => {
                if let Some(at) = person.deletion_due {
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

impl Notice {
    /// What people read.
    #[must_use]
    pub fn words(self) -> String {
        let fixed = match self {
            Self::Registered => {
                "Your account was created and is waiting for approval. We'll mail you when it is approved."
            }
            Self::SignedOut => "You are signed out.",
            Self::SessionEnded => "Your session is over. Sign in to go on.",
            Self::AddressConfirmed => {
                "Your address is confirmed. An administrator decides next, and we'll mail you then."
            }
            Self::AddressConfirmedActive => "Your address is confirmed.",
            Self::RegistrationRemoved => "The registration was removed. Thank you for telling us.",
            Self::DisownedReported => {
                "We've told the administrators, and we'll send no more links to your email address."
            }
            Self::ConfirmationSent => "A new link to confirm your address is on its way.",
            Self::SetUp => "You are the first administrator. Welcome.",
            Self::Decided(decision) => match decision {
                Decision::Approve => "Approved. The mail that says so is on its way.",
                Decision::Reject => "Rejected.",
                Decision::Reconsider => "Back among the waiting.",
                Decision::Deactivate => "Deactivated, and signed out everywhere.",
                Decision::Reactivate => "Reactivated.",
                Decision::MakeAdmin => "Made an administrator. They have to sign in again.",
                Decision::RemoveAdmin => "No longer an administrator. They have to sign in again.",
            },
            Self::MailQueued => "The mail will be sent again.",
            Self::MailsQueued => "We'll send these emails again. Some may take a while.",
            Self::MailDismissed => "The failed email has been dismissed. We will not send it.",
            Self::ResetAsked => {
                "If an account has that address, a temporary password is on its way. It is valid for 2 hours. Nothing after a few minutes? Look in your spam folder, then ask again."
            }
            Self::PasswordChanged => "Your password is changed. You are signed out everywhere else.",
            Self::MicrosoftLinked => "Your Microsoft account is linked. You can sign in with it from now on.",
            Self::MicrosoftUnlinked => "Your Microsoft account is not linked any more.",
            Self::Proved => "That was you. You can go on for ten minutes.",
            Self::SignedOutHere => "You are signed out here. At Microsoft you are still signed in.",
            Self::SessionRevoked => "That session is over.",
            Self::OtherSessionsRevoked => "You are signed out everywhere else.",
            Self::AddressChangeAsked => {
                "We mailed a link to the new address. Until you use it, your present address stays."
            }
            Self::AddressChanged => "Your address is changed. You are signed out everywhere else.",
            Self::AddressChangedSignIn => "Your address is changed. Sign in to go on.",
            Self::AddressRestoredInactive => {
                "Your old address is yours again, and the old password no longer works. The account is deactivated. An administrator can reactivate it."
            }
            Self::AddressRestored => {
                "Your old address is yours again, everybody is signed out, and the old password no longer works. Choose a new one."
            }
            Self::DeletionAsked(at) => {
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
