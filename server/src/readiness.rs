//! Whether the portal can serve, with the state of each dependency.
//!
//! # Guarantees
//! - Any number of requests costs one look at the dependencies within [`FRESH`].
//! - Sign-in does not need the background tasks, so the portal is ready without them.

use std::time::Duration;

use app::backend::Backend;
use app::backend::tasks::Task;
use app::domain::time::Timestamp;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How long an answer is given again.
const FRESH: Duration = Duration::from_secs(1);

/// The last answer, and when it was found. Requests wait here for the one that looks.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Timestamp, StatusCode, Value)>>);

impl Readiness {
    /// Returns 200 if everything that requests need answers, otherwise 503, and the state of each dependency. Causes go to the log.
    pub async fn check(&self, backend: &Backend) -> (StatusCode, Value) {
        let mut last = self.0.lock().await;
        let now = backend.now();
        // A clock that was set back makes no answer fresh for longer.
        let fresh = last.as_ref().filter(|(at, ..)| *at <= now && now.since(*at) < FRESH);
        if let Some((_, status, state)) = fresh {
            return (*status, state.clone());
        }
        let (status, state) = look(backend).await;
        *last = Some((backend.now(), status, state.clone()));
        (status, state)
    }
}

async fn look(backend: &Backend) -> (StatusCode, Value) {
    let database = backend.db.ping().await;
    if let Err(error) = &database {
        tracing::warn!(cause = %error, "the database does not answer");
    }
    let redis = backend.sessions.redis_answers().await;
    let word = |works: bool| if works { "up" } else { "down" };
    let ready = database.is_ok() && redis != Some(false);
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
