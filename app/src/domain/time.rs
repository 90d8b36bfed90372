//! Instants and periods, as the database and the browser both understand them.
//!
//! Guarantees: a [`Timestamp`] is a whole number of Unix microseconds, so that both databases keep, compare and
//! order it alike. Nothing here reads a clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `period` later; the largest one where that would overflow.
    #[must_use]
    pub fn after(self, period: Duration) -> Self {
        Self(self.0.saturating_add(micros(period)))
    }

    /// The instant `period` earlier; the smallest one where that would overflow.
    #[must_use]
    pub fn before(self, period: Duration) -> Self {
        Self(self.0.saturating_sub(micros(period)))
    }

    /// How long ago `earlier` was; zero where it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

fn micros(period: Duration) -> i64 {
    i64::try_from(period.as_micros()).unwrap_or(i64::MAX)
}

/// Reads a period as settings write it: a whole number and `s`, `m`, `h` or `d`, e.g. `10m`.
/// `None` for anything else, for zero and for more than ten years.
#[must_use]
pub fn parse_period(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let total = count.checked_mul(seconds)?;
    (1..=315_360_000).contains(&total).then(|| Duration::from_secs(total))
}

/// A bound on how often something may happen: `count` times in any `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many are allowed.
    pub count: u32,
    /// In which time.
    pub period: Duration,
}

impl Limit {
    /// Reads `count/period`, e.g. `100/10m`. `None` for anything else and for a count of zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, period) = text.trim().split_once('/')?;
        let count: u32 = count.trim().parse().ok()?;
        (count > 0).then_some(Self { count, period: parse_period(period)? })
    }
}

/// A period in words, rounded up to its largest unit: "2 minutes", "1 hour", "3 days".
#[must_use]
pub fn period_in_words(period: Duration) -> String {
    let seconds = period.as_secs().max(1);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds.div_ceil(60), "minute"),
        3_600..86_400 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// How long ago `then` was, in words, for lists that are alive: "just now", "3 minutes ago", "2 days ago".
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    let (count, unit) = match seconds {
        0..45 => return "just now".to_owned(),
        45..3_600 => ((seconds + 30) / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let count = count.max(1);
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// An instant as people read it where no script runs: "24 Nov 2026, 09:57 UTC".
#[must_use]
pub fn utc_text(at: Timestamp) -> String {
    let second = at.seconds().rem_euclid(86_400);
    format!("{}, {:02}:{:02} UTC", utc_date(at), second / 3_600, second / 60 % 60)
}

/// The day of an instant in UTC: "24 Nov 2026".
#[must_use]
pub fn utc_date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil(at.seconds().div_euclid(86_400));
    let name =
        usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or_default();
    format!("{day} {name} {year}")
}

/// An instant for `datetime` attributes (RFC 3339, whole seconds).
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let (year, month, day) = civil(at.seconds().div_euclid(86_400));
    let second = at.seconds().rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant's `civil_from_days`). A date library would cost
/// the browser more than the rest of this module.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
