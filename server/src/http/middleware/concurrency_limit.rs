//! The limit of concurrent requests.
//!
//! # Guarantees
//!
//! - A request beyond [`MAX_CONCURRENT_REQUESTS`] is refused immediately with 503 and Retry-After.
//! - A form takes a permit only after it has arrived completely, so slow clients hold no permit.
//! - A request ends after [`REQUEST_TIMEOUT`] at the latest.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::app_state::AppState;

/// The maximum number of concurrent pages and actions: twice the length of the queue for password hashes, so that pages are still
/// answered when that queue is full.
pub const MAX_CONCURRENT_REQUESTS: usize = 512;

/// The time limit of a request: longer than the 5 seconds for a database connection and the 4 seconds of a full queue for hashes.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a request if a permit is free. No request waits for a permit.
pub async fn limit_concurrency(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Ok(_permit) = state.request_permits.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    };
    let is_action = request.method() == Method::POST;
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        // An action may have taken effect. A page changes nothing.
        Err(_) if is_action => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response(),
    }
}
