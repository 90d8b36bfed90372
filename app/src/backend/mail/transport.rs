//! How mail leaves: into files, or to a mail server.
//!
//! Guarantees: sending never panics and ends in one of three outcomes; files are readable by their owner alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as MimeMessage, Tokio1Executor};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;

use super::templates::Rendered;
use crate::backend::entity::outbox;
use crate::backend::settings::{MailTransport, Settings};

/// What came of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The next server has it.
    Accepted,
    /// Not now, or nobody knows: try again, after that long if the server said so.
    Again {
        /// What happened.
        reason: String,
        /// What the server asked for.
        after: Option<Duration>,
    },
    /// It will never be taken.
    Refused(String),
}

/// A way for mail to leave.
#[derive(Clone, Debug)]
pub enum Transport {
    /// One `.eml` a message in this folder.
    File(PathBuf),
    /// A mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTransport(String);

/// How long one conversation with the mail server may take.
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);

impl Transport {
    /// The transport of the settings.
    pub fn new(settings: &MailTransport) -> Result<Self, BadTransport> {
        match settings {
            MailTransport::File(folder) => Ok(Self::File(folder.clone())),
            MailTransport::Smtp(url) => AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                .map(|builder| Self::Smtp(builder.timeout(Some(SMTP_TIMEOUT)).build()))
                .map_err(|error| BadTransport(error.to_string())),
        }
    }

    /// Sends one mail.
    pub async fn send(&self, settings: &Settings, row: &outbox::Model, mail: Rendered) -> SendOutcome {
        let message = match compose(settings, row, mail) {
            Ok(message) => message,
            Err(reason) => return SendOutcome::Refused(reason),
        };
        match self {
            Self::File(folder) => match write_file(folder, row, &message.formatted()).await {
                Ok(()) => SendOutcome::Accepted,
                Err(error) => again(format!("could not write into {}: {error}", folder.display())),
            },
            Self::Smtp(server) => match server.send(message).await {
                Ok(_) => SendOutcome::Accepted,
                Err(error) if error.is_permanent() => SendOutcome::Refused(error.to_string()),
                Err(error) => again(error.to_string()),
            },
        }
    }
}

fn again(reason: String) -> SendOutcome {
    SendOutcome::Again { reason, after: None }
}

/// The MIME message: text and HTML, and what keeps out-of-office answers away (RFC 3834).
fn compose(settings: &Settings, row: &outbox::Model, mail: Rendered) -> Result<MimeMessage, String> {
    let address =
        |text: &str| text.parse().map_err(|e| format!("{text} is no address that mail can go to: {e}"));
    let from = Mailbox::new(Some(settings.portal_name.clone()), address(&settings.sender_email)?);
    let domain = settings.sender_email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let raw = |name, value: &str| {
        HeaderName::new_from_ascii(name).map(|name| HeaderValue::new(name, value.to_owned())).ok()
    };
    let mut builder = MimeMessage::builder()
        .from(from)
        .to(Mailbox::new(None, address(&row.recipient)?))
        .subject(mail.subject)
        // The same for every try, so that a second copy is recognised as one.
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
                .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.text))
                .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(mail.html)),
        )
        .map_err(|error| error.to_string())
}

/// Writes beside, then renames: nobody reads half a mail.
async fn write_file(folder: &Path, row: &outbox::Model, content: &[u8]) -> std::io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await?;
    let name = format!("{:08}-{}.eml", row.id, row.attempts);
    let beside = folder.join(format!(".{name}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&beside).await?;
    file.write_all(content).await?;
    file.sync_all().await?;
    tokio::fs::rename(&beside, folder.join(name)).await
}
