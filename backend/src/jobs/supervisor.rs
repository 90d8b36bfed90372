//! The background tasks, their states and their wake-ups.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// A background task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Turns jobs and requests into emails.
    WriteEmails,
    /// Sends emails.
    SendEmails,
    /// Deletes expired data.
    CleanUp,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 3] = [Self::WriteEmails, Self::SendEmails, Self::CleanUp];

    /// Returns the name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WriteEmails => "write_emails",
            Self::SendEmails => "send_emails",
            Self::CleanUp => "clean_up",
        }
    }
}

/// The states and the numbers of restarts of this process's tasks.
#[derive(Debug, Default)]
pub struct TaskStates {
    stopped: [AtomicBool; Task::ALL.len()],
    restarts: [AtomicU64; Task::ALL.len()],
}

impl TaskStates {
    /// Records that a task has stopped by itself.
    pub fn record_stop(&self, task: Task) {
        if let Some(stopped) = self.stopped.get(task as usize) {
            stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Records that a task has been restarted.
    pub fn record_restart(&self, task: Task) {
        if let (Some(stopped), Some(restarts)) =
            (self.stopped.get(task as usize), self.restarts.get(task as usize))
        {
            restarts.fetch_add(1, Ordering::Relaxed);
            stopped.store(false, Ordering::Relaxed);
        }
    }

    /// Returns true if a task runs. A task that has not started yet counts as running.
    pub fn runs(&self, task: Task) -> bool {
        self.stopped.get(task as usize).is_none_or(|stopped| !stopped.load(Ordering::Relaxed))
    }

    /// Returns the number of restarts of a task since the start of the process.
    pub fn restarts(&self, task: Task) -> u64 {
        self.restarts.get(task as usize).map_or(0, |restarts| restarts.load(Ordering::Relaxed))
    }
}

/// The wake-ups of the email tasks.
#[derive(Debug, Default)]
pub struct EmailWakeup {
    /// Wakes the task that writes emails.
    pub writer: Notify,
    /// Wakes the task that sends emails.
    pub sender: Notify,
}

impl EmailWakeup {
    /// Wakes both tasks.
    pub fn notify(&self) {
        self.writer.notify_one();
        self.sender.notify_one();
    }
}
