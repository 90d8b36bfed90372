//! Validation of forms and single fields, shared by the server and the browser.
//!
//! # Guarantees
//!
//! - The server accepts every value that the browser accepts, except for rules that only the server can check: usernames that
//!   are taken and passwords that are too weak.

use crate::email_address::{EmailAddress, InvalidEmailAddress, MAX_LENGTH};
use crate::errors::{ErrorCode, Field, FormErrors};
use crate::free_text::{self, FreeText, InvalidFreeText};
use crate::password::{InvalidPassword, NewPassword, NormalizedPassword, Password};
use crate::saved_reason::MAX_TITLE_LENGTH;
use crate::username::{InvalidUsername, Username};

impl From<InvalidUsername> for ErrorCode {
    fn from(invalid: InvalidUsername) -> Self {
        match invalid {
            InvalidUsername::Empty => Self::UsernameMissing,
            InvalidUsername::Length => Self::UsernameLength,
            InvalidUsername::Format => Self::UsernameInvalid,
            InvalidUsername::Reserved => Self::UsernameReserved,
        }
    }
}

impl From<InvalidEmailAddress> for ErrorCode {
    fn from(invalid: InvalidEmailAddress) -> Self {
        match invalid {
            InvalidEmailAddress::Empty => Self::EmailMissing,
            InvalidEmailAddress::TooLong => Self::TextTooLong(MAX_LENGTH),
            InvalidEmailAddress::Format => Self::EmailInvalid,
        }
    }
}

/// Parses the answer to a question.
///
/// # Errors
///
/// Returns the reason why the answer is not valid.
pub fn parse_answer(typed: &str) -> Result<FreeText, ErrorCode> {
    FreeText::parse(typed).map_err(|invalid| match invalid {
        InvalidFreeText::Empty => ErrorCode::AnswerMissing,
        InvalidFreeText::TooLong => ErrorCode::TextTooLong(free_text::MAX_LENGTH),
    })
}

/// Returns the error code of an invalid password. `min_length` is the portal's setting.
#[must_use]
pub fn password_error(invalid: InvalidPassword, min_length: usize) -> ErrorCode {
    match invalid {
        InvalidPassword::Empty => ErrorCode::PasswordMissing,
        InvalidPassword::TooShort => ErrorCode::PasswordTooShort(min_length),
        InvalidPassword::TooLong => ErrorCode::PasswordTooLong,
        InvalidPassword::Nul => ErrorCode::PasswordInvalidCharacter,
    }
}

/// Checks one field of a form that asks for a username, an email address or a new password, and returns its error.
/// `other` is the password, for the field that repeats it. `normalize` returns the NFKC form of a password.
#[must_use]
pub fn check_field(
    field: Field,
    typed: &str,
    other: &str,
    min_length: usize,
    normalize: impl Fn(&str) -> String,
) -> Option<ErrorCode> {
    match field {
        Field::Username => Username::parse(typed).err().map(ErrorCode::from),
        Field::Email => EmailAddress::parse(typed).err().map(ErrorCode::from),
        Field::Password | Field::NewPassword => {
            NewPassword::parse(NormalizedPassword::from_nfkc(normalize(typed)).typed_as(typed), min_length)
                .err()
                .map(|invalid| password_error(invalid, min_length))
        }
        Field::CurrentPassword => typed.is_empty().then_some(ErrorCode::CurrentPasswordMissing),
        Field::Shared | Field::Silent | Field::Unconfirmed | Field::SavedReason => None,
        Field::Title => {
            (typed.chars().count() > MAX_TITLE_LENGTH).then_some(ErrorCode::TextTooLong(MAX_TITLE_LENGTH))
        }
        Field::Answer | Field::Question | Field::Reason | Field::Note => (typed.chars().count()
            > free_text::MAX_LENGTH)
            .then_some(ErrorCode::TextTooLong(free_text::MAX_LENGTH)),
        Field::ConfirmPassword => {
            (normalize(typed) != normalize(other)).then_some(ErrorCode::PasswordsDiffer)
        }
    }
}

/// A valid registration.
#[derive(Debug)]
pub struct Registration {
    /// The username.
    pub username: Username,
    /// The email address.
    pub email: EmailAddress,
    /// The password.
    pub password: NewPassword,
    /// The answer, if the portal asks a question.
    pub answer: Option<FreeText>,
}

impl Registration {
    /// Validates the form. The errors name every wrong field.
    pub fn parse(
        username: &str,
        email: &str,
        password: NormalizedPassword,
        confirmation: &NormalizedPassword,
        min_length: usize,
    ) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        let username = Username::parse(username).map_err(|e| errors.add(Field::Username, e.into()));
        let email = EmailAddress::parse(email).map_err(|e| errors.add(Field::Email, e.into()));
        let differ = password != *confirmation;
        let password = NewPassword::parse(password, min_length)
            .map_err(|e| errors.add(Field::Password, password_error(e, min_length)));
        if differ && password.is_ok() {
            errors.add(Field::ConfirmPassword, ErrorCode::PasswordsDiffer);
        }
        match (username, email, password) {
            (Ok(username), Ok(email), Ok(password)) if errors.is_empty() => {
                Ok(Self { username, email, password, answer: None })
            }
            _ => Err(errors),
        }
    }

    /// Adds the answer of a form that asks a question. The errors name every wrong field, including those of `form`.
    pub fn with_answer(form: Result<Self, FormErrors>, typed: &str) -> Result<Self, FormErrors> {
        match (form, parse_answer(typed)) {
            (Ok(form), Ok(answer)) => Ok(Self { answer: Some(answer), ..form }),
            (Err(errors), Ok(_)) => Err(errors),
            (form, Err(code)) => {
                let mut errors = form.err().unwrap_or_default();
                errors.add(Field::Answer, code);
                Err(errors)
            }
        }
    }
}

/// A valid change of password.
#[derive(Debug)]
pub struct PasswordChange {
    /// The current password. Empty if the form does not ask for it.
    pub current: NormalizedPassword,
    /// The new password.
    pub new: NewPassword,
}

impl PasswordChange {
    /// Validates the form. The errors name every wrong field. `needs_current` is true if the form asks for the current password.
    pub fn parse(
        current: NormalizedPassword,
        new: NormalizedPassword,
        confirmation: &NormalizedPassword,
        min_length: usize,
        needs_current: bool,
    ) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        if needs_current && current.is_empty() {
            errors.add(Field::CurrentPassword, ErrorCode::CurrentPasswordMissing);
        }
        let unchanged = needs_current && !current.is_empty() && current == new;
        let differ = new != *confirmation;
        let new = NewPassword::parse(new, min_length)
            .map_err(|e| errors.add(Field::NewPassword, password_error(e, min_length)));
        if unchanged && new.is_ok() {
            errors.add(Field::NewPassword, ErrorCode::PasswordUnchanged);
        } else if differ && new.is_ok() {
            errors.add(Field::ConfirmPassword, ErrorCode::PasswordsDiffer);
        }
        match new {
            Ok(new) if errors.is_empty() => Ok(Self { current, new }),
            _ => Err(errors),
        }
    }
}

/// A valid change of email address.
#[derive(Debug)]
pub struct EmailChange {
    /// The new email address.
    pub email: EmailAddress,
    /// The current password. Empty if the form does not ask for it.
    pub current: Password,
}

impl EmailChange {
    /// Validates the form. The errors name every wrong field. `needs_current` is true if the form asks for the current password.
    pub fn parse(email: &str, current: Password, needs_current: bool) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        let email = EmailAddress::parse(email).map_err(|e| errors.add(Field::Email, e.into()));
        if needs_current && current.is_empty() {
            errors.add(Field::CurrentPassword, ErrorCode::CurrentPasswordMissing);
        }
        match email {
            Ok(email) if errors.is_empty() => Ok(Self { email, current }),
            _ => Err(errors),
        }
    }
}
