//! The emails about a reactivated account and about the deletion of an account.

use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{greeting, owner_reason, reason};
use domain::time::{Timestamp, utc_text};

/// Returns the email about a reactivated account.
pub(super) fn reactivated(username: &str, url: &str, deletion_cancelled: bool, portal: &str) -> Content {
    let mut paragraphs = vec![
        greeting(username),
        "An administrator has reactivated your account. You can sign in as before.".to_owned(),
    ];
    if deletion_cancelled {
        paragraphs.push(
            "Your account will not be deleted. If you did not ask for the deletion, someone else may know your password. \
             Sign in and change your password now."
                .to_owned(),
        );
    }
    Content {
        subject: format!("Your account at {portal} is active again"),
        heading: "Your account is active again".to_owned(),
        paragraphs,
        secret: None,
        button: Button::new("Sign in", url),
        notes: Vec::new(),
        reason: owner_reason(portal),
    }
}

/// The link that keeps an account that is due for deletion.
pub(super) struct KeepLink<'a> {
    /// The URL.
    pub(super) url: &'a str,
    /// True if the link also undoes a change of email address.
    pub(super) undoes_change: bool,
    /// True if the account has a password. Keeping the account replaces it.
    pub(super) has_password: bool,
    /// True if a Microsoft account is linked. Keeping an account with a password unlinks it.
    pub(super) has_identity: bool,
}

/// Returns the email about an account that is due for deletion.
pub(super) fn account_deletion(username: &str, due: Timestamp, link: &KeepLink<'_>, portal: &str) -> Content {
    let (button, belongs) = if link.undoes_change {
        ("Undo change and keep account", "belonged")
    } else {
        ("Keep account", "belongs")
    };
    Content {
        subject: format!("Your account at {portal} will be deleted"),
        heading: "Your account will be deleted".to_owned(),
        paragraphs: vec![
            greeting(username),
            "Someone signed in to your account and asked us to delete it.".to_owned(),
            format!(
                "We've signed everyone out, and no one can sign in. Unless you keep your account, we'll delete it on {}.",
                utc_text(due)
            ),
            format!("If this was you, you do not need to do anything. {}", advice(link)),
        ],
        secret: None,
        button: Button::new(button, link.url),
        notes: vec![format!("The link works once and expires on {}.", utc_text(due))],
        reason: reason(&format!("this email address {belongs} to an account at {portal}")),
    }
}

/// Returns the advice for an owner who did not ask for the deletion.
fn advice(link: &KeepLink<'_>) -> &'static str {
    match (link.undoes_change, link.has_password) {
        (false, true) if link.has_identity => {
            "If it was not, or if you've changed your mind, keep your account. You'll then choose a new password. The linked \
             Microsoft account will be unlinked."
        }
        (true, _) => {
            "If you've changed your mind, use the email that we sent to your new email address. If it was not you, keep your \
             account now. Your account will use this email address again, and you'll choose a new password."
        }
        (false, true) => {
            "If it was not, or if you've changed your mind, keep your account. You'll then choose a new password."
        }
        (false, false) => {
            "If it was not, or if you've changed your mind, keep your account. Then sign in with Microsoft as before."
        }
    }
}

/// Returns the sentences about the deletion of an account, for its owner.
pub(super) fn deletion_notice(due: Timestamp) -> String {
    format!(
        "Someone signed in to this account and asked us to delete it. We'll delete the account on {}. To keep your account, \
         use the link in our email about the deletion, or ask an administrator.",
        utc_text(due)
    )
}
