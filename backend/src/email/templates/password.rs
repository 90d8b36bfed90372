//! The emails about passwords.

use std::time::Duration;

use crate::email::templates::account::deletion_notice;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{owner_reason, unlinkable};
use domain::status::PublicStatus;
use domain::time::{Timestamp, period_in_words};

/// Returns the email with a temporary password.
pub(super) fn temporary_password(
    username: &str,
    password: &str,
    url: &str,
    lifetime: Duration,
    portal: &str,
) -> Content {
    Content {
        subject: format!("Your temporary password for {portal}"),
        heading: "Your temporary password".to_owned(),
        paragraphs: vec![format!("Sign in as {} with it, then choose a new password.", unlinkable(username))],
        secret: Some(password.to_owned()),
        button: Button::new("Sign in", url),
        notes: vec![
            format!(
                "It works once, for {}. Until you have chosen a new password, your present one works too.",
                period_in_words(lifetime)
            ),
            "If you did not ask for it, there is nothing to do: without this mail nobody can use it."
                .to_owned(),
        ],
        reason: owner_reason(portal),
    }
}

/// Returns the email that says why the account gets no temporary password.
pub(super) fn no_temporary_password(
    username: &str,
    status: PublicStatus,
    deletion_due: Option<Timestamp>,
    url: &str,
    portal: &str,
) -> Content {
    Content {
        subject: format!("No temporary password for your account at {portal}"),
        heading: "There is no temporary password for your account".to_owned(),
        paragraphs: vec![
            format!("Somebody asked for a temporary password for {}.", unlinkable(username)),
            deletion_due.map_or_else(|| refusal(status).to_owned(), deletion_notice),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: vec!["If it was not you, there is nothing to do.".to_owned()],
        reason: owner_reason(portal),
    }
}

/// Returns the sentence that says why an account with this status gets no temporary password.
fn refusal(status: PublicStatus) -> &'static str {
    match status {
        PublicStatus::Active => "The account has no password: sign in with Microsoft, as before.",
        PublicStatus::Pending => {
            "The account is still waiting for an administrator's approval. You get a mail when it is approved."
        }
        PublicStatus::Held => {
            "An administrator asked you something first. The question is in an earlier mail."
        }
        PublicStatus::Rejected => "The request to join was declined.",
        PublicStatus::Deactivated => "The account has been deactivated. An administrator can reactivate it.",
    }
}

/// Returns the email to an email address that no account has confirmed, so that it gets no temporary password.
pub(super) fn no_confirmed_email(url: &str, portal: &str) -> Content {
    Content {
        subject: format!("No temporary password for {portal}"),
        heading: "We cannot send a temporary password".to_owned(),
        paragraphs: vec![
            "Someone asked for a temporary password and entered this email address. No account has confirmed this email \
             address, so we cannot send a temporary password to it."
                .to_owned(),
            "If this was you, ask an administrator for help.".to_owned(),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: vec!["If it was not, you do not need to do anything.".to_owned()],
        reason: format!("You're receiving this email because your email address was entered at {portal}."),
    }
}

/// Returns the email about a changed password.
pub(super) fn password_changed(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Your password at {portal} was changed"),
        heading: "Your password was changed".to_owned(),
        paragraphs: vec![
            format!(
                "The password of {} was changed, and all other sessions were ended.",
                unlinkable(username)
            ),
            "If it was you, there is nothing to do. If it was not, ask for a temporary password now: choosing a new \
             password with it signs everybody else out."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Ask for a temporary password", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}
