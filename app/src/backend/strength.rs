//! Which new passwords would be guessed early.
//!
//! Guarantees: common passwords, keyboard walks, dates, repetitions and the account's own words are found in any
//! mixture (zxcvbn); no rule about kinds of characters (NIST SP 800-63B-4, 3.1.1.2).

use zxcvbn::{Score, zxcvbn};

use super::settings::Settings;
use crate::domain::password::NewPassword;

/// Whether the password is estimated to fall within 10^8 guesses, or is made of the account's own words: its name and
/// its address.
pub fn is_guessable(password: &NewPassword, username: &str, email: &str, settings: &Settings) -> bool {
    let (local_part, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let words: Vec<&str> = [username, email, local_part, domain, settings.portal_name.as_str(), "vestibule"]
        .into_iter()
        .chain(domain.split('.'))
        .chain(username.split(['.', '_', '-']))
        .filter(|word| word.len() > 2)
        .collect();
    // zxcvbn looks at the first 100 characters; the rest of a longer password can only make it stronger.
    zxcvbn(password.password().expose(), &words).score() < Score::Three
}
