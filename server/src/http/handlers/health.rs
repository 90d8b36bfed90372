//! The health checks: `/healthz` (the process answers) and `/readyz` (the portal can serve, see [`crate::readiness`]).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;

/// Answers 200 as long as the process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers with the state of each dependency: 200 if every dependency that requests need is up, otherwise 503.
pub async fn readyz(State(state): State<AppState>) -> Response {
    let (status, body) = state.readiness.check(&state.backend).await;
    (status, Json(body)).into_response()
}
