//! What the portal does: use cases named by verbs, the queries behind the pages, and the machinery they stand on.
//!
//! Guarantees: no web framework in here; every change of an account is written in one transaction with its audit row
//! and its mail; time comes from [`clock::Clock`], randomness from [`random`], settings from [`settings::Settings`].
//!
//! The path of an action: parse (domain) -> load -> decide (domain) -> write -> commit.

pub mod audit;
pub mod canonical;
pub mod clock;
pub mod database;
pub mod decide;
pub mod entity;
pub mod error;
pub mod keys;
pub mod limits;
pub mod links;
pub mod mail;
pub mod operator;
pub mod password_hash;
pub mod purge;
pub mod queries;
pub mod random;
pub mod register;
pub mod resend;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sign_in;
pub mod strength;
pub mod token;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::time::Timestamp;

/// Everything that use cases need; cheap to clone.
#[derive(Clone)]
pub struct Backend {
    /// The database.
    pub db: database::Database,
    /// What the operator set.
    pub settings: Arc<settings::Settings>,
    /// The time.
    pub clock: clock::Clock,
    /// Where passwords are hashed.
    pub hasher: password_hash::Hasher,
    /// What seals secrets at rest.
    pub keys: Arc<keys::Keys>,
    /// Who tried what how often.
    pub limits: Arc<limits::Limits>,
    /// Where session records are kept.
    pub sessions: sessions::store::SessionRecords,
    /// Rung when there is mail to send.
    pub mail_bell: Arc<Notify>,
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backend")
    }
}

impl Backend {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Who acts, and from where: for the audit and for limits.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The acting person, if somebody is signed in.
    pub id: Option<crate::domain::status::UserId>,
    /// Their name, or what stands for it ("command line").
    pub name: String,
    /// The address they act from, as text.
    pub source: String,
}
