//! Reasons that administrators have saved, to fill in the field of a decision.
//!
//! # Guarantees
//!
//! - A [`ReasonForm`] has a title of one line with at most [`MAX_TITLE_LENGTH`] characters.

use crate::errors::{ErrorCode, Field, FormErrors};
use crate::free_text::{FreeText, InvalidFreeText, MAX_LENGTH};
use crate::status::AdminAction;
use crate::time::Timestamp;

/// The maximum length of a title in characters.
pub const MAX_TITLE_LENGTH: usize = 80;
/// The maximum number of saved reasons.
pub const MAX_SAVED_REASONS: usize = 50;

/// The decision that a saved reason is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonUse {
    /// A rejection whose reason the applicant reads in an email.
    Reject,
    /// A rejection without an email.
    RejectSilently,
    /// A deactivation.
    Deactivate,
    /// A question to the applicant.
    Ask,
}

impl ReasonUse {
    /// All uses, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Reject, Self::RejectSilently, Self::Deactivate, Self::Ask];

    /// Returns the use with this action and this silence, or `None` for an action without saved reasons.
    #[must_use]
    pub fn of(action: AdminAction, silent: bool) -> Option<Self> {
        match action {
            AdminAction::Reject if silent => Some(Self::RejectSilently),
            AdminAction::Reject => Some(Self::Reject),
            AdminAction::Deactivate => Some(Self::Deactivate),
            AdminAction::Ask => Some(Self::Ask),
            _ => None,
        }
    }

    /// Returns the action.
    #[must_use]
    pub fn action(self) -> AdminAction {
        match self {
            Self::Reject | Self::RejectSilently => AdminAction::Reject,
            Self::Deactivate => AdminAction::Deactivate,
            Self::Ask => AdminAction::Ask,
        }
    }

    /// Returns true if the person is not told by email.
    #[must_use]
    pub fn is_silent(self) -> bool {
        self == Self::RejectSilently
    }

    /// Returns the field of the decision that the text fills in.
    #[must_use]
    pub fn field(self) -> Field {
        match self {
            Self::Reject | Self::RejectSilently => Field::Reason,
            Self::Deactivate => Field::Note,
            Self::Ask => Field::Question,
        }
    }

    /// Returns the name in forms and URLs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::RejectSilently => "reject-silently",
            Self::Deactivate => "deactivate",
            Self::Ask => "ask",
        }
    }

    /// Parses the name in forms and URLs.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|used_for| used_for.slug() == slug)
    }

    /// Returns the label that administrators see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Reject => "Rejection with an email",
            Self::RejectSilently => "Silent rejection",
            Self::Deactivate => "Deactivation",
            Self::Ask => "Question",
        }
    }

    /// Returns the sentence about the people who read the text.
    #[must_use]
    pub fn readers(self) -> &'static str {
        match self {
            Self::Reject => "The applicant reads the text in the email.",
            Self::RejectSilently | Self::Deactivate => "The text is kept as a note for administrators.",
            Self::Ask => "The applicant reads the text in the email and answers it.",
        }
    }
}

/// A saved reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedReason {
    /// The id.
    pub id: i64,
    /// The decision that the reason is for.
    pub used_for: ReasonUse,
    /// The title, which only administrators see.
    pub title: String,
    /// The text.
    pub text: String,
    /// The time of the last change.
    pub changed_at: Timestamp,
}

/// A valid form with a reason to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonForm {
    /// The decision that the reason is for.
    pub used_for: ReasonUse,
    /// The title.
    pub title: String,
    /// The text.
    pub text: FreeText,
}

impl ReasonForm {
    /// Validates the form. The errors name every wrong field.
    ///
    /// # Errors
    ///
    /// Returns the errors.
    pub fn parse(used_for: &str, title: &str, text: &str) -> Result<Self, FormErrors> {
        let Some(used_for) = ReasonUse::from_slug(used_for) else {
            return Err(ErrorCode::FormMalformed.into());
        };
        let mut errors = FormErrors::default();
        let title = parse_title(title).map_err(|code| errors.add(Field::Title, code));
        let text = FreeText::parse(text).map_err(|invalid| {
            errors.add(
                Field::Reason,
                match invalid {
                    InvalidFreeText::Empty => ErrorCode::SavedTextMissing,
                    InvalidFreeText::TooLong => ErrorCode::TextTooLong(MAX_LENGTH),
                },
            );
        });
        match (title, text) {
            (Ok(title), Ok(text)) => Ok(Self { used_for, title, text }),
            _ => Err(errors),
        }
    }
}

/// Returns the text of a field after a saved reason was chosen for it. The text replaces that of another saved reason, and follows a
/// typed text.
pub fn fill_in(typed: &str, text: &str, saved: impl IntoIterator<Item: AsRef<str>>) -> String {
    let is_replaced = typed.trim().is_empty() || saved.into_iter().any(|saved| saved.as_ref() == typed);
    if is_replaced { text.to_owned() } else { format!("{}\n\n{text}", typed.trim_end()) }
}

/// Parses a title: one line, with single spaces between its words.
fn parse_title(typed: &str) -> Result<String, ErrorCode> {
    let text = FreeText::parse(typed).map_err(|invalid| match invalid {
        InvalidFreeText::Empty => ErrorCode::TitleMissing,
        InvalidFreeText::TooLong => ErrorCode::TextTooLong(MAX_TITLE_LENGTH),
    })?;
    let title = text.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
    if title.chars().count() > MAX_TITLE_LENGTH {
        return Err(ErrorCode::TextTooLong(MAX_TITLE_LENGTH));
    }
    Ok(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_has_one_name_and_one_action_with_or_without_an_email() {
        for used_for in ReasonUse::ALL {
            assert_eq!(ReasonUse::from_slug(used_for.slug()), Some(used_for));
            assert_eq!(ReasonUse::of(used_for.action(), used_for.is_silent()), Some(used_for));
        }
        assert_eq!(ReasonUse::of(AdminAction::Approve, false), None);
        assert_eq!(ReasonUse::from_slug("Reject"), None);
    }

    #[test]
    fn a_title_is_one_line_of_at_most_eighty_characters() {
        let title = |typed: &str| ReasonForm::parse("reject", typed, "text").map(|form| form.title);
        assert_eq!(title(" Not\r\n a\tmember "), Ok("Not a member".to_owned()));
        assert_eq!(title(&"\u{4e09}".repeat(80)).map(|title| title.len()), Ok(240));
        let refused = |code| Err(FormErrors::of_field(Field::Title, code));
        assert_eq!(title("\u{200b} "), refused(ErrorCode::TitleMissing));
        for length in [81, 501] {
            assert_eq!(title(&"a".repeat(length)), refused(ErrorCode::TextTooLong(80)), "{length}");
        }
    }

    #[test]
    fn a_saved_reason_replaces_another_one_and_follows_a_typed_text() {
        let saved = ["We are full.", "You are not\na member."];
        for typed in ["", " \n", "We are full.", "You are not\na member."] {
            assert_eq!(fill_in(typed, "We are full.", saved), "We are full.", "{typed:?}");
        }
        assert_eq!(fill_in("Hello Ada,\n", "We are full.", saved), "Hello Ada,\n\nWe are full.");
        assert_eq!(fill_in("We are full", "We are full.", saved), "We are full\n\nWe are full.");
    }

    #[test]
    fn the_errors_name_every_wrong_field() {
        let errors = ReasonForm::parse("ask", "", &"a".repeat(501)).expect_err("is refused");
        assert_eq!(errors.code_of(Field::Title), Some(ErrorCode::TitleMissing));
        assert_eq!(errors.code_of(Field::Reason), Some(ErrorCode::TextTooLong(500)));
        let errors = ReasonForm::parse("ask", "Title", "\r\n").expect_err("is refused");
        assert_eq!(errors, FormErrors::of_field(Field::Reason, ErrorCode::SavedTextMissing));
        let errors = ReasonForm::parse("approve", "Title", "text").expect_err("is refused");
        assert_eq!(errors.form, Some(ErrorCode::FormMalformed));
    }
}
