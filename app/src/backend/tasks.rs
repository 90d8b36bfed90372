//! The background tasks: which there are, what wakes them, and whether they run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// A background task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Turns jobs and requests into emails.
    WriteEmails,
    /// Sends emails.
    SendEmails,
    /// Deletes what is no longer needed.
    CleanUp,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 3] = [Self::WriteEmails, Self::SendEmails, Self::CleanUp];

    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WriteEmails => "write_emails",
            Self::SendEmails => "send_emails",
            Self::CleanUp => "clean_up",
        }
    }
}

/// Whether the tasks of this process run, and how often each was started again.
#[derive(Debug, Default)]
pub struct TaskStates {
    stopped: [AtomicBool; Task::ALL.len()],
    restarts: [AtomicU64; Task::ALL.len()],
}

impl TaskStates {
    /// Notes that a task has stopped by itself.
    pub fn note_stop(&self, task: Task) {
        if let Some(stopped) = self.stopped.get(task as usize) {
            stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that a task was started again.
    pub fn note_restart(&self, task: Task) {
        if let (Some(stopped), Some(restarts)) =
            (self.stopped.get(task as usize), self.restarts.get(task as usize))
        {
            restarts.fetch_add(1, Ordering::Relaxed);
            stopped.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a task runs. Before its first start it counts as running.
    pub fn runs(&self, task: Task) -> bool {
        self.stopped.get(task as usize).is_none_or(|stopped| !stopped.load(Ordering::Relaxed))
    }

    /// How often a task was started again since the start of the process.
    pub fn restarts(&self, task: Task) -> u64 {
        self.restarts.get(task as usize).map_or(0, |restarts| restarts.load(Ordering::Relaxed))
    }
}

/// Wakes the two tasks that have to do with email.
#[derive(Debug, Default)]
pub struct MailBell {
    /// Wakes the task that writes emails.
    pub writer: Notify,
    /// Wakes the task that sends emails.
    pub sender: Notify,
}

impl MailBell {
    /// Wakes both.
    pub fn ring(&self) {
        self.writer.notify_one();
        self.sender.notify_one();
    }
}
