//! The share of each client in the queue of the hasher.
//!
//! # Guarantees
//!
//! - One client gets at most as many places as are free, so a few clients leave room for another one.
//! - The threads have at most [`MAX_SUBMITTED`] requests of one client at a time, so clients are served in turn.
//! - All IP addresses of one IPv6 /48 share one quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::auth::rate_limit::site_key;

/// The maximum number of requests of one client that the threads have at a time.
const MAX_SUBMITTED: usize = 16;

/// The quotas of all clients. It is cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct FairQueue {
    capacity: usize,
    quotas: Arc<Mutex<IpQuotas>>,
}

/// The places that clients have.
#[derive(Debug, Default)]
struct IpQuotas {
    by_client: HashMap<String, IpQuota>,
    total: usize,
}

/// The places of one client.
#[derive(Debug)]
struct IpQuota {
    submissions: Arc<Semaphore>,
    places: usize,
}

/// A place of one client. It is free again when the guard is dropped.
pub(super) struct QuotaGuard {
    quotas: Arc<Mutex<IpQuotas>>,
    client: String,
}

impl Drop for QuotaGuard {
    fn drop(&mut self) {
        let Ok(mut quotas) = self.quotas.lock() else { return };
        quotas.total = quotas.total.saturating_sub(1);
        if let Some(quota) = quotas.by_client.get_mut(&self.client) {
            quota.places = quota.places.saturating_sub(1);
            if quota.places == 0 {
                quotas.by_client.remove(&self.client);
            }
        }
    }
}

impl FairQueue {
    /// Creates a queue with `capacity` places.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, quotas: Arc::default() }
    }

    /// Acquires a place for a request of `client_ip`. Returns it with the client's permits to submit work to the threads, or
    /// `None` if the client has its share already.
    pub(super) fn acquire(&self, client_ip: &str) -> Option<(QuotaGuard, Arc<Semaphore>)> {
        let client = client_ip.parse().map_or_else(|_| client_ip.to_owned(), site_key);
        let mut quotas = self.quotas.lock().ok()?;
        let places = quotas.by_client.get(&client).map_or(0, |quota| quota.places);
        if places >= self.capacity.saturating_sub(quotas.total) {
            return None;
        }
        quotas.total += 1;
        let quota = quotas
            .by_client
            .entry(client.clone())
            .or_insert_with(|| IpQuota { submissions: Arc::new(Semaphore::new(MAX_SUBMITTED)), places: 0 });
        quota.places += 1;
        let submissions = Arc::clone(&quota.submissions);
        drop(quotas);
        Some((QuotaGuard { quotas: Arc::clone(&self.quotas), client }, submissions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 256;

    #[test]
    fn all_networks_of_an_ipv6_site_share_one_quota() {
        let queue = FairQueue::new(CAPACITY);
        let places: Vec<_> =
            (0..CAPACITY / 2).map(|number| queue.acquire(&format!("2001:db8::{number:x}"))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(queue.acquire("2001:db8::ffff:1").is_none());
        assert!(queue.acquire("2001:db8:0:1::1").is_none(), "the same /48");
        assert!(queue.acquire("2001:db8:1::1").is_some());
        drop(places);
        assert!(queue.acquire("2001:db8::1").is_some());
    }

    #[test]
    fn eight_clients_leave_room_for_another_one() {
        let queue = FairQueue::new(CAPACITY);
        let acquire_all = |client: &str| std::iter::from_fn(|| queue.acquire(client)).collect::<Vec<_>>();
        // One after the other, each with as many places as it gets: the worst order.
        let taken: Vec<_> = (0..8).map(|client| acquire_all(&format!("192.0.2.{client}"))).collect();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [128, 64, 32, 16, 8, 4, 2, 1]);
        assert_eq!(acquire_all("198.51.100.1").len(), 1);
        drop(taken);
        // All at the same time.
        let mut together = Vec::new();
        for client in (0..8).cycle().take(8 * CAPACITY) {
            together.extend(queue.acquire(&format!("192.0.2.{client}")));
        }
        assert!(together.len() < CAPACITY * 9 / 10, "{} are taken", together.len());
    }
}
