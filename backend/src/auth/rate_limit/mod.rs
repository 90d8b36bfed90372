//! Rate limits: the number of attempts that each action allows per client, account or identifier.
//!
//! # Guarantees
//!
//! - An attempt is counted before the work that it causes, so concurrent attempts cannot exceed a limit. It is refunded if it
//!   did not fail.
//! - Failed sign-ins of one client IP are counted when they fail, so that all members of an office can sign in at the same time.
//!   The bounded queue of the hasher limits the attempts in between.
//! - Counters are shared in Redis, if it is set up. Without Redis, or while it fails, each process counts for itself.
//! - A client is an IPv4 address or an IPv6 /64. The IPv6 networks around it have higher limits.
//! - Windows begin at multiples of their period since 1970. A day begins at midnight UTC.

mod counter;
mod memory;
mod network;
mod redis;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::Pool;
use fred::error::Error as RedisError;
use tokio::runtime::Handle;

use crate::auth::rate_limit::counter::{Counter, Mode, reject_if_full};
use crate::auth::rate_limit::memory::MemoryCounters;
use crate::auth::rate_limit::network::per_network;
use crate::auth::rate_limit::redis::RedisCounters;
use crate::infra::redis_keys::RedisKeys;
use crate::settings::Settings;
use domain::errors::ErrorCode;
use domain::status::UserId;
use domain::time::{Limit, Timestamp};

pub(crate) use crate::auth::rate_limit::network::site_key;
pub use crate::auth::rate_limit::network::{is_same_client, network_key};

/// The limit of failed sign-ins with one identifier from one client.
const SIGN_IN_PAIR: Limit = Limit { count: 10, period: Duration::from_mins(10) };
/// The limit of failed sign-ins with one identifier, known or not. NIST SP 800-63B-4, 3.2.2 allows at most 100.
const SIGN_IN_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };
/// The limit of Microsoft sign-ins that one client starts and, counted separately, of requests to Microsoft that it causes. An
/// authorization request is a row for ten minutes, and the members of an office share one client IP.
const MICROSOFT: Limit = Limit { count: 600, period: Duration::from_mins(10) };
/// The limit of re-authentications of one account, for all sensitive actions together, and, counted separately, of passwords that
/// are entered with an emailed link.
const PASSWORD: Limit = Limit { count: 10, period: Duration::from_mins(10) };
/// The daily limit of the attempts that [`PASSWORD`] limits, as for sign-in.
const PASSWORD_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };
/// The limit of successful sign-ins to one account from one client and, counted separately, of actions of one session that end
/// sessions. Each of them writes a row of the audit log.
const AUDITED_ACTIONS: Limit = Limit { count: 100, period: Duration::from_mins(10) };

/// The rate limits of the portal.
#[derive(Debug, Default)]
pub struct RateLimiter {
    memory: MemoryCounters,
    redis: Option<RedisCounters>,
}

/// A counted attempt to sign in. It must be refunded if it did not fail, and otherwise recorded as a failure.
#[derive(Debug)]
#[must_use = "an attempt must be refunded or recorded as failed"]
pub struct SignInAttempt {
    rate_limiter: Arc<RateLimiter>,
    pair: Vec<Counter>,
    day: Option<Counter>,
    client_ip: Vec<Counter>,
    daily_limit_wait: Option<u64>,
    at: Timestamp,
    settled: bool,
}

impl Drop for SignInAttempt {
    /// Counts the attempt as failed if the client disconnected before the answer.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (rate_limiter, client_ip, at) =
                (Arc::clone(&self.rate_limiter), self.client_ip.clone(), self.at);
            runtime.spawn(async move { rate_limiter.count_each(&client_ip, at).await });
        }
    }
}

impl SignInAttempt {
    /// Returns the seconds until the daily limit of the identifier resets, if it has been reached. Until then only known browsers
    /// and temporary passwords can sign in.
    pub fn daily_limit_wait(&self) -> Option<u64> {
        self.daily_limit_wait
    }
}

impl RateLimiter {
    /// Creates a rate limiter whose counters are shared in Redis by all processes of the portal.
    pub fn shared(pool: Pool, keys: &RedisKeys) -> Self {
        Self { redis: Some(RedisCounters::new(pool, keys)), ..Self::default() }
    }

    /// Checks that Redis allows every command that counting needs, if the counters are in Redis.
    pub async fn check(&self, now: Timestamp) -> Result<(), RedisError> {
        match &self.redis {
            Some(redis) => redis.check(now).await,
            None => Ok(()),
        }
    }

    /// Counts an attempt to sign in with `identifier`, in the form of the look-up, from `client_ip`.
    pub async fn acquire_sign_in(
        self: &Arc<Self>,
        settings: &Settings,
        identifier: &str,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<SignInAttempt, ErrorCode> {
        let pair = per_network("sign-in-pair", client_ip, identifier, SIGN_IN_PAIR);
        let client_ip = per_network("sign-in-ip", client_ip, "", settings.limit_sign_in);
        let day = Counter::new("sign-in-day", identifier, SIGN_IN_DAY);
        let checked = client_ip.iter().map(|counter| (counter, Mode::Check));
        let required = pair.iter().map(|counter| (counter, Mode::Require));
        let uses: Vec<_> = checked.chain(required).chain([(&day, Mode::CountIfRoom)]).collect();
        let full = self.acquire_all(&uses, now).await;
        reject_if_full(&uses, &full, now)?;
        let day_full = full.last().copied().unwrap_or(true);
        let (day, daily_limit_wait) =
            if day_full { (None, Some(day.seconds_left(now))) } else { (Some(day), None) };
        Ok(SignInAttempt {
            rate_limiter: Arc::clone(self),
            pair,
            day,
            client_ip,
            daily_limit_wait,
            at: now,
            settled: false,
        })
    }

    /// Undoes the count of an attempt to sign in that did not fail.
    pub async fn refund(&self, mut attempt: SignInAttempt) {
        attempt.settled = true;
        let counters: Vec<&Counter> = attempt.pair.iter().chain(&attempt.day).collect();
        self.refund_all(&counters, attempt.at).await;
    }

    /// Counts a failed attempt to sign in against its client too.
    pub async fn record_failure(&self, mut attempt: SignInAttempt) {
        attempt.settled = true;
        self.count_each(&attempt.client_ip, attempt.at).await;
    }

    /// Counts a registration from `client_ip`.
    pub async fn acquire_registration(
        &self,
        settings: &Settings,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        self.acquire_each(&per_network("register", client_ip, "", settings.limit_register), now).await
    }

    /// Counts the use of an emailed link, or the request for another one, from `client_ip`.
    pub async fn acquire_confirmation(
        &self,
        settings: &Settings,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        self.acquire_each(&per_network("confirm", client_ip, "", settings.limit_register), now).await
    }

    /// Counts a request for a temporary password from `client_ip`.
    pub async fn acquire_password_reset(
        &self,
        settings: &Settings,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        self.acquire_each(&per_network("reset", client_ip, "", settings.limit_reset), now).await
    }

    /// Counts the start of a Microsoft sign-in from `client_ip`.
    pub async fn acquire_microsoft_sign_in(
        &self,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        self.acquire_each(&per_network("microsoft", client_ip, "", MICROSOFT), now).await
    }

    /// Counts an action of `client_ip` that causes a request to Microsoft: a callback or a sign-out there.
    pub async fn acquire_microsoft_request(
        &self,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        self.acquire_each(&per_network("microsoft-request", client_ip, "", MICROSOFT), now).await
    }

    /// Counts a re-authentication before a sensitive action, for example a password change. `key` is
    /// [`crate::sessions::CurrentUser::rate_limit_key`].
    pub async fn acquire_reauthentication(&self, key: &str, now: Timestamp) -> Result<(), ErrorCode> {
        self.acquire_short_and_daily(["reauthenticate", "reauthenticate-day"], key, now).await
    }

    /// Counts a password that is entered with an emailed link to the account of `user_id`. It is counted separately from sign-in,
    /// so that a stolen link cannot lock the owner out there.
    pub async fn acquire_link_password(&self, user_id: UserId, now: Timestamp) -> Result<(), ErrorCode> {
        self.acquire_short_and_daily(["link-password", "link-password-day"], &user_id.to_string(), now).await
    }

    /// Counts a sign-in to the account of `user_id` with the correct password from `client_ip`. It is not counted only for
    /// the account, because then anyone who knows the password could lock the owner out.
    pub async fn acquire_successful_sign_in(
        &self,
        user_id: UserId,
        client_ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        let counters = per_network("signed-in", client_ip, &user_id.to_string(), AUDITED_ACTIONS);
        self.acquire_each(&counters, now).await
    }

    /// Counts an action of the session `public_id` that ends sessions.
    pub async fn acquire_session_end(&self, public_id: &str, now: Timestamp) -> Result<(), ErrorCode> {
        self.acquire(&Counter::new("end-sessions", public_id, AUDITED_ACTIONS), now).await
    }

    /// Counts an attempt for ten minutes and for the day.
    async fn acquire_short_and_daily(
        &self,
        [action, daily_action]: [&'static str; 2],
        subject: &str,
        now: Timestamp,
    ) -> Result<(), ErrorCode> {
        let short = Counter::new(action, subject, PASSWORD);
        let day = Counter::new(daily_action, subject, PASSWORD_DAY);
        let uses = [(&short, Mode::Require), (&day, Mode::Require)];
        reject_if_full(&uses, &self.acquire_all(&uses, now).await, now)
    }

    /// Counts an attempt, or returns an error with the wait.
    async fn acquire(&self, counter: &Counter, now: Timestamp) -> Result<(), ErrorCode> {
        self.acquire_each(std::slice::from_ref(counter), now).await
    }

    /// Counts an attempt in each of these counters, or returns an error with the wait.
    async fn acquire_each(&self, counters: &[Counter], now: Timestamp) -> Result<(), ErrorCode> {
        let uses: Vec<_> = counters.iter().map(|counter| (counter, Mode::Require)).collect();
        reject_if_full(&uses, &self.acquire_all(&uses, now).await, now)
    }

    /// Counts an attempt in each of these counters, whatever their limits.
    async fn count_each(&self, counters: &[Counter], now: Timestamp) {
        let uses: Vec<_> = counters.iter().map(|counter| (counter, Mode::Count)).collect();
        self.acquire_all(&uses, now).await;
    }

    /// Counts an attempt in all of these counters in one step, unless one of them rejects it. Returns which of them were full, in
    /// their order.
    async fn acquire_all(&self, uses: &[(&Counter, Mode)], now: Timestamp) -> Vec<bool> {
        if let Some(redis) = &self.redis
            && let Some(full) = redis.acquire(uses, now).await
        {
            return full;
        }
        self.memory.acquire(uses, now)
    }

    /// Subtracts one from each of these counters that is above zero.
    async fn refund_all(&self, counters: &[&Counter], now: Timestamp) {
        if let Some(redis) = &self.redis
            && redis.refund(counters, now).await.is_some()
        {
            return;
        }
        self.memory.refund(counters, now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    /// The beginning of a minute.
    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    /// Returns a counter that is full after `count` times in a minute.
    fn counter(subject: &str, count: u32) -> Counter {
        Counter::new("test", subject, Limit { count, period: Duration::from_mins(1) })
    }

    #[tokio::test]
    async fn a_full_window_rejects_an_attempt_and_reports_the_wait() {
        let (rate_limiter, counter) = (RateLimiter::default(), counter("a", 2));
        for _ in 0..2 {
            assert_eq!(rate_limiter.acquire(&counter, NOW).await, Ok(()));
        }
        let later = NOW.after(Duration::from_secs(20));
        assert_eq!(rate_limiter.acquire(&counter, later).await, Err(ErrorCode::TooManyAttempts(40)));
        assert_eq!(rate_limiter.acquire(&counter, NOW.after(Duration::from_mins(1))).await, Ok(()));
    }

    #[tokio::test]
    async fn a_rejected_attempt_is_not_counted() {
        let (rate_limiter, counter) = (RateLimiter::default(), counter("a", 2));
        for _ in 0..7 {
            let _ = rate_limiter.acquire(&counter, NOW).await;
        }
        rate_limiter.refund_all(&[&counter], NOW).await;
        assert_eq!(rate_limiter.acquire(&counter, NOW).await, Ok(()));
    }

    #[tokio::test]
    async fn a_whole_ipv6_site_has_a_few_times_the_limit_of_one_network() {
        let rate_limiter = RateLimiter::default();
        let limit = Limit { count: 10, period: Duration::from_mins(10) };
        let mut acquired = [0; 3];
        for (index, wide) in [0, 48, 56].into_iter().enumerate() {
            for number in 0..1_000_u128 {
                // Each case has its own site. Its networks are numbered from the bit after `wide`.
                let site = 0x2001_0db8_0000_u128 + u128::try_from(index).expect("small");
                let within = if wide == 0 { number } else { (number % 256) << (128 - wide - 8) };
                let address = Ipv6Addr::from_bits((site << 80) | within);
                let counters = per_network("test", address.into(), "", limit);
                acquired[index] += u32::from(rate_limiter.acquire_each(&counters, NOW).await.is_ok());
            }
        }
        assert_eq!(acquired, [10, 40, 20], "from one /64, from the /56s of a /48, from the /64s of a /56");
    }
}
