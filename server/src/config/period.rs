//! Parsing of periods and rate limits in settings.

use std::time::Duration;

use domain::time::Limit;

/// Parses the period of a setting: a whole number and `s`, `m`, `h` or `d`, for example `10m`.
/// Returns `None` for any other text, for zero and for more than ten years.
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

/// Parses `count/period`, for example `100/10m`. Returns `None` for any other text and for a count of zero.
pub fn parse_limit(text: &str) -> Option<Limit> {
    let (count, period) = text.trim().split_once('/')?;
    let count: u32 = count.trim().parse().ok()?;
    (count > 0).then_some(Limit { count, period: parse_period(period)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_limits_are_parsed() {
        assert_eq!(parse_period("10m"), Some(Duration::from_mins(10)));
        assert_eq!(parse_period("1d"), Some(Duration::from_hours(24)));
        for bad in ["", "m", "10", "0s", "-1s", "1.5h", "1w", "99999999999999999999d", "9é"] {
            assert_eq!(parse_period(bad), None, "{bad}");
        }
        assert_eq!(parse_limit("100/10m"), Some(Limit { count: 100, period: Duration::from_mins(10) }));
        assert_eq!(parse_limit("0/10m"), None);
    }
}
