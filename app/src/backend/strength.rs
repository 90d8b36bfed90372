//! Which new passwords would be guessed early.
//!
//! Guarantees: common passwords, keyboard walks, dates, repetitions and the account's own words are found in any
//! mixture (zxcvbn), and so is what the operator's list has; no rule about kinds of characters (NIST SP 800-63B-4,
//! 3.1.1.2). Judging takes a bounded time, and is done by the threads that hash.

use zxcvbn::{Score, zxcvbn};

use super::blocklist::Blocklist;
use super::settings::Settings;
use crate::domain::password::NewPassword;

/// How many characters are judged. What follows makes a password stronger that is strong already; and zxcvbn's time grows
/// with a power of their number: of the worst texts, 32 take 0.15 seconds, and 128 would take two.
const JUDGED: usize = 32;

/// A new password, and what is known of whoever chooses it.
#[derive(Debug)]
pub struct Judgement {
    password: NewPassword,
    words: Vec<String>,
    blocklist: Blocklist,
}

impl Judgement {
    /// What is to be judged for the account with this name and address.
    pub fn of(password: &NewPassword, username: &str, email: &str, settings: &Settings) -> Self {
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

    /// Whether the password is on the operator's list, or its beginning is estimated to fall within 10^8 guesses or is made of
    /// the account's own words.
    pub fn is_guessable(&self) -> bool {
        if self.blocklist.contains(&self.password) {
            return true;
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        zxcvbn(&beginning(self.password.password().expose()), &words).score() < Score::Three
    }
}

/// What is judged of a password: its first [`JUDGED`] characters, and of one that repeats itself what it repeats. Cut off in the
/// middle, that would look like something new.
fn beginning(password: &str) -> String {
    let characters: Vec<char> = password.chars().collect();
    let repeats = |period: &usize| characters.iter().skip(*period).zip(&characters).all(|(a, b)| a == b);
    let period = (1..characters.len()).find(repeats).unwrap_or(characters.len());
    characters.into_iter().take(period.min(JUDGED)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::password::Password;

    fn is_guessable(password: &str) -> bool {
        let password = NewPassword::parse(Password::from(password.to_owned()), 8).expect("fits");
        let words = vec!["adalovelace".to_owned()];
        Judgement { password, words, blocklist: Blocklist::default() }.is_guessable()
    }

    #[test]
    fn a_long_password_is_judged_by_its_beginning() {
        let strong = "brown kettle window";
        assert!(!is_guessable(strong) && !is_guessable(&format!("{strong}{}", "a".repeat(100))));
        for weak in ["password", "adalovelace", "a"] {
            assert!(is_guessable(&weak.repeat(128 / weak.len())), "{weak}");
        }
        // Of letters of several bytes none is torn apart.
        assert!(!is_guessable(&format!("{strong}{}", "\u{e4}\u{1f511}".repeat(20))));
    }
}
