//! How mail leaves through Microsoft Graph: the one module that knows `graph-rs-sdk`.
//!
//! Guarantees: a mail is posted once for one call, and once more only after a 401, with a new token; nothing else
//! repeats it and no redirect is followed. One token is fetched at a time and used until five minutes before its end.
//! At most two sends are under way in this process, and each ends within its time-out in one of the three outcomes.
//! A Retry-After concerns the mailbox and not the mail: it is kept for whoever asks for [`GraphMail::rest`].
//! Secrets and mails go by https, or stay on this machine. No outcome, error or `Debug` output holds a token, a secret
//! or what a mail says.

mod answer;
mod application;
mod token;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use graph_rs_sdk::identity::{ClientSecretCredential, TokenCredentialExecutor};
use graph_rs_sdk::{GraphClient, GraphClientConfiguration, GraphFailure};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use url::Url;

use answer::{asked_wait, cut, read};
pub use application::{Application, Unread};
use token::{Credential, Shared, TokenFailure, Tokens, scope, token_uri};

use super::outcome::SendOutcome;
use super::templates::Rendered;
use crate::backend::entity::outbox;
use crate::backend::microsoft::{causes, http_builder, is_guarded};
use crate::backend::settings::Settings;

/// Longest time for one mail, in all: the token, the post, and both once more after a 401.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to connect: a host that drops packets says so before the send is over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Sends under way at once: half of what Exchange Online allows for one app and mailbox (four requests at once, Outlook
/// service limits), so that replicas and others with the same app have room.
const SENDS_AT_ONCE: usize = 2;
/// Longest wait for one of those places. With [`SEND_TIMEOUT`] it stays well below the outbox's lease of two minutes.
const PLACE_TIMEOUT: Duration = Duration::from_secs(30);

/// How to reach Graph, and as whom.
#[derive(Clone, Debug)]
pub struct GraphSettings {
    /// The app's id (`CLIENT_ID`), a UUID.
    pub client_id: String,
    /// The app's secret (`CLIENT_SECRET`).
    pub client_secret: SecretString,
    /// The tenant (`TENANT_ID`): put into `authority` where that names none.
    pub tenant: String,
    /// Who gives the tokens, such as `https://login.microsoftonline.com/{tenant}` (`AUTHORITY`).
    pub authority: Url,
    /// Graph with its version, such as `https://graph.microsoft.com/v1.0`.
    pub graph: Url,
}

/// A way for mail to leave: Graph's sendMail. A clone shares the token, the connections and the places.
#[derive(Clone)]
pub struct GraphMail {
    /// Builds the requests and asks [`Tokens`] for their tokens. Its own connections are never used.
    client: GraphClient,
    tokens: Arc<Tokens>,
    http: reqwest::Client,
    places: Arc<Semaphore>,
    rests_until: Arc<Mutex<Option<Instant>>>,
    graph: Url,
    client_id: String,
    client_secret: SecretString,
}

impl fmt::Debug for GraphMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphMail").field("graph", &self.client.url().as_str()).finish_non_exhaustive()
    }
}

impl GraphMail {
    /// The transport of the settings. Asks nobody yet.
    ///
    /// # Errors
    /// What is wrong with the settings, or with the system's certificates or proxy, as one sentence.
    pub fn new(settings: GraphSettings) -> Result<Self, String> {
        let GraphSettings { client_id, client_secret, tenant, authority, graph } = settings;
        for (name, url) in [("AUTHORITY", &authority), ("the address of Graph", &graph)] {
            if !is_safe(url) {
                return Err(format!(
                    "{name} must be an https:// address without user, query or fragment (http:// on loopback alone)"
                ));
            }
        }
        if client_secret.expose_secret().trim().is_empty() {
            return Err("CLIENT_SECRET must not be empty".to_owned());
        }
        let stock = ClientSecretCredential::new(client_id.trim(), client_secret.expose_secret());
        // What the library cannot read it takes for nil without a word, and says so first when a mail is sent.
        if stock.client_id().is_nil() {
            return Err("CLIENT_ID must be the app's id, a UUID".to_owned());
        }
        // Reads the proxy's settings and the system's certificates, which may fail. The library builds clients like
        // it and panics then: so this comes first.
        let http = http_builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(SEND_TIMEOUT)
            .build()
            .map_err(|error| format!("could not prepare for https: {}", causes(error)))?;
        let credential = Credential {
            uri: token_uri(&authority, &tenant)
                .ok_or("AUTHORITY must name the tenant, or TENANT_ID must be set")?,
            scope: scope(&graph),
            stock,
            http: http.clone(),
        };
        let tokens = Arc::new(Tokens::new(credential));
        let configuration = GraphClientConfiguration::new().client_application(Shared(Arc::clone(&tokens)));
        let mut client = GraphClient::from(configuration);
        // The library's other way in panics on every host but Microsoft's own; the rule for ours is [`is_safe`].
        let graph = without_trailing_slash(graph);
        client.use_test_endpoint(&graph.clone());
        let places = Arc::new(Semaphore::new(SENDS_AT_ONCE));
        let rests_until = Arc::default();
        Ok(Self { client, tokens, http, places, rests_until, graph, client_id, client_secret })
    }

    /// Sends one mail, as the mailbox of `sender_email`.
    pub async fn send(&self, settings: &Settings, row: &outbox::Model, mail: Rendered) -> SendOutcome {
        let sender = settings.sender_email.as_str();
        let body = compose(&settings.portal_name, sender, &row.recipient, &row.seal_context, &mail);
        let outcome = self.deliver(sender, &body).await;
        if let SendOutcome::Again { after: Some(after), .. } = &outcome
            && let Ok(mut until) = self.rests_until.lock()
        {
            let asked = Some(Instant::now() + *after);
            if *until < asked {
                *until = asked;
                let seconds = after.as_secs();
                tracing::warn!(seconds, "no mail leaves for a while, as Microsoft asks");
            }
        }
        outcome
    }

    /// How long Graph, or who gives its tokens, has asked to be left alone. Each process keeps its own, and none outlives it:
    /// another asks once, and is told.
    pub fn rest(&self) -> Option<Duration> {
        let until = (*self.rests_until.lock().ok()?)?;
        until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
    }

    /// What the application may do by itself, as its token says (`roles`): `Mail.Send` has to be among it.
    ///
    /// # Errors
    /// Why there is no token, or that it can't be read.
    pub async fn roles(&self) -> Result<Vec<String>, String> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(default)]
            roles: Vec<String>,
        }
        let token = self.tokens.get().await.map_err(|failure| failure.reason)?;
        // Nothing is decided by it here, and it came from its issuer itself: its signature is Graph's to check.
        let payload = token.split('.').nth(1).unwrap_or_default();
        let claims = BASE64URL_NOPAD.decode(payload.as_bytes()).ok();
        claims
            .and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok())
            .map(|claims| claims.roles)
            .ok_or_else(|| "the token can't be read".to_owned())
    }

    async fn deliver(&self, sender: &str, body: &Value) -> SendOutcome {
        let Ok(Ok(_place)) = timeout(PLACE_TIMEOUT, self.places.acquire()).await else {
            return again("other mails were still under way".to_owned());
        };
        timeout(SEND_TIMEOUT, self.post_twice(sender, body)).await.unwrap_or_else(|_| {
            again(format!("no answer within {} seconds: it may have gone out", SEND_TIMEOUT.as_secs()))
        })
    }

    async fn post_twice(&self, sender: &str, body: &Value) -> SendOutcome {
        match self.post(sender, body).await {
            Ok(Posted { status: 401, bearer, .. }) => {
                // The token was taken back before its time (a new secret, another policy): a new one, once.
                self.tokens.forget(&bearer);
                self.post(sender, body).await.map_or_else(|outcome| outcome, Posted::outcome)
            }
            Ok(posted) => {
                // What was granted meanwhile is in the next token alone.
                if posted.status == 403 {
                    self.tokens.forget(&posted.bearer);
                }
                posted.outcome()
            }
            Err(outcome) => outcome,
        }
    }

    /// Posts one mail and reads the answer.
    async fn post(&self, sender: &str, body: &Value) -> Result<Posted, SendOutcome> {
        let request = self.client.user(sender).send_mail(body);
        // Built by the library and sent by us: nothing of it that could send twice is in between.
        let request = request.build().await.map_err(unsent)?.build();
        let request =
            request.map_err(|_| again("the email could not be turned into a request".to_owned()))?;
        let bearer = request.headers().get(AUTHORIZATION).cloned();
        let bearer = bearer.ok_or_else(|| again("there was no token".to_owned()))?;
        let mut response = self.http.execute(request).await.map_err(unanswered)?;
        let status = response.status().as_u16();
        let after = asked_wait(response.headers());
        // Accepted is accepted, whatever becomes of the rest of the answer.
        let said = if status == 202 { Vec::new() } else { read(&mut response).await };
        let Said { code, reason } = Said::read(status, &said);
        Ok(Posted { status, after, code, reason, bearer })
    }
}

/// What Graph answered.
struct Posted {
    status: u16,
    after: Option<Duration>,
    code: String,
    reason: String,
    /// With what we asked: `Bearer …`.
    bearer: HeaderValue,
}

impl Posted {
    fn outcome(self) -> SendOutcome {
        outcome(self.status, self.after, &self.code, self.reason)
    }
}

/// Graph's code for a recipient that no email can go to (Exchange error codes, "ErrorInvalidRecipients").
const INVALID_RECIPIENT: &str = "ErrorInvalidRecipients";

/// Returns the outcome that an answer stands for. A refusal is final only if the recipient is the cause. Everything else can be
/// fixed while the email waits: our token, permission or mailbox, the proxy, how much we ask.
fn outcome(status: u16, after: Option<Duration>, code: &str, reason: String) -> SendOutcome {
    match (status, code) {
        (202, _) => SendOutcome::Accepted,
        (400, INVALID_RECIPIENT) => SendOutcome::Refused(reason),
        _ => SendOutcome::Again { reason, after },
    }
}

fn again(reason: String) -> SendOutcome {
    SendOutcome::Again { reason, after: None }
}

/// Why a request was never sent.
fn unsent(failure: GraphFailure) -> SendOutcome {
    match failure {
        GraphFailure::Other(error) => match error.downcast::<TokenFailure>() {
            Ok(failure) => SendOutcome::Again { reason: failure.reason, after: failure.after },
            Err(_) => again("there was no token".to_owned()),
        },
        // What the library would say may quote the whole request.
        _ => again("the email could not be turned into a request".to_owned()),
    }
}

/// A request that went out, or never did, without an answer.
fn unanswered(error: reqwest::Error) -> SendOutcome {
    let known =
        if error.is_connect() { "could not be reached" } else { "did not answer, it may have gone out" };
    again(cut(&format!("Graph {known}: {}", causes(error))))
}

/// Graph's error code, and that with its message. Nothing else of the answer is kept.
struct Said {
    code: String,
    reason: String,
}

impl Said {
    fn read(status: u16, answer: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            error: GraphError,
        }
        #[derive(Deserialize)]
        struct GraphError {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        match serde_json::from_slice::<Answer>(answer) {
            Ok(Answer { error: GraphError { code, message } }) => {
                let reason = cut(&format!("Graph answered {status} {code}: {message}"));
                Self { code, reason }
            }
            Err(_) => Self { code: String::new(), reason: format!("Graph answered {status}") },
        }
    }
}

/// The body of sendMail. Graph takes one body and, of headers, only those that begin with `x-`: so the HTML part alone,
/// and no `Auto-Submitted`. No copy stays in the sender's Sent Items, for it would hold the link or password.
fn compose(portal_name: &str, sender: &str, recipient: &str, context: &str, mail: &Rendered) -> Value {
    let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    json!({
        "message": {
            "subject": mail.subject,
            "body": { "contentType": "HTML", "content": mail.html },
            "from": { "emailAddress": { "name": portal_name, "address": sender } },
            "toRecipients": [{ "emailAddress": { "address": recipient } }],
            // The same for every try, so that a second copy is recognised as one.
            "internetMessageId": format!("<{context}@{domain}>"),
            "internetMessageHeaders": [{ "name": "X-Auto-Response-Suppress", "value": "All" }],
        },
        "saveToSentItems": false,
    })
}

/// Whether secrets may go there: by https, or without leaving this machine. What else an address may hold has no place
/// in a setting whose paths we extend.
fn is_safe(url: &Url) -> bool {
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain && is_guarded(url)
}

fn without_trailing_slash(mut url: Url) -> Url {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    url
}

#[cfg(test)]
mod tests;
