//! The application's token for Graph.
//!
//! Guarantees: one token is fetched at a time and used until five minutes before its end; no error or `Debug` output holds a
//! token or the secret.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use graph_core::identity::{ClientApplication, ForceTokenRefresh};
use graph_rs_sdk::error::{AuthExecutionError, AuthExecutionResult, IdentityResult};
use graph_rs_sdk::identity::{AppConfig, ClientSecretCredential, TokenCredentialExecutor};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::answer::{asked_wait, cut, read};
use crate::backend::microsoft::{causes, is_loopback};

/// Longest time for one token. Less than a send may take, so that a slow one is known for what it is.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A token is not used in the last minutes of its life: the mail would meet an expired one, or a clock that is ahead.
pub(super) const TOKEN_MARGIN: Duration = Duration::from_mins(5);

/// Where tokens are: under the authority (with or without `/v2.0`), which names the tenant or is given it.
pub(super) fn token_uri(authority: &Url, tenant: &str) -> Option<Url> {
    let named = |part: &&str| !part.is_empty() && *part != "v2.0";
    let mut parts: Vec<&str> = authority.path_segments()?.filter(named).collect();
    if parts.is_empty() {
        parts.push(Some(tenant.trim()).filter(|tenant| !tenant.is_empty())?);
    }
    parts.extend(["oauth2", "v2.0", "token"]);
    let mut uri = authority.clone();
    uri.path_segments_mut().ok()?.clear().extend(parts);
    Some(uri)
}

/// What the token is for: everything that the administrator granted for this Graph. The library knows the public one
/// alone; the national clouds have hosts of their own. A stand-in on this machine is taken for the public one.
pub(super) fn scope(graph: &Url) -> String {
    let origin = if is_loopback(graph) {
        "https://graph.microsoft.com".to_owned()
    } else {
        graph.origin().ascii_serialization()
    };
    format!("{origin}/.default")
}

/// The library's credential, asking at our address and through our client (the library builds one for each token, and
/// panics if it cannot).
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) stock: ClientSecretCredential,
    pub(super) uri: Url,
    pub(super) scope: String,
    pub(super) http: reqwest::Client,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("uri", &self.uri.as_str()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredentialExecutor for Credential {
    fn uri(&mut self) -> IdentityResult<Url> {
        Ok(self.uri.clone())
    }

    /// With id and secret: in a Basic header each would have to be encoded once more (RFC 6749, 2.3.1), which the
    /// library leaves out, and a secret with `%` or `+` would be refused.
    fn form_urlencode(&mut self) -> IdentityResult<HashMap<String, String>> {
        let mut form = self.stock.form_urlencode()?;
        form.insert("scope".to_owned(), self.scope.clone());
        if let Some((id, secret)) = self.stock.basic_auth() {
            form.insert("client_id".to_owned(), id);
            form.insert("client_secret".to_owned(), secret);
        }
        Ok(form)
    }

    fn app_config(&self) -> &AppConfig {
        self.stock.app_config()
    }

    async fn execute_async(&mut self) -> AuthExecutionResult<reqwest::Response> {
        let uri = self.uri()?;
        let form = self.form_urlencode()?;
        Ok(self.http.post(uri).form(&form).send().await?)
    }
}

/// Why there is no token. It says nothing about the mail, which waits.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct TokenFailure {
    pub(super) reason: String,
    pub(super) after: Option<Duration>,
}

impl From<String> for TokenFailure {
    fn from(reason: String) -> Self {
        Self { reason, after: None }
    }
}

/// A token and when it ends.
struct Kept {
    token: SecretString,
    ends: Instant,
}

/// The token of the app, shared by all sends.
pub(super) struct Tokens {
    pub(super) credential: Credential,
    kept: Mutex<Option<Kept>>,
    /// Held while a token is fetched: who comes meanwhile waits for that one.
    fetching: tokio::sync::Mutex<()>,
}

impl Tokens {
    pub(super) fn new(credential: Credential) -> Self {
        Self { credential, kept: Mutex::new(None), fetching: tokio::sync::Mutex::new(()) }
    }

    pub(super) async fn get(&self) -> Result<String, TokenFailure> {
        if let Some(token) = self.good() {
            return Ok(token);
        }
        let _alone = self.fetching.lock().await;
        if let Some(token) = self.good() {
            return Ok(token);
        }
        let kept = timeout(TOKEN_TIMEOUT, self.fetch()).await.unwrap_or_else(|_| {
            Err(format!("no token for Graph within {} seconds", TOKEN_TIMEOUT.as_secs()).into())
        })?;
        let token = kept.token.expose_secret().to_owned();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(token)
    }

    /// The token that is kept, unless its end is near.
    fn good(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.as_ref().filter(|kept| is_good(kept.ends, Instant::now()))?;
        Some(good.token.expose_secret().to_owned())
    }

    /// Drops the token that was refused, but not a newer one: of two sends that were refused, one fetches.
    pub(super) fn forget(&self, bearer: &HeaderValue) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = bearer.as_bytes().strip_prefix(b"Bearer ");
        if kept.as_ref().is_some_and(|kept| refused == Some(kept.token.expose_secret().as_bytes())) {
            *kept = None;
        }
    }

    async fn fetch(&self) -> Result<Kept, TokenFailure> {
        let asked = Instant::now();
        let mut response = self.credential.clone().execute_async().await.map_err(|error| match error {
            AuthExecutionError::Request(error) => cut(&format!("no token for Graph: {}", causes(error))),
            // What the library would say may quote the request, and so the secret.
            _ => "no token for Graph: the request could not be made".to_owned(),
        })?;
        let status = response.status().as_u16();
        let after = asked_wait(response.headers());
        let answer = read(&mut response).await;
        if status != 200 {
            return Err(TokenFailure { reason: token_reason(status, &answer), after });
        }
        let (token, lifetime) = read_token(&answer)
            .ok_or_else(|| "no token for Graph: the answer is not what it should be".to_owned())?;
        // Counted from before it was asked for: it may be a little younger, never older.
        let ends = asked.checked_add(lifetime).unwrap_or(asked);
        Ok(Kept { token, ends })
    }
}

/// Reads the token and its lifetime (RFC 6749, 5.1). Not with the library's `Token`, which panics on a lifetime beyond
/// what its clock can hold.
pub(super) fn read_token(answer: &[u8]) -> Option<(SecretString, Duration)> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        expires_in: Seconds,
    }
    /// Microsoft's older endpoints write a text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(u64),
        Text(String),
    }
    let Answer { access_token, expires_in } = serde_json::from_slice(answer).ok()?;
    let seconds = match expires_in {
        Seconds::Number(seconds) => seconds,
        Seconds::Text(text) => text.trim().parse().ok()?,
    };
    // What fits in no header would make every mail look refused.
    HeaderValue::try_from(&access_token).ok().filter(|_| !access_token.is_empty())?;
    Some((access_token.into(), Duration::from_secs(seconds)))
}

/// Whether a token that ends then may still be used.
pub(super) fn is_good(ends: Instant, now: Instant) -> bool {
    ends.saturating_duration_since(now) > TOKEN_MARGIN
}

/// What the library asks for its tokens: with its own, sends that start together fetch one each, and a forced refresh
/// is not heeded.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Tokens>);

#[async_trait]
impl ClientApplication for Shared {
    fn get_token_silent(&mut self) -> AuthExecutionResult<String> {
        Err(AuthExecutionError::Other("tokens are fetched without blocking".into()))
    }

    async fn get_token_silent_async(&mut self) -> AuthExecutionResult<String> {
        self.0.get().await.map_err(|failure| AuthExecutionError::Other(failure.into()))
    }

    fn with_force_token_refresh(&mut self, force_token_refresh: ForceTokenRefresh) {
        if force_token_refresh != ForceTokenRefresh::Never {
            *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// The token endpoint's error code and the first line of its description (what follows are trace ids).
pub(super) fn token_reason(status: u16, answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    match serde_json::from_slice::<Answer>(answer) {
        Ok(Answer { error, error_description }) => {
            let first = error_description.lines().next().unwrap_or_default();
            cut(&format!("no token for Graph: {status} {error}: {first}"))
        }
        Err(_) => format!("no token for Graph: {status}"),
    }
}
