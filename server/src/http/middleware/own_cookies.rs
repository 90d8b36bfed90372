//! The removal of other applications' cookies from requests.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app_state::AppState;

/// Removes cookies that are not the portal's, which other applications on the domain set, before any other code reads cookies.
pub async fn retain_own_cookies(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    state.cookies.retain_own_cookies(request.headers_mut());
    next.run(request).await
}
