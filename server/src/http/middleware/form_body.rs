//! The check that the body of a POST request is a complete form.
//!
//! # Guarantees
//!
//! - A form has the right content type and at most [`MAX_FORM_BYTES`], and it arrives within [`BODY_TIMEOUT`].
//! - A form is valid UTF-8. No field occurs twice, and no field is a list, except for the people of a decision about several.
//! - Every other form is refused here and reaches no server function.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, REFERER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::time::timeout;

use app::http::{CheckedForm, PageForm, asks_for_json};

/// The maximum size of a form in bytes. The longest password has 128 characters of at most 12 bytes each, and is sent twice.
pub const MAX_FORM_BYTES: usize = 16 * 1024;

/// The only action with a field that is a list.
const LIST_ACTION: &str = "/do/decide_many";
/// The name of that field.
const LIST_FIELD: &str = "people[]";

/// The maximum number of bytes that are read from a refused body.
const MAX_DISCARDED_BYTES: usize = 256 * 1024;
/// The time limit for the arrival of a form.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Refuses forms that are not complete.
pub async fn require_complete_form(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    if let Some(status) = refusal_by_headers(request.headers()) {
        // The body is read and discarded: closing the connection in the middle could discard the response on its way.
        let _ = timeout(BODY_TIMEOUT, discard(request.into_body())).await;
        return status.into_response();
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match timeout(BODY_TIMEOUT, to_bytes(body, MAX_FORM_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response(),
    };
    let list = (parts.uri.path() == LIST_ACTION).then_some(LIST_FIELD);
    if !is_complete(&bytes, list) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    // Leptos would redirect to the URL in the Referer header.
    parts.headers.remove(REFERER);
    // Leptos redirects only clients that name HTML, and the action's response is a redirect for every client without a script.
    let accept = if asks_for_json(&parts.headers) { "application/json" } else { "text/html" };
    parts.headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if let Some(page_form) = PageForm::find(&bytes) {
        parts.extensions.insert(page_form);
    }
    if let Some(checked) = CheckedForm::find(&bytes) {
        parts.extensions.insert(checked);
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// Reads and discards a body, up to [`MAX_DISCARDED_BYTES`].
async fn discard(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_DISCARDED_BYTES {
            return;
        }
    }
}

/// Returns the status of a refusal if the headers are enough to refuse the request.
fn refusal_by_headers(headers: &HeaderMap) -> Option<StatusCode> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let length: usize = text(CONTENT_LENGTH).parse().unwrap_or(0);
    (length > MAX_FORM_BYTES).then_some(StatusCode::PAYLOAD_TOO_LARGE)
}

/// Returns true if a form is valid UTF-8 after decoding, has no field twice, and no field that is a list or a map, except for the
/// field `list`.
fn is_complete(form: &[u8], list: Option<&str>) -> bool {
    let Ok(text) = std::str::from_utf8(form) else {
        return false;
    };
    let mut names = HashSet::new();
    text.split('&').filter(|pair| !pair.is_empty()).all(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            // A bracket would turn a text field into a list or a map.
            (Some(name), Some(_)) if list == Some(name.as_str()) => true,
            // The list cannot be a text at the same time.
            (Some(name), Some(_)) if list.and_then(|list| list.strip_suffix("[]")) == Some(name.as_str()) => {
                false
            }
            (Some(name), Some(_)) => !name.contains(['[', ']']) && names.insert(name),
            _ => false,
        }
    })
}

/// Percent-decodes text. Returns `None` for an invalid escape or invalid UTF-8.
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
    use super::is_complete;

    #[test]
    fn complete_forms_are_accepted() {
        for form in ["", "username=ada&password=a+b%20c", "x=%C3%A4", "flag"] {
            assert!(is_complete(form.as_bytes(), None), "{form}");
        }
    }

    #[test]
    fn damaged_forms_are_refused() {
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
            assert!(!is_complete(form.as_bytes(), None), "{form}");
        }
        assert!(!is_complete(b"x=\xff", None));
    }

    #[test]
    fn only_the_list_of_people_occurs_more_than_once() {
        for form in ["people[]=1&people[]=2&note=x", "people%5B%5D=1&people%5b%5d=2", "people[]=1"] {
            assert!(is_complete(form.as_bytes(), Some("people[]")), "{form}");
            assert!(!is_complete(form.as_bytes(), None), "{form}");
        }
        for form in [
            "people=1",
            "people[]=1&people=2",
            "people[0]=1",
            "people[]=1&note=x&note=y",
            "people[]=1&note[]=x",
            "people[][]=1",
            "people[a]=1",
            "people[]=%ff",
        ] {
            assert!(!is_complete(form.as_bytes(), Some("people[]")), "{form}");
        }
    }
}
