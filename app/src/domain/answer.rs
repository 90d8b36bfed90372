//! What an action answers: done, on to another page, or refused with every reason.
//!
//! Guarantees: answers carry codes and never text, so no address or header can make a page show words that the
//! program did not choose; the words are in [`super::words`]. A refusal is an ordinary answer; [`Fault`] is for what
//! is our fault or no fault of the form.

use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use super::account::{Decision, Status};
use super::view::PersonRow;

/// A field of a form, by its name in HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The username; at sign-in a username or an address.
    Username,
    /// The address.
    Email,
    /// The password.
    Password,
    /// The password once more.
    ConfirmPassword,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 4] = [Self::Username, Self::Email, Self::Password, Self::ConfirmPassword];

    /// Its name in HTML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Password => "password",
            Self::ConfirmPassword => "confirm_password",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Most characters that are kept of it across a refusal; `None`: it is never kept.
    #[must_use]
    pub fn kept(self) -> Option<usize> {
        match self {
            Self::Username | Self::Email => Some(super::address::MAX_LENGTH),
            Self::Password | Self::ConfirmPassword => None,
        }
    }
}

/// Why something is refused. The sentence for each is in [`super::words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The username is missing.
    UsernameMissing,
    /// The username is too short or too long.
    UsernameLength,
    /// The username has a character it may not have.
    UsernameShape,
    /// The portal keeps that name.
    UsernameReserved,
    /// Somebody has that name.
    UsernameTaken,
    /// The name or address to sign in with is missing.
    IdentifierMissing,
    /// The address is missing.
    AddressMissing,
    /// The address has not the shape of one.
    AddressShape,
    /// The password is missing.
    PasswordMissing,
    /// The password has fewer characters than this.
    PasswordTooShort(usize),
    /// The password is longer than any may be.
    PasswordTooLong,
    /// The password has a character that cannot be kept.
    PasswordCharacter,
    /// The password would be guessed early.
    PasswordGuessable,
    /// The two passwords differ.
    PasswordsDiffer,
    /// Wrong name or password.
    Incorrect,
    /// The password was right, the account waits, or has another status in which nobody signs in.
    NotActive(Status),
    /// Too many tries; again after this many seconds.
    TooMany(u64),
    /// The portal is at its limit; again after this many seconds.
    Busy(u64),
    /// The link is spent, expired or unknown.
    LinkVoid,
    /// Somebody else has confirmed the address of this link.
    AddressTaken,
    /// Another account is signed in here.
    SomebodyElse,
    /// An administrator exists already.
    SetupDone,
    /// Nobody has that number.
    NoSuchPerson,
    /// The person has a status in which that cannot be done.
    OtherState(Status),
    /// The address has to be confirmed first.
    AddressUnconfirmed,
    /// Nobody deactivates or demotes themself.
    NotYourself,
    /// They are an administrator already.
    AlreadyAdmin,
    /// They are no administrator.
    NotAdmin,
    /// It would leave no administrator.
    LastAdmin,
    /// No such mail, or not in a state to be sent again.
    MailGone,
    /// The form was not one of ours, or was damaged on the way.
    FormDamaged,
    /// The form is larger than anything we ask for.
    FormTooLarge,
    /// Not signed in, or no longer.
    SignedOut,
    /// Signed in, without the right.
    Forbidden,
    /// Our fault, under this reference.
    Internal(u64),
    /// The server could not be reached.
    Unreachable,
}

/// A problem, and the field it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Everything that stands in the way of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What concerns the form as a whole.
    pub form: Option<Problem>,
    /// What concerns single fields, in the form's order.
    pub fields: Vec<FieldProblem>,
}

impl Refusal {
    /// A refusal of the form as a whole.
    #[must_use]
    pub fn of(problem: Problem) -> Self {
        Self { form: Some(problem), fields: Vec::new() }
    }

    /// A refusal because of one field.
    #[must_use]
    pub fn of_field(field: Field, problem: Problem) -> Self {
        Self { form: None, fields: vec![FieldProblem { field, problem }] }
    }

    /// Adds a field's problem.
    pub fn add(&mut self, field: Field, problem: Problem) {
        self.fields.push(FieldProblem { field, problem });
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.form.is_none() && self.fields.is_empty()
    }

    /// The problem of one field.
    #[must_use]
    pub fn problem_of(&self, field: Field) -> Option<Problem> {
        self.fields.iter().find(|p| p.field == field).map(|p| p.problem)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::of(problem)
    }
}

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
    /// The link was made worthless.
    LinkVoided,
    /// A new link to confirm the address is on its way.
    ConfirmationSent,
    /// The first administrator is there.
    SetUp,
    /// A decision was carried out.
    Decided(Decision),
    /// The mail will be sent again.
    MailQueued,
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
