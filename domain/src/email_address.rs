//! Email addresses as typed.
//!
//! # Guarantees
//!
//! - An email address has the lengths of RFC 5321, an ASCII dot-atom as local part and a domain with a dot.
//! - It has no control character and no invisible character.
//!
//! The backend compares email addresses, because it has the IDNA tables.

use serde::{Deserialize, Serialize};

use crate::invisible::clean;

/// The maximum length in bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
pub const MAX_LENGTH: usize = 254;
/// The maximum length of the local part in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// An email address in the spelling that its owner typed, without invisible characters. Emails are sent to this local part, at the
/// ASCII form of this domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// The reason why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidEmailAddress {
    /// The text is empty.
    Empty,
    /// The text has more than [`MAX_LENGTH`] bytes.
    TooLong,
    /// The text does not have the format of an email address.
    Format,
}

impl EmailAddress {
    /// Parses an email address and ignores invisible characters and surrounding whitespace.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let address = clean(text);
        if address.is_empty() {
            return Err(InvalidEmailAddress::Empty);
        }
        let (local, domain) = address.rsplit_once('@').ok_or(InvalidEmailAddress::Format)?;
        if address.len() > MAX_LENGTH {
            return Err(InvalidEmailAddress::TooLong);
        }
        let valid = is_local_part(local) && is_domain(domain);
        if valid { Ok(Self(address)) } else { Err(InvalidEmailAddress::Format) }
    }

    /// Returns the email address as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the last `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// Returns the part after the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Returns true if the text is an ASCII dot-atom (RFC 5322). Quoted and non-ASCII local parts are refused, because databases and
/// mail servers fold them differently, and one person could receive another person's emails.
fn is_local_part(local: &str) -> bool {
    (1..=MAX_LOCAL).contains(&local.len())
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

/// Returns true if the character may be a letter outside ASCII. Only the backend has the exact tables. This check excludes
/// control characters (C1), spaces and punctuation that no domain contains.
fn may_be_non_ascii_letter(c: char) -> bool {
    c > '\u{a0}'
        // The soft hyphen, and other characters that IDNA removes.
        && !matches!(c, '\u{ad}' | '\u{2000}'..='\u{206f}' | '\u{3000}' | '\u{3001}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}

/// The dot, and the characters that IDNA maps to it (UTS 46). Chinese and Japanese keyboards type them.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Returns true if the text is a domain of at least two labels. Non-ASCII letters are allowed. The backend converts them to
/// ASCII, and then checks the domain again.
fn is_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.contains(DOTS)
        && domain.split(DOTS).all(|label| {
            (1..=63).contains(&label.chars().count())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || may_be_non_ascii_letter(c))
        })
        && !domain.rsplit(DOTS).next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()))
}
