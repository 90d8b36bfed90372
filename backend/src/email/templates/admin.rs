//! The emails to administrators and operators.

use crate::email::message::PendingUser;
use crate::email::templates::layout::{Button, Content};
use crate::email::templates::{reason, unlinkable};
use crate::settings::Settings;
use domain::time::{Timestamp, utc_text};

/// Returns the notification that registrations are pending, for the first time or because of an answer.
pub(super) fn pending_registrations(users: &[PendingUser], admin_url: &str, settings: &Settings) -> Content {
    let portal = &settings.portal_name;
    let answers = users.iter().filter(|user| user.answered).count();
    let (subject, heading, button, note) = match users {
        [user] if user.answered => (
            format!("{} has answered a question at {portal}", user.username),
            format!("{} has answered a question", unlinkable(&user.username)),
            Button::new("Read the answer", &settings.link(&format!("/admin/approve/{}", user.id))),
            "Opening the link does not approve anyone. Sign in, then approve or reject the request.",
        ),
        users if answers > 0 => (
            format!("{} people are waiting for approval at {portal}", users.len()),
            format!("{} people are waiting for approval", users.len()),
            Button::new("Review requests", admin_url),
            "Opening the link does not approve anyone. Sign in, then approve or reject the requests.",
        ),
        [user] => (
            format!("{} has asked to join {portal}", user.username),
            format!("{} has asked to join", unlinkable(&user.username)),
            Button::new("Review request", &settings.link(&format!("/admin/approve/{}", user.id))),
            "Opening the link does not approve anyone. Sign in, then approve or reject the request.",
        ),
        users => (
            format!("{} people have asked to join {portal}", users.len()),
            format!("{} people have asked to join", users.len()),
            Button::new("Review requests", admin_url),
            "Opening the link does not approve anyone. Sign in, then approve or reject the requests.",
        ),
    };
    Content {
        subject,
        heading,
        paragraphs: users.iter().map(describe).collect(),
        secret: None,
        button,
        notes: vec![note.to_owned()],
        reason: notification_reason(portal),
    }
}

/// Returns the line about a pending registration.
fn describe(user: &PendingUser) -> String {
    let state = if user.confirmed { "email address confirmed" } else { "email address not confirmed yet" };
    let answer = if user.answered { ", has answered a question" } else { "" };
    format!("{}, {} ({state}{answer})", unlinkable(&user.username), unlinkable(&user.email))
}

/// Returns the notification that the owner of an account's email address did not register.
pub(super) fn registration_disputed(username: &str, email: &str, url: &str, portal: &str) -> Content {
    Content {
        subject: format!("The email address of {username} at {portal} is disputed"),
        heading: "An email address is disputed".to_owned(),
        paragraphs: vec![
            format!(
                "{} has an account at {portal} with the email address {}.",
                unlinkable(username),
                unlinkable(email)
            ),
            "The owner of this email address says that they did not register. We'll send no more confirmation links for this \
             account. If the account should not exist, deactivate it."
                .to_owned(),
        ],
        secret: None,
        button: Button::new("Review account", url),
        notes: vec!["Opening the link does not change anything. Sign in to review the account.".to_owned()],
        reason: notification_reason(portal),
    }
}

/// Returns the reminder that registrations are waiting for a decision.
pub(super) fn reminder(count: i64, oldest: Timestamp, url: &str, portal: &str) -> Content {
    let since = utc_text(oldest);
    let (heading, waiting, button) = match count {
        1 => (
            "1 registration is waiting for a decision".to_owned(),
            format!("A registration at {portal} has been waiting for a decision since {since}."),
            "Review request",
        ),
        count => (
            format!("{count} registrations are waiting for a decision"),
            format!(
                "{count} registrations at {portal} are waiting for a decision. The oldest has been waiting since {since}."
            ),
            "Review requests",
        ),
    };
    Content {
        subject: format!("Reminder: pending registrations at {portal}"),
        heading,
        paragraphs: vec![
            waiting,
            "Registrations that are on hold or assigned to an administrator are not counted.".to_owned(),
        ],
        secret: None,
        button: Button::new(button, url),
        notes: vec![
            "We send this reminder at most once a day, and only if no administrator has made a decision recently."
                .to_owned(),
        ],
        reason: notification_reason(portal),
    }
}

/// Returns the last sentence of a notification. Its recipient may be a shared mailbox.
fn notification_reason(portal: &str) -> String {
    reason(&format!("this email address gets notifications about registrations at {portal}"))
}

/// Returns the email that tests the email settings.
pub(super) fn test(url: &str, portal: &str) -> Content {
    Content {
        subject: format!("Test email from {portal}"),
        heading: "It works".to_owned(),
        paragraphs: vec![format!("{portal} can send email.")],
        secret: None,
        button: Button::new("Open the portal", url),
        notes: Vec::new(),
        reason: reason(&format!("someone who runs {portal} sent a test email to this email address")),
    }
}
