//! The normal form of passwords.
//!
//! # Guarantees
//!
//! - A password that is typed in another normal form of Unicode is the same password.

use unicode_normalization::UnicodeNormalization;

use domain::password::{NormalizedPassword, Password};

/// Normalises a password to NFKC (UAX #15). The hasher accepts no other.
pub fn normalize(typed: &Password) -> NormalizedPassword {
    NormalizedPassword::from_nfkc(typed.expose().nfkc().collect()).typed_as(typed.expose())
}

#[cfg(test)]
mod tests {
    use domain::password::{InvalidPassword, NewPassword};

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
    fn invisible_characters_and_few_typed_ones_do_not_reach_the_minimum_length() {
        for (typed, fits) in [
            ("\u{200b}".repeat(12), false),
            (format!("green{}", "\u{2060}\u{200d}\u{ad}\u{fe0f}".repeat(3)), false),
            ("\u{fdfa}".to_owned(), false),
            ("\u{fdfa}".repeat(7), false),
            (format!("{}ca", "cafe\u{301}".repeat(2)), false),
            ("caf\u{e9}".repeat(3), true),
            ("vqzkx\u{fb01}wtrpm".to_owned(), true),
            ("\u{1f511}".repeat(12), true),
            ("green bicycl\u{200b}e".to_owned(), true),
        ] {
            let password = NewPassword::parse(normalized(&typed), 12);
            assert_eq!(password.as_ref().err(), (!fits).then_some(&InvalidPassword::TooShort), "{typed:?}");
            if let Ok(password) = password {
                assert_eq!(password.password(), &normalized(&typed), "the characters stay");
            }
        }
        assert_ne!(normalized("green bicycl\u{200b}e"), normalized("green bicycle"));
    }

    #[test]
    fn case_and_spaces_stay() {
        assert_eq!(normalized("  Green  Bicycle ").expose(), "  Green  Bicycle ");
    }
}
