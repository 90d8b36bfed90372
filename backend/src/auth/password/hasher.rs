//! The threads that hash and verify passwords, and their queue.
//!
//! # Guarantees
//!
//! - Each thread computes one hash at a time. The 19 MiB of each hash are reused, and freed after five seconds without work.
//! - At most [`MAX_QUEUED`] requests wait. Further ones are rejected immediately with [`HashError::Busy`], before any other work if
//!   they reserve their place first.
//! - The threads run at a low priority, so pages stay fast while many users sign in.
//! - New passwords are checked on the same threads.
//! - Verifying takes the same work with and without a stored hash.
//! - Only normalised passwords are hashed and verified.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use crate::auth::password::argon2::{self, Memory};
use crate::auth::password::fair_queue::{FairQueue, QuotaGuard};
use crate::error::InternalError;
use domain::password::NormalizedPassword;

pub use crate::auth::password::argon2::{Cost, Verification};

/// The maximum number of requests that wait for a hash or are being hashed: about four seconds of work for two cores, and half of
/// the requests that the portal handles at a time, so that pages are served however many passwords wait.
///
/// One client may have as many places as are free (the dynamic thresholds of Choudhury and Hahne, 1998): half of them if it is
/// the only one, a ninth each if eight clients come together. So a few clients leave room for another one.
pub const MAX_QUEUED: usize = 256;
/// The time for which a thread keeps its memory while there is nothing to hash.
const IDLE_MEMORY_LIFETIME: Duration = Duration::from_secs(5);
/// The seconds after which a rejected client may try again.
pub const RETRY_AFTER: u64 = 5;
/// The nice value of the threads (nice(2)). Linux gives a thread at 10 a tenth of the time of a thread at 0: enough that sign-ins
/// continue while pages are flooded, and too little to slow pages down. At 19 it is a seventieth, too little for sign-ins.
const NICENESS: i32 = 10;

/// An error of the hasher.
#[derive(Debug)]
pub enum HashError {
    /// The queue is full.
    Busy,
    /// Hashing failed.
    Failed(InternalError),
}

impl From<InternalError> for HashError {
    fn from(error: InternalError) -> Self {
        Self::Failed(error)
    }
}

fn unexpected_output() -> InternalError {
    InternalError::Data("a hashing thread returned an unexpected result")
}

/// A check of a new password. It returns true if the password is too weak.
type WeaknessCheck = Box<dyn FnOnce() -> bool + Send>;

enum Task {
    Hash(WeaknessCheck),
    Verify(Option<String>),
    VerifyNew(WeaknessCheck, String),
}

enum Output {
    Hash(String),
    TooWeak,
    Verification(Verification),
}

struct Job {
    password: NormalizedPassword,
    task: Task,
    reply: oneshot::Sender<Result<Output, String>>,
    queued: QueuedGuard,
}

/// Counts a job as queued until it is dropped.
struct QueuedGuard(Arc<Statistics>);

impl QueuedGuard {
    fn new(statistics: &Arc<Statistics>) -> Self {
        statistics.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(statistics))
    }
}

impl Drop for QueuedGuard {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Statistics {
    done: AtomicU64,
    waiting: AtomicU64,
    refused: AtomicU64,
}

/// A place in the queue for one request. It is free again when this value is dropped.
pub struct Reservation<'a> {
    hasher: &'a Hasher,
    submissions: Arc<Semaphore>,
    _place: QuotaGuard,
}

/// The threads that hash passwords. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    jobs: SyncSender<Job>,
    queue: FairQueue,
    statistics: Arc<Statistics>,
}

impl Hasher {
    /// Starts `threads` threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        Self::start_with_cost(threads, Cost::OWASP)
    }

    /// Starts `threads` threads whose hashes have another cost, for tests that are not about it.
    pub fn start_with_cost(threads: usize, cost: Cost) -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel(MAX_QUEUED);
        let jobs = Arc::new(Mutex::new(jobs));
        let memories = Arc::new(Mutex::new(Vec::new()));
        for number in 0..threads.max(1) {
            let (jobs, memories) = (Arc::clone(&jobs), Arc::clone(&memories));
            thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || run(&jobs, &memories, cost))?;
        }
        Ok(Self { jobs: sender, queue: FairQueue::new(MAX_QUEUED), statistics: Arc::default() })
    }

    /// Returns the number of computed hashes, including verifications.
    pub fn done(&self) -> u64 {
        self.statistics.done.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that wait or are being computed.
    pub fn waiting(&self) -> u64 {
        self.statistics.waiting.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that were rejected because the queue was full.
    pub fn refused(&self) -> u64 {
        self.statistics.refused.load(Ordering::Relaxed)
    }

    /// Hashes a password with a new salt for a request of `client_ip`. Returns the PHC string.
    pub async fn hash(&self, password: &NormalizedPassword, client_ip: &str) -> Result<String, HashError> {
        self.hash_unless(password, client_ip, || false).await?.ok_or_else(|| unexpected_output().into())
    }

    /// Hashes a new password, or returns `None` if `is_too_weak` returns true. The check runs on the thread too, because it may
    /// take longer than hashing.
    pub async fn hash_unless(
        &self,
        password: &NormalizedPassword,
        client_ip: &str,
        is_too_weak: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Option<String>, HashError> {
        match self.reserve(client_ip)?.submit(password, Task::Hash(Box::new(is_too_weak))).await? {
            Output::Hash(hash) => Ok(Some(hash)),
            Output::TooWeak => Ok(None),
            Output::Verification(_) => Err(unexpected_output().into()),
        }
    }

    /// Reserves a place in the queue for a request of `client_ip`, so that a full queue costs nothing else.
    pub fn reserve(&self, client_ip: &str) -> Result<Reservation<'_>, HashError> {
        let (place, submissions) = self.queue.acquire(client_ip).ok_or_else(|| self.refuse())?;
        Ok(Reservation { hasher: self, submissions, _place: place })
    }

    /// Verifies a password as [`Reservation::verify`] does.
    pub async fn verify(
        &self,
        password: &NormalizedPassword,
        hash: Option<&str>,
        client_ip: &str,
    ) -> Result<Verification, HashError> {
        self.reserve(client_ip)?.verify(password, hash).await
    }

    /// Verifies a new password against a PHC string, or returns `None` if `is_too_weak` returns true. It does the same work as
    /// [`Hasher::hash_unless`].
    pub async fn verify_unless(
        &self,
        password: &NormalizedPassword,
        hash: &str,
        client_ip: &str,
        is_too_weak: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Option<Verification>, HashError> {
        let task = Task::VerifyNew(Box::new(is_too_weak), hash.to_owned());
        match self.reserve(client_ip)?.submit(password, task).await? {
            Output::Verification(verification) => Ok(Some(verification)),
            Output::TooWeak => Ok(None),
            Output::Hash(_) => Err(unexpected_output().into()),
        }
    }

    fn refuse(&self) -> HashError {
        self.statistics.refused.fetch_add(1, Ordering::Relaxed);
        HashError::Busy
    }
}

impl Reservation<'_> {
    /// Verifies a password against a PHC string. Without one, does the same work and returns [`Verification::Wrong`].
    pub async fn verify(
        self,
        password: &NormalizedPassword,
        hash: Option<&str>,
    ) -> Result<Verification, HashError> {
        match self.submit(password, Task::Verify(hash.map(ToOwned::to_owned))).await? {
            Output::Verification(verification) => Ok(verification),
            Output::Hash(_) | Output::TooWeak => Err(unexpected_output().into()),
        }
    }

    async fn submit(self, password: &NormalizedPassword, task: Task) -> Result<Output, HashError> {
        // Dropped before the place.
        let _permit = self.submissions.acquire().await.map_err(|_| HashError::Busy)?;
        let (reply, output) = oneshot::channel();
        let statistics = &self.hasher.statistics;
        let job = Job { password: password.clone(), task, reply, queued: QueuedGuard::new(statistics) };
        self.hasher.jobs.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => self.hasher.refuse(),
            TrySendError::Disconnected(_) => {
                HashError::Failed(InternalError::Hash("the threads are gone".to_owned()))
            }
        })?;
        let output = output.await;
        statistics.done.fetch_add(1, Ordering::Relaxed);
        match output {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(cause)) => Err(HashError::Failed(InternalError::Hash(cause))),
            Err(_) => Err(HashError::Failed(InternalError::Hash("the thread gave up".to_owned()))),
        }
    }
}

/// The memory that no thread uses at the moment. It is shared, because a thread that waits for the lock on the jobs could not
/// free its own.
type Memories = Mutex<Vec<Memory>>;

/// Handles jobs until the hasher is dropped.
fn run(jobs: &Mutex<Receiver<Job>>, memories: &Memories, cost: Cost) {
    // On Linux each thread has its own priority. Elsewhere the attempt does no harm.
    let _ = rustix::process::nice(NICENESS);
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv_timeout(IDLE_MEMORY_LIFETIME),
            Err(_) => return,
        };
        let Job { password, task, reply, queued } = match job {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                if let Ok(mut memories) = memories.lock() {
                    memories.clear();
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // The client may have disconnected in the meantime.
        if reply.is_closed() {
            continue;
        }
        let mut memory = memories.lock().ok().and_then(|mut memories| memories.pop()).unwrap_or_default();
        let output = match task {
            Task::Hash(is_too_weak) => {
                unless_too_weak(is_too_weak, || argon2::hash(&password, cost, &mut memory).map(Output::Hash))
            }
            Task::Verify(hash) => {
                argon2::verify(&password, hash.as_deref(), cost, &mut memory).map(Output::Verification)
            }
            Task::VerifyNew(is_too_weak, hash) => unless_too_weak(is_too_weak, || {
                argon2::verify(&password, Some(hash.as_str()), cost, &mut memory).map(Output::Verification)
            }),
        };
        if let Ok(mut memories) = memories.lock() {
            memories.push(memory);
        }
        // Before the reply, so that the job is no longer counted as queued when the reply arrives.
        drop(queued);
        let _ = reply.send(output);
    }
}

/// Does the work for a new password unless it is too weak. A panic of the check is an error and does not end the thread.
fn unless_too_weak(
    is_too_weak: WeaknessCheck,
    work: impl FnOnce() -> Result<Output, String>,
) -> Result<Output, String> {
    match catch_unwind(AssertUnwindSafe(is_too_weak)) {
        Ok(true) => Ok(Output::TooWeak),
        Ok(false) => work(),
        Err(_) => Err("judging the password broke down".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_password_is_checked_on_the_thread_that_hashes_it() {
        let hasher = Hasher::start(1).expect("a thread starts");
        let tulips = NormalizedPassword::from_nfkc("tulips are yellow".to_owned());
        let on_the_thread = || thread::current().name().is_some_and(|name| name.starts_with("argon2-"));
        let weak = hasher.hash_unless(&tulips, "192.0.2.1", on_the_thread).await;
        assert!(matches!(weak, Ok(None)));
        let accepted = hasher.hash_unless(&tulips, "192.0.2.1", move || !on_the_thread()).await;
        assert!(matches!(accepted, Ok(Some(_))));
        let broken = hasher.hash_unless(&tulips, "192.0.2.1", || panic!("of the test")).await;
        assert!(matches!(broken, Err(HashError::Failed(_))));
        assert!(hasher.hash(&tulips, "192.0.2.1").await.is_ok(), "the thread is there");
    }
}
