//! Renders each email into a subject, a text part and an HTML part that say the same.
//!
//! # Guarantees
//!
//! - Every value is escaped for HTML.
//! - An email program never turns a username or an email address into a link (U+2060 after each dot).
//! - An email is readable without images and in dark mode.
//! - An email has one button, and its URL as text below.

mod account;
mod admin;
mod decision;
mod email_change;
mod layout;
mod microsoft;
mod password;
mod registration;

use crate::email::message::Message;
use crate::email::templates::layout::Content;
use crate::settings::Settings;

/// A rendered email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Renders a message.
pub fn render(message: &Message, settings: &Settings) -> Rendered {
    let content = content(message, settings);
    Rendered {
        text: layout::text(&content, settings),
        html: layout::html(&content, settings),
        subject: content.subject,
    }
}

/// Returns the texts of a message.
fn content(message: &Message, settings: &Settings) -> Content {
    let portal = settings.portal_name.as_str();
    match message {
        Message::ConfirmEmail { username, url, lifetime } => {
            registration::confirm_email(username, url, *lifetime, portal)
        }
        Message::AlreadyRegistered { username, url, deletion_due } => {
            registration::already_registered(username, url, *deletion_due, portal)
        }
        Message::PendingRegistrations { users, admin_url } => {
            admin::pending_registrations(users, admin_url, settings)
        }
        Message::RegistrationDisputed { username, email, url } => {
            admin::registration_disputed(username, email, url, portal)
        }
        Message::Approved { username, url, lifetime, asks_password } => {
            registration::approved(username, url, *lifetime, *asks_password, portal)
        }
        Message::ApprovedMicrosoft { username, url } => {
            registration::approved_microsoft(username, url, portal)
        }
        Message::Reactivated { username, url, deletion_cancelled } => {
            account::reactivated(username, url, *deletion_cancelled, portal)
        }
        Message::TemporaryPassword { username, password, url, lifetime } => {
            password::temporary_password(username, password, url, *lifetime, portal)
        }
        Message::NoTemporaryPassword { username, status, url, deletion_due } => {
            password::no_temporary_password(username, *status, *deletion_due, url, portal)
        }
        Message::NoConfirmedEmail { url } => password::no_confirmed_email(url, portal),
        Message::PasswordChanged { username, url } => password::password_changed(username, url, portal),
        Message::ConfirmNewEmail { username, url, lifetime } => {
            email_change::confirm_new_email(username, url, *lifetime, portal)
        }
        Message::EmailChanged { username, url, lifetime } => {
            email_change::email_changed(username, url, *lifetime, portal)
        }
        Message::EmailChangedAgain { username, url } => {
            email_change::email_changed_again(username, url, portal)
        }
        Message::AccountDeletion { username, due, url, undoes_change, has_password, has_identity } => {
            let keep = account::KeepLink {
                url,
                undoes_change: *undoes_change,
                has_password: *has_password,
                has_identity: *has_identity,
            };
            account::account_deletion(username, *due, &keep, portal)
        }
        Message::Test { url } => admin::test(url, portal),
        Message::MicrosoftLinked { username, url } => microsoft::linked(username, url, portal),
        Message::MicrosoftUnlinked { username, url } => microsoft::unlinked(username, url, portal),
        Message::Rejected { username, reason, url } => {
            decision::rejected(username, reason.as_deref(), url, portal)
        }
        Message::Question { username, question, url, lifetime, disputable } => {
            decision::question(username, question, url, *lifetime, *disputable, portal)
        }
        Message::Reminder { count, oldest, url } => admin::reminder(*count, *oldest, url, portal),
    }
}

/// Returns a username or email address that no email program turns into a link: with U+2060 (word joiner) after each dot.
fn unlinkable(text: &str) -> String {
    text.replace('.', ".\u{2060}")
}

/// Returns the first line of an email to a user.
fn greeting(username: &str) -> String {
    format!("Hello {},", unlinkable(username))
}

/// Returns the last sentence of an email, which says why the reader gets it. `why` is a clause without a full stop.
fn reason(why: &str) -> String {
    format!("You're receiving this email because {why}.")
}

/// Returns the last sentence of an email to the owner of an account.
fn owner_reason(portal: &str) -> String {
    reason(&format!("you have an account at {portal}"))
}
