//! Pages that say nothing about whoever asks for them: rendered once, and from then on copied.
//!
//! They are the pages that a crowd asks for, and rendering is most of what a page costs.
//!
//! Guarantees: only a page of [`PAGES`], asked for without a query by somebody of whom nothing is known but the theme they
//! like, and only an answer that is nothing but a page; each copy carries the nonce of its own answer; none outlives the
//! program, and with it the settings that the page was made of.

use app::api::http::{Caller, Theme};
use app::pages::CspNonce;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::portal::Portal;

/// The pages of which there are copies. What they say follows from the settings, the address's query and the [`Caller`].
const PAGES: [&str; 3] = ["/login", "/register", "/reset-password"];

/// Largest page, in bytes, past which something is wrong.
const MAX_PAGE: usize = 256 * 1024;

/// Answers with a copy if there is one.
pub async fn copy_or_render(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let nonce = request.extensions().get::<CspNonce>().map(|nonce| nonce.0.clone());
    let (Some(key), Some(nonce)) = (still_of(&request), nonce) else {
        return next.run(request).await;
    };
    if let Some(still) = portal.stills.get(key) {
        return page(still.join(&nonce));
    }
    let response = next.run(request).await;
    if !is_nothing_but_a_page(&response) {
        return response;
    }
    let rendered = to_bytes(response.into_body(), MAX_PAGE).await.ok();
    let Some(html) = rendered.and_then(|bytes| String::from_utf8(bytes.into()).ok()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    portal.stills.keep(key, html.split(nonce.as_str()).map(ToOwned::to_owned).collect());
    page(html)
}

/// Which still this request could be answered with.
fn still_of(request: &Request) -> Option<(&'static str, Theme)> {
    let uri = request.uri();
    let path = PAGES.into_iter().find(|page| *page == uri.path())?;
    let caller = request.extensions().get::<Caller>()?;
    let plain = request.method() == Method::GET && uri.query().is_none();
    (plain && caller.is_unknown()).then_some((path, caller.theme))
}

/// A 200 with no header besides its type: nothing that was meant for one visitor.
fn is_nothing_but_a_page(response: &Response) -> bool {
    response.status() == StatusCode::OK && response.headers().keys().all(|name| name == CONTENT_TYPE)
}

fn page(html: String) -> Response {
    const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
    ([(CONTENT_TYPE, HTML)], Body::from(html)).into_response()
}
