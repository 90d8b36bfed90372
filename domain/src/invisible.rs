//! Invisible characters in pasted usernames and email addresses.
//!
//! # Guarantees
//!
//! - A username or an email address means the same with and without invisible characters.
//!
//! They come in with copy and paste: from the portal's own emails (U+2060 after each dot), from word processors (soft hyphens),
//! and from systems that mark the direction of a text (U+202A).

/// Returns a pasted username or email address without invisible characters and surrounding whitespace.
///
/// U+200C and U+200D stay next to letters outside ASCII, because there they can be part of a domain (RFC 5892, appendix A).
#[must_use]
pub fn clean(pasted: &str) -> String {
    let has_other_letters = pasted.chars().any(|c| !c.is_ascii() && !is_invisible(c) && !c.is_whitespace());
    let is_kept = |c: &char| !is_invisible(*c) || (has_other_letters && is_joiner(*c));
    let visible: String = pasted.chars().filter(is_kept).collect();
    visible.trim().to_owned()
}

/// Returns true if a character joins or separates letters.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Returns true if a character has no glyph of its own (Unicode's property `Default_Ignorable_Code_Point`).
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_text_loses_only_what_no_one_sees() {
        for (pasted, clean_text) in [
            ("ada.\u{2060}lovelace", "ada.lovelace"),
            ("\u{feff}ada\u{200b} ", "ada"),
            ("\u{200b} ada \u{200b}", "ada"),
            ("a\u{ad}da", "ada"),
            ("\u{202a}ada\u{202c}", "ada"),
            ("ad\u{200d}a", "ada"),
            ("ada lovelace", "ada lovelace"),
            ("a\u{a0}b", "a\u{a0}b"),
            ("ada\0", "ada\0"),
            ("\u{2060}\u{200b}", ""),
        ] {
            assert_eq!(clean(pasted), clean_text, "{pasted:?}");
        }
    }

    #[test]
    fn a_joiner_between_letters_of_other_alphabets_stays() {
        let persian = "ada@\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}.example";
        assert_eq!(clean(persian), persian);
        assert_eq!(clean(&format!("\u{2060}{persian}")), persian);
    }
}
