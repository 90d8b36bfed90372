//! Reads the responses of Graph and of its token endpoint.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Deserialize;

use crate::email::delivery::SendResult;

/// Longest wait that is accepted from a Retry-After. Whatever the server asks for, an email is attempted again within the hour.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
/// Longest body that is read, in bytes. Tokens and errors have a few thousand.
const MAX_BODY: usize = 64 * 1024;
/// Longest reason, in characters: as much as the outbox stores.
pub(super) const MAX_REASON: usize = 300;
/// Graph's error code for a recipient that no email can be sent to (Exchange error codes, "ErrorInvalidRecipients").
const INVALID_RECIPIENT: &str = "ErrorInvalidRecipients";

/// Graph's response to sendMail.
pub(super) struct SendResponse {
    pub(super) status: u16,
    retry_after: Option<Duration>,
    error: GraphError,
    /// The Authorization header of the request: `Bearer …`.
    pub(super) bearer: HeaderValue,
}

impl SendResponse {
    /// Reads the response to a request with this Authorization header.
    pub(super) async fn read(mut response: reqwest::Response, bearer: HeaderValue) -> Self {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        // 202 means accepted, even if the rest of the response cannot be read.
        let body = if status == 202 { Vec::new() } else { read_body(&mut response).await };
        Self { status, retry_after, error: GraphError::parse(status, &body), bearer }
    }

    /// Returns the result of the attempt.
    pub(super) fn into_result(self) -> SendResult {
        send_result(self.status, self.retry_after, self.error)
    }
}

/// Returns the result that a response means. A failure is permanent only if the recipient is the cause. Everything else can be
/// fixed while the email is pending: our token, permission or mailbox, the proxy, the rate of our requests.
pub(super) fn send_result(status: u16, retry_after: Option<Duration>, error: GraphError) -> SendResult {
    match (status, error.code.as_str()) {
        (202, _) => SendResult::Accepted,
        (400, INVALID_RECIPIENT) => SendResult::PermanentFailure(error.reason),
        _ => SendResult::TemporaryFailure { reason: error.reason, retry_after },
    }
}

/// An error of Graph: its code, and a reason with the code and the message. Nothing else of the response is kept.
pub(super) struct GraphError {
    pub(super) code: String,
    pub(super) reason: String,
}

impl GraphError {
    /// Reads the error from the body of a response.
    pub(super) fn parse(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: ErrorObject,
        }
        #[derive(Deserialize)]
        struct ErrorObject {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        match serde_json::from_slice::<Body>(body) {
            Ok(Body { error: ErrorObject { code, message } }) => {
                let reason = truncate_reason(&format!("Graph answered {status} {code}: {message}"));
                Self { code, reason }
            }
            Err(_) => Self { code: String::new(), reason: format!("Graph answered {status}") },
        }
    }
}

/// Returns a reason on one line, no longer than the outbox stores.
pub(crate) fn truncate_reason(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

/// Reads the body of a response, up to the first chunk that exceeds the limit.
pub(crate) async fn read_body(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > MAX_BODY {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// Returns the wait that a response asks for. A date is compared with the response's own Date, not with our clock: if the two
/// differ, the server's clock counts.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    parse_retry_after(text(RETRY_AFTER)?, now)
}

/// Parses a Retry-After (RFC 9110, 10.2.3), at most [`MAX_RETRY_AFTER`]. Returns `None` for a value that is neither seconds nor
/// a date, for a date if `now` is unknown, and for no wait at all: the outbox's own delays apply then, so that no email uses
/// all its attempts within a moment.
pub(super) fn parse_retry_after(value: &str, now: Option<SystemTime>) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not parse are a number that is too large.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now?).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(MAX_RETRY_AFTER))
}
