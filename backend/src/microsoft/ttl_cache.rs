//! A cache for one fetched value with a time to live.
//!
//! # Guarantees
//!
//! - Nothing is fetched before it is needed.
//! - There is one fetch at a time. Callers that waited for it share its result or its error.
//! - After a failed fetch there is no other one for as long as it took, so that a provider that hangs delays few callers.
//! - [`TtlCache::refresh`] fetches at most once per [`TtlCache::MIN_REFRESH_INTERVAL`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// A cached value and the time of its fetch.
#[derive(Debug)]
pub struct CachedValue<T> {
    /// The value.
    pub value: Arc<T>,
    fetched_at: Instant,
}

impl<T> Clone for CachedValue<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), fetched_at: self.fetched_at }
    }
}

#[derive(Debug)]
struct Slot<T, E> {
    cached: Option<CachedValue<T>>,
    /// The last error, and the time until which it is returned.
    failed_until: Option<(Instant, E)>,
    refreshed_at: Option<Instant>,
}

/// A cache for one value.
#[derive(Debug)]
pub struct TtlCache<T, E> {
    slot: Mutex<Slot<T, E>>,
    ttl: Duration,
}

impl<T, E: Clone> TtlCache<T, E> {
    /// Minimum time between two refreshes.
    pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_mins(1);

    /// Creates an empty cache with this time to live.
    pub fn new(ttl: Duration) -> Self {
        Self { slot: Mutex::new(Slot { cached: None, failed_until: None, refreshed_at: None }), ttl }
    }

    /// Returns the value. Fetches it if there is none or its time to live has ended.
    ///
    /// # Errors
    ///
    /// Returns the error of `fetch`.
    pub async fn get(&self, fetch: impl Future<Output = Result<T, E>>) -> Result<CachedValue<T>, E> {
        let requested_at = Instant::now();
        let slot = self.slot.lock().await;
        match &slot.cached {
            Some(cached) if cached.fetched_at.elapsed() < self.ttl => Ok(cached.clone()),
            _ => fetch_into(slot, requested_at, fetch).await,
        }
    }

    /// Returns a newer value than `stale`. Returns `None` if the last refresh was too recent.
    ///
    /// # Errors
    ///
    /// Returns the error of `fetch`.
    pub async fn refresh(
        &self,
        stale: &CachedValue<T>,
        fetch: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<CachedValue<T>>, E> {
        let requested_at = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(cached) = &slot.cached
            && cached.fetched_at > stale.fetched_at
        {
            return Ok(Some(cached.clone()));
        }
        if slot.refreshed_at.is_some_and(|at| at.elapsed() < Self::MIN_REFRESH_INTERVAL) {
            return Ok(None);
        }
        slot.refreshed_at = Some(requested_at);
        fetch_into(slot, requested_at, fetch).await.map(Some)
    }
}

async fn fetch_into<T, E: Clone>(
    mut slot: MutexGuard<'_, Slot<T, E>>,
    requested_at: Instant,
    fetch: impl Future<Output = Result<T, E>>,
) -> Result<CachedValue<T>, E> {
    if let Some((until, error)) = &slot.failed_until
        && *until > requested_at
    {
        return Err(error.clone());
    }
    let started_at = Instant::now();
    match fetch.await {
        Ok(value) => {
            let cached = CachedValue { value: Arc::new(value), fetched_at: Instant::now() };
            slot.cached = Some(cached.clone());
            slot.failed_until = None;
            Ok(cached)
        }
        Err(error) => {
            let failed_at = Instant::now();
            slot.failed_until = Some((failed_at + (failed_at - started_at), error.clone()));
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[tokio::test]
    async fn a_value_is_fetched_once_and_again_after_its_time_to_live() {
        let fetches = AtomicUsize::new(0);
        let fetch = async || Ok::<_, ()>(fetches.fetch_add(1, Ordering::SeqCst));
        let cache = TtlCache::new(DAY);
        assert_eq!(*cache.get(fetch()).await.expect("comes").value, 0);
        assert_eq!(*cache.get(fetch()).await.expect("comes").value, 0);
        let expired = TtlCache::new(Duration::ZERO);
        assert_eq!(*expired.get(fetch()).await.expect("comes").value, 1);
        assert_eq!(*expired.get(fetch()).await.expect("comes").value, 2);
    }

    #[tokio::test]
    async fn waiting_callers_share_an_error_and_later_callers_fetch_again() {
        let fetches = AtomicUsize::new(0);
        let cache = TtlCache::<(), &str>::new(DAY);
        let fetch = async || {
            fetches.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            Err("away")
        };
        let started_at = Instant::now();
        let results = tokio::join!(cache.get(fetch()), cache.get(fetch()), cache.get(fetch()));
        let took = started_at.elapsed();
        assert!(results.0.is_err() && results.1.is_err() && results.2.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        assert!(cache.get(fetch()).await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 1, "too soon after it");
        tokio::time::sleep(took).await;
        assert!(cache.get(fetch()).await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_value_is_refreshed_at_most_once_a_minute() {
        let fetches = AtomicUsize::new(0);
        let fetch = async || Ok::<_, ()>(fetches.fetch_add(1, Ordering::SeqCst));
        let cache = TtlCache::new(DAY);
        let first = cache.get(fetch()).await.expect("comes");
        let (second, third) = tokio::join!(cache.refresh(&first, fetch()), cache.refresh(&first, fetch()));
        let (second, third) = (second.expect("comes").expect("comes"), third.expect("comes").expect("comes"));
        assert_eq!((*second.value, *third.value), (1, 1), "one fetch serves both");
        assert!(cache.refresh(&second, fetch()).await.expect("no failure").is_none(), "too soon");
        assert_eq!(*cache.get(fetch()).await.expect("comes").value, 1);
    }
}
