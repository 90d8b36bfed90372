//! The background tasks: writing emails, sending them, and deleting data that is no longer needed.
//!
//! # Guarantees
//!
//! - A task ends only at shutdown. After an error it continues, and after a panic it is started again.
//! - No task waits for another one: a flood of requests does not delay emails that are already written.
//! - At shutdown the sender starts no further email, and the email that is being sent has as much time as requests in flight.
//!   The other tasks end immediately.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use backend::Backend;
use backend::email::reminder::remind;
use backend::email::transport::Transport;
use backend::email::worker;
use backend::email::worker::IDLE;
use backend::error::InternalError;
use backend::jobs::cleanup::purge;
use backend::jobs::supervisor::{Task, TaskStates};
use backend::sessions::remove_ended_records;

/// The interval at which data that is no longer needed is deleted.
const PURGE_INTERVAL: Duration = Duration::from_hours(1);
/// The interval at which the records of ended sessions are removed.
const RECORD_REMOVAL_INTERVAL: Duration = Duration::from_mins(1);
/// The interval at which the log warns that the client secret is about to expire.
const SECRET_WARNING_INTERVAL: Duration = Duration::from_hours(24);
/// The time limit of one round of a task. A round that takes longer is cancelled and started again.
const ROUND_TIMEOUT: Duration = Duration::from_mins(5);
/// The delay before a task that panicked is started again.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// A signal that becomes true at shutdown.
type StopSignal = watch::Receiver<bool>;

/// Runs the background tasks until `stop` becomes true.
pub async fn run(backend: Backend, transport: Transport, stop: StopSignal) {
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

/// Runs a task until it ends at shutdown. Starts it again [`RESTART_DELAY`] after a panic.
async fn supervise<F>(states: &TaskStates, task: Task, stop: StopSignal, start: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    supervise_with_delay(states, task, stop, RESTART_DELAY, start).await;
}

async fn supervise_with_delay<F>(
    states: &TaskStates,
    task: Task,
    mut stop: StopSignal,
    delay: Duration,
    start: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(start()).await {
        states.record_stop(task);
        tracing::error!(task = task.as_str(), cause = %error, "background task panicked, restarting");
        tokio::select! {
            () = sleep(delay) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        states.record_restart(task);
    }
}

async fn write_emails(backend: Backend, mut stop: StopSignal) {
    while !*stop.borrow() {
        let round = with_time_limit("writing emails", Box::pin(worker::write(&backend)));
        let wait = unless_stopped(&stop, round).await.flatten().unwrap_or(IDLE);
        tokio::select! {
            () = backend.email_wakeup.writer.notified() => {}
            () = sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn send_emails(backend: Backend, transport: Arc<Transport>, mut stop: StopSignal) {
    while !*stop.borrow() {
        let round = Box::pin(worker::send(&backend, &transport, || *stop.borrow()));
        let wait = with_time_limit("sending emails", round).await.unwrap_or(IDLE);
        tokio::select! {
            () = backend.email_wakeup.sender.notified() => {}
            () = sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Deletes data that is no longer needed, reminds administrators of registrations that are waiting, and warns of a client secret
/// that is about to expire.
async fn clean_up(backend: Backend, mut stop: StopSignal) {
    let (mut since_warning, mut since_purge) = (SECRET_WARNING_INTERVAL, PURGE_INTERVAL);
    while !*stop.borrow() {
        if since_warning >= SECRET_WARNING_INTERVAL {
            since_warning = Duration::ZERO;
            let microsoft = backend.settings.microsoft.as_ref();
            if let Some(message) = microsoft.and_then(|microsoft| microsoft.secret_warning(backend.now())) {
                tracing::warn!(warning = %message, "Microsoft client secret expired or expires soon");
            }
        }
        if since_purge >= PURGE_INTERVAL {
            since_purge = Duration::ZERO;
            unless_stopped(&stop, with_time_limit("cleanup", Box::pin(purge(&backend)))).await;
        }
        let reminder = Box::pin(remind(&backend));
        unless_stopped(&stop, with_time_limit("reminding administrators", reminder)).await;
        let records = Box::pin(remove_ended_records(&backend));
        unless_stopped(&stop, with_time_limit("removing ended sessions", records)).await;
        tokio::select! {
            () = sleep(RECORD_REMOVAL_INTERVAL) => {
                since_warning += RECORD_REMOVAL_INTERVAL;
                since_purge += RECORD_REMOVAL_INTERVAL;
            }
            _ = stop.changed() => {}
        }
    }
}

/// Waits for a round of a task, and cancels it at shutdown. A round consists of transactions, and a cancelled transaction
/// has no effect. The round may be waiting for a database that no longer answers.
async fn unless_stopped<T>(stop: &StopSignal, round: impl Future<Output = T>) -> Option<T> {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => None,
        done = round => Some(done),
    }
}

/// Waits at most [`ROUND_TIMEOUT`] for a round of a task. An error is logged.
async fn with_time_limit<T>(
    what: &'static str,
    round: impl Future<Output = Result<T, InternalError>>,
) -> Option<T> {
    match timeout(ROUND_TIMEOUT, round).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(failure)) => {
            tracing::error!(cause = %failure, "{what} failed");
            None
        }
        Err(_) => {
            tracing::error!("{what} timed out, restarting");
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
        let check = async {
            runs.clone().wait_for(|running| *running).await.expect("it is started again");
            assert!(states.runs(Task::WriteEmails));
            assert_eq!((states.restarts(Task::WriteEmails), starts.load(Ordering::Relaxed)), (1, 2));
            stop.send_replace(true);
        };
        tokio::join!(supervised, check);
    }

    #[tokio::test]
    async fn a_round_that_never_ends_does_not_delay_the_shutdown() {
        let (stop, stopping) = watch::channel(false);
        let round = unless_stopped(&stopping, std::future::pending::<()>());
        let (was_stopping, done) = tokio::join!(async { stop.send_replace(true) }, round);
        assert_eq!((was_stopping, done), (false, None));
        assert_eq!(unless_stopped(&watch::channel(false).1, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_task_that_waits_for_its_restart_is_reported_as_stopped_and_ends_at_the_shutdown() {
        let states = TaskStates::default();
        let (stop, stopping) = watch::channel(false);
        let hour = Duration::from_hours(1);
        let supervised =
            supervise_with_delay(&states, Task::SendEmails, stopping, hour, || async { panic!("always") });
        let check = async {
            while states.runs(Task::SendEmails) {
                tokio::task::yield_now().await;
            }
            assert!(states.runs(Task::WriteEmails));
            stop.send_replace(true);
        };
        tokio::join!(supervised, check);
        assert_eq!(states.restarts(Task::SendEmails), 0);
    }
}
