//! The emails about a change of email address.

use std::time::Duration;

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::unlinkable;
use domain::time::period_in_words;

/// Returns the email that asks the owner of the new email address to confirm it.
pub(super) fn confirm_new_email(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    Content {
        subject: format!("Confirm your new address for {portal}"),
        heading: "Confirm your new address".to_owned(),
        paragraphs: vec![format!(
            "{} wants to use this address at {portal}. Nothing changes until it is confirmed.",
            unlinkable(username)
        )],
        secret: None,
        button: Button::new("Confirm new address", url),
        notes: vec![
            format!("The link works once, for {}.", period_in_words(lifetime)),
            "If that is not your account, there is nothing to do: without its password the link does nothing."
                .to_owned(),
        ],
        reason: format!("You get this mail because your address was entered at {portal}."),
    }
}

/// Returns the email to the old email address, with a link that undoes the change.
pub(super) fn email_changed(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    changed(
        username,
        "If it was you, there is nothing to do. If it was not, undo it now: this address is the account's again, \
         everybody is signed out, and you choose a new password.",
        Button::new("Undo the change", url),
        vec![format!(
            "The link works once, for {}. After that, ask an administrator.",
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
        "If it was you, there is nothing to do. If it was not, tell an administrator: they can deactivate the account \
         at once.",
        Button::new("Open the sign-in page", url),
        Vec::new(),
        portal,
    )
}

fn changed(username: &str, advice: &str, button: Button, notes: Vec<String>, portal: &str) -> Content {
    Content {
        subject: format!("Your address at {portal} was changed"),
        heading: "Your address was changed".to_owned(),
        paragraphs: vec![
            format!("{} has another address at {portal} now, and our mail goes there.", unlinkable(username)),
            advice.to_owned(),
        ],
        secret: None,
        button,
        notes,
        reason: format!("You get this mail because this address belonged to an account at {portal}."),
    }
}
