//! Usernames.
//!
//! # Guarantees
//!
//! - A username has 3 to 32 ASCII letters, digits and separators (`.`, `_` and `-`).
//! - It begins and ends with a letter or digit, and never has two separators in a row.
//! - It is not a reserved name.
//! - Two usernames that differ only in case have the same [`Username::key`].

use serde::{Deserialize, Serialize};

use crate::invisible::clean;

/// Names that no one can register, because they look like the portal or its administrators.
const RESERVED: &[&str] = &[
    "about",
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "daemon",
    "desk",
    "everyone",
    "help",
    "hostmaster",
    "info",
    "login",
    "logout",
    "mail",
    "mailer-daemon",
    "moderator",
    "nobody",
    "noreply",
    "no-reply",
    "null",
    "operator",
    "owner",
    "portal",
    "postmaster",
    "profile",
    "register",
    "root",
    "security",
    "setup",
    "staff",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "vestibule",
    "webmaster",
    "www",
];

/// The maximum length in characters. Also the width of the column.
pub const MAX_LENGTH: usize = 32;
/// The minimum length in characters.
pub const MIN_LENGTH: usize = 3;

/// A valid username, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// The reason why a text is not a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidUsername {
    /// The text is empty.
    Empty,
    /// Fewer than [`MIN_LENGTH`] or more than [`MAX_LENGTH`] characters.
    Length,
    /// A character that is not allowed, or a separator at either end or next to another separator.
    Format,
    /// A reserved name.
    Reserved,
}

impl Username {
    /// Parses a username and ignores invisible characters and surrounding whitespace.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let name = clean(text);
        if name.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || is_separator(c)) {
            return Err(InvalidUsername::Format);
        }
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&name.len()) {
            return Err(InvalidUsername::Length);
        }
        let ends_are_valid = !name.starts_with(is_separator) && !name.ends_with(is_separator);
        let separators_are_apart =
            !name.as_bytes().windows(2).any(|pair| pair.iter().all(|b| is_separator(char::from(*b))));
        if !ends_are_valid || !separators_are_apart {
            return Err(InvalidUsername::Format);
        }
        if is_reserved(&name) {
            return Err(InvalidUsername::Reserved);
        }
        Ok(Self(name))
    }

    /// Returns the username as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the lower-case form, which the unique index holds. Usernames with the same key are the same.
    #[must_use]
    pub fn key(&self) -> String {
        key_of(&self.0)
    }
}

/// Returns the key for looking up a username as typed at sign-in, valid or not.
#[must_use]
pub fn key_of(typed: &str) -> String {
    clean(typed).to_ascii_lowercase()
}

/// Returns true if the name looks like a reserved name. Separators and trailing digits do not count, because `ad.min` and
/// `admin1` look like `admin`.
fn is_reserved(name: &str) -> bool {
    let without_separators = |name: &str| -> String { name.chars().filter(|c| !is_separator(*c)).collect() };
    let skeleton = without_separators(&name.to_ascii_lowercase());
    let skeleton = skeleton.trim_end_matches(|c: char| c.is_ascii_digit());
    RESERVED.iter().any(|reserved| without_separators(reserved) == skeleton)
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}
