//! The portal's own words for every refusal and fault, whichever layer it came from.
//!
//! Guarantees: an answer with an error status always carries something a person can go on from: a page for browsers, an
//! `Outcome` for our own scripts. What has a body of its own (pages, answers of actions, health) is left alone.

use app::domain::answer::Outcome;
use app::domain::problem::{Problem, Refusal};
use app::pages::error_page;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::portal::Portal;

/// Largest page, in bytes: a desk of twice fifty people has about 200,000.
const MAX_PAGE: usize = 4 * 1024 * 1024;

/// Dresses bare errors.
pub async fn dress_errors(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let action = request.uri().path().starts_with("/do/");
    let script = action && !accepts_html(request.headers());
    // Opening a page again may help; sending a form again is for people to decide.
    let again = (request.method() == Method::GET).then(|| request.uri().path().to_owned());
    let theme = portal.cookies.read_theme(request.headers());
    let response = next.run(request).await;
    if !is_bare(&response) {
        return in_one_piece(response).await;
    }
    let status = response.status();
    let mut dressed = if script {
        (status, Json(Outcome::Refused(Refusal::of(problem_of(status))))).into_response()
    } else {
        let page = error_page::render(
            status.as_u16(),
            again.filter(|_| status == StatusCode::SERVICE_UNAVAILABLE),
            theme,
            &portal.backend.settings,
            &portal.shell,
        );
        (status, Html(page)).into_response()
    };
    for name in [RETRY_AFTER, ALLOW, CONNECTION, SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            dressed.headers_mut().append(name.clone(), value.clone());
        }
    }
    dressed.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    dressed
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// A page is complete before its first byte is sent; in one piece it also arrives so, and no browser paints half of it.
async fn in_one_piece(response: Response) -> Response {
    let html =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !html {
        return response;
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_PAGE).await {
        Ok(page) => Response::from_parts(parts, Body::from(page)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An error without words for people.
fn is_bare(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let error = response.status().is_client_error() || response.status().is_server_error();
    error && !kind.starts_with("text/html") && !kind.starts_with("application/json")
}

fn problem_of(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::FormTooLarge,
        StatusCode::FORBIDDEN => Problem::Forbidden,
        StatusCode::GATEWAY_TIMEOUT => Problem::TookTooLong,
        StatusCode::SERVICE_UNAVAILABLE => Problem::Busy(5),
        _ => Problem::FormDamaged,
    }
}
