//! Readiness: true if the portal can serve, with the state of each dependency.
//!
//! # Guarantees
//!
//! - The dependencies are checked at most once per [`CACHE_LIFETIME`], whatever the number of requests.
//! - The portal is ready without its background tasks, because sign-in does not need them.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::redis;
use backend::Backend;
use backend::jobs::supervisor::Task;
use domain::time::Timestamp;

/// The lifetime of the cached result.
const CACHE_LIFETIME: Duration = Duration::from_secs(1);

/// The last result and its time. Concurrent requests wait for one check.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Timestamp, StatusCode, Value)>>);

impl Readiness {
    /// Returns the state of each dependency, with 200 if every dependency that requests need is up, and otherwise
    /// 503. Causes go to the log.
    pub async fn check(&self, backend: &Backend) -> (StatusCode, Value) {
        let mut last = self.0.lock().await;
        let now = backend.now();
        // If the clock was set back, the cached result is not used.
        let fresh = last.as_ref().filter(|(at, ..)| *at <= now && now.since(*at) < CACHE_LIFETIME);
        if let Some((_, status, state)) = fresh {
            return (*status, state.clone());
        }
        let (status, state) = check_dependencies(backend).await;
        *last = Some((backend.now(), status, state.clone()));
        (status, state)
    }
}

/// Checks every dependency.
async fn check_dependencies(backend: &Backend) -> (StatusCode, Value) {
    let database = backend.db.ping().await;
    if let Err(error) = &database {
        tracing::warn!(cause = %error, "database unavailable");
    }
    let redis = check_redis(backend).await;
    let state_of = |works: bool| if works { "up" } else { "down" };
    let ready = database.is_ok() && redis != Some(false);
    let task_state = |tasks: &[Task]| {
        if tasks.iter().all(|task| backend.tasks.runs(*task)) { "up" } else { "restarting" }
    };
    let mut state = json!({
        "ready": ready,
        "database": state_of(database.is_ok()),
        "email": task_state(&[Task::WriteEmails, Task::SendEmails]),
        "cleanup": task_state(&[Task::CleanUp]),
    });
    if let (Some(redis), Some(state)) = (redis, state.as_object_mut()) {
        state.insert("redis".to_owned(), json!(state_of(redis)));
    }
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, state)
}

/// Returns true if Redis does everything that requests need, or `None` if the portal does not use Redis.
async fn check_redis(backend: &Backend) -> Option<bool> {
    if !backend.sessions.is_redis() {
        return None;
    }
    let checked = redis::check(&backend.sessions, &backend.rate_limiter, backend.now()).await;
    if let Err(why) = &checked {
        tracing::warn!(cause = %why, "Redis unavailable");
    }
    Some(checked.is_ok())
}
