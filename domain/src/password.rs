//! Passwords as typed.
//!
//! # Guarantees
//!
//! - The `Debug` output of a [`Password`] or [`NormalizedPassword`] never contains the password.
//! - A [`NewPassword`] has a length that the portal accepts. Invisible characters do not count for the minimum, and at least three
//!   quarters of the minimum are characters as typed.
//!
//! The backend normalises passwords and checks their strength, because it has the tables.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invisible::is_invisible;

/// The maximum length in characters. Longer passwords are refused and never truncated. NIST SP 800-63B-4, 3.1.1.2 requires at
/// least 64.
pub const MAX_LENGTH: usize = 128;

/// A password as typed. It implements serde, because the browser sends it, and its `Debug` output is redacted.
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
    /// Returns the password as typed, only for normalising it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns true if the password is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A password in the normal form in which passwords are measured, compared and hashed: NFKC, because keyboards write `ä` as one
/// character or as two (NIST SP 800-63B-4, 3.1.1.2).
///
/// The backend normalises passwords, because it has the Unicode tables. Browsers have their own.
#[derive(Clone)]
pub struct NormalizedPassword {
    text: String,
    /// The number of visible characters as typed.
    typed_length: usize,
}

impl PartialEq for NormalizedPassword {
    /// Compares only the text: the same password can be typed with more or fewer characters.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NormalizedPassword {}

impl fmt::Debug for NormalizedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NormalizedPassword(…)")
    }
}

impl NormalizedPassword {
    /// Takes a text that has been normalised to NFKC.
    #[must_use]
    pub fn from_nfkc(text: String) -> Self {
        let typed_length = count_visible(&text);
        Self { text, typed_length }
    }

    /// Takes the text as typed too, because the normal form of one character can be long: that of U+FDFA has 18 characters.
    #[must_use]
    pub fn typed_as(self, typed: &str) -> Self {
        Self { typed_length: count_visible(typed), ..self }
    }

    /// Returns true if there are fewer visible characters than `min_length`. A few may come from characters that the normal form
    /// makes longer, such as ligatures, but not most of them.
    fn is_too_short(&self, min_length: usize) -> bool {
        count_visible(&self.text) < min_length || 4 * self.typed_length < 3 * min_length
    }

    /// Returns the password in plain text, only for hashing and checking.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns true if the password is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns true if the password is longer than [`MAX_LENGTH`], so that it can be refused before it is hashed.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.text.chars().count() > MAX_LENGTH
    }
}

/// Returns the number of characters that have a glyph of their own.
fn count_visible(text: &str) -> usize {
    text.chars().filter(|c| !is_invisible(*c)).count()
}

/// The reason why a text cannot become a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPassword {
    /// The text is empty.
    Empty,
    /// Fewer characters than the portal requires.
    TooShort,
    /// More than [`MAX_LENGTH`] characters.
    TooLong,
    /// A NUL character, which PostgreSQL cannot store.
    Nul,
}

/// A new password of acceptable length.
#[derive(Clone, Debug)]
pub struct NewPassword(NormalizedPassword);

impl NewPassword {
    /// Checks the length in characters (NIST SP 800-63B-4, 3.1.1.2). There are no composition rules.
    pub fn parse(password: NormalizedPassword, min_length: usize) -> Result<Self, InvalidPassword> {
        let length = password.expose().chars().count();
        match length {
            0 => Err(InvalidPassword::Empty),
            _ if password.expose().contains('\0') => Err(InvalidPassword::Nul),
            _ if password.is_too_short(min_length) => Err(InvalidPassword::TooShort),
            _ if length > MAX_LENGTH => Err(InvalidPassword::TooLong),
            _ => Ok(Self(password)),
        }
    }

    /// Returns the password for the hasher.
    #[must_use]
    pub fn password(&self) -> &NormalizedPassword {
        &self.0
    }
}
