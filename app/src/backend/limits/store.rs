//! Where counters stand: in Redis, shared by all replicas, or in this process.
//!
//! Guarantees: what is asked of several counters is asked and counted in one step, so that nobody slips in between, and
//! nothing is counted where one of them stands in the way; what is counted in Redis carries an end, so that nothing stays;
//! an answer of Redis that does not come is waited for once, and then not asked for again for [`PAUSE`].

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use fred::clients::Pool;
use fred::error::{Error as RedisError, ErrorKind as RedisErrorKind};
use fred::types::scripts::Script;
use sha2::{Digest, Sha256};

use crate::domain::problem::Problem;
use crate::domain::time::{Limit, Timestamp};

/// Most keys of one kind that this process remembers; past it those go first that were counted in longest ago.
const KEYS: usize = 100_000;
/// How long Redis is left alone after it has failed: nobody waits for it twice.
const PAUSE: Duration = Duration::from_secs(2);

/// Answers for each key whether it is full; counts, unless one of them stands in the way. For each key it is given the
/// limit, the lifetime in milliseconds and the [`Part`].
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "local full, stop = {}, false
         for i, key in ipairs(KEYS) do
           local count, limit, part = redis.call('GET', key), ARGV[3 * i - 2], ARGV[3 * i]
           full[i] = tonumber(count or 0) >= tonumber(limit) and 1 or 0
           stop = stop or (full[i] == 1 and (part == 'look' or part == 'need'))
         end
         if stop then return full end
         for i, key in ipairs(KEYS) do
           local part = ARGV[3 * i]
           if part == 'add' or (full[i] == 0 and part ~= 'look') then
             if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[3 * i - 1]) end
           end
         end
         return full",
    )
});

/// Takes one back from each key that has any.
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "for _, key in ipairs(KEYS) do
           local count = tonumber(redis.call('GET', key) or 0)
           if count > 1 then redis.call('DECR', key) elseif count == 1 then redis.call('DEL', key) end
         end",
    )
});

/// Something that is counted.
#[derive(Clone, Debug)]
pub struct Counter {
    what: &'static str,
    name: String,
    limit: Limit,
}

/// What a counter has to do with something that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Stands in the way when it is full, and is not counted.
    Look,
    /// Stands in the way when it is full, else it is counted.
    Need,
    /// Is counted unless it is full.
    May,
    /// Is counted, full or not.
    Add,
}

impl Part {
    fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Need => "need",
            Self::May => "may",
            Self::Add => "add",
        }
    }

    fn stands_in_the_way(self, full: bool) -> bool {
        full && matches!(self, Self::Look | Self::Need)
    }

    fn is_counted(self, full: bool) -> bool {
        match self {
            Self::Look => false,
            Self::Need | Self::May => !full,
            Self::Add => true,
        }
    }
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

    fn is_filled_by(&self, count: i64) -> bool {
        count >= i64::from(self.limit.count)
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

impl Windows {
    fn count(&self, counter: &Counter, now: Timestamp) -> i64 {
        self.by_key.get(&counter.key(now)).map_or(0, |window| window.count)
    }

    fn add(&mut self, counter: &Counter, now: Timestamp) {
        self.clock += 1;
        let touched = self.clock;
        let ends = now.after(Duration::from_secs(counter.left(now)));
        let window = self.by_key.entry(counter.key(now)).or_insert(Window { ends, count: 0, touched });
        window.count = window.count.saturating_add(1);
        window.touched = touched;
        if self.by_key.len() > KEYS {
            forget(&mut self.by_key, now);
        }
    }

    fn give_back(&mut self, counter: &Counter, now: Timestamp) {
        if let Some(window) = self.by_key.get_mut(&counter.key(now)) {
            window.count = window.count.saturating_sub(1).max(0);
        }
    }
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
        self.take_each(std::slice::from_ref(counter), now).await
    }

    /// Counts an attempt in each of these counters, or refuses and says for how long.
    pub async fn take_each(&self, counters: &[Counter], now: Timestamp) -> Result<(), Problem> {
        let takes: Vec<_> = counters.iter().map(|counter| (counter, Part::Need)).collect();
        refuse_if_full(&takes, &self.take_all(&takes, now).await, now)
    }

    /// Counts an attempt in each of these counters, whatever their limits.
    pub async fn add(&self, counters: &[Counter], now: Timestamp) {
        let takes: Vec<_> = counters.iter().map(|counter| (counter, Part::Add)).collect();
        self.take_all(&takes, now).await;
    }

    /// Counts all of these in one step, each in its part, unless one stands in the way. Returns which are full, in their
    /// order.
    pub async fn take_all(&self, takes: &[(&Counter, Part)], now: Timestamp) -> Vec<bool> {
        if let Some((redis, namespace)) = self.redis.as_ref().filter(|_| !self.is_paused()) {
            match take_shared(redis, namespace, takes, now).await {
                Ok(full) => return full,
                Err(error) => self.pause(&error),
            }
        }
        self.take_here(takes, now)
    }

    /// Takes one back from each that has any.
    pub async fn give_all_back(&self, counters: &[&Counter], now: Timestamp) {
        if let Some((redis, namespace)) = self.redis.as_ref().filter(|_| !self.is_paused()) {
            match give_back_shared(redis, namespace, counters, now).await {
                Ok(()) => return,
                Err(error) => self.pause(&error),
            }
        }
        if let Ok(mut kinds) = self.windows.lock() {
            for counter in counters {
                if let Some(windows) = kinds.get_mut(counter.what) {
                    windows.give_back(counter, now);
                }
            }
        }
    }

    /// Counts for nobody and takes it back, with every command that counting needs, and says why where Redis does not let it.
    pub async fn check(&self, now: Timestamp) -> Result<(), RedisError> {
        let Some((redis, namespace)) = &self.redis else { return Ok(()) };
        for script in [&TAKE, &GIVE_BACK] {
            script.load(redis.next()).await?;
        }
        let counter = Counter::new("check", "", Limit { count: 1, period: Duration::from_mins(1) });
        // One is taken from two in another way than from one.
        for _ in 0..2 {
            take_shared(redis, namespace, &[(&counter, Part::Add)], now).await?;
        }
        for _ in 0..2 {
            give_back_shared(redis, namespace, &[&counter], now).await?;
        }
        Ok(())
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

    fn take_here(&self, takes: &[(&Counter, Part)], now: Timestamp) -> Vec<bool> {
        let Ok(mut kinds) = self.windows.lock() else {
            // Somebody panicked while counting: no more tries rather than any number.
            return vec![true; takes.len()];
        };
        let is_full = |counter: &Counter| {
            counter.is_filled_by(kinds.get(counter.what).map_or(0, |windows| windows.count(counter, now)))
        };
        let full: Vec<bool> = takes.iter().map(|(counter, _)| is_full(counter)).collect();
        if takes.iter().zip(&full).any(|((_, part), full)| part.stands_in_the_way(*full)) {
            return full;
        }
        for ((counter, part), full) in takes.iter().zip(&full) {
            if part.is_counted(*full) {
                kinds.entry(counter.what).or_default().add(counter, now);
            }
        }
        full
    }
}

/// Refuses where a counter stands in the way, and says for how long.
pub fn refuse_if_full(takes: &[(&Counter, Part)], full: &[bool], now: Timestamp) -> Result<(), Problem> {
    let stopping = takes.iter().zip(full).filter(|((_, part), full)| part.stands_in_the_way(**full));
    match stopping.map(|((counter, _), _)| counter.left(now)).max() {
        Some(wait) => Err(Problem::TooMany(wait)),
        None => Ok(()),
    }
}

/// The counter's key in Redis. What stands in braces has all of a portal's counters in one slot of a Redis Cluster, where a
/// script can reach them together.
fn shared_key(namespace: &str, counter: &Counter, now: Timestamp) -> String {
    format!("{{{namespace}}}:{}", counter.key(now))
}

/// The same as [`Limits::take_here`], in one conversation with Redis.
async fn take_shared(
    redis: &Pool,
    namespace: &str,
    takes: &[(&Counter, Part)],
    now: Timestamp,
) -> Result<Vec<bool>, RedisError> {
    let keys: Vec<String> = takes.iter().map(|(counter, _)| shared_key(namespace, counter, now)).collect();
    let mut arguments = Vec::with_capacity(3 * takes.len());
    for (counter, part) in takes {
        // Twice the time, since no two clocks agree.
        let lifetime = counter.limit.period.as_millis().saturating_mul(2);
        arguments.extend([counter.limit.count.to_string(), lifetime.to_string(), part.as_str().to_owned()]);
    }
    let full: Vec<bool> = TAKE.evalsha_with_reload(redis.next(), keys, arguments).await?;
    if full.len() == takes.len() {
        Ok(full)
    } else {
        Err(RedisError::new(RedisErrorKind::Protocol, "not an answer for each counter"))
    }
}

async fn give_back_shared(
    redis: &Pool,
    namespace: &str,
    counters: &[&Counter],
    now: Timestamp,
) -> Result<(), RedisError> {
    let keys: Vec<String> = counters.iter().map(|counter| shared_key(namespace, counter, now)).collect();
    GIVE_BACK.evalsha_with_reload(redis.next(), keys, Vec::<String>::new()).await
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
        limits.give_all_back(&[&counter], NOW).await;
        assert_eq!(limits.take(&counter, NOW).await, Ok(()));
    }

    #[test]
    fn nothing_is_counted_where_one_stands_in_the_way() {
        let limits = Limits::default();
        let [gate, needed, wanted] = ["gate", "needed", "wanted"].map(|whose| counter(whose, "1/1m"));
        let try_all =
            || limits.take_here(&[(&gate, Part::Look), (&needed, Part::Need), (&wanted, Part::May)], NOW);
        assert_eq!(try_all(), [false; 3]);
        assert_eq!(try_all(), [false, true, true], "the first was counted, but for the gate");
        let counts = |counter: &Counter| {
            let kinds = limits.windows.lock().expect("not poisoned");
            kinds.get("test").map_or(0, |windows| windows.count(counter, NOW))
        };
        assert_eq!([&gate, &needed, &wanted].map(counts), [0, 1, 1]);
        limits.take_here(&[(&gate, Part::Add)], NOW);
        let another = counter("another", "1/1m");
        assert_eq!(limits.take_here(&[(&gate, Part::Look), (&another, Part::Need)], NOW), [true, false]);
        assert_eq!([&gate, &another].map(counts), [1, 0]);
        assert_eq!(limits.take_here(&[(&another, Part::Need), (&wanted, Part::May)], NOW), [false, true]);
        assert_eq!([&another, &wanted].map(counts), [1, 1], "what may be counted stands in nobody's way");
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_being_tried() {
        let limits = Limits::default();
        let attacked = counter("attacked", "10/1m");
        for _ in 0..9 {
            limits.take_here(&[(&attacked, Part::Add)], NOW);
        }
        for number in 0..KEYS * 2 {
            limits.take_here(&[(&counter(&number.to_string(), "10/1m"), Part::Add)], NOW);
            // Whoever attacks goes on.
            if number % 1_000 == 0 {
                limits.take_here(&[(&attacked, Part::Add)], NOW);
                assert_eq!(limits.take_here(&[(&attacked, Part::Look)], NOW), [true], "it is still known");
            }
        }
        let kept: usize = limits.windows.lock().expect("not poisoned").values().map(|w| w.by_key.len()).sum();
        assert!(kept <= KEYS, "{kept}");
        let other = Counter::new("another kind", "attacked", Limit::parse("10/1m").expect("valid"));
        assert_eq!(limits.take_here(&[(&other, Part::Need)], NOW), [false]);
    }
}
