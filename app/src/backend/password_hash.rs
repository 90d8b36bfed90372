//! Password hashing: Argon2id on threads of its own.
//!
//! Guarantees: at most one hash a thread runs at a time, the 19 MiB that each takes are reused and given back when
//! nobody has signed in for a while. At most [`WAITING`] requests wait, and a few clients leave room for another one; past
//! that the answer is [`Busy`] at once. The threads run at a low priority, so that pages stay fast while many sign in; new passwords are
//! judged there, too. Verifying takes the same work whether or not there is a hash to verify against.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use tokio::sync::{Semaphore, oneshot};

use super::error::Failure;
use super::limits::site_key;
use super::random;
use crate::domain::password::Password;

/// Memory in KiB, passes and lanes: OWASP's Password Storage Cheat Sheet, Argon2id (19 MiB, t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// Most requests that wait for a hash or are being hashed: about four seconds' work of two cores, and half of the requests
/// that the portal works on at once, so that pages are answered whatever waits here.
///
/// Of these, one client may have as many as are free (the dynamic thresholds of Choudhury and Hahne, 1998): half of them
/// while it is alone, a ninth each if eight come together. So a few clients leave room for another one.
pub const WAITING: usize = 256;
/// Most jobs of one client in the queue of the threads, which take them in turn.
const SHARE: usize = 16;
/// How long a thread keeps its memory while nothing is to be hashed.
const MEMORY_KEPT: Duration = Duration::from_secs(5);
/// Blocks (1 KiB each) of address space that are reserved for one hash; no more memory than the hash takes is ever touched.
/// Past 32 MiB glibc maps memory of its own and gives it back whole. Below, giving it back would teach glibc to keep twice
/// as much of everything else (`M_MMAP_THRESHOLD` in mallopt(3)).
const RESERVED: usize = 33 * 1024;
/// Seconds after which a refused visitor may try again.
pub const RETRY_AFTER: u64 = 5;

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// What hashing can end with besides a result.
#[derive(Debug)]
pub enum HashError {
    /// The queue is full.
    Busy,
    /// It broke.
    Failed(Failure),
}

impl From<Failure> for HashError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn mixed_up() -> Failure {
    Failure::Data("the threads answered another question")
}

/// What came of verifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right {
        /// The hash has older parameters and should be renewed.
        outdated: bool,
    },
    /// It is not, or there is no password.
    Wrong,
}

/// Whether a new password is refused.
type Judge = Box<dyn FnOnce() -> bool + Send>;

enum Work {
    Hash(Judge),
    Verify(Option<String>),
}

enum Done {
    Hashed(String),
    Refused,
    Verified(Verdict),
}

struct Job {
    password: Password,
    work: Work,
    reply: oneshot::Sender<Result<Done, String>>,
    waiting: Waiting,
}

/// Counts a job for as long as it is there.
struct Waiting(Arc<Counts>);

impl Waiting {
    fn begin(counts: &Arc<Counts>) -> Self {
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The threads that hash. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
    counts: Arc<Counts>,
    shares: Arc<Mutex<Shares>>,
}

/// What the clients have of the places to wait in.
#[derive(Debug, Default)]
struct Shares {
    by_client: HashMap<String, Share>,
    taken: usize,
}

/// What one source has of the queue.
#[derive(Debug)]
struct Share {
    turns: Arc<Semaphore>,
    people: usize,
}

/// A place among those of one source, for as long as it is there.
struct Place {
    shares: Arc<Mutex<Shares>>,
    source: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(mut shares) = self.shares.lock() else { return };
        shares.taken = shares.taken.saturating_sub(1);
        if let Some(share) = shares.by_client.get_mut(&self.source) {
            share.people = share.people.saturating_sub(1);
            if share.people == 0 {
                shares.by_client.remove(&self.source);
            }
        }
    }
}

/// How much the threads have done and have before them.
#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    waiting: AtomicU64,
    refused: AtomicU64,
}

impl Hasher {
    /// Starts `threads` threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let memories = Arc::new(Mutex::new(Vec::new()));
        for number in 0..threads.max(1) {
            let (jobs, memories) = (Arc::clone(&jobs), Arc::clone(&memories));
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || work(&jobs, &memories))?;
        }
        Ok(Self { queue, counts: Arc::default(), shares: Arc::default() })
    }

    /// How many hashes were computed, verifications included.
    pub fn done(&self) -> u64 {
        self.counts.done.load(Ordering::Relaxed)
    }

    /// How many wait or are being computed.
    pub fn waiting(&self) -> u64 {
        self.counts.waiting.load(Ordering::Relaxed)
    }

    /// How many were refused because the queue was full.
    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    /// Hashes a password under a fresh salt: its PHC string. `source` is the network address of whoever it is done for.
    pub async fn hash(&self, password: &Password, source: &str) -> Result<String, HashError> {
        self.hash_unless(password, source, || false).await?.ok_or_else(|| mixed_up().into())
    }

    /// Hashes a new password, unless `is_refused`: none then. That is asked on the thread as well, since judging a password
    /// may take longer than hashing it.
    pub async fn hash_unless(
        &self,
        password: &Password,
        source: &str,
        is_refused: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Option<String>, HashError> {
        match self.ask(password, Work::Hash(Box::new(is_refused)), source).await? {
            Done::Hashed(hash) => Ok(Some(hash)),
            Done::Refused => Ok(None),
            Done::Verified(_) => Err(mixed_up().into()),
        }
    }

    /// Verifies a password against a PHC string; without one, against a dummy of the same cost, in vain.
    pub async fn verify(
        &self,
        password: &Password,
        hash: Option<&str>,
        source: &str,
    ) -> Result<Verdict, HashError> {
        match self.ask(password, Work::Verify(hash.map(ToOwned::to_owned)), source).await? {
            Done::Verified(verdict) => Ok(verdict),
            Done::Hashed(_) | Done::Refused => Err(mixed_up().into()),
        }
    }

    async fn ask(&self, password: &Password, work: Work, source: &str) -> Result<Done, HashError> {
        // In this order: the turn is given back before the place is.
        let (_place, turns) = self.take_place(source)?;
        let _turn = turns.acquire().await.map_err(|_| HashError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let job = Job { password: password.clone(), work, reply, waiting: Waiting::begin(&self.counts) };
        self.queue.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                HashError::Busy
            }
            TrySendError::Disconnected(_) => {
                HashError::Failed(Failure::Hash("the threads are gone".to_owned()))
            }
        })?;
        let answer = answer.await;
        self.counts.done.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(cause)) => Err(HashError::Failed(Failure::Hash(cause))),
            Err(_) => Err(HashError::Failed(Failure::Hash("the thread gave up".to_owned()))),
        }
    }
}

impl Hasher {
    /// A place among those who come from `source`, unless too many are there already.
    fn take_place(&self, source: &str) -> Result<(Place, Arc<Semaphore>), HashError> {
        // A site has one share, however many networks and addresses it has.
        let source = source.parse().map_or_else(|_| source.to_owned(), site_key);
        let mut shares = self.shares.lock().map_err(|_| HashError::Busy)?;
        let people = shares.by_client.get(&source).map_or(0, |share| share.people);
        if people >= WAITING.saturating_sub(shares.taken) {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            return Err(HashError::Busy);
        }
        shares.taken += 1;
        let share = shares
            .by_client
            .entry(source.clone())
            .or_insert_with(|| Share { turns: Arc::new(Semaphore::new(SHARE)), people: 0 });
        share.people += 1;
        let turns = Arc::clone(&share.turns);
        drop(shares);
        Ok((Place { shares: Arc::clone(&self.shares), source }, turns))
    }
}

/// How far behind pages the threads stand (nice(2)). Linux gives a thread at 10 a tenth of what it gives one at 0: enough for
/// sign-ins to go on while pages are flooded, and too little to slow pages down. At 19 it is a seventieth, which stopped sign-ins.
const NICENESS: i32 = 10;

/// What the threads hash in, while they don't. Shared: one that waits for its turn to wait for a job could not give its own
/// back.
type Memories = Mutex<Vec<Vec<Block>>>;

fn work(jobs: &Mutex<Receiver<Job>>, memories: &Memories) {
    // On Linux priorities belong to threads; elsewhere the attempt does no harm.
    let _ = rustix::process::nice(NICENESS);
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv_timeout(MEMORY_KEPT),
            Err(_) => return,
        };
        let Job { password, work, reply, waiting } = match job {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                if let Ok(mut memories) = memories.lock() {
                    memories.clear();
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Whoever asked may have gone away meanwhile.
        if reply.is_closed() {
            continue;
        }
        let mut memory = memories.lock().ok().and_then(|mut memories| memories.pop()).unwrap_or_default();
        let done = match work {
            Work::Hash(is_refused) => judge_and_hash(is_refused, &password, &mut memory),
            Work::Verify(hash) => verify(&password, hash.as_deref(), &mut memory).map(Done::Verified),
        };
        if let Ok(mut memories) = memories.lock() {
            memories.push(memory);
        }
        // Before the answer, so that anyone who has it finds the job counted as done.
        drop(waiting);
        let _ = reply.send(done);
    }
}

/// A judge that breaks down takes nobody's thread away.
fn judge_and_hash(is_refused: Judge, password: &Password, memory: &mut Vec<Block>) -> Result<Done, String> {
    match catch_unwind(AssertUnwindSafe(is_refused)) {
        Ok(true) => Ok(Done::Refused),
        Ok(false) => hash(password, memory).map(Done::Hashed),
        Err(_) => Err("judging the password broke down".to_owned()),
    }
}

fn params() -> Result<Params, String> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).map_err(|e| e.to_string())
}

fn compute(
    params: Params,
    password: &Password,
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Vec<u8>, String> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.reserve_exact(blocks.max(RESERVED));
        memory.resize(blocks, Block::default());
    }
    let memory = memory.get_mut(..blocks).ok_or("no memory")?;
    let mut output = vec![0; params.output_len().unwrap_or(OUTPUT)];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut output, memory)
        .map_err(|e| e.to_string())?;
    Ok(output)
}

fn hash(password: &Password, memory: &mut Vec<Block>) -> Result<String, String> {
    let salt = random::bytes::<16>();
    let params = params()?;
    let output = compute(params.clone(), password, &salt, memory)?;
    let fail = |e: password_hash::phc::Error| e.to_string();
    let phc = PasswordHash {
        algorithm: Ident::new("argon2id").map_err(fail)?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|e| e.to_string())?,
        salt: Some(Salt::new(&salt).map_err(fail)?),
        hash: Some(Output::new(&output).map_err(fail)?),
    };
    Ok(phc.to_string())
}

fn verify(password: &Password, hash: Option<&str>, memory: &mut Vec<Block>) -> Result<Verdict, String> {
    let current = params()?;
    let Some(hash) = hash else {
        compute(current, password, b"nobody's salt 16", memory)?;
        return Ok(Verdict::Wrong);
    };
    let phc = PasswordHash::new(hash).map_err(|e| e.to_string())?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else {
        return Err("the stored hash is not complete".to_owned());
    };
    if phc.algorithm.as_str() != "argon2id" {
        return Err("the stored hash is not argon2id".to_owned());
    }
    let params = Params::try_from(&phc).map_err(|e| e.to_string())?;
    let outdated = params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES;
    let output = compute(params, password, salt.as_ref(), memory)?;
    let output = Output::new(&output).map_err(|e| e.to_string())?;
    // `Output` compares in constant time.
    Ok(if output == expected { Verdict::Right { outdated } } else { Verdict::Wrong })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::from(text.to_owned())
    }

    #[test]
    fn one_network_has_one_share() {
        let hasher = Hasher::start(1).expect("a thread starts");
        let places: Vec<_> =
            (0..WAITING / 2).map(|number| hasher.take_place(&format!("2001:db8::{number:x}"))).collect();
        assert!(places.iter().all(Result::is_ok));
        assert!(matches!(hasher.take_place("2001:db8::ffff:1"), Err(HashError::Busy)));
        assert!(matches!(hasher.take_place("2001:db8:0:1::1"), Err(HashError::Busy)), "the same /48");
        assert!(hasher.take_place("2001:db8:1::1").is_ok());
        drop(places);
        assert!(hasher.take_place("2001:db8::1").is_ok());
    }

    #[test]
    fn eight_clients_leave_room_for_another_one() {
        let hasher = Hasher::start(1).expect("a thread starts");
        let take_all =
            |client: &str| std::iter::from_fn(|| hasher.take_place(client).ok()).collect::<Vec<_>>();
        // One after the other, each taking what it gets: the worst order.
        let taken: Vec<_> = (0..8).map(|client| take_all(&format!("192.0.2.{client}"))).collect();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [128, 64, 32, 16, 8, 4, 2, 1]);
        assert_eq!(take_all("198.51.100.1").len(), 1);
        drop(taken);
        // All together.
        let mut together = Vec::new();
        for client in (0..8).cycle().take(8 * WAITING) {
            together.extend(hasher.take_place(&format!("192.0.2.{client}")));
        }
        assert!(together.len() < WAITING * 9 / 10, "{} are taken", together.len());
    }

    #[tokio::test]
    async fn a_new_password_is_judged_on_the_thread_that_would_hash_it() {
        let hasher = Hasher::start(1).expect("a thread starts");
        let on_the_thread = || thread::current().name().is_some_and(|name| name.starts_with("argon2-"));
        let judged = hasher.hash_unless(&password("tulips are yellow"), "192.0.2.1", on_the_thread).await;
        assert!(matches!(judged, Ok(None)));
        let done =
            hasher.hash_unless(&password("tulips are yellow"), "192.0.2.1", move || !on_the_thread()).await;
        assert!(matches!(done, Ok(Some(_))));
        let tulips = password("tulips are yellow");
        let broken = hasher.hash_unless(&tulips, "192.0.2.1", || panic!("of the test")).await;
        assert!(matches!(broken, Err(HashError::Failed(_))));
        assert!(hasher.hash(&tulips, "192.0.2.1").await.is_ok(), "the thread is there");
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_alone() {
        let mut memory = Vec::new();
        let hashed = hash(&password("tulips are yellow"), &mut memory).expect("hashes");
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        let right = verify(&password("tulips are yellow"), Some(&hashed), &mut memory).expect("verifies");
        assert_eq!(right, Verdict::Right { outdated: false });
        let wrong = verify(&password("tulips are red"), Some(&hashed), &mut memory).expect("verifies");
        assert_eq!(wrong, Verdict::Wrong);
        assert_eq!(verify(&password("x"), None, &mut memory).expect("verifies"), Verdict::Wrong);
    }

    #[test]
    fn the_hash_is_what_the_reference_implementation_accepts() {
        use argon2::password_hash::PasswordVerifier;
        let hashed = hash(&password("tulips are yellow"), &mut Vec::new()).expect("hashes");
        let phc = PasswordHash::new(&hashed).expect("parses");
        assert!(Argon2::default().verify_password(b"tulips are yellow", &phc).is_ok());
    }

    #[test]
    fn a_hash_with_older_parameters_is_outdated() {
        let weak = "$argon2id$v=19$m=4096,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";
        let params = Params::new(4096, 1, 1, Some(OUTPUT)).expect("valid");
        let output =
            compute(params, &password("old"), b"somesaltsomesalt", &mut Vec::new()).expect("computes");
        let weak = format!("{weak}{}", Output::new(&output).expect("fits"));
        let verdict = verify(&password("old"), Some(&weak), &mut Vec::new()).expect("verifies");
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }
}
