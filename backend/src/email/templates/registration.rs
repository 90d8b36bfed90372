//! The emails about a registration, to its owner.

use std::time::Duration;

use crate::email::templates::account::deletion_notice;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, reason, unlinkable};
use domain::status::transitions::UNCONFIRMED_RETENTION;
use domain::time::{Timestamp, period_in_words};

/// Returns the email that asks a new user to confirm their email address.
pub(super) fn confirm_email(username: &str, url: &str, lifetime: Duration, portal: &str) -> Content {
    Content {
        subject: format!("Confirm your email address for {portal}"),
        heading: "Confirm your email address".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "Someone registered at {portal} as {} with this email address. If that was you, confirm your email address.",
                unlinkable(username)
            ),
            "If your registration is waiting for an administrator's approval, we'll email you when it's approved.".to_owned(),
        ],
        secret: None,
        button: Button::new("Confirm email address", url),
        notes: vec![
            format!(
                "The link works once and expires in {}. Registrations waiting for approval are deleted after {} if the email \
                 address is not confirmed.",
                period_in_words(lifetime),
                period_in_words(UNCONFIRMED_RETENTION)
            ),
            "If you did not register, open the link and choose \"This wasn't me\".".to_owned(),
        ],
        reason: reason(&format!("someone entered this email address at {portal}")),
    }
}

/// Returns the email to an owner whose confirmed email address someone has entered to register, or as the new email address of
/// another account.
pub(super) fn already_registered(
    username: &str,
    url: &str,
    deletion_due: Option<Timestamp>,
    portal: &str,
) -> Content {
    let advice = deletion_due.map_or_else(
        || {
            "If that was you, sign in with that account. If it was not, you do not need to do anything. Your account has not \
             been changed."
                .to_owned()
        },
        deletion_notice,
    );
    Content {
        subject: format!("You already have an account at {portal}"),
        heading: "You already have an account".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "Someone tried to use this email address for another account at {portal}, but you already have an account \
                 there: {}.",
                unlinkable(username)
            ),
            advice,
        ],
        secret: None,
        button: Button::new(if deletion_due.is_some() { "Open the sign-in page" } else { "Sign in" }, url),
        notes: Vec::new(),
        reason: reason(&format!("this email address belongs to an account at {portal}")),
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
    let expiry = format!("The link works once and expires in {}.", period_in_words(lifetime));
    let (instruction, notes) = if asks_password {
        (
            "An administrator has approved your account. Use the link below to sign in. It also asks for your password, \
             because your email address is not confirmed yet.",
            vec![
                expiry,
                "If you did not register, you can ignore this email. The link does not work without the account's password."
                    .to_owned(),
            ],
        )
    } else {
        (
            "An administrator has approved your account. Use the link below to sign in. Next time, sign in with \
             your password.",
            vec![format!("{expiry} Anyone with this email can sign in as you, so do not forward it.")],
        )
    };
    Content {
        subject: format!("Your account at {portal} has been approved"),
        heading: "Your account has been approved".to_owned(),
        paragraphs: vec![greeting(username), instruction.to_owned()],
        secret: None,
        button: Button::new("Sign in", url),
        notes,
        reason: reason(&format!("you registered at {portal}")),
    }
}

/// Returns the email about the approval of an account that signs in with Microsoft.
pub(super) fn approved_microsoft(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Your account at {portal} has been approved"),
        heading: "Your account has been approved".to_owned(),
        paragraphs: vec![
            greeting(username),
            "An administrator has approved your account. You can now sign in with Microsoft.".to_owned(),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: Vec::new(),
        reason: reason(&format!("you registered at {portal}")),
    }
}
