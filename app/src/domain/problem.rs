//! Why something is refused: codes, and the fields they belong to.
//!
//! Guarantees: a problem carries numbers and codes and never text; its sentence is in [`super::words`].

use serde::{Deserialize, Serialize};

use super::status::PublicStatus;
use super::time::Timestamp;

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
    /// The present password, where another is asked for or something weighty is done.
    CurrentPassword,
    /// The password from now on.
    NewPassword,
    /// The password once more.
    ConfirmPassword,
    /// Whether the computer is shared: empty, or anything.
    Shared,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 7] = [
        Self::Username,
        Self::Email,
        Self::Password,
        Self::CurrentPassword,
        Self::NewPassword,
        Self::ConfirmPassword,
        Self::Shared,
    ];

    /// Its name in HTML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Password => "password",
            Self::CurrentPassword => "current_password",
            Self::NewPassword => "new_password",
            Self::ConfirmPassword => "confirm_password",
            Self::Shared => "shared",
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
            Self::Shared => Some(3),
            Self::Password | Self::CurrentPassword | Self::NewPassword | Self::ConfirmPassword => None,
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
    /// The present password is missing.
    CurrentPasswordMissing,
    /// That is not the present password.
    CurrentPasswordWrong,
    /// That is not the password of the account that the page is about.
    PasswordWrong,
    /// The new password is the present one.
    PasswordUnchanged,
    /// The new address is the present one.
    AddressUnchanged,
    /// Too long since the sign-in that would let one do this without a password.
    ProofTooOld,
    /// Wrong name or password.
    Incorrect,
    /// The password was right, the account waits, or has another status in which nobody signs in.
    NotActive(PublicStatus),
    /// The password was right, and the account is deleted at this time unless its owner keeps it.
    DueForDeletion(Timestamp),
    /// Too many tries; again after this many seconds.
    TooMany(u64),
    /// The portal is at its limit, or something it needs does not answer; again after this many seconds.
    Busy(u64),
    /// It took too long, and nobody knows whether it was done.
    TookTooLong,
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
    OtherState(PublicStatus),
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
    /// Whoever wants to go is the last administrator.
    LastAdminStays,
    /// No such session, or it has ended.
    SessionGone,
    /// No such mail, or not in a state to be sent again.
    MailGone,
    /// The form was not one of ours, or was damaged on the way.
    FormDamaged,
    /// The form is larger than anything we ask for.
    FormTooLarge,
    /// The account has a session that can only choose a new password: its owner may be taking it back.
    RecoveryUnderWay,
    /// Not signed in, or no longer.
    SignedOut,
    /// Signed in, without the right.
    Forbidden,
    /// Our fault, under this reference.
    Internal(u64),
    /// The server could not be reached.
    Unreachable,
    /// Signing in with Microsoft is not set up here.
    MicrosoftOff,
    /// Microsoft, or what it is asked for people's profiles, does not answer.
    MicrosoftAway,
    /// They turned back at Microsoft.
    MicrosoftDenied,
    /// Microsoft refused, or what it said is not to be trusted.
    MicrosoftRefused,
    /// The conversation with Microsoft is over, or was another browser's.
    MicrosoftStale,
    /// An account has the address of the Microsoft account.
    MicrosoftKnown,
    /// The Microsoft account has no address.
    MicrosoftNoAddress,
    /// It is not the Microsoft account that is linked.
    MicrosoftOther,
    /// The Microsoft account is linked with somebody else's account.
    MicrosoftTaken,
    /// A Microsoft account is linked already.
    MicrosoftLinked,
    /// None is linked.
    MicrosoftUnlinked,
    /// Microsoft did not say that they have signed in just now.
    MicrosoftNoProof,
    /// Without it there would be no way to sign in.
    LastWayIn,
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
