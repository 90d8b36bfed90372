//! The secret of a token.
//!
//! # Guarantees
//!
//! - The secret of a link has 256 random bits, that of a temporary password 130.
//! - `Debug` does not print the secret.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::infra::random;
use domain::invisible::is_invisible;

/// Crockford's base32: no I, L, O or U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The number of digits of a typable secret.
const TYPABLE_LENGTH: usize = 26;
/// The number of digits of a group. Two groups of 13 would be hard to read.
const GROUP_LENGTH: usize = 5;

/// The secret of a token, as in a link or as typed.
#[derive(Clone)]
pub struct PlainToken(String);

impl std::fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

impl PlainToken {
    /// Generates a secret that can be typed: 26 digits of Crockford's base32, 130 bits.
    pub fn generate_typable() -> Self {
        let digit = |byte: u8| char::from(DIGITS[usize::from(byte & 31)]);
        Self(random::bytes::<TYPABLE_LENGTH>().into_iter().map(digit).collect())
    }

    /// Parses a typed or pasted secret, in any case, with spaces, hyphens, invisible characters and the letters that look like
    /// digits. Returns `None` for another form.
    pub fn from_typed(text: &str) -> Option<Self> {
        let is_ignored =
            |c: &char| c.is_whitespace() || is_invisible(*c) || matches!(c, '-' | '\u{2010}'..='\u{2015}');
        let digits = text.chars().filter(|c| !is_ignored(c)).take(TYPABLE_LENGTH + 1);
        let read = |c: char| match c.to_ascii_uppercase() {
            'O' => Some('0'),
            'I' | 'L' => Some('1'),
            c if c.is_ascii() && DIGITS.contains(&(c as u8)) => Some(c),
            _ => None,
        };
        let text = digits.map(read).collect::<Option<String>>()?;
        (text.len() == TYPABLE_LENGTH).then_some(Self(text))
    }

    /// Formats a typable secret in groups that are easy to read and type.
    pub fn grouped(&self) -> String {
        let mut grouped = String::with_capacity(TYPABLE_LENGTH + TYPABLE_LENGTH / GROUP_LENGTH);
        for (index, digit) in self.0.chars().enumerate() {
            // The last group has six digits, because a group of one would be odd.
            if index > 0 && index % GROUP_LENGTH == 0 && index + GROUP_LENGTH <= TYPABLE_LENGTH {
                grouped.push('-');
            }
            grouped.push(digit);
        }
        grouped
    }

    /// Generates a secret of 256 bits for a link.
    pub fn generate() -> Self {
        Self(BASE64URL_NOPAD.encode(&random::bytes::<32>()))
    }

    /// Parses the secret of a link. Returns `None` for another form.
    pub fn from_link(text: &str) -> Option<Self> {
        let valid = text.len() == 43 && BASE64URL_NOPAD.decode(text.as_bytes()).is_ok();
        valid.then(|| Self(text.to_owned()))
    }

    /// Returns the secret, which belongs only in the link or the email.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the hash that the database stores.
    pub fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_a_link_and_is_not_printed() {
        let token = PlainToken::generate();
        assert_eq!(token.expose().len(), 43);
        assert!(PlainToken::from_link(token.expose()).is_some());
        assert_eq!(format!("{token:?}"), "PlainToken(…)");
        assert_eq!(token.hash().len(), 64);
    }

    #[test]
    fn a_typed_secret_may_have_lower_case_spaces_and_letters_for_digits() {
        let token = PlainToken::generate_typable();
        let grouped = token.grouped();
        let groups: Vec<usize> = grouped.split('-').map(str::len).collect();
        assert_eq!(groups, [5, 5, 5, 5, 6], "{grouped}");
        for typed in
            [grouped.to_lowercase(), grouped.replace('-', " "), format!(" {grouped} ")].into_iter().chain(
                ["\u{2011}", "\u{2013}", "\u{a0}", "-\u{2060}", "\u{200b}"]
                    .map(|gap| grouped.replace('-', gap)),
            )
        {
            assert_eq!(PlainToken::from_typed(&typed).map(|read| read.hash()), Some(token.hash()), "{typed}");
        }
        let zeros = PlainToken::from_typed(&"O".repeat(26)).expect("O is read as 0");
        assert_eq!(zeros.expose(), "0".repeat(26));
        assert_eq!(PlainToken::from_typed(&"iL".repeat(13)).expect("read as 1").expose(), "1".repeat(26));
        for wrong in ["", "7", "green bicycle tulips", &"0".repeat(25), &"0".repeat(27), &"U".repeat(26)] {
            assert!(PlainToken::from_typed(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_text_in_another_form_is_no_token() {
        for text in ["", "abc", "../../etc/passwd", &"a".repeat(44), &"!".repeat(43)] {
            assert!(PlainToken::from_link(text).is_none(), "{text}");
        }
    }
}
