//! The checks of single fields, shared word for word by the server and the page.
//!
//! Guarantees: what the page accepts, the server accepts too, but for what only the server can know (whether a name
//! is taken, how guessable a password is).

use super::address::{EmailAddress, InvalidAddress};
use super::password::{InvalidPassword, NewPassword, Password};
use super::problem::{Field, Problem, Refusal};
use super::username::{InvalidUsername, Username};

impl From<InvalidUsername> for Problem {
    fn from(invalid: InvalidUsername) -> Self {
        match invalid {
            InvalidUsername::Empty => Self::UsernameMissing,
            InvalidUsername::Length => Self::UsernameLength,
            InvalidUsername::Shape => Self::UsernameShape,
            InvalidUsername::Reserved => Self::UsernameReserved,
        }
    }
}

impl From<InvalidAddress> for Problem {
    fn from(invalid: InvalidAddress) -> Self {
        match invalid {
            InvalidAddress::Empty => Self::AddressMissing,
            InvalidAddress::Shape => Self::AddressShape,
        }
    }
}

/// The problem of a password that was refused; `min_length` is the portal's setting.
#[must_use]
pub fn password_problem(invalid: InvalidPassword, min_length: usize) -> Problem {
    match invalid {
        InvalidPassword::Empty => Problem::PasswordMissing,
        InvalidPassword::TooShort => Problem::PasswordTooShort(min_length),
        InvalidPassword::TooLong => Problem::PasswordTooLong,
        InvalidPassword::Nul => Problem::PasswordCharacter,
    }
}

/// What is wrong with one field, if anything: of a registration, or of whatever else asks for a new password or address.
/// `other` is the password, for the field that repeats it.
#[must_use]
pub fn checked_field(field: Field, typed: &str, other: &str, min_length: usize) -> Option<Problem> {
    match field {
        Field::Username => Username::parse(typed).err().map(Problem::from),
        Field::Email => EmailAddress::parse(typed).err().map(Problem::from),
        Field::Password | Field::NewPassword => {
            NewPassword::parse(Password::from(typed.to_owned()), min_length)
                .err()
                .map(|invalid| password_problem(invalid, min_length))
        }
        Field::CurrentPassword => typed.is_empty().then_some(Problem::CurrentPasswordMissing),
        Field::Shared => None,
        Field::ConfirmPassword => (typed != other).then_some(Problem::PasswordsDiffer),
    }
}

/// What somebody registers with, each part valid.
#[derive(Debug)]
pub struct Registration {
    /// The name.
    pub username: Username,
    /// The address.
    pub email: EmailAddress,
    /// The password.
    pub password: NewPassword,
}

impl Registration {
    /// Reads the form; a refusal names every field that is wrong.
    pub fn parse(
        username: &str,
        email: &str,
        password: Password,
        confirmation: &Password,
        min_length: usize,
    ) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let username = Username::parse(username).map_err(|e| refusal.add(Field::Username, e.into()));
        let email = EmailAddress::parse(email).map_err(|e| refusal.add(Field::Email, e.into()));
        let differ = password != *confirmation;
        let password = NewPassword::parse(password, min_length)
            .map_err(|e| refusal.add(Field::Password, password_problem(e, min_length)));
        if differ && password.is_ok() {
            refusal.add(Field::ConfirmPassword, Problem::PasswordsDiffer);
        }
        match (username, email, password) {
            (Ok(username), Ok(email), Ok(password)) if refusal.is_empty() => {
                Ok(Self { username, email, password })
            }
            _ => Err(refusal),
        }
    }
}

/// A new password for an account that is there already.
#[derive(Debug)]
pub struct PasswordChange {
    /// The present password; empty where none is asked for.
    pub current: Password,
    /// The password from now on.
    pub new: NewPassword,
}

impl PasswordChange {
    /// Reads the form; a refusal names every field that is wrong. `needs_current` where the present password is asked for.
    pub fn parse(
        current: Password,
        new: Password,
        confirmation: &Password,
        min_length: usize,
        needs_current: bool,
    ) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        if needs_current && current.is_empty() {
            refusal.add(Field::CurrentPassword, Problem::CurrentPasswordMissing);
        }
        let unchanged = needs_current && !current.is_empty() && current == new;
        let differ = new != *confirmation;
        let new = NewPassword::parse(new, min_length)
            .map_err(|e| refusal.add(Field::NewPassword, password_problem(e, min_length)));
        if unchanged && new.is_ok() {
            refusal.add(Field::NewPassword, Problem::PasswordUnchanged);
        } else if differ && new.is_ok() {
            refusal.add(Field::ConfirmPassword, Problem::PasswordsDiffer);
        }
        match new {
            Ok(new) if refusal.is_empty() => Ok(Self { current, new }),
            _ => Err(refusal),
        }
    }
}

/// Another address for an account that is there already.
#[derive(Debug)]
pub struct AddressChange {
    /// The new address.
    pub email: EmailAddress,
    /// The present password; empty where none is asked for.
    pub current: Password,
}

impl AddressChange {
    /// Reads the form; a refusal names every field that is wrong. `needs_current` where the present password is asked for.
    pub fn parse(email: &str, current: Password, needs_current: bool) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let email = EmailAddress::parse(email).map_err(|e| refusal.add(Field::Email, e.into()));
        if needs_current && current.is_empty() {
            refusal.add(Field::CurrentPassword, Problem::CurrentPasswordMissing);
        }
        match email {
            Ok(email) if refusal.is_empty() => Ok(Self { email, current }),
            _ => Err(refusal),
        }
    }
}
