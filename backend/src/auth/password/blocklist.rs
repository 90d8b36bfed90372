//! The operator's list of blocked passwords.
//!
//! # Guarantees
//!
//! - The passwords themselves are not kept and never printed.
//! - The list takes 8 bytes for each password of an allowed length, and finds a password by binary search.

use std::fmt;
use std::io::{self, BufRead};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::auth::password::normalize;
use domain::password::{MAX_LENGTH, NewPassword, NormalizedPassword, Password};

/// Passwords that no one may choose, in any case of their letters. An empty list blocks none.
#[derive(Clone, Default)]
pub struct Blocklist(Arc<[u64]>);

impl fmt::Debug for Blocklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocklist({})", self.len())
    }
}

impl Blocklist {
    /// Reads a list with one password per line, without surrounding spaces. Passwords outside `min_length` to [`MAX_LENGTH`]
    /// characters are skipped, because no one can choose them. So are lines that are not UTF-8, which old lists contain, because
    /// no form sends such a password.
    ///
    /// # Errors
    /// Returns an error if the list cannot be read, or if it does not contain plain passwords and would block none.
    pub fn read(list: impl BufRead, min_length: usize) -> io::Result<Self> {
        let (mut digests, mut hashes) = (Vec::new(), 0_usize);
        for line in list.split(b'\n') {
            let line = line?;
            if line.contains(&0) {
                return Err(io::Error::other("it is not UTF-8 text"));
            }
            let Ok(text) = std::str::from_utf8(&line) else { continue };
            // Windows editors write a byte order mark at the beginning of a file.
            let text = text.trim_start_matches('\u{feff}').trim();
            let password = normalize(&Password::from(text.to_owned()));
            if (min_length..=MAX_LENGTH).contains(&password.expose().chars().count()) {
                hashes += usize::from(is_hash(text));
                digests.push(digest(&password));
            }
        }
        if hashes > digests.len() / 2 {
            return Err(io::Error::other("it contains hashes instead of passwords"));
        }
        digests.sort_unstable();
        digests.dedup();
        Ok(Self(digests.into()))
    }

    /// Returns the number of different passwords.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if the list has no password.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if the password is on the list.
    pub fn contains(&self, password: &NewPassword) -> bool {
        self.0.binary_search(&digest(password.password())).is_ok()
    }
}

/// Returns true for the usual form of leaked password hashes: MD5, SHA-1 or SHA-256 in hexadecimal, and the number of leaks.
fn is_hash(line: &str) -> bool {
    let hash = line.split(':').next().unwrap_or_default();
    matches!(hash.len(), 32 | 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns 64 bits of the SHA-256 of a password in lower case. With ten million passwords on the list, one in 10^12 others is
/// blocked by mistake.
fn digest(password: &NormalizedPassword) -> u64 {
    let digest = Sha256::digest(password.expose().to_lowercase().as_bytes());
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(list: &Blocklist, password: &str) -> bool {
        let password = normalize(&Password::from(password.to_owned()));
        list.contains(&NewPassword::parse(password, 8).expect("long enough"))
    }

    #[test]
    fn only_listed_passwords_are_found_in_any_case() {
        let text = b"Mustang-of-1967\nshort\n\n\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\nwith windows ends\r\nmustang-OF-1967\nthe last one";
        let list = Blocklist::read(&text[..], 12).expect("is read");
        assert_eq!(list.len(), 3);
        for password in ["mustang-of-1967", "MUSTANG-OF-1967", "with windows ends", "the last one"] {
            assert!(has(&list, password), "{password}");
        }
        for password in ["mustang-of-1968", "mustang-of-1967 !", "Mustang-of-196"] {
            assert!(!has(&list, password), "{password}");
        }
    }

    #[test]
    fn a_list_may_have_a_byte_order_mark_spaces_and_other_normal_forms() {
        let text = "\u{feff}marigold-lanterns\n  tangerine shed  \nm\u{e4}rigold-l\u{f6}nterns\n\u{fb01}shing-trip\n";
        let list = Blocklist::read(text.as_bytes(), 12).expect("is read");
        for password in
            ["marigold-lanterns", "tangerine shed", "ma\u{308}rigold-lo\u{308}nterns", "fishing-trip"]
        {
            assert!(has(&list, password), "{password}");
        }
    }

    #[test]
    fn a_list_of_hashes_or_in_another_encoding_is_rejected() {
        let hashes = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004\n".repeat(3);
        let utf16: Vec<u8> = "marigold-lanterns\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (list, why) in [(hashes.as_bytes(), "hashes"), (utf16.as_slice(), "UTF-8")] {
            let error = Blocklist::read(list, 12).expect_err("is refused").to_string();
            assert!(error.contains(why), "{error}");
        }
        let with_one =
            Blocklist::read(&b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\nmarigold-lanterns\n"[..], 12);
        assert_eq!(with_one.expect("is read").len(), 2);
    }

    #[test]
    fn an_empty_list_blocks_no_password() {
        assert!(Blocklist::default().is_empty());
        assert!(!has(&Blocklist::default(), "mustang-of-1967"));
    }

    #[test]
    fn the_passwords_are_not_printed() {
        let list = Blocklist::read(&b"mustang-of-1967\n"[..], 12).expect("is read");
        assert_eq!(format!("{list:?}"), "Blocklist(1)");
    }
}
