//! How often what may be tried, by whom.
//!
//! Guarantees: a try is counted before the work it would cause and given back when it was no failure, so that many at
//! once cannot slip past; memory is bounded ([`KEYS`]); a source is an IPv4 address or an IPv6 /64. NIST SP 800-63B-4, 3.2.2 asks for at most 100 failures.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use super::settings::Settings;
use crate::domain::problem::Problem;
use crate::domain::time::{Limit, Timestamp};

/// Most keys that are remembered; past it the oldest windows go first.
const KEYS: usize = 100_000;
/// Failures of sign-in for one identifier from one source.
const SIGN_IN_PAIR: Limit = Limit { count: 10, period: Duration::from_mins(10) };

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    SignInPair,
    SignInSource,
    Register,
    Confirm,
}

type Key = (Kind, String);

/// A fixed window: how many since when.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    count: u32,
    period: Duration,
}

/// The counters of this process.
#[derive(Debug, Default)]
pub struct Limits {
    windows: Mutex<HashMap<Key, Window>>,
}

/// A counted try of signing in, to be given back when it succeeds.
#[derive(Debug)]
#[must_use = "a try that succeeded must be given back"]
pub struct SignInTry {
    keys: [Key; 2],
}

impl Limits {
    /// Counts a try of signing in as `identifier` (what it is looked up by) from `source`.
    pub fn try_sign_in(
        &self,
        settings: &Settings,
        identifier: &str,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<SignInTry, Problem> {
        let source = source_key(source);
        let identifier: String = identifier.chars().take(300).collect();
        let keys = [(Kind::SignInPair, format!("{source} {identifier}")), (Kind::SignInSource, source)];
        self.count(&[(&keys[0], SIGN_IN_PAIR), (&keys[1], settings.limit_sign_in)], now)?;
        Ok(SignInTry { keys })
    }

    /// Gives a try back that was no failure.
    pub fn give_back(&self, attempt: SignInTry) {
        let Ok(mut windows) = self.windows.lock() else {
            return;
        };
        for key in attempt.keys {
            if let Some(window) = windows.get_mut(&key) {
                window.count = window.count.saturating_sub(1);
            }
        }
    }

    /// Counts a registration from `source`.
    pub fn register(&self, settings: &Settings, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.count(&[(&(Kind::Register, source_key(source)), settings.limit_register)], now)
    }

    /// Counts a confirmation, or the asking for another link, from `source`.
    pub fn confirm(&self, settings: &Settings, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.count(&[(&(Kind::Confirm, source_key(source)), settings.limit_register)], now)
    }

    /// Counts under every key, or under none: then the longest wait among those that are full.
    fn count(&self, keys: &[(&Key, Limit)], now: Timestamp) -> Result<(), Problem> {
        let Ok(mut windows) = self.windows.lock() else {
            return Err(Problem::Busy(1));
        };
        let wait = keys
            .iter()
            .filter_map(|(key, limit)| {
                let window = windows.get(*key)?;
                let passed = now.since(window.since);
                (passed < limit.period && window.count >= limit.count)
                    .then(|| limit.period.saturating_sub(passed))
            })
            .max();
        if let Some(wait) = wait {
            return Err(Problem::TooMany(wait.as_secs().max(1)));
        }
        for (key, limit) in keys {
            let fresh = Window { since: now, count: 0, period: limit.period };
            let window = windows.entry((*key).clone()).or_insert(fresh);
            if now.since(window.since) >= limit.period {
                *window = fresh;
            }
            window.count = window.count.saturating_add(1);
        }
        if windows.len() > KEYS {
            forget(&mut windows, now);
        }
        Ok(())
    }
}

/// Drops windows that are over; if that is not enough, the older half.
fn forget(windows: &mut HashMap<Key, Window>, now: Timestamp) {
    windows.retain(|_, window| now.since(window.since) < window.period);
    if windows.len() > KEYS {
        let mut ages: Vec<Timestamp> = windows.values().map(|window| window.since).collect();
        ages.sort_unstable();
        if let Some(middle) = ages.get(ages.len() / 2).copied() {
            windows.retain(|_, window| window.since > middle);
        }
    }
}

/// One visitor's network: an IPv4 address, or the /64 that one IPv6 customer has at least (RFC 6177).
pub fn source_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn key(name: &str) -> Key {
        (Kind::Register, name.to_owned())
    }

    #[test]
    fn a_full_window_refuses_and_says_how_long() {
        let (limits, limit) = (Limits::default(), Limit { count: 2, period: Duration::from_mins(1) });
        let count = |at| limits.count(&[(&key("a"), limit)], at);
        assert!(count(NOW).is_ok() && count(NOW).is_ok());
        assert_eq!(count(NOW.after(Duration::from_secs(20))), Err(Problem::TooMany(40)));
        assert!(count(NOW.after(Duration::from_mins(1))).is_ok());
    }

    #[test]
    fn a_refused_try_counts_nowhere() {
        let limits = Limits::default();
        let (tight, wide) = (Limit::parse("1/1m").expect("valid"), Limit::parse("2/1m").expect("valid"));
        assert!(limits.count(&[(&key("tight"), tight), (&key("wide"), wide)], NOW).is_ok());
        for _ in 0..5 {
            assert!(limits.count(&[(&key("tight"), tight), (&key("wide"), wide)], NOW).is_err());
        }
        assert!(limits.count(&[(&key("wide"), wide)], NOW).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let (limits, limit) = (Limits::default(), Limit::parse("1/1d").expect("valid"));
        for number in 0..i64::try_from(KEYS).expect("small") + 10 {
            let at = Timestamp(NOW.0 + number);
            assert!(limits.count(&[(&key(&number.to_string()), limit)], at).is_ok());
        }
        assert!(limits.windows.lock().expect("not poisoned").len() <= KEYS);
    }

    #[test]
    fn an_ipv6_network_and_a_mapped_address_are_one_source() {
        let key = |text: &str| source_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
