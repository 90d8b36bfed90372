//! The layout of every email: `templates/email.html` and `templates/email.txt`.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::settings::Settings;

/// The colour of the button if the organisation has none. White text on it has a contrast of 7 to 1.
const DEFAULT_ACCENT: &str = "#0f5f63";

/// The texts of an email.
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) heading: String,
    /// The paragraphs above the button.
    pub(super) paragraphs: Vec<String>,
    /// A secret that the reader types or copies, on a line of its own.
    pub(super) secret: Option<String>,
    pub(super) button: Button,
    /// The paragraphs below the button.
    pub(super) notes: Vec<String>,
    /// The sentence that says why the reader gets the email.
    pub(super) reason: String,
}

/// The button of an email.
pub(super) struct Button {
    pub(super) label: String,
    pub(super) url: String,
}

impl Button {
    pub(super) fn new(label: &str, url: &str) -> Self {
        Self { label: label.to_owned(), url: url.to_owned() }
    }
}

/// The text part of an email.
#[derive(Template)]
#[template(path = "email.txt")]
struct TextPart<'a> {
    heading: &'a str,
    paragraphs: &'a [String],
    secret: Option<&'a str>,
    button_label: &'a str,
    button_url: &'a str,
    notes: &'a [String],
    reason: &'a str,
    help: Option<&'a str>,
    portal_name: &'a str,
    portal_url: &'a str,
}

/// The HTML part of an email. Its styles are inline, because many email programs ignore all others. It sets few colours, so that
/// an email program can use its own dark ones.
#[derive(Template)]
#[template(path = "email.html")]
struct HtmlPart<'a> {
    subject: Escaped,
    heading: Escaped,
    paragraphs: Vec<Escaped>,
    secret: Option<Escaped>,
    button_label: Escaped,
    button_url: Escaped,
    accent: &'a str,
    notes: Vec<Escaped>,
    reason: Escaped,
    help: Option<Escaped>,
    portal_name: Escaped,
    portal_url: Escaped,
}

/// Renders the text part.
pub(super) fn text(content: &Content, settings: &Settings) -> String {
    let part = TextPart {
        heading: &content.heading,
        paragraphs: &content.paragraphs,
        secret: content.secret.as_deref(),
        button_label: &content.button.label,
        button_url: &content.button.url,
        notes: &content.notes,
        reason: &content.reason,
        help: settings.portal_help.as_deref(),
        portal_name: &settings.portal_name,
        portal_url: settings.public_url.as_str(),
    };
    with_final_newline(&part)
}

/// Renders the HTML part.
pub(super) fn html(content: &Content, settings: &Settings) -> String {
    let part = HtmlPart {
        subject: Escaped::new(&content.subject),
        heading: Escaped::new(&content.heading),
        paragraphs: content.paragraphs.iter().map(|text| Escaped::new(text)).collect(),
        secret: content.secret.as_deref().map(Escaped::new),
        button_label: Escaped::new(&content.button.label),
        button_url: Escaped::new(&content.button.url),
        accent: settings.portal_accent.as_deref().unwrap_or(DEFAULT_ACCENT),
        notes: content.notes.iter().map(|text| Escaped::new(text)).collect(),
        reason: Escaped::new(&content.reason),
        help: settings.portal_help.as_deref().map(Escaped::new),
        portal_name: Escaped::new(&settings.portal_name),
        portal_url: Escaped::new(settings.public_url.as_str()),
    };
    with_final_newline(&part)
}

/// Renders a part with the newline that askama removes from the end of each template.
fn with_final_newline(part: &impl Template) -> String {
    format!("{part}\n")
}

/// A text that is escaped for HTML, in elements and in double-quoted attributes. The named references keep the HTML readable:
/// askama escapes a text that is not of this type with numeric ones.
struct Escaped(String);

impl Escaped {
    fn new(text: &str) -> Self {
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
        Self(escaped)
    }
}

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Escaped {}
