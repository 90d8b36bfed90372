//! The request log: one line per request with method, route, status, time, and an id that the response has too.
//!
//! # Guarantees
//!
//! - The log has the route that matched and never the URL, which may contain a token.

use std::time::Instant;
use tracing::Instrument;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use crate::app_state::AppState;
use backend::infra::random;

/// Logs and counts a request.
pub async fn log_request(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = random::public_id();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = %id, method = %method, route = %route);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = began.elapsed();
    state.metrics.record_request(&route, &method, response.status(), took);
    let (status, micros) = (response.status().as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    span.in_scope(|| match route.as_str() {
        // Files, health checks and requests for the session status are too frequent for the `info` level.
        "-" | "/healthz" | "/readyz" | "/session" => tracing::debug!(status, micros, "request completed"),
        _ => tracing::info!(status, micros, "request completed"),
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
