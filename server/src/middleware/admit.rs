//! What is refused before anything else looks at a request.
//!
//! Guarantees: a path that could be read in two ways, another host, and a form from another origin reach nothing that
//! decides, in this order.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::host::{comes_from_elsewhere, is_for_us};
use super::path::is_plain;
use crate::portal::Portal;

/// Lets in what is for us.
pub async fn admit(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let settings = &portal.backend.settings;
    if !is_plain(request.uri().path()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if !is_for_us(&request, settings) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    if comes_from_elsewhere(&request, settings) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}
