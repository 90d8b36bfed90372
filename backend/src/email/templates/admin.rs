//! The emails to administrators and operators.

use crate::email::message::PendingUser;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::unlinkable;
use crate::settings::Settings;

/// The note below each button that leads to the admin pages.
const NOTE: &str = "The link changes nothing by itself: you sign in and decide there.";

/// Returns the notification that registrations are pending.
pub(super) fn pending_registrations(users: &[PendingUser], admin_url: &str, settings: &Settings) -> Content {
    let portal = &settings.portal_name;
    let (subject, heading, button) = match users {
        [user] => (
            format!("{} asks to join {portal}", user.username),
            format!("{} asks to join", unlinkable(&user.username)),
            Button::new("Look and decide", &settings.link(&format!("/admin/approve/{}", user.id))),
        ),
        users => (
            format!("{} people ask to join {portal}", users.len()),
            format!("{} people ask to join", users.len()),
            Button::new("Open the desk", admin_url),
        ),
    };
    Content {
        subject,
        heading,
        paragraphs: users.iter().map(describe).collect(),
        secret: None,
        button,
        notes: vec![NOTE.to_owned()],
        reason: format!("You get this mail because you administer {portal}."),
    }
}

/// Returns the line about a pending registration.
fn describe(user: &PendingUser) -> String {
    let state = if user.confirmed { "address confirmed" } else { "address not confirmed yet" };
    format!("{}, {} ({state})", unlinkable(&user.username), unlinkable(&user.email))
}

/// Returns the notification that the owner of an account's email address did not register.
pub(super) fn registration_disputed(username: &str, email: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("The email address of {username} is disputed"),
        heading: "An email address is disputed".to_owned(),
        paragraphs: vec![
            format!(
                "{} has an account at {portal} with the email address {}.",
                unlinkable(username),
                unlinkable(email)
            ),
            "The owner of this email address says that they did not register. We'll send no more links to it. If nobody \
             should have this account, deactivate it."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Review the account", url),
        notes: vec![NOTE.to_owned()],
        reason: format!("You're receiving this email because you administer {portal}."),
    }
}

/// Returns the email that tests the email settings.
pub(super) fn test(url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Mail from {portal} arrives"),
        heading: "Mail arrives".to_owned(),
        paragraphs: vec!["Whoever runs this portal sent this mail to see whether it arrives.".to_owned()],
        secret: None,
        button: Button::new("Open the portal", url),
        notes: Vec::new(),
        reason: "You get this mail because your address was given to the command that tests mail.".to_owned(),
    }
}
