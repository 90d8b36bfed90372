//! What the portal does: use cases named by verbs, the queries behind the pages, and the machinery they stand on.
//!
//! Guarantees: no web framework in here; every change of an account is written in one transaction with its audit row
//! and its mail; time comes from [`clock::Clock`], randomness from [`random`], settings from [`settings::Settings`].
//!
//! The path of an action: parse (domain) -> load -> decide (domain) -> write -> commit.

pub mod audit;
pub mod blocklist;
pub mod canonical;
pub mod change_address;
pub mod change_password;
pub mod clock;
pub mod counts;
pub mod credentials;
pub mod database;
pub mod decide;
pub mod delete_account;
pub mod delete_users;
pub mod entity;
pub mod error;
pub mod identities;
pub mod keys;
pub mod known_address;
pub mod known_browsers;
pub mod limits;
pub mod links;
pub mod mail;
pub mod microsoft;
pub mod operator;
pub mod password_hash;
pub mod prove;
pub mod purge;
pub mod queries;
pub mod random;
pub mod register;
pub mod resend;
pub mod reset;
pub mod session_store;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod shut_out;
pub mod sign_in;
pub mod strength;
pub mod tasks;
pub mod template;
pub mod token;
pub mod user_agent;

use std::ops::Deref;
use std::sync::Arc;

use crate::domain::time::Timestamp;

/// Everything that use cases need: one pointer, since each request hands it on many times.
#[derive(Clone)]
pub struct Backend(Arc<Parts>);

/// What a [`Backend`] is made of.
#[derive(Clone)]
pub struct Parts {
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
    /// What is counted for the operator.
    pub counts: Arc<counts::Counts>,
    /// Who was shut out.
    pub shut_outs: Arc<shut_out::ShutOuts>,
    /// Where session records are kept.
    pub sessions: session_store::SessionRecords,
    /// Microsoft, where signing in with it is set up.
    pub microsoft: Option<microsoft::provider::Provider>,
    /// Rung when there is email to write or to send.
    pub mail_bell: Arc<tasks::MailBell>,
    /// Whether the background tasks run.
    pub tasks: Arc<tasks::TaskStates>,
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
    /// Puts it together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

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
