//! What Graph and its token endpoint answer, as far as it is read.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// Longest wait that is taken from a Retry-After: whatever the server says, a mail is tried again within the hour.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
/// Longest answer that is read, in bytes. Tokens and errors have a few thousand.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest reason, in characters: as much as the outbox keeps.
pub(super) const MAX_REASON: usize = 300;

/// On one line, and no longer than the outbox keeps.
pub(super) fn cut(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

/// As much of an answer as may be of use.
pub(super) async fn read(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > MAX_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// The wait that an answer asks for. A date is set against the answer's own Date, and not against our clock: where the
/// two differ, the server's is the one that counts.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    retry_after(text(RETRY_AFTER)?, now)
}

/// Reads a Retry-After (RFC 9110, 10.2.3), at most [`MAX_RETRY_AFTER`]. None for what is neither seconds nor a date,
/// for a date when nobody knows what time it is, and for no wait at all: the outbox's own waits hold then, and no mail
/// spends all its tries in one moment.
pub(super) fn retry_after(value: &str, now: Option<SystemTime>) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that are no number are too many of them.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now?).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(MAX_RETRY_AFTER))
}
