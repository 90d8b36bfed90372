//! The errors of use cases.
//!
//! # Guarantees
//!
//! - [`UseCaseError::Rejected`] has only error codes that users may read.
//! - [`InternalError`] names the failed operation and the cause, for the log only.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use domain::errors::{ErrorCode, FormErrors};

/// An error of the portal or of something that it depends on.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// An error of the database.
    #[error("could not {context}: {source}")]
    Database {
        /// The failed operation, which completes "could not …".
        context: &'static str,
        /// The cause.
        source: DbErr,
    },
    /// An error of the session store.
    #[error("could not {context}: {source}")]
    Sessions {
        /// The failed operation, which completes "could not …".
        context: &'static str,
        /// The cause.
        source: tower_sessions::session::Error,
    },
    /// Data in the database that the portal did not write.
    #[error("unexpected data: {0}")]
    Data(&'static str),
    /// Hashing failed.
    #[error("could not hash a password: {0}")]
    Hash(String),
    /// Sealing or opening failed.
    #[error("could not {0}: wrong key or damaged data")]
    Seal(&'static str),
}

/// The prefixes of PostgreSQL's error codes for an outage: connection exceptions (08), too many connections (53300), operator
/// intervention (57P), and a standby or read-only server (25006).
const POSTGRES_OUTAGES: [&str; 4] = ["08", "53300", "57P", "25006"];
/// The error codes of SQLite while another process locks it: SQLITE_BUSY and SQLITE_BUSY_SNAPSHOT.
const SQLITE_BUSY: [&str; 2] = ["5", "517"];

impl InternalError {
    /// Returns true if a dependency is temporarily unavailable, so that another attempt may succeed.
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

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// The action is not allowed, or not possible now.
    #[error("refused: {0:?}")]
    Rejected(FormErrors),
    /// The portal failed.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl From<FormErrors> for UseCaseError {
    fn from(errors: FormErrors) -> Self {
        Self::Rejected(errors)
    }
}

impl From<ErrorCode> for UseCaseError {
    fn from(code: ErrorCode) -> Self {
        Self::Rejected(FormErrors::of(code))
    }
}

/// Adds the failed operation to an error.
pub trait ErrorContext<T> {
    /// Converts the error to an [`InternalError`] with `context`, which completes "could not …".
    fn context(self, context: &'static str) -> Result<T, InternalError>;
}

impl<T> ErrorContext<T> for Result<T, DbErr> {
    fn context(self, context: &'static str) -> Result<T, InternalError> {
        self.map_err(|source| InternalError::Database { context, source })
    }
}

impl<T> ErrorContext<T> for Result<T, tower_sessions::session::Error> {
    fn context(self, context: &'static str) -> Result<T, InternalError> {
        self.map_err(|source| InternalError::Sessions { context, source })
    }
}
