//! Where counters stand: in Redis, shared by all replicas, or in this process.
//!
//! Guarantees: what is counted in Redis carries an end, so that nothing stays; an answer of Redis that does not come is
//! waited for once, and then not asked for again for [`PAUSE`].

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use fred::clients::Pool;
use fred::error::Error as RedisError;
use fred::interfaces::KeysInterface;
use fred::types::{Expiration, SetOptions, Value};
use sha2::{Digest, Sha256};

use crate::domain::problem::Problem;
use crate::domain::time::{Limit, Timestamp};

/// Most keys of one kind that this process remembers; past it those go first that were counted in longest ago.
const KEYS: usize = 100_000;
/// How long Redis is left alone after it has failed: nobody waits for it twice.
const PAUSE: Duration = Duration::from_secs(2);

/// Something that is counted.
#[derive(Clone, Debug)]
pub struct Counter {
    what: &'static str,
    name: String,
    limit: Limit,
}

impl Counter {
    /// Counts `what` of `whose`. What is kept is a hash: names and addresses are nobody's business in Redis.
    pub fn new(what: &'static str, whose: &str, limit: Limit) -> Self {
        let digest = Sha256::digest(whose.as_bytes());
        let whose = HEXLOWER.encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
        Self { what, name: format!("limit:{what}:{whose}"), limit }
    }

    /// The number of the window that `now` is in.
    fn window(&self, now: Timestamp) -> i64 {
        now.0.div_euclid(self.period())
    }

    fn period(&self) -> i64 {
        i64::try_from(self.limit.period.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// Seconds until the window is over; at least one.
    pub fn left(&self, now: Timestamp) -> u64 {
        let left = self.period().saturating_sub(now.0.rem_euclid(self.period()));
        u64::try_from(left).unwrap_or(0).div_ceil(1_000_000).max(1)
    }

    fn key(&self, now: Timestamp) -> String {
        format!("{}:{}", self.name, self.window(now))
    }
}

/// What this process has counted under one key, and when it did so last.
#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Timestamp,
    count: i64,
    touched: u64,
}

/// The windows of one kind of counter: what is cheap to fill drives out nothing else.
#[derive(Debug, Default)]
struct Windows {
    by_key: HashMap<String, Window>,
    clock: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub struct Limits {
    windows: Mutex<HashMap<&'static str, Windows>>,
    redis: Option<(Pool, String)>,
    failed_at: Mutex<Option<Instant>>,
}

impl Limits {
    /// Counters shared in Redis by everybody with the same `namespace`.
    pub fn shared(pool: Pool, namespace: &str) -> Self {
        Self { redis: Some((pool, namespace.to_owned())), ..Self::default() }
    }

    /// Counts once more, or refuses and says for how long.
    pub async fn take(&self, counter: &Counter, now: Timestamp) -> Result<(), Problem> {
        if self.change(counter, 1, now).await <= i64::from(counter.limit.count) {
            return Ok(());
        }
        self.put_back(counter, now).await;
        Err(Problem::TooMany(counter.left(now)))
    }

    /// Counts once more, whatever the limit.
    pub async fn add(&self, counter: &Counter, now: Timestamp) {
        self.change(counter, 1, now).await;
    }

    /// Takes one back from each.
    pub async fn put_all_back(&self, counters: &[&Counter], now: Timestamp) {
        let changes: Vec<(&Counter, i64)> = counters.iter().map(|counter| (*counter, -1)).collect();
        self.change_all(&changes, now).await;
    }

    /// Takes one back.
    pub async fn put_back(&self, counter: &Counter, now: Timestamp) {
        self.change(counter, -1, now).await;
    }

    /// Whether no more is allowed.
    pub async fn is_full(&self, counter: &Counter, now: Timestamp) -> bool {
        self.change(counter, 0, now).await >= i64::from(counter.limit.count)
    }

    async fn change(&self, counter: &Counter, by: i64, now: Timestamp) -> i64 {
        // Nobody knows how many there were: no more tries rather than any number.
        self.change_all(&[(counter, by)], now).await.first().copied().unwrap_or(i64::MAX)
    }

    /// Changes several in one conversation; answers what they count then.
    async fn change_all(&self, changes: &[(&Counter, i64)], now: Timestamp) -> Vec<i64> {
        if let Some((redis, namespace)) = self.redis.as_ref().filter(|_| !self.is_paused()) {
            match change_shared(redis, namespace, changes, now).await {
                Ok(counts) => return counts,
                Err(error) => self.pause(&error),
            }
        }
        changes.iter().map(|(counter, by)| self.change_here(counter, *by, now)).collect()
    }

    fn is_paused(&self) -> bool {
        self.failed_at.lock().is_ok_and(|failed| failed.is_some_and(|at| at.elapsed() < PAUSE))
    }

    fn pause(&self, error: &RedisError) {
        tracing::warn!(cause = %error, "Redis does not answer: limits are counted by this process alone");
        if let Ok(mut failed) = self.failed_at.lock() {
            *failed = Some(Instant::now());
        }
    }

    fn change_here(&self, counter: &Counter, by: i64, now: Timestamp) -> i64 {
        let Ok(mut kinds) = self.windows.lock() else {
            // Somebody panicked while counting: no more tries rather than any number.
            return i64::MAX;
        };
        let windows = kinds.entry(counter.what).or_default();
        let key = counter.key(now);
        if by == 0 {
            return windows.by_key.get(&key).map_or(0, |window| window.count);
        }
        windows.clock += 1;
        let touched = windows.clock;
        let ends = now.after(Duration::from_secs(counter.left(now)));
        let window = windows.by_key.entry(key).or_insert(Window { ends, count: 0, touched });
        window.count = window.count.saturating_add(by).max(0);
        window.touched = touched;
        let count = window.count;
        if windows.by_key.len() > KEYS {
            forget(&mut windows.by_key, now);
        }
        count
    }
}

/// One conversation with Redis: makes each counter, with its end, where there is none, and changes it.
async fn change_shared(
    redis: &Pool,
    namespace: &str,
    changes: &[(&Counter, i64)],
    now: Timestamp,
) -> Result<Vec<i64>, RedisError> {
    let pipeline = redis.next().pipeline();
    for (counter, by) in changes {
        let key = format!("{namespace}:{}", counter.key(now));
        // Twice the time, since no two clocks agree.
        let lifetime = i64::try_from(counter.limit.period.as_millis().saturating_mul(2)).unwrap_or(i64::MAX);
        let ends = Some(Expiration::PX(lifetime));
        let () = pipeline.set(key.as_str(), 0, ends, Some(SetOptions::NX), false).await?;
        let () = pipeline.incr_by(key.as_str(), *by).await?;
    }
    let answers: Vec<Value> = pipeline.all().await?;
    // Of each pair, the second says how many there are.
    answers.into_iter().skip(1).step_by(2).map(Value::convert).collect()
}

/// Drops windows that are over; if that is not enough, the quarter that was counted in longest ago, so that it is rarely done.
fn forget(windows: &mut HashMap<String, Window>, now: Timestamp) {
    windows.retain(|_, window| now < window.ends);
    if windows.len() > KEYS / 4 * 3 {
        let mut touched: Vec<u64> = windows.values().map(|window| window.touched).collect();
        let (_, bound, _) = touched.select_nth_unstable(windows.len() - KEYS / 4 * 3);
        let bound = *bound;
        windows.retain(|_, window| window.touched >= bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a minute.
    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn counter(whose: &str, limit: &str) -> Counter {
        Counter::new("test", whose, Limit::parse(limit).expect("valid"))
    }

    #[tokio::test]
    async fn a_full_window_refuses_and_says_how_long() {
        let (limits, counter) = (Limits::default(), counter("a", "2/1m"));
        for _ in 0..2 {
            assert_eq!(limits.take(&counter, NOW).await, Ok(()));
        }
        let later = NOW.after(Duration::from_secs(20));
        assert_eq!(limits.take(&counter, later).await, Err(Problem::TooMany(40)));
        assert_eq!(limits.take(&counter, NOW.after(Duration::from_mins(1))).await, Ok(()));
    }

    #[tokio::test]
    async fn a_refused_try_counts_nowhere() {
        let (limits, counter) = (Limits::default(), counter("a", "2/1m"));
        for _ in 0..7 {
            let _ = limits.take(&counter, NOW).await;
        }
        limits.put_back(&counter, NOW).await;
        assert_eq!(limits.take(&counter, NOW).await, Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_being_tried() {
        let limits = Limits::default();
        let attacked = counter("attacked", "10/1m");
        for _ in 0..9 {
            limits.change_here(&attacked, 1, NOW);
        }
        for number in 0..KEYS * 2 {
            limits.change_here(&counter(&number.to_string(), "10/1m"), 1, NOW);
            // Whoever attacks goes on.
            if number % 1_000 == 0 {
                assert!(limits.change_here(&attacked, 1, NOW) > 9, "it is still known");
            }
        }
        let kept: usize = limits.windows.lock().expect("not poisoned").values().map(|w| w.by_key.len()).sum();
        assert!(kept <= KEYS, "{kept}");
        let other = Counter::new("another kind", "x", Limit::parse("10/1m").expect("valid"));
        assert_eq!(limits.change_here(&other, 1, NOW), 1);
    }
}
