//! The backend: use cases, the queries of the pages, and everything that they need.
//!
//! # Guarantees
//!
//! - It uses no web framework.
//! - Every change of an account is written in one transaction with its audit row and its emails.
//! - The time comes from [`infra::clock`], randomness from [`infra::random`], and settings from [`settings`].
//!
//! The steps of an action: parse (domain), load, decide (domain), write, commit.

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod auth;
pub mod email;
pub mod entity;
pub mod error;
pub mod infra;
pub mod jobs;
pub mod microsoft;
pub mod sessions;
pub mod settings;

use std::ops::Deref;
use std::sync::Arc;

use domain::time::Timestamp;

/// Everything that the use cases need. It is one pointer, because each request clones it many times.
#[derive(Clone)]
pub struct Backend(Arc<Parts>);

/// The parts of a [`Backend`].
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: infra::database::Database,
    /// The settings.
    pub settings: Arc<settings::Settings>,
    /// The clock.
    pub clock: infra::clock::Clock,
    /// The hasher of passwords.
    pub hasher: auth::password::hasher::Hasher,
    /// The encryption keys.
    pub keys: Arc<infra::encryption::Keys>,
    /// The rate limits.
    pub rate_limiter: Arc<auth::rate_limit::RateLimiter>,
    /// The counters for the metrics.
    pub counters: Arc<infra::counters::Counters>,
    /// The blocked identities.
    pub blocked_identities: Arc<accounts::blocked_identities::BlockedIdentities>,
    /// The session store.
    pub sessions: sessions::store::SessionRecords,
    /// Microsoft as identity provider, if it is set up.
    pub microsoft: Option<microsoft::provider::Provider>,
    /// The wake-ups of the email tasks.
    pub email_wakeup: Arc<jobs::supervisor::EmailWakeup>,
    /// The states of the background tasks.
    pub tasks: Arc<jobs::supervisor::TaskStates>,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend")
    }
}

impl Deref for Backend {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Backend {
    /// Creates the backend from its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The actor of an action, for the audit log.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The id of the signed-in user.
    pub id: Option<domain::status::UserId>,
    /// The username, or the name of another actor (for example "command line").
    pub name: String,
    /// The client IP as text.
    pub client_ip: String,
}
