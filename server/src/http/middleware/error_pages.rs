//! Error pages for responses with an error status, whichever layer they come from.
//!
//! # Guarantees
//!
//! - A response with an error status has an error page, or an `ActionResult` for scripts that ask for JSON.
//! - The page of a 500 or 503 shows a reference, which is in the log too.
//! - A response that already has a body for people (pages, results of actions, health checks) stays as it is.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::app_state::AppState;
use app::api::action_result::ActionResult;
use app::http::{REFERENCE, asks_for_json};
use app::pages::error_page;
use backend::infra::random;
use domain::errors::{ErrorCode, FormErrors, error_reference};

/// The maximum size of a page in bytes. An admin page with 2 × 50 users has about 200,000.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Adds an error page to error responses that have none.
pub async fn render_error_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let action = request.uri().path().starts_with("/do/");
    let wants_json = action && asks_for_json(request.headers());
    // The error page of a GET request links to the page again. A form is sent again only if the person decides to.
    let retry_path = (request.method() == Method::GET).then(|| request.uri().path().to_owned());
    let theme = state.cookies.read_theme(request.headers());
    let response = next.run(request).await;
    if !lacks_error_page(&response) {
        return buffer_page(response).await;
    }
    let status = response.status();
    let mut rendered = if wants_json {
        (status, Json(ActionResult::Refused(FormErrors::of(error_code_of(status))))).into_response()
    } else {
        let page = error_page::render(
            status.as_u16(),
            matches!(status.as_u16(), 500 | 503).then(|| reference_of(&response)),
            retry_path.filter(|_| status == StatusCode::SERVICE_UNAVAILABLE),
            theme,
            &state.backend.settings,
            &state.shell,
        );
        (status, Html(page)).into_response()
    };
    for name in [RETRY_AFTER, ALLOW, CONNECTION, SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    rendered.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    rendered
}

/// Returns the reference of an error, which the log has. If the cause was not logged with a reference, this line has the request id
/// of the line with the cause.
fn reference_of(response: &Response) -> u64 {
    let logged = response.headers().get(REFERENCE).and_then(|bits| bits.to_str().ok()?.parse().ok());
    logged.unwrap_or_else(|| {
        let bits = random::reference();
        tracing::warn!(
            reference = error_reference(bits),
            status = response.status().as_u16(),
            "error page shown"
        );
        bits
    })
}

/// Buffers an HTML response, so that it is sent in one piece and no browser renders half of it.
async fn buffer_page(response: Response) -> Response {
    let html =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !html {
        return response;
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_PAGE_BYTES).await {
        Ok(page) => Response::from_parts(parts, Body::from(page)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Returns true if this is an error response without a body for people.
fn lacks_error_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let error = response.status().is_client_error() || response.status().is_server_error();
    error && !kind.starts_with("text/html") && !kind.starts_with("application/json")
}

/// Returns the error code that an action reports for this status.
fn error_code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::FormTooLarge,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        StatusCode::GATEWAY_TIMEOUT => ErrorCode::TimedOut,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Busy(5),
        _ => ErrorCode::FormMalformed,
    }
}
