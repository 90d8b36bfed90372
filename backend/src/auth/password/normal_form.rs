//! The normal form of passwords.
//!
//! # Guarantees
//!
//! - A password that is typed in another normal form of Unicode is the same password.

use unicode_normalization::UnicodeNormalization;

use domain::password::{NormalizedPassword, Password};

/// Normalises a password to NFKC (UAX #15). The hasher accepts no other.
pub fn normalize(typed: &Password) -> NormalizedPassword {
    NormalizedPassword::from_nfkc(typed.expose().nfkc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(typed: &str) -> NormalizedPassword {
        normalize(&Password::from(typed.to_owned()))
    }

    #[test]
    fn a_password_has_one_normal_form_whatever_keyboard_types_it() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("\u{c5}", "\u{212b}"),
            ("\u{fb01}sh", "fish"),
            ("\u{ff41}\u{ff42}\u{ff43}", "abc"),
            ("a\u{a0}b", "a b"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
        ] {
            assert_eq!(normalized(one), normalized(other), "{one:?}");
        }
    }

    #[test]
    fn case_and_spaces_stay() {
        assert_eq!(normalized("  Green  Bicycle ").expose(), "  Green  Bicycle ");
    }
}
