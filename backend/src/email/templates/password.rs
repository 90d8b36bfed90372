//! The emails about passwords.

use std::time::Duration;

use crate::email::templates::account::deletion_notice;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, owner_reason, reason, unlinkable};
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
        paragraphs: vec![
            greeting(username),
            format!(
                "Use this temporary password to sign in as {}. You'll then choose a new password.",
                unlinkable(username)
            ),
        ],
        secret: Some(password.to_owned()),
        button: Button::new("Sign in", url),
        notes: vec![
            format!(
                "It works once and expires in {}. Your current password does not change until you choose a new one.",
                period_in_words(lifetime)
            ),
            "If you did not ask for this, you can ignore this email.".to_owned(),
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
        subject: format!("Your password request at {portal}"),
        heading: "We cannot send you a temporary password".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!("Someone asked for a temporary password for {}.", unlinkable(username)),
            deletion_due.map_or_else(|| refusal(status).to_owned(), deletion_notice),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: vec!["If this was not you, you do not need to do anything.".to_owned()],
        reason: owner_reason(portal),
    }
}

/// Returns the sentence that says why an account with this status gets no temporary password.
fn refusal(status: PublicStatus) -> &'static str {
    match status {
        PublicStatus::Active => "This account has no password. Sign in with Microsoft instead.",
        PublicStatus::Pending => {
            "This account is still waiting for an administrator's approval. We'll email you when it's approved."
        }
        PublicStatus::Held => {
            "An administrator has a question about your registration. The question is in an earlier email."
        }
        PublicStatus::Rejected => "The request to join was declined.",
        PublicStatus::Deactivated => "This account has been deactivated. An administrator can reactivate it.",
    }
}

/// Returns the email to an email address that no account has confirmed, so that it gets no temporary password.
pub(super) fn no_confirmed_email(url: &str, portal: &str) -> Content {
    Content {
        subject: format!("A password request at {portal}"),
        heading: "We cannot send a temporary password".to_owned(),
        paragraphs: vec![
            "Hello,".to_owned(),
            "Someone asked for a temporary password and entered this email address. No account has confirmed this email \
             address, so we cannot send a temporary password to it."
                .to_owned(),
            "If this was you, ask an administrator for help.".to_owned(),
        ],
        secret: None,
        button: Button::new("Open the sign-in page", url),
        notes: vec!["If this was not you, you do not need to do anything.".to_owned()],
        reason: reason(&format!("someone entered this email address at {portal}")),
    }
}

/// Returns the email about a changed password.
pub(super) fn password_changed(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Your password at {portal} was changed"),
        heading: "Your password was changed".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "A new password was chosen for {}, and the account was signed out everywhere else.",
                unlinkable(username)
            ),
            "If this was you, you do not need to do anything. If it was not, ask for a temporary password now. Choosing a new \
             password signs everyone else out."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Ask for a temporary password", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}
