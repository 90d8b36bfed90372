//! The page cache: pages that depend on nothing but the theme are rendered once and then served from memory.
//!
//! Visitors request these pages most, and rendering is most of the cost of a page.
//!
//! # Guarantees
//!
//! - Only a page of [`PAGES`] is cached, requested without a query and with a request context that has nothing but a theme.
//! - Only a 200 response with no header other than its content type is cached.
//! - Each copy has the nonce of its own response.
//! - The cache ends with the process, because the settings that a page depends on are read at the start.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;
use app::http::{RequestContext, Theme};
use app::pages::CspNonce;

/// The pages that are cached. Their content depends on the settings, the query and the [`RequestContext`].
const PAGES: [&str; 3] = ["/login", "/register", "/reset-password"];

/// The maximum size of a cached page in bytes.
const MAX_PAGE_BYTES: usize = 256 * 1024;

/// Serves a request from the cache, or adds its response to the cache.
pub async fn serve_cached_page(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let nonce = request.extensions().get::<CspNonce>().map(|nonce| nonce.0.clone());
    let (Some(key), Some(nonce)) = (cache_key(&request), nonce) else {
        return next.run(request).await;
    };
    if let Some(cached) = state.page_cache.get(key) {
        return html_response(cached.join(&nonce));
    }
    let response = next.run(request).await;
    if !is_cacheable(&response) {
        return response;
    }
    let rendered = to_bytes(response.into_body(), MAX_PAGE_BYTES).await.ok();
    let Some(html) = rendered.and_then(|bytes| String::from_utf8(bytes.into()).ok()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    state.page_cache.insert(key, html.split(nonce.as_str()).map(ToOwned::to_owned).collect());
    html_response(html)
}

/// Returns the cache key of a request, or `None` if its response may not be cached.
fn cache_key(request: &Request) -> Option<(&'static str, Theme)> {
    let uri = request.uri();
    let path = PAGES.into_iter().find(|page| *page == uri.path())?;
    let context = request.extensions().get::<RequestContext>()?;
    let is_plain_get = request.method() == Method::GET && uri.query().is_none();
    (is_plain_get && context.is_anonymous()).then_some((path, context.theme))
}

/// Returns true for a 200 response with no header other than its content type: any other header could be for one person.
fn is_cacheable(response: &Response) -> bool {
    response.status() == StatusCode::OK && response.headers().keys().all(|name| name == CONTENT_TYPE)
}

fn html_response(html: String) -> Response {
    const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
    ([(CONTENT_TYPE, HTML)], Body::from(html)).into_response()
}
