//! Rate limit counters in Redis, shared by all instances of the portal.
//!
//! # Guarantees
//!
//! - Several counters are checked and counted in one script. If one of them rejects the attempt, none counts it.
//! - Every counter in Redis has an expiry time.
//! - For two seconds after a failure of Redis, no attempt uses Redis.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use fred::clients::Pool;
use fred::error::{Error as RedisError, ErrorKind as RedisErrorKind};
use fred::interfaces::KeysInterface;
use fred::types::scripts::Script;

use crate::auth::rate_limit::counter::{Counter, Mode};
use crate::infra::random;
use crate::infra::redis_keys::RedisKeys;
use domain::time::{Limit, Timestamp};

/// The time for which Redis is not used after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Returns for each key if it is full, and counts unless one of the keys rejects the attempt. Its arguments are, for each key,
/// the limit, the lifetime in milliseconds and the [`Mode`].
static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "local full, stop = {}, false
         for i, key in ipairs(KEYS) do
           local count, limit, mode = redis.call('GET', key), ARGV[3 * i - 2], ARGV[3 * i]
           full[i] = tonumber(count or 0) >= tonumber(limit) and 1 or 0
           stop = stop or (full[i] == 1 and (mode == 'check' or mode == 'require'))
         end
         if stop then return full end
         for i, key in ipairs(KEYS) do
           local mode = ARGV[3 * i]
           if mode == 'count' or (full[i] == 0 and mode ~= 'check') then
             if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[3 * i - 1]) end
           end
         end
         return full",
    )
});

/// Subtracts one from each key that is above zero.
static REFUND: LazyLock<Script> = LazyLock::new(|| {
    Script::from_lua(
        "for _, key in ipairs(KEYS) do
           local count = tonumber(redis.call('GET', key) or 0)
           if count > 1 then redis.call('DECR', key) elseif count == 1 then redis.call('DEL', key) end
         end",
    )
});

/// The counters of one portal in Redis.
#[derive(Debug)]
pub(super) struct RedisCounters {
    pool: Pool,
    /// The beginning of the names of the counters.
    prefix: String,
    /// The name of the counter of [`RedisCounters::check`]. Each instance has its own, so that each check runs every command.
    check_name: String,
    failed_at: Mutex<Option<Instant>>,
}

impl RedisCounters {
    /// Creates the counters with the names in `keys`.
    pub(super) fn new(pool: Pool, keys: &RedisKeys) -> Self {
        Self { pool, prefix: keys.counters(), check_name: random::public_id(), failed_at: Mutex::default() }
    }

    /// Counts an attempt in all of these counters unless one of them rejects it. Returns which of them were full, in their order,
    /// or `None` if Redis fails or is paused.
    pub(super) async fn acquire(&self, uses: &[(&Counter, Mode)], now: Timestamp) -> Option<Vec<bool>> {
        if self.is_paused() {
            return None;
        }
        self.try_acquire(uses, now).await.map_err(|error| self.pause(&error)).ok()
    }

    /// Subtracts one from each of these counters that is above zero. Returns `None` if Redis fails or is paused.
    pub(super) async fn refund(&self, counters: &[&Counter], now: Timestamp) -> Option<()> {
        if self.is_paused() {
            return None;
        }
        self.try_refund(counters, now).await.map_err(|error| self.pause(&error)).ok()
    }

    /// Runs every command that counting needs on a counter that no one uses. Returns the error if Redis does not allow it.
    pub(super) async fn check(&self, now: Timestamp) -> Result<(), RedisError> {
        for script in [&ACQUIRE, &REFUND] {
            script.load(self.pool.next()).await?;
        }
        let counter =
            Counter::new("check", &self.check_name, Limit { count: 1, period: Duration::from_mins(1) });
        // Only a new counter gets an expiry time, and a failed check may have left one.
        let _: i64 = self.pool.del(self.key(&counter, now)).await?;
        // Twice, because a refund from two uses another command than a refund from one.
        for _ in 0..2 {
            self.try_acquire(&[(&counter, Mode::Count)], now).await?;
        }
        for _ in 0..2 {
            self.try_refund(&[&counter], now).await?;
        }
        Ok(())
    }

    fn is_paused(&self) -> bool {
        self.failed_at.lock().is_ok_and(|failed| failed.is_some_and(|at| at.elapsed() < PAUSE))
    }

    fn pause(&self, error: &RedisError) {
        tracing::warn!(cause = %error, "Redis unavailable: rate limits are per process");
        if let Ok(mut failed) = self.failed_at.lock() {
            *failed = Some(Instant::now());
        }
    }

    async fn try_acquire(&self, uses: &[(&Counter, Mode)], now: Timestamp) -> Result<Vec<bool>, RedisError> {
        let keys: Vec<String> = uses.iter().map(|(counter, _)| self.key(counter, now)).collect();
        let mut arguments = Vec::with_capacity(3 * uses.len());
        for (counter, mode) in uses {
            // Twice the period, because the clocks of two machines never agree.
            let lifetime = counter.limit().period.as_millis().saturating_mul(2);
            let limit = counter.limit().count;
            arguments.extend([limit.to_string(), lifetime.to_string(), mode.as_str().to_owned()]);
        }
        let full: Vec<bool> = ACQUIRE.evalsha_with_reload(self.pool.next(), keys, arguments).await?;
        if full.len() == uses.len() {
            Ok(full)
        } else {
            Err(RedisError::new(RedisErrorKind::Protocol, "not an answer for each counter"))
        }
    }

    async fn try_refund(&self, counters: &[&Counter], now: Timestamp) -> Result<(), RedisError> {
        let keys: Vec<String> = counters.iter().map(|counter| self.key(counter, now)).collect();
        REFUND.evalsha_with_reload(self.pool.next(), keys, Vec::<String>::new()).await
    }

    /// Returns the counter's key in Redis.
    fn key(&self, counter: &Counter, now: Timestamp) -> String {
        format!("{}{}", self.prefix, counter.key(now))
    }
}
