//! Mails put into words: a text part and an HTML part that say the same.
//!
//! Guarantees: everything from outside is escaped; a name never becomes a link in a mail program (U+2060 after each
//! dot); readable with images off and in dark mode; one button, with the bare link under it.

mod recovery;

use super::message::{Message, Waiting};
use crate::backend::settings::Settings;
use crate::domain::time::period_in_words;

/// The button's colour where the organisation has none: white on it has a contrast of 7 to 1.
const ACCENT: &str = "#0f5f63";

/// A mail in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// What every mail is made of.
struct Parts {
    subject: String,
    heading: String,
    paragraphs: Vec<String>,
    /// Something to be typed or copied, on a line of its own; empty for none.
    secret: String,
    button: (String, String),
    after: Vec<String>,
    why: String,
}

/// Puts a message into words.
pub fn render(message: &Message, settings: &Settings) -> Rendered {
    let parts = parts(message, settings);
    Rendered { text: text(&parts, settings), html: html(&parts, settings), subject: parts.subject }
}

fn parts(message: &Message, settings: &Settings) -> Parts {
    let portal = &settings.portal_name;
    match message {
        Message::ConfirmAddress { username, link, lifetime } => Parts {
            subject: format!("Confirm your address for {portal}"),
            heading: "Confirm your address".to_owned(),
            paragraphs: vec![
                format!("{} was registered at {portal} with this address.", plain(username)),
                "Confirm that the address is yours. An administrator decides about the account; you get another \
                 mail when it is approved."
                    .to_owned(),
            ],
            secret: String::new(),
            button: ("Confirm address".to_owned(), link.clone()),
            after: vec![
                format!("The link works once, for {}.", period_in_words(*lifetime)),
                "If you did not register, open the link and choose \"This wasn't me\".".to_owned(),
            ],
            why: format!("You get this mail because your address was entered at {portal}."),
        },
        Message::AlreadyRegistered { username, link, deletion_due } => Parts {
            subject: format!("You already have an account at {portal}"),
            heading: "You already have an account".to_owned(),
            paragraphs: vec![
                format!("Somebody registered at {portal} with this address. Your account there is {}.", plain(username)),
                deletion_due.map_or_else(
                    || {
                        "If it was you: sign in with that account. If it was not: there is nothing to do, your account was \
                         not touched."
                            .to_owned()
                    },
                    recovery::kept_until,
                ),
            ],
            secret: String::new(),
            button: (
                if deletion_due.is_some() { "Open the sign-in page" } else { "Sign in" }.to_owned(),
                link.clone(),
            ),
            after: Vec::new(),
            why: format!("You get this mail because your address belongs to an account at {portal}."),
        },
        Message::Notice { people, desk } => notice(people, desk, settings),
        Message::AddressDisowned { username, email, link } => Parts {
            subject: format!("The email address of {username} is disputed"),
            heading: "An email address is disputed".to_owned(),
            paragraphs: vec![
                format!("{} has an account at {portal} with the email address {}.", plain(username), plain(email)),
                "The owner of this email address says that they did not register. We'll send no more links to it. If \
                 nobody should have this account, deactivate it."
                    .to_owned(),
            ],
            secret: String::new(),
            button: ("Review the account".to_owned(), link.clone()),
            after: vec!["The link changes nothing by itself: you sign in and decide there.".to_owned()],
            why: format!("You're receiving this email because you administer {portal}."),
        },
        Message::Approved { username, link, lifetime, asks_password } => Parts {
            subject: format!("Your account at {portal} is approved"),
            heading: "Your account is approved".to_owned(),
            paragraphs: vec![
                format!("An administrator has approved {}.", plain(username)),
                if *asks_password {
                    "The link signs you in once. It also asks for the password you chose, because your address \
                     is not confirmed yet."
                        .to_owned()
                } else {
                    "The link signs you in once. From then on, use your password.".to_owned()
                },
            ],
            secret: String::new(),
            button: ("Sign in".to_owned(), link.clone()),
            after: vec![format!(
                "The link works once, for {}. Whoever has it can sign in as you: don't pass this mail on.",
                period_in_words(*lifetime)
            )],
            why: format!("You get this mail because you registered at {portal}."),
        },
        Message::ApprovedMicrosoft { username, link } => Parts {
            subject: format!("Your account at {portal} is approved"),
            heading: "Your account is approved".to_owned(),
            paragraphs: vec![
                format!("An administrator has approved {}.", plain(username)),
                "Sign in with Microsoft from now on.".to_owned(),
            ],
            secret: String::new(),
            button: ("Open the sign-in page".to_owned(), link.clone()),
            after: Vec::new(),
            why: format!("You get this mail because you registered at {portal}."),
        },
        Message::Reactivated { username, link, was_due } => Parts {
            subject: format!("Your account at {portal} is active again"),
            heading: "Your account is active again".to_owned(),
            paragraphs: std::iter::once(format!(
                "An administrator has reactivated {}. Sign in as before.",
                plain(username)
            ))
            .chain(was_due.then(|| {
                "Your account will not be deleted. If you did not ask for the deletion, someone else may know your password. \
                 Sign in and change your password now."
                    .to_owned()
            }))
            .collect(),
            secret: String::new(),
            button: ("Sign in".to_owned(), link.clone()),
            after: Vec::new(),
            why: format!("You get this mail because you have an account at {portal}."),
        },
        Message::TemporaryPassword { username, password, link, lifetime } => {
            recovery::temporary_password(username, password, link, *lifetime, portal)
        }
        Message::NoTemporaryPassword { username, status, link, deletion_due } => {
            recovery::no_temporary_password(username, *status, *deletion_due, link, portal)
        }
        Message::NoConfirmedAddress { link } => recovery::no_confirmed_address(link, portal),
        Message::PasswordChanged { username, link } => recovery::password_changed(username, link, portal),
        Message::ChangeAddress { username, link, lifetime } => {
            recovery::change_address(username, link, *lifetime, portal)
        }
        Message::AddressChangedAgain { username, link } => {
            recovery::address_changed_again(username, link, portal)
        }
        Message::AccountDeletion { username, due, link, undoes_change, has_password, has_identity } => {
            let (undoes_change, has_password) = (*undoes_change, *has_password);
            let keeping =
                recovery::Keeping { link, undoes_change, has_password, has_identity: *has_identity };
            recovery::account_deletion(username, *due, &keeping, portal)
        }
        Message::Test { link } => Parts {
            subject: format!("Mail from {portal} arrives"),
            heading: "Mail arrives".to_owned(),
            paragraphs: vec!["Whoever runs this portal sent this mail to see whether it arrives.".to_owned()],
            secret: String::new(),
            button: ("Open the portal".to_owned(), link.clone()),
            after: Vec::new(),
            why: "You get this mail because your address was given to the command that tests mail.".to_owned(),
        },
        Message::MicrosoftLinked { username, link } => recovery::microsoft_linked(username, link, portal),
        Message::MicrosoftUnlinked { username, link } => recovery::microsoft_unlinked(username, link, portal),
        Message::AddressChanged { username, link, lifetime } => {
            recovery::address_changed(username, link, *lifetime, portal)
        }
    }
}

fn notice(people: &[Waiting], desk: &str, settings: &Settings) -> Parts {
    let portal = &settings.portal_name;
    let one = |person: &Waiting| {
        let address = if person.confirmed { "address confirmed" } else { "address not confirmed yet" };
        format!("{}, {} ({address})", plain(&person.username), plain(&person.email))
    };
    match people {
        [person] => Parts {
            subject: format!("{} asks to join {portal}", person.username),
            heading: format!("{} asks to join", plain(&person.username)),
            paragraphs: vec![one(person)],
            secret: String::new(),
            button: ("Look and decide".to_owned(), settings.link(&format!("/admin/approve/{}", person.id))),
            after: vec!["The link changes nothing by itself: you sign in and decide there.".to_owned()],
            why: format!("You get this mail because you administer {portal}."),
        },
        people => Parts {
            subject: format!("{} people ask to join {portal}", people.len()),
            heading: format!("{} people ask to join", people.len()),
            paragraphs: people.iter().map(one).collect(),
            secret: String::new(),
            button: ("Open the desk".to_owned(), desk.to_owned()),
            after: vec!["The link changes nothing by itself: you sign in and decide there.".to_owned()],
            why: format!("You get this mail because you administer {portal}."),
        },
    }
}

/// A name or address that no mail program turns into a link: U+2060 (word joiner) after each dot.
fn plain(text: &str) -> String {
    text.replace('.', ".\u{2060}")
}

fn text(parts: &Parts, settings: &Settings) -> String {
    let mut lines = vec![parts.heading.clone(), String::new()];
    for paragraph in &parts.paragraphs {
        lines.extend([paragraph.clone(), String::new()]);
    }
    if !parts.secret.is_empty() {
        lines.extend([format!("    {}", parts.secret), String::new()]);
    }
    lines.extend([format!("{}:", parts.button.0), parts.button.1.clone(), String::new()]);
    for paragraph in &parts.after {
        lines.extend([paragraph.clone(), String::new()]);
    }
    lines.extend(["-- ".to_owned(), parts.why.clone()]);
    if let Some(help) = &settings.portal_help {
        lines.push(format!("Help: {help}"));
    }
    lines.push(format!("{} · {}", settings.portal_name, settings.public_url));
    lines.push(String::new());
    lines.join("\n")
}

/// Inline styles: mail programs know no others. Colours are left to the program where it has its own dark ones.
fn html(parts: &Parts, settings: &Settings) -> String {
    let paragraph = |text: &String| format!("<p style=\"margin:0 0 16px\">{}</p>\n", escape(text));
    let before: String = parts.paragraphs.iter().map(paragraph).collect();
    let secret = if parts.secret.is_empty() {
        String::new()
    } else {
        format!(
            "<p style=\"margin:0 0 16px;padding:12px 16px;border:1px solid #9995;border-radius:8px;\
             font:600 16px/1.4 ui-monospace,Consolas,monospace;overflow-wrap:break-word\">{}</p>\n",
            escape(&parts.secret)
        )
    };
    let after: String = parts.after.iter().map(paragraph).collect();
    let (label, link) = (escape(&parts.button.0), escape(&parts.button.1));
    let help =
        settings.portal_help.as_ref().map_or_else(String::new, |help| format!("<br>Help: {}", escape(help)));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{subject}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px 16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif\">\n\
         <div style=\"max-width:480px;margin:0 auto\">\n\
         <p style=\"margin:0 0 24px;font-weight:600\">{portal}</p>\n\
         <h1 style=\"margin:0 0 16px;font-size:22px;line-height:1.3\">{heading}</h1>\n{before}{secret}\
         <p style=\"margin:24px 0 8px\"><a href=\"{link}\" style=\"display:inline-block;padding:12px 20px;\
         border-radius:8px;background:{accent};color:#ffffff;text-decoration:none;font-weight:600\">{label}</a></p>\n\
         <p style=\"margin:0 0 24px;font-size:13px;word-break:break-all\"><a href=\"{link}\">{link}</a></p>\n{after}\
         <p style=\"margin:32px 0 0;padding-top:16px;border-top:1px solid #9995;font-size:13px\">{why}{help}<br>\
         {portal} · <a href=\"{home}\">{home}</a></p>\n</div>\n</body>\n</html>\n",
        subject = escape(&parts.subject),
        accent = settings.portal_accent.as_deref().unwrap_or(ACCENT),
        portal = escape(&settings.portal_name),
        heading = escape(&parts.heading),
        why = escape(&parts.why),
        home = escape(settings.public_url.as_str()),
    )
}

/// Escapes text for HTML, in elements and in double-quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
