//! The transports for email: files, a mail server (SMTP), or Microsoft Graph.
//!
//! # Guarantees
//!
//! - Sending never panics, and ends with one of the three results.
//! - Only their owner can read the files.

mod envelope;
mod file;
pub mod graph;
mod mime;
mod smtp;

use std::path::PathBuf;
use std::time::Duration;

use lettre::{AsyncSmtpTransport, Tokio1Executor};
use url::Url;

use crate::email::delivery::SendResult;
use crate::email::message::Message;
use crate::email::outbox::FORMAT;
use crate::email::templates::{Rendered, render};
use crate::email::transport::envelope::{ComposeError, Envelope};
use crate::email::transport::graph::{GraphEmail, GraphSettings};
use crate::entity::outbox;
use crate::entity::outbox::{EmailKind, EmailState};
use crate::infra::random;
use crate::settings::{EmailTransport, Settings};
use domain::time::Timestamp;

/// A transport for email.
#[derive(Clone, Debug)]
pub enum Transport {
    /// One `.eml` file for each email, in this folder.
    File(PathBuf),
    /// A mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Microsoft Graph.
    Graph(Box<GraphEmail>),
}

/// The reason why the settings allow no transport.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTransport(String);

impl Transport {
    /// Returns the transport of the settings.
    pub fn new(settings: &Settings) -> Result<Self, InvalidTransport> {
        match &settings.email_transport {
            EmailTransport::Graph(url) => {
                graph_transport(settings, url).map(|graph| Self::Graph(Box::new(graph)))
            }
            EmailTransport::File(folder) => Ok(Self::File(folder.clone())),
            EmailTransport::Smtp(url) => smtp::client(url, &settings.public_url).map(Self::Smtp),
        }
    }

    /// Returns true if two emails may be sent at the same time, because Graph is slow.
    pub fn sends_concurrently(&self) -> bool {
        matches!(self, Self::Graph(_))
    }

    /// Returns the rest of the pause that the server has asked for. Nothing is sent during the pause, because the server would
    /// ask for a longer one.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Graph(graph) => graph.pause(),
            Self::File(_) | Self::Smtp(_) => None,
        }
    }

    /// Checks if emails could be sent now, as far as possible without sending one.
    ///
    /// # Errors
    ///
    /// Returns the reason as a sentence for the operator.
    pub async fn check(&self) -> Result<String, String> {
        match self {
            Self::File(folder) => file::check(folder).await,
            Self::Smtp(client) => smtp::check(client).await,
            Self::Graph(graph) => check_graph(graph).await,
        }
    }

    /// Sends an email.
    pub async fn send(&self, settings: &Settings, row: &outbox::Model, rendered: Rendered) -> SendResult {
        self.try_send(settings, row, rendered).await.unwrap_or_else(ComposeError::into_result)
    }

    async fn try_send(
        &self,
        settings: &Settings,
        row: &outbox::Model,
        rendered: Rendered,
    ) -> Result<SendResult, ComposeError> {
        let envelope = Envelope::new(settings, row)?;
        let compose = |envelope, rendered| mime::compose(&settings.portal_name, envelope, rendered);
        Ok(match self {
            Self::Graph(graph) => graph.send(settings, &envelope, &rendered).await,
            Self::File(folder) => file::send(folder, row, &compose(envelope, rendered)?).await,
            Self::Smtp(client) => smtp::send(client, compose(envelope, rendered)?).await,
        })
    }
}

/// Returns the client for Graph at `url`, with the app of the settings.
///
/// # Errors
///
/// Returns an error that names the missing or invalid settings.
pub fn graph_transport(settings: &Settings, url: &Url) -> Result<GraphEmail, InvalidTransport> {
    let missing = || InvalidTransport("CLIENT_ID, CLIENT_SECRET and TENANT_ID are missing".to_owned());
    let microsoft = settings.microsoft.as_ref().ok_or_else(missing)?;
    let graph = GraphSettings {
        client_id: microsoft.client_id.clone(),
        client_secret: microsoft.client_secret.clone(),
        tenant: microsoft.tenant.clone(),
        authority: microsoft.authority.clone(),
        graph_url: url.clone(),
    };
    GraphEmail::new(graph).map_err(InvalidTransport)
}

async fn check_graph(graph: &GraphEmail) -> Result<String, String> {
    let roles = graph.roles().await?;
    if roles.iter().any(|role| role == "Mail.Send") {
        Ok("Microsoft issues a token with the permission Mail.Send".to_owned())
    } else {
        Ok("Microsoft issues a token without the permission Mail.Send. This is correct if Exchange Online grants it for one \
            mailbox. Otherwise grant it in Entra"
            .to_owned())
    }
}

/// Sends a test email for the operator immediately, without the outbox.
pub async fn send_test(transport: &Transport, settings: &Settings, recipient: &str) -> SendResult {
    let row = outbox::Model {
        id: 0,
        kind: EmailKind::Test.into(),
        format: FORMAT,
        user_id: None,
        recipient: recipient.to_owned(),
        seal_context: random::public_id(),
        sealed: None,
        priority: EmailKind::Test.priority(),
        state: EmailState::Pending.into(),
        created_at: Timestamp::NEVER,
        due_at: Timestamp::NEVER,
        not_after: None,
        leased_until: Timestamp::NEVER,
        attempts: 0,
        last_error: None,
        finished_at: Timestamp::NEVER,
    };
    let rendered = render(&Message::Test { url: settings.link("/") }, settings);
    transport.send(settings, &row, rendered).await
}
