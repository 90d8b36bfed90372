//! Timestamps, periods and their text forms.
//!
//! # Guarantees
//!
//! - A [`Timestamp`] is a whole number of Unix microseconds, so SQLite and PostgreSQL store, compare and order it alike.
//! - No function reads a clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The value of "never" in columns that are sorted or compared and therefore are never NULL.
    pub const NEVER: Self = Self(0);

    /// Returns the timestamp `period` later, or the maximum on overflow.
    #[must_use]
    pub fn after(self, period: Duration) -> Self {
        Self(self.0.saturating_add(micros(period)))
    }

    /// Returns the timestamp `period` earlier, or the minimum on overflow.
    #[must_use]
    pub fn before(self, period: Duration) -> Self {
        Self(self.0.saturating_sub(micros(period)))
    }

    /// Returns the time that has passed since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

fn micros(period: Duration) -> i64 {
    i64::try_from(period.as_micros()).unwrap_or(i64::MAX)
}

/// A rate limit: `count` times in any `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The allowed number of times.
    pub count: u32,
    /// The period in which they are counted.
    pub period: Duration,
}

/// Returns a period as text, rounded up to its largest unit: "2 minutes", "1 hour", "3 days".
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

/// Returns the time since `then` as text: "just now", "3 minutes ago", "2 days ago".
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

/// Returns the date and time in UTC as text: "24 Nov 2026, 09:57 UTC".
#[must_use]
pub fn utc_text(at: Timestamp) -> String {
    let second = at.seconds().rem_euclid(86_400);
    format!("{}, {:02}:{:02} UTC", utc_date(at), second / 3_600, second / 60 % 60)
}

/// Returns the time of day in UTC as text, with seconds: "09:57:42 UTC".
#[must_use]
pub fn utc_time(at: Timestamp) -> String {
    let second = at.seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", second / 3_600, second / 60 % 60, second % 60)
}

/// Returns the date in UTC as text: "24 Nov 2026".
#[must_use]
pub fn utc_date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil_from_days(at.seconds().div_euclid(86_400));
    let name =
        usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or_default();
    format!("{day} {name} {year}")
}

/// Returns the timestamp in RFC 3339 format with whole seconds, for `datetime` attributes.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let (year, month, day) = civil_from_days(at.seconds().div_euclid(86_400));
    let second = at.seconds().rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the year, month and day of a number of days since 1970 (Howard Hinnant's algorithm). A date library would add more to
/// the browser's download than the rest of this module.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
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
