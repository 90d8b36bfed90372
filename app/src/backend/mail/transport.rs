//! How mail leaves: into files, to a mail server, or through Microsoft Graph (`graph`).
//!
//! Guarantees: sending never panics and ends in one of three outcomes; files are readable by their owner alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as MimeMessage, Tokio1Executor};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use url::Url;

use super::graph::{GraphMail, GraphSettings};
use super::message::{Kind, Message};
use super::outcome::SendOutcome;
use super::templates::{Rendered, render};
use crate::backend::entity::outbox;
use crate::backend::random;
use crate::backend::settings::{MailTransport, Settings};

/// A way for mail to leave.
#[derive(Clone, Debug)]
pub enum Transport {
    /// One `.eml` a message in this folder.
    File(PathBuf),
    /// A mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Microsoft Graph.
    Graph(Box<GraphMail>),
}

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadTransport(String);

/// How long one conversation with the mail server may take.
const SMTP_TIMEOUT: Duration = Duration::from_secs(30);

impl Transport {
    /// The transport of the settings.
    pub fn new(settings: &Settings) -> Result<Self, BadTransport> {
        match &settings.mail_transport {
            MailTransport::Graph(graph) => Self::graph(settings, graph),
            MailTransport::File(folder) => Ok(Self::File(folder.clone())),
            MailTransport::Smtp(url) => AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                .map(|builder| Self::Smtp(builder.timeout(Some(SMTP_TIMEOUT)).build()))
                .map_err(|error| BadTransport(error.to_string())),
        }
    }

    fn graph(settings: &Settings, graph: &Url) -> Result<Self, BadTransport> {
        graph_mail(settings, graph).map(|graph| Self::Graph(Box::new(graph)))
    }
}

/// Graph, as the application of the settings.
///
/// # Errors
/// What is wrong with them.
pub fn graph_mail(settings: &Settings, graph: &Url) -> Result<GraphMail, BadTransport> {
    let missing = || BadTransport("CLIENT_ID, CLIENT_SECRET and TENANT_ID are missing".to_owned());
    let microsoft = settings.microsoft.as_ref().ok_or_else(missing)?;
    let graph = GraphSettings {
        client_id: microsoft.client_id.clone(),
        client_secret: microsoft.client_secret.clone(),
        tenant: microsoft.tenant.clone(),
        authority: microsoft.authority.clone(),
        graph: graph.clone(),
    };
    GraphMail::new(graph).map_err(BadTransport)
}

impl Transport {
    /// Whether two mails may be under way at once: Graph takes its time for each.
    pub fn sends_two(&self) -> bool {
        matches!(self, Self::Graph(_))
    }

    /// How long the other side has asked to be left alone: meanwhile nothing is sent, lest it ask for longer.
    pub fn rest(&self) -> Option<Duration> {
        match self {
            Self::Graph(graph) => graph.rest(),
            Self::File(_) | Self::Smtp(_) => None,
        }
    }

    /// Whether mail could leave now, as far as that shows without sending one.
    ///
    /// # Errors
    /// Why not, in words for the operator.
    pub async fn check(&self) -> Result<String, String> {
        match self {
            Self::File(folder) => {
                tokio::fs::create_dir_all(folder).await.map_err(|e| format!("{}: {e}", folder.display()))?;
                Ok(format!("files in {}", folder.display()))
            }
            Self::Smtp(server) => match server.test_connection().await {
                Ok(true) => Ok("the mail server answers and takes our name and password".to_owned()),
                Ok(false) => Err("the mail server hung up".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Self::Graph(graph) => {
                let roles = graph.roles().await?;
                if roles.iter().any(|role| role == "Mail.Send") {
                    Ok("Microsoft gives a token, and the application may send (Mail.Send)".to_owned())
                } else {
                    Ok("Microsoft gives a token, without the permission Mail.Send: right where Exchange grants it for one \
                        mailbox, else grant it in Entra"
                        .to_owned())
                }
            }
        }
    }

    /// Sends one mail.
    pub async fn send(&self, settings: &Settings, row: &outbox::Model, mail: Rendered) -> SendOutcome {
        match self {
            Self::Graph(graph) => graph.send(settings, row, mail).await,
            Self::File(folder) => match compose(settings, row, mail) {
                Ok(message) => file(folder, row, &message).await,
                Err(unfit) => unfit.outcome(),
            },
            Self::Smtp(server) => match compose(settings, row, mail) {
                Ok(message) => post(server, message).await,
                Err(unfit) => unfit.outcome(),
            },
        }
    }
}

async fn file(folder: &Path, row: &outbox::Model, message: &MimeMessage) -> SendOutcome {
    match write_file(folder, row, &message.formatted()).await {
        Ok(()) => SendOutcome::Accepted,
        Err(error) => again(format!("could not write into {}: {error}", folder.display())),
    }
}

async fn post(server: &AsyncSmtpTransport<Tokio1Executor>, message: MimeMessage) -> SendOutcome {
    match server.send(message).await {
        Ok(_) => SendOutcome::Accepted,
        Err(error) => {
            let reason = error.to_string();
            if error.is_permanent() && is_about_recipient(&reason) {
                SendOutcome::Refused(reason)
            } else {
                again(reason)
            }
        }
    }
}

/// Whether a mail server's permanent answer is about the recipient, by its enhanced status code (RFC 3463).
///
/// Everything else may be mended by the operator or goes away: a wrong password (535), a full disk or quota (552), a command or
/// a sender that is refused. Then the email waits. An answer without such a code may mean either, and waits too.
fn is_about_recipient(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let enhanced = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()))
        .find(|word| word.starts_with("5.") && word.split('.').count() == 3 && word.split('.').all(digits));
    // No such mailbox or domain, a bad or ambiguous address, moved, no mail for the domain; disabled; Exchange: not found.
    matches!(enhanced, Some("5.1.1" | "5.1.2" | "5.1.3" | "5.1.4" | "5.1.6" | "5.1.10" | "5.2.1" | "5.4.1"))
}

/// Sends a mail of the operator's at once, past the outbox.
pub async fn send_test(transport: &Transport, settings: &Settings, recipient: &str) -> SendOutcome {
    let row = outbox::Model {
        id: 0,
        kind: Kind::Test.as_str().to_owned(),
        user_id: None,
        recipient: recipient.to_owned(),
        seal_context: random::handle(),
        sealed: None,
        priority: Kind::Test.priority(),
        status: String::new(),
        created_at: 0,
        due_at: 0,
        not_after: None,
        leased_until: 0,
        attempts: 0,
        last_error: String::new(),
        finished_at: 0,
    };
    let mail = render(&Message::Test { link: settings.link("/") }, settings);
    transport.send(settings, &row, mail).await
}

fn again(reason: String) -> SendOutcome {
    SendOutcome::Again { reason, after: None }
}

/// Why no message can be made of an email.
#[derive(Debug)]
enum Unfit {
    /// No email can go to the recipient.
    Recipient(String),
    /// Something else, which the operator can fix: the sender's email address, or a fault of ours.
    Other(String),
}

impl Unfit {
    fn outcome(self) -> SendOutcome {
        match self {
            Self::Recipient(reason) => SendOutcome::Refused(reason),
            Self::Other(reason) => again(reason),
        }
    }
}

/// The MIME message: text and HTML, and what keeps out-of-office answers away (RFC 3834).
fn compose(settings: &Settings, row: &outbox::Model, mail: Rendered) -> Result<MimeMessage, Unfit> {
    let sender = settings.sender_email.parse();
    let sender = sender
        .map_err(|e| Unfit::Other(format!("no email can be sent from {}: {e}", settings.sender_email)))?;
    let recipient = row.recipient.parse();
    let recipient =
        recipient.map_err(|e| Unfit::Recipient(format!("no email can be sent to {}: {e}", row.recipient)))?;
    let from = Mailbox::new(Some(settings.portal_name.clone()), sender);
    let domain = settings.sender_email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let raw = |name, value: &str| {
        HeaderName::new_from_ascii(name).map(|name| HeaderValue::new(name, value.to_owned())).ok()
    };
    let mut builder = MimeMessage::builder()
        .from(from)
        .to(Mailbox::new(None, recipient))
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
        .map_err(|error| Unfit::Other(error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_about_the_recipient_is_final() {
        for text in [
            "permanent error (550): 5.1.1 no such mailbox here",
            "permanent error (550): 5.4.1 Recipient address rejected: Access denied",
            "permanent error (553): 5.1.3 bad address",
            "permanent error (550): 5.2.1 mailbox disabled",
        ] {
            assert!(is_about_recipient(text), "{text}");
        }
        for text in [
            "permanent error (535): 5.7.8 authentication failed",
            "permanent error (552): 5.2.2 over quota",
            "permanent error (552): too much mail data",
            "permanent error (504): 5.5.2 host name rejected: need a fully qualified name",
            "permanent error (550): 5.7.1 relaying denied",
            "permanent error (550): relay not permitted",
            "permanent error (550): 5.1.8 sender address rejected",
            "permanent error (554): 5.7.1 blocked by policy, see 10.1.1.1",
            "permanent error (530): 5.7.0 must issue a STARTTLS command first",
        ] {
            assert!(!is_about_recipient(text), "{text}");
        }
    }
}
