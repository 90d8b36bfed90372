//! The background tasks: writing emails, sending them, and deleting what is no longer needed.
//!
//! # Guarantees
//! - A task ends only when it is told to. After an error it goes on, and after a panic it is started again.
//! - No task waits for another one: a flood of requests keeps no written email from being sent.
//! - When told to stop, the sender begins no other email, and the email that is being sent has as long as requests have. The other
//!   tasks end immediately.

use std::sync::Arc;
use std::time::Duration;

use app::backend::Backend;
use app::backend::error::Failure;
use app::backend::mail::transport::Transport;
use app::backend::mail::{self, IDLE};
use app::backend::purge::purge;
use app::backend::sessions::remove_ended_records;
use app::backend::tasks::{Task, TaskStates};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How often what is no longer needed is deleted.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How often the records of ended sessions are removed.
const REMOVE_EVERY: Duration = Duration::from_mins(1);
/// How often the log says that the secret at Microsoft is about to expire.
const WARN_EVERY: Duration = Duration::from_hours(24);
/// How long one round of a task may take. A round that takes longer is begun again.
const ROUND: Duration = Duration::from_mins(5);
/// How long a task that panicked waits before it is started again.
const RESTART_DELAY: Duration = Duration::from_secs(5);

type Stop = watch::Receiver<bool>;

/// Runs the background tasks until `stop` says so.
pub async fn run(backend: Backend, transport: Transport, stop: Stop) {
    let transport = Arc::new(transport);
    let states = &backend.tasks;
    tokio::join!(
        supervise(states, Task::WriteEmails, stop.clone(), || write_emails(backend.clone(), stop.clone())),
        supervise(states, Task::SendEmails, stop.clone(), || {
            send_emails(backend.clone(), Arc::clone(&transport), stop.clone())
        }),
        supervise(states, Task::CleanUp, stop.clone(), || clean_up(backend.clone(), stop.clone())),
    );
}

/// Runs a task until it ends, which it does when it is told to stop. After a panic it waits [`RESTART_DELAY`] and starts it again.
async fn supervise<F>(states: &TaskStates, task: Task, stop: Stop, start: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    supervise_with_delay(states, task, stop, RESTART_DELAY, start).await;
}

async fn supervise_with_delay<F>(
    states: &TaskStates,
    task: Task,
    mut stop: Stop,
    delay: Duration,
    start: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(start()).await {
        states.note_stop(task);
        tracing::error!(task = task.as_str(), cause = %error, "background task stopped");
        tokio::select! {
            () = sleep(delay) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        states.note_restart(task);
    }
}

async fn write_emails(backend: Backend, mut stop: Stop) {
    while !*stop.borrow() {
        let round = in_time("writing emails", Box::pin(mail::write(&backend)));
        let wait = unless_stopped(&stop, round).await.flatten().unwrap_or(IDLE);
        tokio::select! {
            () = backend.mail_bell.writer.notified() => {}
            () = sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn send_emails(backend: Backend, transport: Arc<Transport>, mut stop: Stop) {
    while !*stop.borrow() {
        let round = Box::pin(mail::send(&backend, &transport, || *stop.borrow()));
        let wait = in_time("sending emails", round).await.unwrap_or(IDLE);
        tokio::select! {
            () = backend.mail_bell.sender.notified() => {}
            () = sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Deletes what is no longer needed, and warns of a secret at Microsoft that is about to expire.
async fn clean_up(backend: Backend, mut stop: Stop) {
    let (mut since_warning, mut since_purge) = (WARN_EVERY, PURGE_EVERY);
    while !*stop.borrow() {
        if since_warning >= WARN_EVERY {
            since_warning = Duration::ZERO;
            let microsoft = backend.settings.microsoft.as_ref();
            if let Some(words) = microsoft.and_then(|microsoft| microsoft.secret_warning(backend.now())) {
                tracing::warn!("{words}");
            }
        }
        if since_purge >= PURGE_EVERY {
            since_purge = Duration::ZERO;
            unless_stopped(&stop, in_time("purging", Box::pin(purge(&backend)))).await;
        }
        let records = in_time("removing the records of ended sessions", remove_ended_records(&backend));
        unless_stopped(&stop, records).await;
        tokio::select! {
            () = sleep(REMOVE_EVERY) => {
                since_warning += REMOVE_EVERY;
                since_purge += REMOVE_EVERY;
            }
            _ = stop.changed() => {}
        }
    }
}

/// Waits for a round of a task, unless the task is told to stop: then the round is cut off. It consists of transactions, of which
/// one that is cut off leaves no trace, and it may be waiting for a database that has gone silent.
async fn unless_stopped<T>(stop: &Stop, round: impl Future<Output = T>) -> Option<T> {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        done = round => Some(done),
    }
}

/// Waits for one round of a task, for at most [`ROUND`]. An error is logged.
async fn in_time<T>(what: &'static str, round: impl Future<Output = Result<T, Failure>>) -> Option<T> {
    match timeout(ROUND, round).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(failure)) => {
            tracing::error!(cause = %failure, "{what} failed");
            None
        }
        Err(_) => {
            tracing::error!("{what} took too long and is begun again");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_started_again() {
        let states = Arc::new(TaskStates::default());
        let (stop, stopping) = watch::channel(false);
        let starts = AtomicU32::new(0);
        let (running, runs) = watch::channel(false);
        let running = Arc::new(running);
        let supervised =
            supervise_with_delay(&states, Task::WriteEmails, stopping.clone(), Duration::ZERO, || {
                let (number, mut stopping) = (starts.fetch_add(1, Ordering::Relaxed), stopping.clone());
                let running = Arc::clone(&running);
                async move {
                    assert!(number > 0, "the first time it panics");
                    running.send_replace(true);
                    let _ = stopping.wait_for(|stop| *stop).await;
                }
            });
        let look = async {
            runs.clone().wait_for(|running| *running).await.expect("it is started again");
            assert!(states.runs(Task::WriteEmails));
            assert_eq!((states.restarts(Task::WriteEmails), starts.load(Ordering::Relaxed)), (1, 2));
            stop.send_replace(true);
        };
        tokio::join!(supervised, look);
    }

    #[tokio::test]
    async fn a_round_that_hears_nothing_holds_up_no_stop() {
        let (stop, stopping) = watch::channel(false);
        let round = unless_stopped(&stopping, std::future::pending::<()>());
        let (was_stopping, done) = tokio::join!(async { stop.send_replace(true) }, round);
        assert_eq!((was_stopping, done), (false, None));
        assert_eq!(unless_stopped(&watch::channel(false).1, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_task_that_waits_to_be_started_again_shows_it_and_can_be_told_to_stop() {
        let states = TaskStates::default();
        let (stop, stopping) = watch::channel(false);
        let hour = Duration::from_hours(1);
        let supervised =
            supervise_with_delay(&states, Task::SendEmails, stopping, hour, || async { panic!("always") });
        let look = async {
            while states.runs(Task::SendEmails) {
                tokio::task::yield_now().await;
            }
            assert!(states.runs(Task::WriteEmails));
            stop.send_replace(true);
        };
        tokio::join!(supervised, look);
        assert_eq!(states.restarts(Task::SendEmails), 0);
    }
}
