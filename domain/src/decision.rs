//! Decisions of administrators about accounts: their forms, their results, and their view models.
//!
//! # Guarantees
//!
//! - A [`Mark`] changes with every change of status and role, and with nothing else.
//! - A reason that the applicant is not told is a note.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::errors::{ErrorCode, Field, FormErrors};
use crate::free_text::{FreeText, InvalidFreeText, MAX_LENGTH};
use crate::status::{AdminAction, Role, UserId};
use crate::time::Timestamp;

/// The maximum number of accounts that one request decides about.
pub const MAX_BATCH: usize = 50;

/// The mark of an account as a page has shown it, which a form about the account carries: `1800000000000000-member`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The time of the last change of status.
    pub status_since: Timestamp,
    /// The role.
    pub role: Role,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.status_since.0, self.role.as_str())
    }
}

impl FromStr for Mark {
    type Err = ErrorCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (status_since, role) = text.split_once('-')?;
            Some(Self { status_since: Timestamp(status_since.parse().ok()?), role: Role::parse(role)? })
        };
        parse().ok_or(ErrorCode::FormMalformed)
    }
}

/// Parses one account of a form about several: `7:1800000000000000-member`.
///
/// # Errors
///
/// Returns [`ErrorCode::FormMalformed`] for any other text.
pub fn parse_person(text: &str) -> Result<(UserId, Mark), ErrorCode> {
    let (id, mark) = text.split_once(':').ok_or(ErrorCode::FormMalformed)?;
    Ok((id.parse().map_err(|_| ErrorCode::FormMalformed)?, mark.parse()?))
}

/// A valid decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionForm {
    /// The action.
    pub action: AdminAction,
    /// True if the applicant is not told of a rejection.
    pub silent: bool,
    /// True if an approval needs a confirmed email address.
    pub confirmed_only: bool,
    /// The reason of a rejection, which the applicant is told.
    pub reason: Option<FreeText>,
    /// The note for administrators.
    pub note: Option<FreeText>,
    /// The question to the applicant.
    pub question: Option<FreeText>,
}

impl DecisionForm {
    /// Returns an action without reason, note and question. A rejection is silent.
    #[must_use]
    pub fn plain(action: AdminAction) -> Self {
        Self { action, silent: true, confirmed_only: false, reason: None, note: None, question: None }
    }

    /// Validates the form. Texts that the action does not use are ignored. The applicant is told of a rejection only if `silent` is
    /// `no`, because pages of earlier versions, which have no such field, promise that the applicant is not told.
    ///
    /// # Errors
    ///
    /// Returns an error for each wrong field.
    pub fn parse(
        action: AdminAction,
        silent: &str,
        reason: &str,
        note: &str,
        question: &str,
    ) -> Result<Self, FormErrors> {
        let mut errors = FormErrors::default();
        let mut optional = |field, typed: &str| {
            FreeText::parse_optional(typed).unwrap_or_else(|_| {
                errors.add(field, ErrorCode::TextTooLong(MAX_LENGTH));
                None
            })
        };
        let mut form = Self { silent: silent != "no", ..Self::plain(action) };
        if action == AdminAction::Reject {
            form.reason = optional(Field::Reason, reason);
        }
        form.note = optional(Field::Note, note);
        if action == AdminAction::Ask {
            match FreeText::parse(question) {
                Ok(text) => form.question = Some(text),
                Err(InvalidFreeText::Empty) => errors.add(Field::Question, ErrorCode::QuestionMissing),
                Err(InvalidFreeText::TooLong) => {
                    errors.add(Field::Question, ErrorCode::TextTooLong(MAX_LENGTH));
                }
            }
        }
        if form.silent
            && let Some(untold) = form.reason.take()
        {
            let note = form.note.as_ref().map_or("", FreeText::as_str);
            match FreeText::parse(&format!("{untold}\n{note}")) {
                Ok(joined) => form.note = Some(joined),
                Err(_) => errors.add(Field::Note, ErrorCode::ReasonAndNoteTooLong(MAX_LENGTH)),
            }
        }
        if errors.is_empty() { Ok(form) } else { Err(errors) }
    }
}

/// The result of a decision about one of several accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionResult {
    /// The decision has been carried out or undone.
    Done,
    /// The same decision had already been made, or had already been undone.
    Already,
    /// The account has changed since the page showed it, and nothing was decided.
    Changed,
    /// The decision was refused.
    Refused(ErrorCode),
    /// The request took too long, and this account was not begun.
    NotBegun,
}

/// The part of the queue that a decision about all is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueFilter {
    /// Registrations with an email address of this domain, in its canonical form.
    Domain(String),
    /// Registrations of this client, as the limits count it.
    ClientIp(String),
}

impl QueueFilter {
    /// Reads the filter of a form or URL. Returns `None` if it has none.
    #[must_use]
    pub fn parse(domain: &str, client_ip: &str) -> Option<Self> {
        let text = |typed: &str| {
            let text = typed.trim();
            (!text.is_empty() && text.len() <= 255 && !text.contains(char::is_control))
                .then(|| text.to_owned())
        };
        text(domain)
            .map(|domain| Self::Domain(domain.to_lowercase()))
            .or_else(|| text(client_ip).map(Self::ClientIp))
    }

    /// Returns the domain, or an empty text.
    #[must_use]
    pub fn domain(&self) -> &str {
        if let Self::Domain(domain) = self { domain } else { "" }
    }

    /// Returns the client, or an empty text.
    #[must_use]
    pub fn client_ip(&self) -> &str {
        if let Self::ClientIp(client_ip) = self { client_ip } else { "" }
    }
}

/// A decision about everyone who matches a filter, as far as the page has shown them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredQueue {
    /// The filter.
    pub filter: QueueFilter,
    /// The highest id that was shown. Later registrations are left.
    pub up_to: UserId,
    /// The time of the page. Accounts whose status has changed since then are left.
    pub shown_at: Timestamp,
}

impl FilteredQueue {
    /// Reads the fields of a form. Returns `None` for a form without a filter.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorCode::FormMalformed`] for a filter without the highest id or the time of the page.
    pub fn parse(
        domain: &str,
        client_ip: &str,
        up_to: &str,
        shown_at: &str,
    ) -> Result<Option<Self>, ErrorCode> {
        let Some(filter) = QueueFilter::parse(domain, client_ip) else { return Ok(None) };
        let up_to = up_to.parse().map_err(|_| ErrorCode::FormMalformed)?;
        let shown_at = Timestamp(shown_at.parse().map_err(|_| ErrorCode::FormMalformed)?);
        Ok(Some(Self { filter, up_to, shown_at }))
    }
}

/// The next part of a decision about many accounts, or of undoing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPart {
    /// The last id of the part before: of an account, or of a decision that is undone.
    pub after: i64,
    /// The number of accounts that remain.
    pub remaining: u64,
    /// The accounts; `None` if a batch is undone.
    pub queue: Option<FilteredQueue>,
}

/// The results of a decision about several accounts, or of undoing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    /// The id of the batch.
    pub batch: String,
    /// The action.
    pub action: AdminAction,
    /// True if the batch was undone.
    pub undo: bool,
    /// The number of accounts that the parts before have decided about or undone.
    #[serde(default)]
    pub before: u64,
    /// The number of accounts with another result in the parts before, as the form says.
    #[serde(default)]
    pub not_done_before: u32,
    /// The results, each with its accounts.
    pub results: Vec<(DecisionResult, Vec<UserId>)>,
    /// The next part, if there is more to do.
    pub next: Option<NextPart>,
    /// The people with another result than [`DecisionResult::Done`]. Cookies have only their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonResult>,
}

/// The result of one account, with the facts for its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonResult {
    /// The id of the user.
    pub id: UserId,
    /// The username, or an empty text if the account has been deleted.
    pub username: String,
    /// The result.
    pub result: DecisionResult,
    /// The last change of the account, if it explains the result.
    pub change: Option<LastChange>,
}

impl BatchReport {
    /// Adds the result of one account.
    pub fn add(&mut self, id: UserId, result: DecisionResult) {
        match self.results.iter_mut().find(|(other, _)| *other == result) {
            Some((_, ids)) => ids.push(id),
            None => self.results.push((result, vec![id])),
        }
    }

    /// Returns the number of accounts with this result.
    #[must_use]
    pub fn count(&self, result: DecisionResult) -> usize {
        self.results.iter().find(|(other, _)| *other == result).map_or(0, |(_, ids)| ids.len())
    }

    /// Returns the number of accounts with another result than [`DecisionResult::Done`], in this part and those before.
    #[must_use]
    pub fn not_done(&self) -> u32 {
        let other = self.accounts().filter(|(_, result)| *result != DecisionResult::Done).count();
        self.not_done_before.saturating_add(u32::try_from(other).unwrap_or(u32::MAX))
    }

    /// Returns the report without the ids of the accounts that were not decided about.
    #[must_use]
    pub fn without_people(mut self) -> Self {
        self.not_done_before = self.not_done();
        self.results.retain(|(result, _)| *result == DecisionResult::Done);
        self
    }

    /// Returns the result of each account.
    pub fn accounts(&self) -> impl Iterator<Item = (UserId, DecisionResult)> + '_ {
        self.results.iter().flat_map(|(result, ids)| ids.iter().map(|id| (*id, *result)))
    }
}

/// The kind of a change of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// An administrator acted on the account.
    Decided(AdminAction),
    /// An administrator undid an action.
    Undone(AdminAction),
    /// The owner of the account or the program changed it.
    Other,
}

/// The last change of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// The kind.
    pub kind: ChangeKind,
    /// The username of the administrator; `None` if no one or if their account has been deleted.
    pub by: Option<String>,
    /// True if it was the administrator who views the page.
    pub by_you: bool,
    /// The time.
    pub at: Timestamp,
}

/// The name of a recent decision in the form that undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoTarget {
    /// One decision.
    Decision(i64),
    /// All decisions of a batch.
    Batch(String),
}

/// A decision that can be undone. The decisions of a batch are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentDecision {
    /// The name in the form that undoes it.
    pub target: UndoTarget,
    /// The action.
    pub action: AdminAction,
    /// The username of the affected user; of a batch, one of them.
    pub username: String,
    /// The number of decisions that can be undone.
    pub count: u64,
    /// The username of the administrator.
    pub decided_by: Option<String>,
    /// True if the administrator who views the page decided.
    pub by_you: bool,
    /// The time of the decision.
    pub decided_at: Timestamp,
    /// The time until which everything can be undone.
    pub undo_until: Timestamp,
    /// True if the decision sends an email at the end of that time.
    pub email: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(silent: &str, reason: &str, note: &str) -> Result<DecisionForm, FormErrors> {
        DecisionForm::parse(AdminAction::Reject, silent, reason, note, "")
    }

    fn texts(form: &DecisionForm) -> (Option<&str>, Option<&str>) {
        (form.reason.as_ref().map(FreeText::as_str), form.note.as_ref().map(FreeText::as_str))
    }

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let mark = Mark { status_since: Timestamp(1_800_000_000_000_000), role: Role::Admin };
        assert_eq!(mark.to_string(), "1800000000000000-admin");
        assert_eq!(mark.to_string().parse(), Ok(mark));
        assert_eq!(parse_person("7:1800000000000000-admin"), Ok((UserId(7), mark)));
        for bad in ["", "7", "7:", "x:1-member", "7:1-owner", "7:-member", "7:1"] {
            assert_eq!(parse_person(bad), Err(ErrorCode::FormMalformed), "{bad}");
        }
    }

    #[test]
    fn a_reason_is_told_only_if_the_form_says_so() {
        let told = parse("no", "Wrong department", "Seen before").expect("valid");
        assert!(!told.silent);
        assert_eq!(texts(&told), (Some("Wrong department"), Some("Seen before")));
        for silent in ["", "yes", "NO"] {
            let silent = parse(silent, "Wrong department", "Seen before").expect("valid");
            assert!(silent.silent);
            assert_eq!(texts(&silent), (None, Some("Wrong department\nSeen before")));
        }
    }

    #[test]
    fn texts_that_the_action_does_not_use_are_ignored() {
        let approve =
            DecisionForm::parse(AdminAction::Approve, "no", "reason", "", "question").expect("valid");
        assert_eq!((texts(&approve), &approve.question), ((None, None), &None));
    }

    #[test]
    fn every_wrong_text_has_an_error() {
        let long = "a".repeat(MAX_LENGTH + 1);
        let errors = parse("no", &long, &long).expect_err("too long");
        assert_eq!(errors.code_of(Field::Reason), Some(ErrorCode::TextTooLong(MAX_LENGTH)));
        assert_eq!(errors.code_of(Field::Note), Some(ErrorCode::TextTooLong(MAX_LENGTH)));
        let half = "a".repeat(MAX_LENGTH / 2 + 1);
        assert!(parse("no", &half, &half).is_ok(), "two texts");
        let errors = parse("yes", &half, &half).expect_err("one note");
        assert_eq!(errors.code_of(Field::Note), Some(ErrorCode::ReasonAndNoteTooLong(MAX_LENGTH)));
        let errors = DecisionForm::parse(AdminAction::Ask, "", "", "", " \u{200b}").expect_err("empty");
        assert_eq!(errors.code_of(Field::Question), Some(ErrorCode::QuestionMissing));
    }
}
