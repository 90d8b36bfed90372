//! `/healthz`: the process answers. `/readyz`: it can serve, with the state of each dependency.

use app::backend::Backend;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Answers as long as the process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when everything that requests need answers, else 503. Says which, and no more: causes go to the log.
pub async fn readyz(State(backend): State<Backend>) -> Response {
    let database = backend.db.ping().await;
    if let Err(error) = &database {
        tracing::warn!(cause = %error, "the database does not answer");
    }
    let redis = backend.sessions.redis_answers().await;
    let word = |works: bool| if works { "up" } else { "down" };
    let ready = database.is_ok() && redis != Some(false);
    let mut state = json!({ "ready": ready, "database": word(database.is_ok()) });
    if let (Some(redis), Some(state)) = (redis, state.as_object_mut()) {
        state.insert("redis".to_owned(), json!(word(redis)));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(state)).into_response()
}
