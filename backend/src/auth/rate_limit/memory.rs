//! Rate limit counters in the memory of this process.
//!
//! # Guarantees
//!
//! - Several counters are checked and counted in one step. If one of them rejects the attempt, none counts it.
//! - Each kind of action keeps at most 100,000 keys, so one kind cannot evict the counters of another.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::auth::rate_limit::counter::{Counter, Mode};
use domain::time::Timestamp;

/// The maximum number of keys of one kind of action. Beyond it, the least recently counted keys are evicted.
const MAX_KEYS: usize = 100_000;

/// The counters of this process, by kind of action.
#[derive(Debug, Default)]
pub(super) struct MemoryCounters {
    actions: Mutex<HashMap<&'static str, Windows>>,
}

impl MemoryCounters {
    /// Counts an attempt in all of these counters unless one of them rejects it. Returns which of them were full, in their order.
    pub(super) fn acquire(&self, uses: &[(&Counter, Mode)], now: Timestamp) -> Vec<bool> {
        let Ok(mut actions) = self.actions.lock() else {
            // A thread panicked while counting: reject all attempts rather than allow any number.
            return vec![true; uses.len()];
        };
        let is_full = |counter: &Counter| {
            let count = actions.get(counter.action()).map_or(0, |windows| windows.count(counter, now));
            counter.is_filled_by(count)
        };
        let full: Vec<bool> = uses.iter().map(|(counter, _)| is_full(counter)).collect();
        if uses.iter().zip(&full).any(|((_, mode), full)| mode.rejects(*full)) {
            return full;
        }
        for ((counter, mode), full) in uses.iter().zip(&full) {
            if mode.counts(*full) {
                actions.entry(counter.action()).or_default().add(counter, now);
            }
        }
        full
    }

    /// Subtracts one from each of these counters that is above zero.
    pub(super) fn refund(&self, counters: &[&Counter], now: Timestamp) {
        if let Ok(mut actions) = self.actions.lock() {
            for counter in counters {
                if let Some(windows) = actions.get_mut(counter.action()) {
                    windows.refund(counter, now);
                }
            }
        }
    }
}

/// The count of one key in one window.
#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Timestamp,
    count: i64,
    /// The number of the last count, in the order of all counts.
    counted_at: u64,
}

/// The windows of one kind of action.
#[derive(Debug, Default)]
struct Windows {
    by_key: HashMap<String, Window>,
    total: u64,
}

impl Windows {
    fn count(&self, counter: &Counter, now: Timestamp) -> i64 {
        self.by_key.get(&counter.key(now)).map_or(0, |window| window.count)
    }

    fn add(&mut self, counter: &Counter, now: Timestamp) {
        self.total += 1;
        let counted_at = self.total;
        let ends = now.after(Duration::from_secs(counter.seconds_left(now)));
        let window = self.by_key.entry(counter.key(now)).or_insert(Window { ends, count: 0, counted_at });
        window.count = window.count.saturating_add(1);
        window.counted_at = counted_at;
        if self.by_key.len() > MAX_KEYS {
            evict(&mut self.by_key, now);
        }
    }

    fn refund(&mut self, counter: &Counter, now: Timestamp) {
        if let Some(window) = self.by_key.get_mut(&counter.key(now)) {
            window.count = window.count.saturating_sub(1).max(0);
        }
    }
}

/// Removes the windows that have ended. If too many are left, removes the least recently counted quarter too, so that this work
/// is rare.
fn evict(windows: &mut HashMap<String, Window>, now: Timestamp) {
    windows.retain(|_, window| now < window.ends);
    if windows.len() > MAX_KEYS / 4 * 3 {
        let mut counted: Vec<u64> = windows.values().map(|window| window.counted_at).collect();
        let (_, oldest_kept, _) = counted.select_nth_unstable(windows.len() - MAX_KEYS / 4 * 3);
        let oldest_kept = *oldest_kept;
        windows.retain(|_, window| window.counted_at >= oldest_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Limit;

    /// The beginning of a minute.
    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    /// Returns a counter that is full after `count` times in a minute.
    fn counter(subject: &str, count: u32) -> Counter {
        Counter::new("test", subject, Limit { count, period: Duration::from_mins(1) })
    }

    #[test]
    fn no_counter_counts_an_attempt_that_one_of_them_rejects() {
        let counters = MemoryCounters::default();
        let [gate, needed, wanted] = ["gate", "needed", "wanted"].map(|subject| counter(subject, 1));
        let try_all = || {
            counters
                .acquire(&[(&gate, Mode::Check), (&needed, Mode::Require), (&wanted, Mode::CountIfRoom)], NOW)
        };
        assert_eq!(try_all(), [false; 3]);
        assert_eq!(try_all(), [false, true, true], "the first was counted, but for the gate");
        let counts = |counter: &Counter| {
            let actions = counters.actions.lock().expect("not poisoned");
            actions.get("test").map_or(0, |windows| windows.count(counter, NOW))
        };
        assert_eq!([&gate, &needed, &wanted].map(counts), [0, 1, 1]);
        counters.acquire(&[(&gate, Mode::Count)], NOW);
        let another = counter("another", 1);
        assert_eq!(counters.acquire(&[(&gate, Mode::Check), (&another, Mode::Require)], NOW), [true, false]);
        assert_eq!([&gate, &another].map(counts), [1, 0]);
        assert_eq!(
            counters.acquire(&[(&another, Mode::Require), (&wanted, Mode::CountIfRoom)], NOW),
            [false, true]
        );
        assert_eq!([&another, &wanted].map(counts), [1, 1], "what may be counted stands in nobody's way");
    }

    #[test]
    fn memory_is_bounded_and_keeps_recently_counted_keys() {
        let counters = MemoryCounters::default();
        let attacked = counter("attacked", 10);
        for _ in 0..9 {
            counters.acquire(&[(&attacked, Mode::Count)], NOW);
        }
        for number in 0..MAX_KEYS * 2 {
            counters.acquire(&[(&counter(&number.to_string(), 10), Mode::Count)], NOW);
            // The attack continues.
            if number % 1_000 == 0 {
                counters.acquire(&[(&attacked, Mode::Count)], NOW);
                assert_eq!(counters.acquire(&[(&attacked, Mode::Check)], NOW), [true], "it is still known");
            }
        }
        let kept: usize =
            counters.actions.lock().expect("not poisoned").values().map(|windows| windows.by_key.len()).sum();
        assert!(kept <= MAX_KEYS, "{kept}");
        let other =
            Counter::new("another kind", "attacked", Limit { count: 10, period: Duration::from_mins(1) });
        assert_eq!(counters.acquire(&[(&other, Mode::Require)], NOW), [false]);
    }
}
