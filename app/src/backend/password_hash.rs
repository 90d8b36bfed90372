//! Password hashing: Argon2id on threads of its own.
//!
//! Guarantees: at most one hash a thread runs at a time, each thread's 19 MiB of memory are reused, and at most
//! [`QUEUE`] wait; past that the answer is [`Busy`] at once. The threads run at the lowest priority, so that pages stay
//! fast while many sign in. Verifying takes the same work whether or not there is a hash to verify against.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use tokio::sync::oneshot;

use super::error::Failure;
use super::random;
use crate::domain::password::Password;

/// Memory in KiB, passes and lanes: OWASP's Password Storage Cheat Sheet, Argon2id (19 MiB, t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// How many may wait; about two seconds' work of two cores.
pub const QUEUE: usize = 256;
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

enum Work {
    Hash,
    Verify(Option<String>),
}

enum Done {
    Hashed(String),
    Verified(Verdict),
}

struct Job {
    password: Password,
    work: Work,
    reply: oneshot::Sender<Result<Done, String>>,
}

/// The threads that hash. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
}

impl Hasher {
    /// Starts `threads` threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || work(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Hashes a new password under a fresh salt: its PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, HashError> {
        match self.ask(password, Work::Hash).await? {
            Done::Hashed(hash) => Ok(hash),
            Done::Verified(_) => Err(HashError::Failed(Failure::Data("a hash job was verified"))),
        }
    }

    /// Verifies a password against a PHC string; without one, against a dummy of the same cost, in vain.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<Verdict, HashError> {
        match self.ask(password, Work::Verify(hash.map(ToOwned::to_owned))).await? {
            Done::Verified(verdict) => Ok(verdict),
            Done::Hashed(_) => Err(HashError::Failed(Failure::Data("a verify job was hashed"))),
        }
    }

    async fn ask(&self, password: &Password, work: Work) -> Result<Done, HashError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job { password: password.clone(), work, reply }).map_err(|e| match e {
            TrySendError::Full(_) => HashError::Busy,
            TrySendError::Disconnected(_) => {
                HashError::Failed(Failure::Hash("the threads are gone".to_owned()))
            }
        })?;
        match answer.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(cause)) => Err(HashError::Failed(Failure::Hash(cause))),
            Err(_) => Err(HashError::Failed(Failure::Hash("the thread gave up".to_owned()))),
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // On Linux priorities belong to threads; elsewhere the attempt does no harm.
    let _ = rustix::process::nice(19);
    let mut memory: Vec<Block> = Vec::new();
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(Job { password, work, reply }) = job else {
            return;
        };
        // Whoever asked may have gone away meanwhile.
        if reply.is_closed() {
            continue;
        }
        let done = match work {
            Work::Hash => hash(&password, &mut memory).map(Done::Hashed),
            Work::Verify(hash) => verify(&password, hash.as_deref(), &mut memory).map(Done::Verified),
        };
        let _ = reply.send(done);
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
