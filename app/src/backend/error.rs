//! How use cases end when they don't succeed.
//!
//! Guarantees: a refusal says what people may know; a failure says what was being done and why it failed, for the log
//! alone.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::domain::problem::{Problem, Refusal};

/// A fault of ours or of something we depend on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database.
    #[error("could not {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: DbErr,
    },
    /// The store of session records.
    #[error("could not {doing}: {source}")]
    Sessions {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: tower_sessions::session::Error,
    },
    /// Something in the database is not what the program wrote.
    #[error("unexpected data: {0}")]
    Data(&'static str),
    /// Hashing failed.
    #[error("could not hash a password: {0}")]
    Hash(String),
    /// Sealing or opening failed.
    #[error("could not {0}: wrong key or damaged data")]
    Seal(&'static str),
}

/// What PostgreSQL says when it is going, coming, full, or takes no writes, by the first letters of its codes: connection
/// exceptions (08), too many connections (53300), operator intervention (57P), a standby or a read-only default (25006).
const POSTGRES_OUTAGES: [&str; 4] = ["08", "53300", "57P", "25006"];
/// What SQLite says when another process keeps it: SQLITE_BUSY, and that of a snapshot.
const SQLITE_BUSY: [&str; 2] = ["5", "517"];

impl Failure {
    /// Whether something that we depend on does not answer for the moment: trying again may help.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_database_outage(source),
            Self::Sessions { source, .. } => matches!(source, tower_sessions::session::Error::Store(_)),
            Self::Data(_) | Self::Hash(_) | Self::Seal(_) => false,
        }
    }
}

fn is_database_outage(error: &DbErr) -> bool {
    let runtime = match error {
        DbErr::ConnectionAcquire(_) => return true,
        DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
        _ => return false,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return false };
    match &**error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed => true,
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            POSTGRES_OUTAGES.iter().any(|outage| code.len() == 5 && code.starts_with(outage))
                || SQLITE_BUSY.contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// Why a use case did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// It is not allowed, or not possible now.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// It broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(Refusal::of(problem))
    }
}

/// Says what was being done when the database failed.
pub trait Doing<T> {
    /// `doing` completes "could not …".
    fn doing(self, doing: &'static str) -> Result<T, Failure>;
}

impl<T> Doing<T> for Result<T, DbErr> {
    fn doing(self, doing: &'static str) -> Result<T, Failure> {
        self.map_err(|source| Failure::Database { doing, source })
    }
}

impl<T> Doing<T> for Result<T, tower_sessions::session::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Failure> {
        self.map_err(|source| Failure::Sessions { doing, source })
    }
}
