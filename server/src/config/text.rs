//! The text of settings: characters that no one sees or means, which editors, web pages and other programs add.

/// Returns a value without the spaces and invisible characters around it.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Returns the problem of a value in quotation marks, or with invisible characters in it. The problem completes "must not …". `text`
/// is trimmed.
pub(super) fn find_mark(text: &str) -> Option<&'static str> {
    let is_quote =
        |c: char| matches!(c, '"' | '\'' | '`' | '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}');
    if text.chars().count() > 1 && text.starts_with(is_quote) && text.ends_with(is_quote) {
        return Some("be in quotation marks");
    }
    // Names may need characters for joining or for the direction of text, which are invisible too.
    let stray = |c: char| c.is_control() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    text.contains(stray).then_some("contain line breaks or invisible characters")
}

/// Returns true for the soft hyphen, zero-width characters, marks for the direction of text, and the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_invisible_characters_around_a_value_are_removed() {
        for text in [
            "value",
            " value\r\n",
            "\u{feff}value",
            "\u{200b}value\u{2060}",
            "\u{200e}value\u{202c}",
            "\u{a0}value\u{ad}",
        ] {
            assert_eq!(trim(text), "value", "{text:?}");
        }
        assert_eq!(trim("\u{feff} \r\n"), "");
    }

    #[test]
    fn quotation_marks_around_a_value_and_invisible_characters_in_it_are_found() {
        for text in ["\"value\"", "'value'", "\u{201c}value\u{201d}", "\u{201e}value\u{201c}", "`value`"] {
            assert_eq!(find_mark(text), Some("be in quotation marks"), "{text}");
        }
        for text in ["a\u{feff}b", "a\u{200b}b", "a\nb", "a\tb", "a\0b"] {
            assert_eq!(find_mark(text), Some("contain line breaks or invisible characters"), "{text:?}");
        }
        for text in
            ["", "'", "Bob's", "The \"Lounge\" portal", "\u{6a9}\u{62a}\u{627}\u{628}\u{200c}\u{647}\u{627}"]
        {
            assert_eq!(find_mark(text), None, "{text}");
        }
    }
}
