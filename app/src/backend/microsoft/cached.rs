//! What is fetched once and kept for a while.
//!
//! Guarantees: nothing is fetched before it is needed; one fetch at a time, and who waited for it shares its outcome,
//! good or bad, so that nobody queues up behind a provider that is away; after a fetch that failed there is none for as long
//! again as it took, so that one that hangs keeps few waiting; a fetch ahead of time happens at most once in
//! [`Cached::RENEW_EVERY`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// A value with the moment at which it came.
#[derive(Debug)]
pub struct Held<T> {
    /// The value.
    pub value: Arc<T>,
    fetched: Instant,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), fetched: self.fetched }
    }
}

#[derive(Debug)]
struct Slot<T, E> {
    held: Option<Held<T>>,
    /// Until when a failure holds, and which.
    failed: Option<(Instant, E)>,
    renewed: Option<Instant>,
}

/// A place for one fetched value.
#[derive(Debug)]
pub struct Cached<T, E> {
    slot: Mutex<Slot<T, E>>,
    lifetime: Duration,
}

impl<T, E: Clone> Cached<T, E> {
    /// How often a value is fetched ahead of time at most.
    pub const RENEW_EVERY: Duration = Duration::from_mins(1);

    /// An empty place whose values are good for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        Self { slot: Mutex::new(Slot { held: None, failed: None, renewed: None }), lifetime }
    }

    /// The value; fetched if there is none, or none that is young enough.
    ///
    /// # Errors
    /// What `fetch` says.
    pub async fn get(&self, fetch: impl Future<Output = Result<T, E>>) -> Result<Held<T>, E> {
        let asked = Instant::now();
        let slot = self.slot.lock().await;
        match &slot.held {
            Some(held) if held.fetched.elapsed() < self.lifetime => Ok(held.clone()),
            _ => fill(slot, asked, fetch).await,
        }
    }

    /// A value younger than `seen`, which did not do; `None` when it is too soon to ask again.
    ///
    /// # Errors
    /// What `fetch` says.
    pub async fn renew(
        &self,
        seen: &Held<T>,
        fetch: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<Held<T>>, E> {
        let asked = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(held) = &slot.held
            && held.fetched > seen.fetched
        {
            return Ok(Some(held.clone()));
        }
        if slot.renewed.is_some_and(|renewed| renewed.elapsed() < Self::RENEW_EVERY) {
            return Ok(None);
        }
        slot.renewed = Some(asked);
        fill(slot, asked, fetch).await.map(Some)
    }
}

async fn fill<T, E: Clone>(
    mut slot: MutexGuard<'_, Slot<T, E>>,
    asked: Instant,
    fetch: impl Future<Output = Result<T, E>>,
) -> Result<Held<T>, E> {
    if let Some((until, error)) = &slot.failed
        && *until > asked
    {
        return Err(error.clone());
    }
    let began = Instant::now();
    match fetch.await {
        Ok(value) => {
            let held = Held { value: Arc::new(value), fetched: Instant::now() };
            slot.held = Some(held.clone());
            slot.failed = None;
            Ok(held)
        }
        Err(error) => {
            let failed = Instant::now();
            slot.failed = Some((failed + (failed - began), error.clone()));
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
    async fn a_value_is_fetched_once_and_again_when_it_is_old() {
        let fetches = AtomicUsize::new(0);
        let fetch = async || Ok::<_, ()>(fetches.fetch_add(1, Ordering::SeqCst));
        let cached = Cached::new(DAY);
        assert_eq!(*cached.get(fetch()).await.expect("comes").value, 0);
        assert_eq!(*cached.get(fetch()).await.expect("comes").value, 0);
        let fleeting = Cached::new(Duration::ZERO);
        assert_eq!(*fleeting.get(fetch()).await.expect("comes").value, 1);
        assert_eq!(*fleeting.get(fetch()).await.expect("comes").value, 2);
    }

    #[tokio::test]
    async fn who_waits_shares_the_failure_and_who_comes_later_tries_again() {
        let fetches = AtomicUsize::new(0);
        let cached = Cached::<(), &str>::new(DAY);
        let fetch = async || {
            fetches.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(300)).await;
            Err("away")
        };
        let began = Instant::now();
        let outcomes = tokio::join!(cached.get(fetch()), cached.get(fetch()), cached.get(fetch()));
        let took = began.elapsed();
        assert!(outcomes.0.is_err() && outcomes.1.is_err() && outcomes.2.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        assert!(cached.get(fetch()).await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 1, "too soon after it");
        tokio::time::sleep(took).await;
        assert!(cached.get(fetch()).await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_value_is_renewed_once_a_minute_at_most() {
        let fetches = AtomicUsize::new(0);
        let fetch = async || Ok::<_, ()>(fetches.fetch_add(1, Ordering::SeqCst));
        let cached = Cached::new(DAY);
        let first = cached.get(fetch()).await.expect("comes");
        let (one, other) = tokio::join!(cached.renew(&first, fetch()), cached.renew(&first, fetch()));
        let (one, other) = (one.expect("comes").expect("comes"), other.expect("comes").expect("comes"));
        assert_eq!((*one.value, *other.value), (1, 1), "one fetch serves both");
        assert!(cached.renew(&one, fetch()).await.expect("no failure").is_none(), "too soon");
        assert_eq!(*cached.get(fetch()).await.expect("comes").value, 1);
    }
}
