//! The emails about a registration, to its owner.

use std::time::Duration;

use crate::email::templates::account::deletion_notice;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::unlinkable;
use domain::time::{Timestamp, period_in_words};

/// Returns the email that asks a new user to confirm their email address.
pub(super) fn confirm_email(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    Content {
        subject: format!("Confirm your address for {portal}"),
        heading: "Confirm your address".to_owned(),
        paragraphs: vec![
            format!("{} was registered at {portal} with this address.", unlinkable(username)),
            "Confirm that the address is yours. An administrator decides about the account; you get another mail when it is \
             approved."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Confirm address", url),
        notes: vec![
            format!("The link works once, for {}.", period_in_words(lifetime)),
            "If you did not register, open the link and choose \"This wasn't me\".".to_owned(),
        ],
        reason: format!("You get this mail because your address was entered at {portal}."),
    }
}

/// Returns the email to an owner whose confirmed email address someone else has registered with.
pub(super) fn already_registered(
    username: &str,
    url: &str,
    deletion_due: Option<Timestamp>,
    portal: &str,
) -> Content {
    let advice = deletion_due.map_or_else(
        || {
            "If it was you: sign in with that account. If it was not: there is nothing to do, your account was not touched."
                .to_owned()
        },
        deletion_notice,
    );
    Content {
        subject: format!("You already have an account at {portal}"),
        heading: "You already have an account".to_owned(),
        paragraphs: vec![
            format!(
                "Somebody registered at {portal} with this address. Your account there is {}.",
                unlinkable(username)
            ),
            advice,
        ],
        secret: None,
        button: Button::new(if deletion_due.is_some() { "Open the sign-in page" } else { "Sign in" }, url),
        notes: Vec::new(),
        reason: format!("You get this mail because your address belongs to an account at {portal}."),
    }
}

/// Returns the email about an approval, with a sign-in link.
pub(super) fn approved(
    username: &str,
    url: &str,
    lifetime: Duration,
    asks_password: bool,
    portal: &str,
) -> Content {
    let instruction = if asks_password {
        "The link signs you in once. It also asks for the password you chose, because your address is not confirmed yet."
    } else {
        "The link signs you in once. From then on, use your password."
    };
    Content {
        subject: format!("Your account at {portal} is approved"),
        heading: "Your account is approved".to_owned(),
        paragraphs: vec![
            format!("An administrator has approved {}.", unlinkable(username)),
            instruction.to_owned(),
        ],
        secret: None,
        button: Button::new("Sign in", url),
        notes: vec![format!(
            "The link works once, for {}. Whoever has it can sign in as you: don't pass this mail on.",
            period_in_words(lifetime)
        )],
        reason: format!("You get this mail because you registered at {portal}."),
    }
}

/// Returns the email about the approval of an account that signs in with Microsoft.
pub(super) fn approved_microsoft(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Your account at {portal} is approved"),
        heading: "Your account is approved".to_owned(),
        paragraphs: vec![
            format!("An administrator has approved {}.", unlinkable(username)),
            "Sign in with Microsoft from now on.".to_owned(),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: Vec::new(),
        reason: format!("You get this mail because you registered at {portal}."),
    }
}
