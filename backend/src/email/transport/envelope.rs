//! The sender, the recipient and the id of an email, as mail servers accept them.
//!
//! # Guarantees
//!
//! - All parts are ASCII, so no mail server needs the extension SMTPUTF8.
//! - The id is the same for every attempt, so that a second copy is recognised.

use crate::accounts::email_address::ascii_form;
use crate::email::delivery::SendResult;
use crate::entity::outbox;
use crate::settings::Settings;
use domain::email_address::EmailAddress;

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

/// The sender, the recipient and the id of an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// The sender's email address.
    pub(super) sender: String,
    /// The recipient's email address.
    pub(super) recipient: String,
    /// The id, in angle brackets.
    pub(super) message_id: String,
}

impl Envelope {
    /// Returns the envelope of an email.
    pub(super) fn new(settings: &Settings, row: &outbox::Model) -> Result<Self, ComposeError> {
        let (sender, recipient) = (&settings.sender_email, &row.recipient);
        let sender = to_ascii(sender)
            .ok_or_else(|| ComposeError::Other(format!("no email can be sent from {sender}")))?;
        let recipient = to_ascii(recipient)
            .ok_or_else(|| ComposeError::InvalidRecipient(format!("no email can be sent to {recipient}")))?;
        let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let message_id = format!("<{}@{domain}>", row.seal_context);
        Ok(Self { sender, recipient, message_id })
    }
}

fn to_ascii(email: &str) -> Option<String> {
    EmailAddress::parse(email).ok().as_ref().and_then(ascii_form)
}
