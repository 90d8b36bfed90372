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

/// What is wrong with one field of the registration form, if anything. `other` is the password, for the field that
/// repeats it.
#[must_use]
pub fn registration_field(field: Field, typed: &str, other: &str, min_length: usize) -> Option<Problem> {
    match field {
        Field::Username => Username::parse(typed).err().map(Problem::from),
        Field::Email => EmailAddress::parse(typed).err().map(Problem::from),
        Field::Password => NewPassword::parse(Password::from(typed.to_owned()), min_length)
            .err()
            .map(|invalid| password_problem(invalid, min_length)),
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
