//! The emails about an administrator's decision, to the applicant.
//!
//! # Guarantees
//!
//! - The words of an administrator are paragraphs of their own.

use std::time::Duration;

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, reason};
use domain::time::period_in_words;

/// Returns the email about a rejection, with the reason if there is one.
pub(super) fn rejected(username: &str, why: Option<&str>, url: &str, portal: &str) -> Content {
    let mut paragraphs = vec![greeting(username)];
    match why {
        Some(why) => {
            paragraphs.push(format!(
                "An administrator has declined your request to join {portal} and given this reason:"
            ));
            paragraphs.extend(quoted(why));
        }
        None => paragraphs.push(format!("An administrator has declined your request to join {portal}.")),
    }
    Content {
        subject: format!("Your request to join {portal} was declined"),
        heading: "Your request was declined".to_owned(),
        paragraphs,
        secret: None,
        button: Button::new("Open the portal", url),
        notes: vec!["If you did not register, you do not need to do anything.".to_owned()],
        reason: reason(&format!("someone registered at {portal} with this email address")),
    }
}

/// Returns the email with a question of an administrator. If it is `disputable`, the page of the link has the button "This wasn't
/// me".
pub(super) fn question(
    username: &str,
    question: &str,
    url: &str,
    lifetime: Duration,
    disputable: bool,
    portal: &str,
) -> Content {
    let mut paragraphs = vec![
        greeting(username),
        format!("Before deciding on your request to join {portal}, an administrator would like to know:"),
    ];
    paragraphs.extend(quoted(question));
    let mut notes = vec![format!(
        "The link works once and expires in {}. After that, sign in to answer the question.",
        period_in_words(lifetime)
    )];
    if disputable {
        notes.push("If you did not register, open the link and choose \"This wasn't me\".".to_owned());
    }
    Content {
        subject: format!("A question about your request to join {portal}"),
        heading: "A question about your request".to_owned(),
        paragraphs,
        secret: None,
        button: Button::new("Answer the question", url),
        notes,
        reason: reason(&format!("someone registered at {portal} with this email address")),
    }
}

/// Returns the words of an administrator, one paragraph for each line.
fn quoted(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned)
}
