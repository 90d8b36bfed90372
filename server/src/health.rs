//! `/healthz`: the process answers. `/readyz`: it can serve, with the state of each dependency ([`crate::readiness`]).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::portal::Portal;

/// Answers as long as the process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when everything that requests need answers, else 503. Says which, and no more.
pub async fn readyz(State(portal): State<Portal>) -> Response {
    let (status, state) = portal.readiness.check(&portal.backend).await;
    (status, Json(state)).into_response()
}
