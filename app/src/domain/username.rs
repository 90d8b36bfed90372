//! The name people sign in with.
//!
//! Guarantees: 3 to 32 of ASCII letters, digits, `.`, `_` and `-`; begins and ends with a letter or digit; never two
//! of `. _ -` in a row; not a reserved name. Two names that differ only in case are one name (see [`Username::key`]).

use serde::{Deserialize, Serialize};

/// Names nobody may register: they would pass for the portal or its administrators.
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

/// Longest username, in characters. Also the width of the column.
pub const MAX_LENGTH: usize = 32;
/// Shortest username, in characters.
pub const MIN_LENGTH: usize = 3;

/// A valid username, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// Why a text is no username.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidUsername {
    /// Nothing was typed.
    Empty,
    /// Fewer than [`MIN_LENGTH`] or more than [`MAX_LENGTH`] characters.
    Length,
    /// A character that is not allowed, or a mark at an end or beside another.
    Shape,
    /// A name that the portal keeps for itself.
    Reserved,
}

impl Username {
    /// Reads a username; surrounding white space is not part of it.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let name = text.trim();
        if name.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c)) {
            return Err(InvalidUsername::Shape);
        }
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&name.len()) {
            return Err(InvalidUsername::Length);
        }
        let ends_well = !name.starts_with(is_mark) && !name.ends_with(is_mark);
        let marks_apart =
            !name.as_bytes().windows(2).any(|pair| pair.iter().all(|b| is_mark(char::from(*b))));
        if !ends_well || !marks_apart {
            return Err(InvalidUsername::Shape);
        }
        if is_reserved(name) {
            return Err(InvalidUsername::Reserved);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What decides whether two names are the same, and what the unique index holds.
    #[must_use]
    pub fn key(&self) -> String {
        key_of(&self.0)
    }
}

/// The key under which a name typed at sign-in is looked up, valid or not.
#[must_use]
pub fn key_of(typed: &str) -> String {
    typed.trim().to_ascii_lowercase()
}

/// With marks left out and digits cut from the end: `ad.min` and `admin1` pass for `admin` at a glance.
fn is_reserved(name: &str) -> bool {
    let bare = |name: &str| -> String { name.chars().filter(|c| !is_mark(*c)).collect() };
    let looks = bare(&name.to_ascii_lowercase());
    let looks = looks.trim_end_matches(|c: char| c.is_ascii_digit());
    RESERVED.iter().any(|reserved| bare(reserved) == looks)
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}
