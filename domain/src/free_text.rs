//! Text of several lines that people write: answers, questions, reasons and notes.
//!
//! # Guarantees
//!
//! - A [`FreeText`] is never empty and has at most [`MAX_LENGTH`] characters.
//! - It has no control characters except line feeds and tabs, and no characters that change the direction of the text around it.
//! - It has no two blank lines in a row, and at most [`MAX_MARKS`] combining marks in a row, so that it cannot cover the page around it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum length in characters.
pub const MAX_LENGTH: usize = 500;

/// The maximum number of combining marks in a row. Vietnamese has two, and phonetic notation up to four.
const MAX_MARKS: usize = 4;

/// Text of several lines, without whitespace around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FreeText(String);

/// The reason why a text is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidFreeText {
    /// There is no visible character.
    Empty,
    /// There are more than [`MAX_LENGTH`] characters.
    TooLong,
}

impl FreeText {
    /// Parses the text of a form, in which lines end with CR and LF.
    ///
    /// # Errors
    ///
    /// Returns the reason why the text is not valid.
    pub fn parse(typed: &str) -> Result<Self, InvalidFreeText> {
        let lines = typed.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
        let kept = within_bounds(lines.chars().filter(|c| matches!(c, '\n' | '\t') || !is_removed(*c)));
        let text = kept.trim();
        if text.chars().all(|c| c.is_whitespace() || crate::invisible::is_invisible(c)) {
            return Err(InvalidFreeText::Empty);
        }
        if text.chars().count() > MAX_LENGTH {
            return Err(InvalidFreeText::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// Parses the text of a field that may be empty.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidFreeText::TooLong`] for a text that is too long.
    pub fn parse_optional(typed: &str) -> Result<Option<Self>, InvalidFreeText> {
        match Self::parse(typed) {
            Ok(text) => Ok(Some(text)),
            Err(InvalidFreeText::Empty) => Ok(None),
            Err(InvalidFreeText::TooLong) => Err(InvalidFreeText::TooLong),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the characters without the line feeds after two in a row, and without the combining marks after [`MAX_MARKS`] in a row.
fn within_bounds(characters: impl Iterator<Item = char>) -> String {
    let (mut line_feeds, mut marks) = (0, 0);
    characters
        .filter(|c| {
            // Spaces between line feeds do not make a line.
            line_feeds = match c {
                '\n' => line_feeds + 1,
                c if c.is_whitespace() => line_feeds,
                _ => 0,
            };
            marks = if is_combining_mark(*c) { marks + 1 } else { 0 };
            marks <= MAX_MARKS && (*c != '\n' || line_feeds <= 2)
        })
        .collect()
}

/// Returns true for the combining marks of Unicode's blocks for them. Marks that belong to one alphabet are in its block.
fn is_combining_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Returns true for control characters, and for the embeddings, overrides and isolates of Unicode's bidirectional algorithm, with
/// which a text could change how the words after it look.
fn is_removed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(typed: &str) -> Result<String, InvalidFreeText> {
        FreeText::parse(typed).map(|text| text.as_str().to_owned())
    }

    #[test]
    fn lines_and_letters_of_every_alphabet_are_kept() {
        assert_eq!(
            parsed(" one\r\ntwo \u{4e09} \u{1f469}\u{200d}\u{1f467}\n"),
            Ok("one\ntwo \u{4e09} \u{1f469}\u{200d}\u{1f467}".to_owned())
        );
    }

    #[test]
    fn control_characters_and_changes_of_direction_are_removed() {
        assert_eq!(parsed("a\0b\u{7}c\u{202e}d\u{2066}e"), Ok("abcde".to_owned()));
    }

    #[test]
    fn a_text_cannot_cover_the_page_around_it() {
        assert_eq!(parsed(&format!("a{}b", "\n".repeat(400))), Ok("a\n\nb".to_owned()));
        assert_eq!(parsed("a\n \n \n\u{2028}b\nc"), Ok("a\n \n b\nc".to_owned()));
        assert_eq!(parsed(&format!("a{}", "\u{300}".repeat(400))), Ok(format!("a{}", "\u{300}".repeat(4))));
        assert_eq!(parsed("Vi\u{1ec7}t e\u{323}\u{302}"), Ok("Vi\u{1ec7}t e\u{323}\u{302}".to_owned()));
    }

    #[test]
    fn an_empty_or_invisible_text_is_missing() {
        for typed in ["", " \r\n ", "\0", "\u{200b}\u{2060}", "\u{202e}"] {
            assert_eq!(parsed(typed), Err(InvalidFreeText::Empty), "{typed:?}");
            assert_eq!(FreeText::parse_optional(typed), Ok(None), "{typed:?}");
        }
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert_eq!(parsed(&"\u{4e09}".repeat(MAX_LENGTH)).map(|text| text.len()), Ok(1500));
        assert_eq!(parsed(&"a".repeat(MAX_LENGTH + 1)), Err(InvalidFreeText::TooLong));
    }
}
