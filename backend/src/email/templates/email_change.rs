//! The emails about a change of email address.

use std::time::Duration;

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, reason, unlinkable};
use domain::time::period_in_words;

/// Returns the email that asks the owner of the new email address to confirm it.
pub(super) fn confirm_new_email(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    Content {
        subject: format!("Confirm your new email address for {portal}"),
        heading: "Confirm your new email address".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "{} asked to use this email address at {portal}. Nothing changes until you confirm it.",
                unlinkable(username)
            ),
        ],
        secret: None,
        button: Button::new("Confirm new email address", url),
        notes: vec![
            format!("The link works once and expires in {}.", period_in_words(lifetime)),
            "If this is not your account, you can ignore this email. The link works only for someone who can sign in to the \
             account."
                .to_owned(),
        ],
        reason: reason(&format!("someone entered this email address at {portal}")),
    }
}

/// Returns the email to the old email address, with a link that undoes the change.
pub(super) fn email_changed(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    changed(
        username,
        "If this was you, you do not need to do anything. If it was not, undo the change now. We'll restore this email address, \
         sign everyone out, and ask you to choose a new password.",
        Button::new("Undo the change", url),
        vec![format!(
            "The link works once and expires in {}. After that, contact an administrator.",
            period_in_words(lifetime)
        )],
        portal,
    )
}

/// Returns the email to an old email address that the account had for less than three days. It has no link that undoes the
/// change.
pub(super) fn email_changed_again(username: &str, url: &str, portal: &str) -> Content {
    changed(
        username,
        "If this was you, you do not need to do anything. If it was not, tell an administrator now. They can deactivate the \
         account immediately.",
        Button::new("Open the sign-in page", url),
        Vec::new(),
        portal,
    )
}

fn changed(username: &str, advice: &str, button: Button, notes: Vec<String>, portal: &str) -> Content {
    Content {
        subject: format!("Your email address at {portal} was changed"),
        heading: "Your email address was changed".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "The email address for {} at {portal} was changed. We now send emails to the new email address.",
                unlinkable(username)
            ),
            advice.to_owned(),
        ],
        secret: None,
        button,
        notes,
        reason: reason(&format!("this email address belonged to an account at {portal}")),
    }
}
