//! An e-mail address, as typed.
//!
//! Guarantees: it has the shape of an address that mail can be sent to (RFC 5321 lengths, dot-atom local part in
//! ASCII, a domain with a dot), and carries no control character. Which two addresses are the same is decided in the
//! backend, where the IDNA tables are.

use serde::{Deserialize, Serialize};

/// Longest address, in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const MAX_LENGTH: usize = 254;
/// Longest local part, in bytes (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// An address in the spelling its owner typed; mail goes to exactly that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAddress {
    /// Nothing was typed.
    Empty,
    /// It has not the shape of an address.
    Shape,
}

impl EmailAddress {
    /// Reads an address; surrounding white space is not part of it.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let address = text.trim();
        if address.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        let (local, domain) = address.rsplit_once('@').ok_or(InvalidAddress::Shape)?;
        let valid = address.len() <= MAX_LENGTH && is_local_part(local) && is_domain(domain);
        if valid { Ok(Self(address.to_owned())) } else { Err(InvalidAddress::Shape) }
    }

    /// The address as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A dot-atom of RFC 5322 in ASCII. Quoted local parts and non-ASCII ones are refused: databases and mail servers
/// fold them differently, and one person would get another's mail.
fn is_local_part(local: &str) -> bool {
    (1..=MAX_LOCAL).contains(&local.len())
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

/// Whether a character may be a letter outside ASCII. The tables that know are the backend's: here, anything but
/// controls (C1), spaces and other marks that no domain has.
fn is_letter_abroad(c: char) -> bool {
    c > '\u{a0}'
        // A hyphen that is not seen; and marks that IDNA takes for a dot or for nothing.
        && !matches!(c, '\u{ad}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3002}' | '\u{feff}' | '\u{ff0e}' | '\u{fff0}'..='\u{ffff}')
}

/// At least two labels. Non-ASCII letters may stand here; the backend turns them into their ASCII form.
fn is_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || is_letter_abroad(c))
        })
        && !domain.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()))
}
