//! The MIME message that the file and SMTP transports send.

use lettre::Message as MimeMessage;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::email::delivery::SendResult;
use crate::email::templates::Rendered;
use crate::entity::outbox;
use crate::settings::Settings;

/// The reason why no message can be composed.
#[derive(Debug)]
pub(super) enum ComposeError {
    /// No email can be sent to the recipient.
    InvalidRecipient(String),
    /// Another reason, which the operator can fix: the sender's email address, or a fault of ours.
    Other(String),
}

impl ComposeError {
    /// Returns the result of the attempt.
    pub(super) fn into_result(self) -> SendResult {
        match self {
            Self::InvalidRecipient(reason) => SendResult::PermanentFailure(reason),
            Self::Other(reason) => SendResult::temporary_failure(reason),
        }
    }
}

/// Composes the message: text and HTML, with the headers that prevent out-of-office replies (RFC 3834).
pub(super) fn compose(
    settings: &Settings,
    row: &outbox::Model,
    rendered: Rendered,
) -> Result<MimeMessage, ComposeError> {
    let sender = settings.sender_email.parse();
    let sender = sender.map_err(|e| {
        ComposeError::Other(format!("no email can be sent from {}: {e}", settings.sender_email))
    })?;
    let recipient = row.recipient.parse();
    let recipient = recipient.map_err(|e| {
        ComposeError::InvalidRecipient(format!("no email can be sent to {}: {e}", row.recipient))
    })?;
    let from = Mailbox::new(Some(settings.portal_name.clone()), sender);
    let domain = settings.sender_email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let raw = |name, value: &str| {
        HeaderName::new_from_ascii(name).map(|name| HeaderValue::new(name, value.to_owned())).ok()
    };
    let mut builder = MimeMessage::builder()
        .from(from)
        .to(Mailbox::new(None, recipient))
        .subject(rendered.subject)
        // The same for every attempt, so that a second copy is recognised.
        .message_id(Some(format!("<{}@{domain}>", row.seal_context)));
    for (name, value) in
        [("Auto-Submitted".to_owned(), "auto-generated"), ("X-Auto-Response-Suppress".to_owned(), "All")]
    {
        if let Some(header) = raw(name, value) {
            builder = builder.raw_header(header);
        }
    }
    builder
        .multipart(
            MultiPart::alternative()
                .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(rendered.text))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(rendered.html)),
        )
        .map_err(|error| ComposeError::Other(error.to_string()))
}
