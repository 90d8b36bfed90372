//! `/healthz`: the process answers. `/readyz`: it can serve, with the state of each dependency.

use std::time::Duration;

use app::backend::Backend;
use app::backend::tasks::Task;
use app::domain::time::Timestamp;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::portal::Portal;

/// How long an answer of `/readyz` is given again, so that any number of requests costs one look at the dependencies.
const FRESH: Duration = Duration::from_secs(1);

/// The last answer of `/readyz`, and when it was found. Requests wait here for the one that looks.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Timestamp, StatusCode, Value)>>);

/// Answers as long as the process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when everything that requests need answers, else 503. Says which, and no more: causes go to the log.
pub async fn readyz(State(portal): State<Portal>) -> Response {
    let mut last = portal.readiness.0.lock().await;
    let now = portal.backend.now();
    // A clock that was set back makes no answer fresh for longer.
    let fresh = last.as_ref().filter(|(at, ..)| *at <= now && now.since(*at) < FRESH);
    if let Some((_, status, state)) = fresh {
        return (*status, Json(state.clone())).into_response();
    }
    let (status, state) = look(&portal.backend).await;
    *last = Some((portal.backend.now(), status, state.clone()));
    (status, Json(state)).into_response()
}

async fn look(backend: &Backend) -> (StatusCode, Value) {
    let database = backend.db.ping().await;
    if let Err(error) = &database {
        tracing::warn!(cause = %error, "the database does not answer");
    }
    let redis = backend.sessions.redis_answers().await;
    let word = |works: bool| if works { "up" } else { "down" };
    let ready = database.is_ok() && redis != Some(false);
    // Nobody needs the background tasks to sign in.
    let task = |tasks: &[Task]| {
        if tasks.iter().all(|task| backend.tasks.runs(*task)) { "up" } else { "restarting" }
    };
    let mut state = json!({
        "ready": ready,
        "database": word(database.is_ok()),
        "email": task(&[Task::WriteEmails, Task::SendEmails]),
        "cleanup": task(&[Task::CleanUp]),
    });
    if let (Some(redis), Some(state)) = (redis, state.as_object_mut()) {
        state.insert("redis".to_owned(), json!(word(redis)));
    }
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, state)
}
