//! The policy for new passwords.
//!
//! # Guarantees
//!
//! - Common passwords, keyboard patterns, dates, repetitions, the words of the account and combinations of them are too weak
//!   (zxcvbn).
//! - The passwords on the operator's list are too weak.
//! - There is no rule about kinds of characters (NIST SP 800-63B-4, 3.1.1.2).
//! - The check takes a bounded time. The threads of the hasher run it.

use std::collections::HashSet;

use zxcvbn::{Score, zxcvbn};

use crate::auth::password::blocklist::Blocklist;
use crate::settings::Settings;
use domain::password::NewPassword;

/// The number of characters that are checked. Further characters only make a strong password stronger, and zxcvbn's time grows
/// with a power of their number: the worst texts take 0.15 seconds with 32 characters, and 2 seconds with 128.
const CHECKED_LENGTH: usize = 32;

/// A new password, and the words and list that it must not match.
#[derive(Debug)]
pub struct PasswordPolicy {
    password: NewPassword,
    words: Vec<String>,
    blocklist: Blocklist,
}

impl PasswordPolicy {
    /// Creates the policy for a new password of the account with this username and email address.
    pub fn new(password: &NewPassword, username: &str, email: &str, settings: &Settings) -> Self {
        let (local_part, domain) = email.rsplit_once('@').unwrap_or((email, ""));
        let words = [username, email, local_part, domain, settings.portal_name.as_str(), "vestibule"]
            .into_iter()
            .chain(domain.split('.'))
            .chain(username.split(['.', '_', '-']))
            .filter(|word| word.len() > 2)
            .map(ToOwned::to_owned)
            .collect();
        Self { password: password.clone(), words, blocklist: settings.password_blocklist.clone() }
    }

    /// Returns true if the password is on the operator's list, or its beginning is estimated to be guessed within 10^8 attempts
    /// or consists of the account's words.
    pub fn is_too_weak(&self) -> bool {
        if self.blocklist.contains(&self.password) {
            return true;
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        zxcvbn(&checked_part(self.password.password().expose()), &words).score() < Score::Three
    }
}

/// The number of different characters that a random key has at least. Of 32 random hexadecimal digits, fewer than one in 10^8 has
/// fewer.
const MIN_KEY_CHARACTERS: usize = 7;

/// Returns true if a key is obviously not random: its beginning is estimated to be guessed within 10^10 attempts, or it repeats
/// itself or has few different characters.
pub fn is_guessable_key(key: &str) -> bool {
    let characters: HashSet<char> = key.chars().collect();
    characters.len() < MIN_KEY_CHARACTERS || zxcvbn(&checked_part(key), &["vestibule"]).score() < Score::Four
}

/// Returns the part of a password that is checked: the repeated part if it repeats itself, and at most [`CHECKED_LENGTH`]
/// characters. A repetition that is cut off in the middle would look like something new.
fn checked_part(password: &str) -> String {
    let characters: Vec<char> = password.chars().collect();
    let repeats = |period: &usize| characters.iter().skip(*period).zip(&characters).all(|(a, b)| a == b);
    let period = (1..characters.len()).find(repeats).unwrap_or(characters.len());
    characters.into_iter().take(period.min(CHECKED_LENGTH)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::password::NormalizedPassword;

    fn is_too_weak(password: &str) -> bool {
        let password =
            NewPassword::parse(NormalizedPassword::from_nfkc(password.to_owned()), 8).expect("fits");
        let words = vec!["adalovelace".to_owned()];
        PasswordPolicy { password, words, blocklist: Blocklist::default() }.is_too_weak()
    }

    #[test]
    fn a_key_that_is_obviously_not_random_is_guessable() {
        for key in [
            "x".repeat(32),
            "ab".repeat(30),
            "changeme".repeat(4),
            "0123456789abcdef".repeat(2),
            "abcdefghijklmnopqrstuvwxyz012345".to_owned(),
            "12345678901234567890123456789012".to_owned(),
            "passwordpasswordpasswordpassword1".to_owned(),
        ] {
            assert!(is_guessable_key(&key), "{key}");
        }
        for key in [
            "WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa8oQ5iRtZyBw=",
            "d41d8cd98f00b204e9800998ecf8427e",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "forty characters that only this test has",
        ] {
            assert!(!is_guessable_key(key), "{key}");
        }
    }

    #[test]
    fn a_long_password_is_checked_by_its_beginning() {
        let strong = "brown kettle window";
        assert!(!is_too_weak(strong) && !is_too_weak(&format!("{strong}{}", "a".repeat(100))));
        for weak in ["password", "adalovelace", "a"] {
            assert!(is_too_weak(&weak.repeat(128 / weak.len())), "{weak}");
        }
        // Characters of several bytes are not split.
        assert!(!is_too_weak(&format!("{strong}{}", "\u{e4}\u{1f511}".repeat(20))));
    }
}
