//! Passwords on their way in.
//!
//! Guarantees: [`Password`] never shows itself in `Debug`; [`NewPassword`] has a length that the portal accepts and
//! was typed the same twice. Strength (which needs tables) is judged by the backend.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest password, in characters. Nothing is cut; more is refused. NIST SP 800-63B-4, 3.1.1.2 asks for at least 64.
pub const MAX_LENGTH: usize = 128;

/// A password as typed. It is sent from the browser, so it has serde; it never prints.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

impl Password {
    /// The text itself, for hashing and checking alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is longer than any password can be: such input is refused before it is hashed.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.0.chars().count() > MAX_LENGTH
    }
}

/// Why a text cannot become a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPassword {
    /// Nothing was typed.
    Empty,
    /// Fewer characters than the portal asks for.
    TooShort,
    /// More than [`MAX_LENGTH`] characters.
    TooLong,
    /// A NUL, which one of the databases cannot keep.
    Nul,
}

/// A password of acceptable length.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Checks the length, counted in characters (NIST SP 800-63B-4, 3.1.1.2). No composition rules.
    pub fn parse(typed: Password, min_length: usize) -> Result<Self, InvalidPassword> {
        let length = typed.expose().chars().count();
        match length {
            0 => Err(InvalidPassword::Empty),
            _ if typed.expose().contains('\0') => Err(InvalidPassword::Nul),
            _ if length < min_length => Err(InvalidPassword::TooShort),
            _ if length > MAX_LENGTH => Err(InvalidPassword::TooLong),
            _ => Ok(Self(typed)),
        }
    }

    /// The password, for the hasher.
    #[must_use]
    pub fn password(&self) -> &Password {
        &self.0
    }
}
