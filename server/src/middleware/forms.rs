//! Whether a form arrived whole.
//!
//! Guarantees: a server function only ever sees a form of ours: of the right content type, of at most [`MAX_FORM`]
//! bytes, arrived within [`BODY_TIMEOUT`], in valid UTF-8, with no field twice and none that is a list. Everything else is
//! refused here, in words, and changes nothing.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, REFERER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Largest form, in bytes: the longest password takes 128 characters of at most 12 bytes each, twice.
pub const MAX_FORM: usize = 16 * 1024;

/// Most bytes that are read of what is refused.
const MAX_DISCARDED: usize = 256 * 1024;
/// How long a form may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Refuses forms that are not whole.
pub async fn require_whole_form(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    if let Some(status) = refused_by_headers(request.headers()) {
        // Read and forgotten: closing in the middle of it could take the answer back on its way.
        let _ = timeout(BODY_TIMEOUT, discard(request.into_body())).await;
        return status.into_response();
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match timeout(BODY_TIMEOUT, to_bytes(body, MAX_FORM)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response(),
    };
    if !is_whole(&bytes) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    // The framework would lead back to whatever the Referer says.
    parts.headers.remove(REFERER);
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// Reads what is too large or no form, up to [`MAX_DISCARDED`], and keeps nothing of it.
async fn discard(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_DISCARDED {
            return;
        }
    }
}

/// What can be said before the body is read.
fn refused_by_headers(headers: &HeaderMap) -> Option<StatusCode> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let length: usize = text(CONTENT_LENGTH).parse().unwrap_or(0);
    (length > MAX_FORM).then_some(StatusCode::PAYLOAD_TOO_LARGE)
}

/// Valid UTF-8 after decoding, no name twice, and none that is more than a name.
fn is_whole(form: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(form) else {
        return false;
    };
    let mut names = HashSet::new();
    text.split('&').filter(|pair| !pair.is_empty()).all(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            // A bracket would make a list or a map of a field that is text.
            (Some(name), Some(_)) => !name.contains(['[', ']']) && names.insert(name),
            _ => false,
        }
    })
}

/// Percent-decodes; `None` for a broken escape or bytes that are no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok().filter(|d| !d.starts_with('+'))?, 16)
                    .ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn our_forms_are_whole() {
        for form in ["", "username=ada&password=a+b%20c", "x=%C3%A4", "flag"] {
            assert!(is_whole(form.as_bytes()), "{form}");
        }
    }

    #[test]
    fn damaged_forms_are_not() {
        for form in [
            "username=a&username=b",
            "x=%ff",
            "x=%zz",
            "x=%4",
            "%75sername=a&username=b",
            "username[]=a",
            "next[0]=x",
            "a%5Bb%5D=c",
            "x=%+1",
        ] {
            assert!(!is_whole(form.as_bytes()), "{form}");
        }
        assert!(!is_whole(b"x=\xff"));
    }
}
