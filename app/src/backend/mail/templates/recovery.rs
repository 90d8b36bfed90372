//! The mails about getting in again and about whose an account is.

use std::time::Duration;

use super::{Parts, plain};
use crate::domain::status::PublicStatus;
use crate::domain::time::{Timestamp, period_in_words, utc_text};

/// Why the owner of an account gets a mail.
fn owner(portal: &str) -> String {
    format!("You get this mail because you have an account at {portal}.")
}

/// A temporary password.
pub(super) fn temporary_password(
    username: &str,
    password: &str,
    link: &str,
    lifetime: Duration,
    portal: &str,
) -> Parts {
    Parts {
        subject: format!("Your temporary password for {portal}"),
        heading: "Your temporary password".to_owned(),
        paragraphs: vec![format!("Sign in as {} with it, then choose a new password.", plain(username))],
        secret: password.to_owned(),
        button: ("Sign in".to_owned(), link.to_owned()),
        after: vec![
            format!(
                "It works once, for {}. Until you have chosen a new password, your present one works too.",
                period_in_words(lifetime)
            ),
            "If you did not ask for it, there is nothing to do: without this mail nobody can use it."
                .to_owned(),
        ],
        why: owner(portal),
    }
}

/// Why there is none.
pub(super) fn no_temporary_password(
    username: &str,
    status: PublicStatus,
    deletion_due: Option<Timestamp>,
    link: &str,
    portal: &str,
) -> Parts {
    Parts {
        subject: format!("No temporary password for your account at {portal}"),
        heading: "There is no temporary password for your account".to_owned(),
        paragraphs: vec![
            format!("Somebody asked for a temporary password for {}.", plain(username)),
            deletion_due.map_or_else(|| no_password(status).to_owned(), kept_until),
        ],
        secret: String::new(),
        button: ("Open the sign-in page".to_owned(), link.to_owned()),
        after: vec!["If it was not you, there is nothing to do.".to_owned()],
        why: owner(portal),
    }
}

/// Why there is none where no account has confirmed the email address.
pub(super) fn no_confirmed_address(link: &str, portal: &str) -> Parts {
    Parts {
        subject: format!("No temporary password for {portal}"),
        heading: "We cannot send a temporary password".to_owned(),
        paragraphs: vec![
            "Someone asked for a temporary password and entered this email address. No account has confirmed this email \
             address, so we cannot send a temporary password to it."
                .to_owned(),
            "If this was you, ask an administrator for help.".to_owned(),
        ],
        secret: String::new(),
        button: ("Open the sign-in page".to_owned(), link.to_owned()),
        after: vec!["If it was not, you do not need to do anything.".to_owned()],
        why: format!("You're receiving this email because your email address was entered at {portal}."),
    }
}

/// After every change of the password.
pub(super) fn password_changed(username: &str, link: &str, portal: &str) -> Parts {
    Parts {
        subject: format!("Your password at {portal} was changed"),
        heading: "Your password was changed".to_owned(),
        paragraphs: vec![
            format!("The password of {} was changed, and all other sessions were ended.", plain(username)),
            "If it was you, there is nothing to do. If it was not, ask for a temporary password now: choosing a new \
             password with it signs everybody else out."
                .to_owned(),
        ],
        secret: String::new(),
        button: ("Ask for a temporary password".to_owned(), link.to_owned()),
        after: Vec::new(),
        why: owner(portal),
    }
}

/// To the new address, which has to be confirmed.
pub(super) fn change_address(username: &str, link: &str, lifetime: Duration, portal: &str) -> Parts {
    Parts {
        subject: format!("Confirm your new address for {portal}"),
        heading: "Confirm your new address".to_owned(),
        paragraphs: vec![format!(
            "{} wants to use this address at {portal}. Nothing changes until it is confirmed.",
            plain(username)
        )],
        secret: String::new(),
        button: ("Confirm new address".to_owned(), link.to_owned()),
        after: vec![
            format!("The link works once, for {}.", period_in_words(lifetime)),
            "If that is not your account, there is nothing to do: without its password the link does nothing."
                .to_owned(),
        ],
        why: format!("You get this mail because your address was entered at {portal}."),
    }
}

/// To the old address, which can take the change back.
pub(super) fn address_changed(username: &str, link: &str, lifetime: Duration, portal: &str) -> Parts {
    Parts {
        subject: format!("Your address at {portal} was changed"),
        heading: "Your address was changed".to_owned(),
        paragraphs: vec![
            format!("{} has another address at {portal} now, and our mail goes there.", plain(username)),
            "If it was you, there is nothing to do. If it was not, undo it now: this address is the account's again, \
             everybody is signed out, and you choose a new password."
                .to_owned(),
        ],
        secret: String::new(),
        button: ("Undo the change".to_owned(), link.to_owned()),
        after: vec![format!("The link works once, for {}. After that, ask an administrator.", period_in_words(lifetime))],
        why: format!("You get this mail because this address belonged to an account at {portal}."),
    }
}

/// To an address that was the account's for less than three days.
pub(super) fn address_changed_again(username: &str, link: &str, portal: &str) -> Parts {
    Parts {
        subject: format!("Your address at {portal} was changed"),
        heading: "Your address was changed".to_owned(),
        paragraphs: vec![
            format!("{} has another address at {portal} now, and our mail goes there.", plain(username)),
            "If it was you, there is nothing to do. If it was not, tell an administrator: they can deactivate the account \
             at once."
                .to_owned(),
        ],
        secret: String::new(),
        button: ("Open the sign-in page".to_owned(), link.to_owned()),
        after: Vec::new(),
        why: format!("You get this mail because this address belonged to an account at {portal}."),
    }
}

/// To the owner, when a Microsoft account was linked.
pub(super) fn microsoft_linked(username: &str, link: &str, portal: &str) -> Parts {
    Parts {
        subject: format!("A Microsoft account was linked with yours at {portal}"),
        heading: "A Microsoft account was linked".to_owned(),
        paragraphs: vec![
            format!("Whoever has that Microsoft account can sign in as {} from now on.", plain(username)),
            "If it was you, there is nothing to do. If it was not, unlink it in your profile now and change your password."
                .to_owned(),
        ],
        secret: String::new(),
        button: ("Open your profile".to_owned(), link.to_owned()),
        after: Vec::new(),
        why: owner(portal),
    }
}

/// To the owner, when it was unlinked.
pub(super) fn microsoft_unlinked(username: &str, link: &str, portal: &str) -> Parts {
    Parts {
        subject: format!("Your Microsoft account was unlinked at {portal}"),
        heading: "Your Microsoft account was unlinked".to_owned(),
        paragraphs: vec![
            format!("{} is no longer signed in to with Microsoft. The password works as before.", plain(username)),
            "If it was you, there is nothing to do. If it was not, change your password now: it signs everybody else out."
                .to_owned(),
        ],
        secret: String::new(),
        button: ("Open your profile".to_owned(), link.to_owned()),
        after: Vec::new(),
        why: owner(portal),
    }
}

/// How the owner of an account that is due for deletion keeps it.
pub(super) struct Keeping<'a> {
    /// The link that keeps the account.
    pub(super) link: &'a str,
    /// Whether the link also undoes a change of email address.
    pub(super) undoes_change: bool,
    /// Whether the account has a password. Keeping the account replaces it.
    pub(super) has_password: bool,
    /// Whether a Microsoft account is linked. Keeping an account with a password unlinks it.
    pub(super) has_identity: bool,
}

/// To the owner, after a request for deletion.
pub(super) fn account_deletion(username: &str, due: Timestamp, keeping: &Keeping<'_>, portal: &str) -> Parts {
    let keep = match (keeping.undoes_change, keeping.has_password) {
        (false, true) if keeping.has_identity => {
            "If it was not, or if you've changed your mind, keep your account. You'll then choose a new password. The linked \
             Microsoft account will be unlinked."
        }
        (true, _) => {
            "If it was not, keep your account now. Your account will use this email address again, and you'll choose a new \
             password."
        }
        (false, true) => {
            "If it was not, or if you've changed your mind, keep your account. You'll then choose a new password."
        }
        (false, false) => {
            "If it was not, or if you've changed your mind, keep your account. Then sign in with Microsoft as before."
        }
    };
    let (button, belongs) = if keeping.undoes_change {
        ("Undo change and keep account", "belonged")
    } else {
        ("Keep account", "belongs")
    };
    Parts {
        subject: format!("Your account at {portal} will be deleted"),
        heading: "Your account will be deleted".to_owned(),
        paragraphs: vec![
            format!("Hello {},", plain(username)),
            "Someone signed in to your account and asked us to delete it.".to_owned(),
            format!(
                "We've signed everyone out, and no one can sign in. Unless you keep your account, we'll delete it on {}.",
                utc_text(due)
            ),
            format!("If this was you, you do not need to do anything. {keep}"),
        ],
        secret: String::new(),
        button: (button.to_owned(), keeping.link.to_owned()),
        after: vec![format!("The link works once and expires on {}.", utc_text(due))],
        why: format!(
            "You're receiving this email because this email address {belongs} to an account at {portal}."
        ),
    }
}

/// The sentence about an account that is due for deletion, for its owner.
pub(super) fn kept_until(due: Timestamp) -> String {
    format!(
        "Someone signed in to this account and asked us to delete it. We'll delete the account on {}. Until then, you can keep \
         your account: use the link in our email about the deletion.",
        utc_text(due)
    )
}

/// Why an account gets no temporary password.
fn no_password(status: PublicStatus) -> &'static str {
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
