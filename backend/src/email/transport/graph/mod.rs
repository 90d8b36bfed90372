//! The Microsoft Graph transport: sends emails with Graph's sendMail.
//!
//! # Guarantees
//!
//! - One attempt posts an email once. Only after a 401 does it post it again, with a new token. No redirect is followed.
//! - At most two sends run at the same time in this process, and each ends within its timeout.
//! - A Retry-After pauses the mailbox, not only the email: see [`GraphEmail::pause`].
//! - Secrets and emails leave this machine only over https.
//! - No result, error or `Debug` output contains a token, a secret or the content of an email.

mod message;
pub(crate) mod response;
mod sdk;
#[cfg(test)]
mod tests;
pub(crate) mod token;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::email::delivery::SendResult;
use crate::email::templates::Rendered;
use crate::email::transport::envelope::Envelope;
use crate::email::transport::graph::message::compose;
use crate::email::transport::graph::response::{SendResponse, truncate_reason};
use crate::email::transport::graph::sdk::client::SdkClient;
use crate::email::transport::graph::sdk::credential::{Credential, client_secret_credential};
use crate::email::transport::graph::token::{TokenCache, scope, token_url};
use crate::microsoft::{causes, http_builder, is_secure_url};
use crate::settings::Settings;

pub use crate::microsoft::app_registration::{AppRegistration, AppRegistrationError};

/// Longest time for one email in total: the token and the post, and both again after a 401.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect. It is shorter than the send, so that the reason names a host that drops packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most concurrent sends: half of the four concurrent requests that Exchange Online allows for one app and mailbox (Outlook
/// service limits), so that replicas and other users of the app have capacity.
const MAX_CONCURRENT_SENDS: usize = 2;
/// Longest wait for a permit. With [`SEND_TIMEOUT`], it stays well below the outbox's lease of two minutes.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings of Graph and of the app that uses it.
#[derive(Clone, Debug)]
pub struct GraphSettings {
    /// The app's client ID (`CLIENT_ID`), a UUID.
    pub client_id: String,
    /// The app's secret (`CLIENT_SECRET`).
    pub client_secret: SecretString,
    /// The tenant (`TENANT_ID`), for an `authority` that does not name it.
    pub tenant: String,
    /// The URL of the authority that issues tokens, such as `https://login.microsoftonline.com/{tenant}` (`AUTHORITY`).
    pub authority: Url,
    /// The URL of Graph with its version, such as `https://graph.microsoft.com/v1.0`.
    pub graph_url: Url,
}

/// The client that sends emails with Graph. A clone shares the token, the connections, the permits and the pause.
#[derive(Clone)]
pub struct GraphEmail {
    sdk: SdkClient,
    pub(crate) tokens: Arc<TokenCache>,
    pub(crate) http: reqwest::Client,
    permits: Arc<Semaphore>,
    paused_until: Arc<Mutex<Option<Instant>>>,
    pub(crate) graph_url: Url,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

impl fmt::Debug for GraphEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphEmail").field("graph_url", &self.graph_url.as_str()).finish_non_exhaustive()
    }
}

impl GraphEmail {
    /// Returns the client for the settings. It sends no request yet.
    ///
    /// # Errors
    ///
    /// Returns a sentence about what is wrong with the settings, or with the system's certificates or proxy.
    pub fn new(settings: GraphSettings) -> Result<Self, String> {
        let GraphSettings { client_id, client_secret, tenant, authority, graph_url } = settings;
        for (name, url) in [("AUTHORITY", &authority), ("GRAPH_URL", &graph_url)] {
            if !is_safe(url) {
                return Err(format!(
                    "{name} must be an https:// URL without user, query or fragment (http:// only on this machine)"
                ));
            }
        }
        if client_secret.expose_secret().trim().is_empty() {
            return Err("CLIENT_SECRET must not be empty".to_owned());
        }
        let sdk = client_secret_credential(&client_id, &client_secret)?;
        // Reads the proxy settings and the system's certificates, which may fail. The SDK builds clients in the same way and
        // panics then, so this comes first.
        let http = http_builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(SEND_TIMEOUT)
            .build()
            .map_err(|error| format!("could not set up https: {}", causes(error)))?;
        let credential = Credential {
            token_url: token_url(&authority, &tenant)
                .ok_or("AUTHORITY must name the tenant, or TENANT_ID must be set")?,
            scope: scope(&graph_url),
            sdk,
            http: http.clone(),
        };
        let tokens = Arc::new(TokenCache::new(credential));
        let graph_url = without_trailing_slash(graph_url);
        let sdk = SdkClient::new(Arc::clone(&tokens), &graph_url);
        let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_SENDS));
        let paused_until = Arc::default();
        Ok(Self { sdk, tokens, http, permits, paused_until, graph_url, client_id, client_secret })
    }

    /// Sends an email as the mailbox of `sender_email`.
    pub(super) async fn send(
        &self,
        settings: &Settings,
        envelope: &Envelope,
        rendered: &Rendered,
    ) -> SendResult {
        let body = compose(&settings.portal_name, envelope, rendered);
        let result = self.deliver(&settings.sender_email, &body).await;
        if let SendResult::TemporaryFailure { retry_after: Some(wait), .. } = &result
            && let Ok(mut paused_until) = self.paused_until.lock()
        {
            let requested = Some(Instant::now() + *wait);
            if *paused_until < requested {
                *paused_until = requested;
                let seconds = wait.as_secs();
                tracing::warn!(seconds, "email paused: Microsoft Graph is throttling");
            }
        }
        result
    }

    /// Returns the rest of the pause that Graph or its token endpoint has asked for. Each process has its own pause, which ends
    /// with the process: the next process sends one request, and is asked to wait.
    pub fn pause(&self) -> Option<Duration> {
        let until = (*self.paused_until.lock().ok()?)?;
        until.checked_duration_since(Instant::now()).filter(|pause| !pause.is_zero())
    }

    /// Returns the app's permissions from its token (`roles`). Sending needs `Mail.Send`.
    ///
    /// # Errors
    ///
    /// Returns the reason why there is no token, or why it cannot be read.
    pub async fn roles(&self) -> Result<Vec<String>, String> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(default)]
            roles: Vec<String>,
        }
        let token = self.tokens.get().await.map_err(|failure| failure.reason)?;
        // The roles only inform the operator, and the token comes from its issuer directly. Graph checks its signature.
        let payload = token.split('.').nth(1).unwrap_or_default();
        let claims = BASE64URL_NOPAD.decode(payload.as_bytes()).ok();
        claims
            .and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok())
            .map(|claims| claims.roles)
            .ok_or_else(|| "the token could not be read".to_owned())
    }

    async fn deliver(&self, sender: &str, body: &Value) -> SendResult {
        let Ok(Ok(_permit)) = timeout(PERMIT_TIMEOUT, self.permits.acquire()).await else {
            return SendResult::temporary_failure("other emails were still being sent".to_owned());
        };
        timeout(SEND_TIMEOUT, self.post_with_retry(sender, body)).await.unwrap_or_else(|_| {
            SendResult::temporary_failure(format!(
                "no answer within {} seconds, the email may have been sent",
                SEND_TIMEOUT.as_secs()
            ))
        })
    }

    /// Posts an email, and posts it again with a new token after a 401.
    async fn post_with_retry(&self, sender: &str, body: &Value) -> SendResult {
        match self.post(sender, body).await {
            Ok(SendResponse { status: 401, bearer, .. }) => {
                // The token was revoked before it expired, for example by a new secret or policy.
                self.tokens.invalidate(&bearer);
                self.post(sender, body).await.map_or_else(|result| result, SendResponse::into_result)
            }
            Ok(response) => {
                // Permissions that were granted in the meantime are only in a new token.
                if response.status == 403 {
                    self.tokens.invalidate(&response.bearer);
                }
                response.into_result()
            }
            Err(result) => result,
        }
    }

    /// Posts an email and reads the response.
    async fn post(&self, sender: &str, body: &Value) -> Result<SendResponse, SendResult> {
        // The SDK builds the request and our client sends it, so that no retry of the SDK can send it twice.
        let request = self.sdk.send_mail_request(sender, body).await?;
        let bearer = request.headers().get(AUTHORIZATION).cloned();
        let bearer = bearer.ok_or_else(|| SendResult::temporary_failure("no token for Graph".to_owned()))?;
        let response = self.http.execute(request).await.map_err(no_response)?;
        Ok(SendResponse::read(response, bearer).await)
    }
}

/// Returns the result of a request without a response. The request may or may not have been sent.
fn no_response(error: reqwest::Error) -> SendResult {
    let problem = if error.is_connect() {
        "could not be reached"
    } else {
        "did not answer, the email may have been sent"
    };
    SendResult::temporary_failure(truncate_reason(&format!("Graph {problem}: {}", causes(error))))
}

/// Returns true if secrets may be sent to a URL: over https, or to this machine. A setting whose path we extend must not have
/// credentials, a query or a fragment.
fn is_safe(url: &Url) -> bool {
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain && is_secure_url(url)
}

fn without_trailing_slash(mut url: Url) -> Url {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    url
}
