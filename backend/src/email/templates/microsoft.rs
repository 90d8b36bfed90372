//! The emails about linked Microsoft accounts.

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, owner_reason, unlinkable};

/// Returns the email about a Microsoft account that has been linked.
pub(super) fn linked(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("A Microsoft account was linked to your account at {portal}"),
        heading: "A Microsoft account was linked to your account".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!("That Microsoft account can now be used to sign in as {}.", unlinkable(username)),
            "If this was you, you do not need to do anything. If it was not, unlink it in your profile now and change your \
             password."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Open your profile", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}

/// Returns the email about a Microsoft account that has been unlinked.
pub(super) fn unlinked(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Your Microsoft account was unlinked at {portal}"),
        heading: "Your Microsoft account was unlinked".to_owned(),
        paragraphs: vec![
            greeting(username),
            format!(
                "You can no longer sign in as {} with Microsoft. Your password still works.",
                unlinkable(username)
            ),
            "If this was you, you do not need to do anything. If it was not, change your password now. That signs everyone else \
             out."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Open your profile", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}
