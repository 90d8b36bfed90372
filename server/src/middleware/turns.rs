//! How many requests are worked on at once.
//!
//! Guarantees: past [`MAX_REQUESTS`] a request is refused at once with 503 and Retry-After, whatever those before it wait
//! for; a form has arrived whole before it takes a turn, so that slow senders take none; a turn ends after
//! [`TURN_TIMEOUT`], whatever it waits for.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::portal::Portal;

/// Most pages and actions at once: twice as many as may wait for a hash (`password_hash::WAITING`), so that pages are answered
/// whatever waits there.
pub const MAX_REQUESTS: usize = 512;

/// How long a request may take: past the five seconds for a connection to the database and the four of a full queue of
/// hashes.
pub const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes a turn if there is one; nobody waits for it.
pub async fn wait_for_none(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let Ok(_turn) = portal.turns.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    };
    let changes = request.method() == Method::POST;
    match timeout(TURN_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        // Whether an action was done, nobody knows; a page changes nothing.
        Err(_) if changes => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response(),
    }
}
