//! The operator's list of passwords that nobody may choose.
//!
//! Guarantees: the passwords themselves are not kept and never print; a list takes 8 bytes for each that the portal's
//! lengths let pass, and looking one up takes no longer for a list of millions.

use std::fmt;
use std::io::{self, BufRead};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::domain::password::{MAX_LENGTH, NewPassword};

/// Passwords that nobody may choose, in any case of their letters. The empty one refuses none.
#[derive(Clone, Default)]
pub struct Blocklist(Arc<[u64]>);

impl fmt::Debug for Blocklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocklist({})", self.len())
    }
}

impl Blocklist {
    /// Reads a list with a password a line; space around it does not count. Those are kept that somebody could choose, of
    /// `min_length` to [`MAX_LENGTH`] characters. Lines that are not UTF-8, of which old lists have some, are passed over: no
    /// form sends such a password.
    ///
    /// # Errors
    /// The list can't be read, or is of something else than passwords as people type them, and would refuse none.
    pub fn read(list: impl BufRead, min_length: usize) -> io::Result<Self> {
        let (mut digests, mut hashes) = (Vec::new(), 0_usize);
        for line in list.split(b'\n') {
            let line = line?;
            if line.contains(&0) {
                return Err(io::Error::other("it is no text in UTF-8"));
            }
            let Ok(text) = std::str::from_utf8(&line) else { continue };
            // Editors of Windows begin a file with it.
            let password = text.trim_start_matches('\u{feff}').trim();
            if (min_length..=MAX_LENGTH).contains(&password.chars().count()) {
                hashes += usize::from(is_hash(password));
                digests.push(digest(password));
            }
        }
        if hashes > digests.len() / 2 {
            return Err(io::Error::other("it has hashes of passwords instead"));
        }
        digests.sort_unstable();
        digests.dedup();
        Ok(Self(digests.into()))
    }

    /// How many different passwords are on it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the password is on it.
    pub fn contains(&self, password: &NewPassword) -> bool {
        self.0.binary_search(&digest(password.password().expose())).is_ok()
    }
}

/// Whether this is how leaked passwords are handed round: MD5, SHA-1 or SHA-256 in hexadecimal, and how often it was seen.
fn is_hash(line: &str) -> bool {
    let hash = line.split(':').next().unwrap_or_default();
    matches!(hash.len(), 32 | 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What stands for a password, however its letters are put together and in whichever case (UAX #15, NFKC). Of 64 bits: with ten
/// million on the list, one of 10^12 others is refused by mistake.
fn digest(password: &str) -> u64 {
    let digest = Sha256::digest(password.nfkc().collect::<String>().to_lowercase().as_bytes());
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::password::Password;

    fn has(list: &Blocklist, password: &str) -> bool {
        list.contains(&NewPassword::parse(Password::from(password.to_owned()), 8).expect("long enough"))
    }

    #[test]
    fn what_is_listed_is_found_in_any_case_and_nothing_else() {
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
    fn a_list_is_read_as_editors_write_it() {
        let text = "\u{feff}marigold-lanterns\n  tangerine shed  \nm\u{e4}rigold-l\u{f6}nterns\n";
        let list = Blocklist::read(text.as_bytes(), 12).expect("is read");
        for password in ["marigold-lanterns", "tangerine shed", "ma\u{308}rigold-lo\u{308}nterns"] {
            assert!(has(&list, password), "{password}");
        }
    }

    #[test]
    fn what_would_refuse_nothing_is_no_list() {
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
    fn without_a_list_nothing_is_refused() {
        assert!(Blocklist::default().is_empty());
        assert!(!has(&Blocklist::default(), "mustang-of-1967"));
    }

    #[test]
    fn the_passwords_do_not_print() {
        let list = Blocklist::read(&b"mustang-of-1967\n"[..], 12).expect("is read");
        assert_eq!(format!("{list:?}"), "Blocklist(1)");
    }
}
