//! The MIME message that the file and SMTP transports send.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message as MimeMessage};

use crate::email::templates::Rendered;
use crate::email::transport::envelope::{ComposeError, Envelope};

/// Composes the message: text and HTML, with the headers that prevent out-of-office replies (RFC 3834).
pub(super) fn compose(
    portal_name: &str,
    envelope: Envelope,
    rendered: Rendered,
) -> Result<MimeMessage, ComposeError> {
    let Envelope { sender, recipient, message_id } = envelope;
    let from: Address = sender
        .parse()
        .map_err(|e| ComposeError::Other(format!("no email can be sent from {sender}: {e}")))?;
    let to: Address = recipient
        .parse()
        .map_err(|e| ComposeError::InvalidRecipient(format!("no email can be sent to {recipient}: {e}")))?;
    let raw = |name, value: &str| {
        HeaderName::new_from_ascii(name).map(|name| HeaderValue::new(name, value.to_owned())).ok()
    };
    let mut builder = MimeMessage::builder()
        .from(Mailbox::new(Some(portal_name.to_owned()), from))
        .to(Mailbox::new(None, to))
        .subject(rendered.subject)
        .message_id(Some(message_id));
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
