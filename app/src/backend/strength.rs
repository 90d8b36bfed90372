//! Which new passwords would be guessed early.
//!
//! Guarantees: common passwords, keyboard walks, dates, repetitions and the account's own words are found in any
//! mixture (zxcvbn); no rule about kinds of characters (NIST SP 800-63B-4, 3.1.1.2).

use zxcvbn::{Score, zxcvbn};

use super::settings::Settings;
use crate::domain::check::Registration;

/// Whether the password is estimated to fall within 10^8 guesses, or is made of the account's own words.
pub fn is_guessable(registration: &Registration, settings: &Settings) -> bool {
    let domain = registration.email.domain();
    let words: Vec<&str> = [
        registration.username.as_str(),
        registration.email.as_str(),
        registration.email.local_part(),
        domain,
        settings.portal_name.as_str(),
        "vestibule",
    ]
    .into_iter()
    .chain(domain.split('.'))
    .chain(registration.username.as_str().split(['.', '_', '-']))
    .filter(|word| word.len() > 2)
    .collect();
    // zxcvbn looks at the first 100 characters; the rest of a longer password can only make it stronger.
    zxcvbn(registration.password.password().expose(), &words).score() < Score::Three
}
