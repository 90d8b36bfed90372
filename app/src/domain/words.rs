//! The sentence for each code: one place for what people read, on the server and in the browser.
//!
//! Guarantees: every [`Problem`] and [`Notice`] has words, and they say what to do next where there is something.

use std::time::Duration;

use super::answer::{Notice, reference};
use super::password;
use super::problem::Problem;
use super::status::{Decision, Role, Status};
use super::time::period_in_words;
use super::username::{MAX_LENGTH, MIN_LENGTH};

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
            Self::Incorrect => "Incorrect username or password.",
            Self::NotActive(status) => return status.refusal().to_owned(),
            Self::TooMany(seconds) => {
                let wait = period_in_words(Duration::from_secs(seconds));
                return format!("Too many attempts. Try again in {wait}.");
            }
            Self::Busy(_) => "The portal is very busy. Nothing was changed. Try again in a moment.",
            Self::LinkVoid => "This link has expired or was already used. Sign in with your password.",
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
            Self::MailGone => "That mail is not waiting to be sent again.",
            Self::FormDamaged => "The form did not arrive as it should. Nothing was changed. Send it again.",
            Self::FormTooLarge => "That is more than this form can take. Nothing was changed.",
            Self::SignedOut => "You are signed out. Sign in to go on.",
            Self::Forbidden => "Only administrators can do that.",
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

impl Status {
    /// The status as a word of its own, as badges show it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pending | Self::Shadow => "Waiting",
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
            Self::Pending | Self::Shadow => {
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
            Self::Reconsider => "Put back in the queue",
            Self::Deactivate => "Deactivate",
            Self::Reactivate => "Reactivate",
            Self::MakeAdmin => "Make administrator",
            Self::RemoveAdmin => "Remove administrator",
        }
    }

    /// What follows from it, said before it is done.
    #[must_use]
    pub fn consequence(self, confirmed: bool) -> &'static str {
        match self {
            Self::Approve if !confirmed => {
                "Nobody has shown yet that this address is theirs. They get a mail with a link to sign in, which also asks for the password."
            }
            Self::Approve => "They get a mail with a link to sign in.",
            Self::Reject => "They are not told by mail. You can put them back in the queue for 30 days.",
            Self::Reconsider => "They wait for a decision again.",
            Self::Deactivate => "They are signed out everywhere at once and can't sign in until reactivated.",
            Self::Reactivate => "They can sign in again, and get a mail that says so.",
            Self::MakeAdmin => "They can decide about everybody, you included. They have to sign in again.",
            Self::RemoveAdmin => {
                "They keep their account and can't open the desk any more. They have to sign in again."
            }
        }
    }
}

impl Notice {
    /// What people read.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
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
            Self::LinkVoided => "The link can't be used any more. The account itself was left as it is.",
            Self::ConfirmationSent => "A new link to confirm your address is on its way.",
            Self::SetUp => "You are the first administrator. Welcome.",
            Self::Decided(decision) => match decision {
                Decision::Approve => "Approved. The mail with the sign-in link is on its way.",
                Decision::Reject => "Rejected.",
                Decision::Reconsider => "Put back in the queue.",
                Decision::Deactivate => "Deactivated, and signed out everywhere.",
                Decision::Reactivate => "Reactivated.",
                Decision::MakeAdmin => "Made an administrator. They have to sign in again.",
                Decision::RemoveAdmin => "No longer an administrator. They have to sign in again.",
            },
            Self::MailQueued => "The mail will be sent again.",
        }
    }
}
