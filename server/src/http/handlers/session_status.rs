//! `/session`: the user and the remaining time of this browser's session, for pages that close when the session ends.
//!
//! # Guarantees
//!
//! - A request changes nothing: the session is not renewed, and the cookie of a session that has ended stays, so that the next
//!   page can say what happened.
//! - The response contains only the user's own id and a number of seconds.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_sessions::Session;

use crate::app_state::AppState;
use app::http::REFERENCE;
use backend::infra::random;
use backend::sessions::find_time_left;
use domain::errors::error_reference;

/// Returns a [`SessionTimeLeft`](domain::view_models::SessionTimeLeft), or `null` for a visitor. This route is
/// outside the session layer, which removes the record of a session that has ended.
pub async fn time_left(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let backend = &state.backend;
    let id = state.cookies.read_session(&headers).and_then(|value| value.parse().ok());
    let found = match id {
        Some(id) => {
            find_time_left(backend, &Session::new(Some(id), Arc::new(backend.sessions.clone()), None)).await
        }
        None => Ok(None),
    };
    match found {
        Ok(left) => ([(CACHE_CONTROL, "no-store")], Json(left)).into_response(),
        Err(failure) => {
            let bits = random::reference();
            tracing::error!(reference = error_reference(bits), cause = %failure, "session status lookup failed");
            let headers =
                [(RETRY_AFTER, HeaderValue::from_static("5")), (REFERENCE, HeaderValue::from(bits))];
            (StatusCode::SERVICE_UNAVAILABLE, headers).into_response()
        }
    }
}
