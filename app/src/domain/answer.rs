//! What an action answers: done, on to another page, or refused with every reason.
//!
//! Guarantees: answers carry codes and never text, so no address or header can make a page show words that the
//! program did not choose; the words are in [`super::words`]. A refusal is an ordinary answer; [`Fault`] is for what
//! is our fault or no fault of the form.

use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use super::problem::Refusal;
use super::status::Decision;
use super::time::Timestamp;
use super::view::PersonRow;

/// Good news, shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The account was created and waits.
    Registered,
    /// Signed out.
    SignedOut,
    /// The session is over; sign in to go on.
    SessionEnded,
    /// The address is confirmed, and the account waits.
    AddressConfirmed,
    /// The address is confirmed, and the account is active.
    AddressConfirmedActive,
    /// The registration was taken back.
    RegistrationRemoved,
    /// Administrators were told that the owner of an address did not register.
    DisownedReported,
    /// A new link to confirm the address is on its way.
    ConfirmationSent,
    /// The first administrator is there.
    SetUp,
    /// A decision was carried out.
    Decided(Decision),
    /// The mail will be sent again.
    MailQueued,
    /// All failed emails will be sent again.
    MailsQueued,
    /// The failed email is not on the page any more.
    MailDismissed,
    /// A temporary password is on its way, if there is such an account.
    ResetAsked,
    /// The password is changed, and all other sessions are over.
    PasswordChanged,
    /// One session is over.
    SessionRevoked,
    /// All other sessions are over.
    OtherSessionsRevoked,
    /// A link to the new address is on its way, if it is free.
    AddressChangeAsked,
    /// The new address counts, and this browser stays signed in.
    AddressChanged,
    /// The new address counts, and nobody is signed in.
    AddressChangedSignIn,
    /// The old address counts again, and a new password can be chosen.
    AddressRestored,
    /// The old address counts again, and the account is deactivated.
    AddressRestoredInactive,
    /// The account is deleted at this time unless its owner keeps it.
    DeletionAsked(Timestamp),
    /// The account is not deleted, and a new password can be chosen.
    AccountKept,
    /// The account is not deleted, and its owner can sign in.
    AccountKeptSignIn,
    /// A Microsoft account is linked.
    MicrosoftLinked,
    /// It is linked no more.
    MicrosoftUnlinked,
    /// They have proved at Microsoft who they are.
    Proved,
    /// Signed out here; the session at Microsoft goes on.
    SignedOutHere,
}

/// What an action answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done, and the page stays.
    Done {
        /// What to say.
        notice: Notice,
        /// The person as they are now, where the action was about one.
        person: Option<Box<PersonRow>>,
    },
    /// It is done, and goes on at this page of the portal.
    Goto(String),
    /// It was not done, and this is why.
    Refused(Refusal),
    /// It was not done, and this is the person as they are now: somebody else may have been faster.
    Stale(Refusal, Box<PersonRow>),
}

/// What goes wrong without being the form's fault. Its text never says more than the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Our fault. The reference (40 random bits) finds the log line.
    Internal(u64),
    /// The answer is in the visitor's cookie and on the next page (plain forms).
    Told,
    /// The server could not be reached, or did not answer as agreed.
    Unreachable,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Internal(_) => "internal",
            Self::Told => "told",
            Self::Unreachable => "unreachable",
        })
    }
}

impl std::error::Error for Fault {}

impl FromServerFnError for Fault {
    type Encoder = JsonEncoding;

    /// Whatever the framework says becomes a code; its text goes nowhere.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::Unreachable
    }
}

/// A fault's reference as people see and type it: `7F3K-2QX4`, Crockford base32 of 40 bits.
#[must_use]
pub fn reference(bits: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: u32| {
        let index = usize::try_from((bits >> (5 * place)) & 31).unwrap_or(0);
        DIGITS.get(index).map_or('0', |b| char::from(*b))
    };
    let (mut text, places) = (String::with_capacity(9), (0..8).rev());
    for place in places {
        text.push(digit(place));
        if place == 4 {
            text.push('-');
        }
    }
    text
}
