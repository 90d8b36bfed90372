//! One log line a request: method, route, status, time, and an id that the answer carries too.
//!
//! Guarantees: never the address itself, which may hold a token; only the route that matched.

use std::time::Instant;

use app::backend::random;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::portal::Portal;

/// Logs the request, and counts it.
pub async fn log_request(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let id = random::handle();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = %id, method = %method, route = %route);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = began.elapsed();
    portal.metrics.count(&route, &method, response.status(), took);
    let (status, micros) = (response.status().as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    span.in_scope(|| match route.as_str() {
        // Files, health checks and pages that ask about their session would drown the rest.
        "-" | "/healthz" | "/readyz" | "/session" => tracing::debug!(status, micros, "answered"),
        _ => tracing::info!(status, micros, "answered"),
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
