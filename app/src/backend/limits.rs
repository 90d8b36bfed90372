//! How often what may be tried, by whom.
//!
//! Guarantees: whatever is bounded is counted before the work that it would cause, so that many at once cannot slip past,
//! and given back when it was no failure; the failures of one source are counted when they happen, so that a whole
//! office may sign in at once (what slips past there is bounded by the queue of hashes). Counters are shared in Redis
//! where it is there, and stand in this process otherwise and whenever Redis does not answer; memory is bounded
//! ([`KEYS`]). A source is an IPv4 address, or an IPv6 /64 and, with more room, the networks around it ([`WIDER`]). Windows begin at whole multiples of their period since 1970, a
//! day's at midnight UTC.

mod store;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::settings::Settings;
use crate::domain::problem::Problem;
use crate::domain::status::UserId;
use crate::domain::time::{Limit, Timestamp};
pub use store::Limits;
use store::{Counter, Part, refuse_if_full};

/// Failures of sign-in for one identifier from one source.
const SIGN_IN_PAIR: Limit = Limit { count: 10, period: Duration::from_mins(10) };
/// Failures of sign-in for one identifier, whether it exists or not: NIST SP 800-63B-4, 3.2.2 asks for at most 100.
const SIGN_IN_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };
/// Beginnings of a sign-in with Microsoft of one source, and counted apart, ways back: each beginning leaves a row for ten
/// minutes, each way back has Microsoft asked, and an office is one source.
const MICROSOFT: Limit = Limit { count: 600, period: Duration::from_mins(10) };
/// Changes of the password and other acts that ask for it again, counted together, for one account; and, counted apart,
/// passwords beside a mailed link.
const AGAIN: Limit = Limit { count: 10, period: Duration::from_mins(10) };
/// The same over the day, as for signing in.
const AGAIN_DAY: Limit = Limit { count: 100, period: Duration::from_hours(24) };

/// Sign-ins of one account from one source, and, counted apart, acts of one session that end sessions: each leaves a row in
/// the audit log.
const ACTS: Limit = Limit { count: 100, period: Duration::from_mins(10) };

/// The networks around an IPv6 /64 that are counted as well, and how many times its limit each may have. One customer of a
/// provider has a /56 or a /48 (RFC 6177), which are 256 and 65,536 networks: counted by /64 alone, one host could try for
/// ever. An office has them too, so they have more room than one network.
const WIDER: [(u32, u32); 2] = [(56, 2), (48, 4)];

/// A counted try of signing in: to be given back when it was no failure, else to be reported as one.
#[derive(Debug)]
#[must_use = "a try must be given back or reported as failed"]
pub struct SignInTry {
    limits: Arc<Limits>,
    pair: Vec<Counter>,
    day: Option<Counter>,
    source: Vec<Counter>,
    day_over: Option<u64>,
    at: Timestamp,
    settled: bool,
}

impl Drop for SignInTry {
    /// Whoever goes away before the answer has tried all the same.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (limits, source, at) = (Arc::clone(&self.limits), self.source.clone(), self.at);
            runtime.spawn(async move { limits.add(&source, at).await });
        }
    }
}

impl SignInTry {
    /// Seconds until the identifier's day is over, if it has had its failures: then only known browsers and temporary
    /// passwords get in.
    pub fn day_over(&self) -> Option<u64> {
        self.day_over
    }
}

impl Limits {
    /// Counts a try of signing in as `identifier` (what it is looked up by) from `source`.
    pub async fn try_sign_in(
        self: &Arc<Self>,
        settings: &Settings,
        identifier: &str,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<SignInTry, Problem> {
        let pair = per_network("sign-in-pair", source, identifier, SIGN_IN_PAIR);
        let source = per_network("sign-in-source", source, "", settings.limit_sign_in);
        let day = Counter::new("sign-in-day", identifier, SIGN_IN_DAY);
        let looks = source.iter().map(|counter| (counter, Part::Look));
        let needs = pair.iter().map(|counter| (counter, Part::Need));
        let takes: Vec<_> = looks.chain(needs).chain([(&day, Part::May)]).collect();
        let full = self.take_all(&takes, now).await;
        refuse_if_full(&takes, &full, now)?;
        let day_full = full.last().copied().unwrap_or(true);
        let (day, day_over) = if day_full { (None, Some(day.left(now))) } else { (Some(day), None) };
        Ok(SignInTry { limits: Arc::clone(self), pair, day, source, day_over, at: now, settled: false })
    }

    /// Gives a try back that was no failure.
    pub async fn give_back(&self, mut attempt: SignInTry, now: Timestamp) {
        attempt.settled = true;
        let counters: Vec<&Counter> = attempt.pair.iter().chain(&attempt.day).collect();
        self.give_all_back(&counters, now).await;
    }

    /// Counts a try that failed against its source, too.
    pub async fn failed(&self, mut attempt: SignInTry, now: Timestamp) {
        attempt.settled = true;
        self.add(&attempt.source, now).await;
    }

    /// Counts a registration from `source`.
    pub async fn register(&self, settings: &Settings, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("register", source, "", settings.limit_register), now).await
    }

    /// Counts a confirmation, or the asking for another link, from `source`.
    pub async fn confirm(&self, settings: &Settings, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("confirm", source, "", settings.limit_register), now).await
    }

    /// Counts a request for a temporary password from `source`.
    pub async fn reset(&self, settings: &Settings, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("reset", source, "", settings.limit_reset), now).await
    }

    /// Counts the beginning of a sign-in with Microsoft from `source`.
    pub async fn microsoft(&self, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("microsoft", source, "", MICROSOFT), now).await
    }

    /// Counts the way back from Microsoft, and the way out there: `source` has Microsoft asked.
    pub async fn microsoft_asked(&self, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("microsoft-asked", source, "", MICROSOFT), now).await
    }

    /// Counts something weighty that somebody who is signed in proves again who they are for; a change of the password is
    /// one. `whose` it is counted as, see [`super::sessions::Viewer::counted_as`].
    pub async fn prove_again(&self, whose: &str, now: Timestamp) -> Result<(), Problem> {
        self.take_twice(["prove-again", "prove-again-day"], whose, now).await
    }

    /// Counts a password that is given beside a link to `user_id`'s account. Apart from signing in: whoever has another's
    /// link locks nobody out there.
    pub async fn password_of_link(&self, user_id: UserId, now: Timestamp) -> Result<(), Problem> {
        self.take_twice(["link-password", "link-password-day"], &user_id.to_string(), now).await
    }

    /// Counts a sign-in of `user_id`'s account from `source` with the right password. Not for the account alone, because
    /// anyone who knows the password could lock the owner out.
    pub async fn signed_in(&self, user_id: UserId, source: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.take_each(&per_network("signed-in", source, &user_id.to_string(), ACTS), now).await
    }

    /// Counts an act of the session `handle` that ends sessions.
    pub async fn end_sessions(&self, handle: &str, now: Timestamp) -> Result<(), Problem> {
        self.take(&Counter::new("end-sessions", handle, ACTS), now).await
    }

    /// Counts once more in ten minutes and in the day.
    async fn take_twice(
        &self,
        [what, what_of_day]: [&'static str; 2],
        whose: &str,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let (short, day) = (Counter::new(what, whose, AGAIN), Counter::new(what_of_day, whose, AGAIN_DAY));
        let takes = [(&short, Part::Need), (&day, Part::Need)];
        refuse_if_full(&takes, &self.take_all(&takes, now).await, now)
    }
}

/// One visitor's network: an IPv4 address, or the /64 that one IPv6 customer has at least (RFC 6177).
fn source_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => network(v6, 64),
    }
}

/// The site that one visitor's address is in: an IPv4 address, or the IPv6 /48 that one customer has at most (RFC 6177).
pub fn site_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => network(v6, 48),
    }
}

/// The first address of the network of `length` bits, of 1 to 128, that an address is in.
fn network(address: Ipv6Addr, length: u32) -> String {
    let host = 128 - length;
    Ipv6Addr::from_bits((address.to_bits() >> host) << host).to_string()
}

/// The counters of something that is tried from an address, about `name`: that of its network first, then those of the
/// networks around it.
fn per_network(what: &'static str, address: IpAddr, name: &str, limit: Limit) -> Vec<Counter> {
    let mut counters = vec![Counter::new(what, &format!("{} {name}", source_key(address)), limit)];
    if let IpAddr::V6(v6) = address.to_canonical() {
        counters.extend(WIDER.map(|(length, times)| {
            let limit = Limit { count: limit.count.saturating_mul(times), ..limit };
            Counter::new(what, &format!("{}/{length} {name}", network(v6, length)), limit)
        }));
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_and_a_mapped_address_are_one_source() {
        let key = |text: &str| source_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[tokio::test]
    async fn a_whole_ipv6_site_has_a_few_times_the_limit_of_one_network() {
        let limits = Limits::default();
        let now = Timestamp(1_800_000_000_000_000);
        let limit = Limit { count: 10, period: Duration::from_mins(10) };
        let mut taken = [0; 3];
        for (index, wide) in [0, 48, 56].into_iter().enumerate() {
            for number in 0..1_000_u128 {
                // A site of its own for each: its networks are numbered from the bit after `wide`.
                let site = 0x2001_0db8_0000_u128 + u128::try_from(index).expect("small");
                let within = if wide == 0 { number } else { (number % 256) << (128 - wide - 8) };
                let address = (site << 80) | within;
                let counters = per_network("test", Ipv6Addr::from_bits(address).into(), "", limit);
                taken[index] += u32::from(limits.take_each(&counters, now).await.is_ok());
            }
        }
        assert_eq!(taken, [10, 40, 20], "from one /64, from the /56s of a /48, from the /64s of a /56");
    }
}
