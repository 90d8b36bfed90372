//! The app's access token for Graph.
//!
//! # Guarantees
//!
//! - Only one token is fetched at a time. Calls that wait for it get its result, even a failure.
//! - A token is used until five minutes before it expires.
//! - No error or `Debug` output contains a token or the secret.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use crate::email::transport::graph::response::{read_body, retry_after, truncate_reason};
use crate::email::transport::graph::sdk::credential::Credential;
use crate::microsoft::is_loopback;

/// Longest time for one token. It is shorter than the time for a send, so that the reason names a slow token request.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);
/// The last part of a token's lifetime, in which it is not used: it could expire before the email arrives, or on a clock that is
/// ahead.
pub(super) const EXPIRY_MARGIN: Duration = Duration::from_mins(5);

/// Returns the token URL below the authority (with or without `/v2.0`). If the authority does not name the tenant, `tenant` is
/// inserted.
pub(super) fn token_url(authority: &Url, tenant: &str) -> Option<Url> {
    let is_named = |part: &&str| !part.is_empty() && *part != "v2.0";
    let mut parts: Vec<&str> = authority.path_segments()?.filter(is_named).collect();
    if parts.is_empty() {
        parts.push(Some(tenant.trim()).filter(|tenant| !tenant.is_empty())?);
    }
    parts.extend(["oauth2", "v2.0", "token"]);
    let mut url = authority.clone();
    url.path_segments_mut().ok()?.clear().extend(parts);
    Some(url)
}

/// Returns the token's scope: everything that the administrator granted for this Graph. The SDK knows only the public Graph, and
/// the national clouds have their own hosts. A Graph on this machine, as in tests, gets the scope of the public one.
pub(super) fn scope(graph_url: &Url) -> String {
    let origin = if is_loopback(graph_url) {
        "https://graph.microsoft.com".to_owned()
    } else {
        graph_url.origin().ascii_serialization()
    };
    format!("{origin}/.default")
}

/// The reason why there is no token. The email is not the cause, and is attempted again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TokenFailure {
    pub(crate) reason: String,
    pub(super) retry_after: Option<Duration>,
}

impl From<String> for TokenFailure {
    fn from(reason: String) -> Self {
        Self { reason, retry_after: None }
    }
}

/// A token and the time at which it expires.
struct CachedToken {
    token: SecretString,
    expires_at: Instant,
}

/// The app's token, shared by all sends.
pub(crate) struct TokenCache {
    pub(super) credential: Credential,
    cached: Mutex<Option<CachedToken>>,
    /// Held while a token is fetched. Contains the failure of the last fetch, and when it ended.
    fetching: tokio::sync::Mutex<Option<(Instant, TokenFailure)>>,
}

impl TokenCache {
    pub(super) fn new(credential: Credential) -> Self {
        Self { credential, cached: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// Returns the cached token, or fetches one.
    pub(crate) async fn get(&self) -> Result<String, TokenFailure> {
        if let Some(token) = self.cached() {
            return Ok(token);
        }
        let called_at = Instant::now();
        let mut last_failure = self.fetching.lock().await;
        if let Some(token) = self.cached() {
            return Ok(token);
        }
        // Without an answer, another fetch would double the wait.
        if let Some((_, failure)) = last_failure.as_ref().filter(|(ended_at, _)| *ended_at >= called_at) {
            return Err(failure.clone());
        }
        let result = timeout(TOKEN_TIMEOUT, self.fetch()).await.unwrap_or_else(|_| {
            Err(format!("no token for Graph within {} seconds", TOKEN_TIMEOUT.as_secs()).into())
        });
        *last_failure = result.as_ref().err().map(|failure| (Instant::now(), failure.clone()));
        let fetched = result?;
        let token = fetched.token.expose_secret().to_owned();
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
        Ok(token)
    }

    /// Returns the cached token, unless it expires soon.
    fn cached(&self) -> Option<String> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = cached.as_ref().filter(|cached| is_usable(cached.expires_at, Instant::now()))?;
        Some(valid.token.expose_secret().to_owned())
    }

    /// Drops the cached token.
    pub(super) fn clear(&self) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Drops the token of this Authorization header, but not a newer one: of two refused sends, only one fetches a new token.
    pub(super) fn invalidate(&self, bearer: &HeaderValue) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = bearer.as_bytes().strip_prefix(b"Bearer ");
        if cached.as_ref().is_some_and(|cached| refused == Some(cached.token.expose_secret().as_bytes())) {
            *cached = None;
        }
    }

    async fn fetch(&self) -> Result<CachedToken, TokenFailure> {
        let requested_at = Instant::now();
        let mut response = self.credential.request_token().await?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = read_body(&mut response).await;
        if status != 200 {
            return Err(TokenFailure { reason: token_error(status, &body), retry_after });
        }
        let (token, lifetime) =
            parse_token(&body).ok_or_else(|| "no token for Graph: the answer is not valid".to_owned())?;
        // Counted from the request, so that the token never expires earlier.
        let expires_at = requested_at.checked_add(lifetime).unwrap_or(requested_at);
        Ok(CachedToken { token, expires_at })
    }
}

/// Parses the token and its lifetime (RFC 6749, 5.1). The SDK's `Token` panics on a lifetime that its clock cannot hold.
pub(super) fn parse_token(body: &[u8]) -> Option<(SecretString, Duration)> {
    #[derive(Deserialize)]
    struct Body {
        access_token: String,
        expires_in: Seconds,
    }
    /// A number, or a text from Microsoft's older endpoints.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(u64),
        Text(String),
    }
    let Body { access_token, expires_in } = serde_json::from_slice(body).ok()?;
    let seconds = match expires_in {
        Seconds::Number(seconds) => seconds,
        Seconds::Text(text) => text.trim().parse().ok()?,
    };
    // A token that is not a valid header value would make every email fail.
    HeaderValue::try_from(&access_token).ok().filter(|_| !access_token.is_empty())?;
    Some((access_token.into(), Duration::from_secs(seconds)))
}

/// Returns true if a token that expires at `expires_at` may still be used.
pub(super) fn is_usable(expires_at: Instant, now: Instant) -> bool {
    expires_at.saturating_duration_since(now) > EXPIRY_MARGIN
}

/// Returns the token endpoint's error code and the first line of its description. The other lines are trace ids.
pub(super) fn token_error(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { error, error_description }) => {
            let first = error_description.lines().next().unwrap_or_default();
            truncate_reason(&format!("no token for Graph: {status} {error}: {first}"))
        }
        Err(_) => format!("no token for Graph: {status}"),
    }
}
