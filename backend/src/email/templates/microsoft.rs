//! The emails about linked Microsoft accounts.

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{owner_reason, unlinkable};

/// Returns the email about a Microsoft account that has been linked.
pub(super) fn linked(username: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("A Microsoft account was linked with yours at {portal}"),
        heading: "A Microsoft account was linked".to_owned(),
        paragraphs: vec![
            format!(
                "Whoever has that Microsoft account can sign in as {} from now on.",
                unlinkable(username)
            ),
            "If it was you, there is nothing to do. If it was not, unlink it in your profile now and change your password."
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
            format!(
                "{} is no longer signed in to with Microsoft. The password works as before.",
                unlinkable(username)
            ),
            "If it was you, there is nothing to do. If it was not, change your password now: it signs everybody else out."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Open your profile", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}
