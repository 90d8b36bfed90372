//! `/session`: whose session this browser has and how long it lasts, for pages that leave when it is over.
//!
//! Guarantees: asking changes nothing: the session is not renewed, and a cookie of one that is over stays, so that the
//! next page can say what happened. What is said is a number of the visitor's own account and of seconds.

use std::sync::Arc;

use app::api::http::SESSION;
use app::backend::sessions::find_time_left;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, COOKIE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_sessions::Session;
use tower_sessions::session::Id;

use crate::portal::Portal;

/// A [`TimeLeft`](app::domain::view::TimeLeft), or `null` where nobody is signed in. Not behind the layer of sessions, which
/// removes the cookie of one that is over.
pub async fn time_left(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    let backend = &portal.backend;
    let id = presented(&headers, &backend.settings.cookie_name(SESSION));
    let found = match id {
        Some(id) => {
            find_time_left(backend, &Session::new(Some(id), Arc::new(backend.sessions.clone()), None)).await
        }
        None => Ok(None),
    };
    match found {
        Ok(left) => ([(CACHE_CONTROL, "no-store")], Json(left)).into_response(),
        Err(failure) => {
            tracing::error!(cause = %failure, "could not find out how long a session lasts");
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response()
        }
    }
}

/// The id in the cookie of that name, read as the layer of sessions reads it: of several the last, whatever bytes stand in
/// the cookies beside it.
fn presented(headers: &HeaderMap, name: &str) -> Option<Id> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.rfind(|(each, _)| *each == name)?;
    value.parse().ok()
}
