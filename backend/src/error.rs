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

/// The prefixes of PostgreSQL's error codes for an outage: connection exceptions (08), a standby or read-only server (25006), a
/// transaction that the server rolled back because of others (40, for example a deadlock), too few resources (53, for example a
/// full disk or no memory), a lock that is not available (55P03), operator intervention (57), and system errors (58, for example of
/// the disk).
const POSTGRES_OUTAGES: [&str; 7] = ["08", "25006", "40", "53", "55P03", "57", "58"];
/// The primary error codes of SQLite for an outage: another process locks the database (SQLITE_BUSY, SQLITE_LOCKED,
/// SQLITE_PROTOCOL), there is too little memory (SQLITE_NOMEM), or the disk is full, fails or takes no writes (SQLITE_FULL,
/// SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY).
const SQLITE_OUTAGES: [i32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

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
        SqlxError::Database(error) => error.code().is_some_and(|code| is_outage_code(&code)),
        _ => false,
    }
}

/// Returns true for an error code of an outage. PostgreSQL's codes (SQLSTATE) have five characters. SQLite's are numbers whose last
/// eight bits are the primary code, and none has five digits.
fn is_outage_code(code: &str) -> bool {
    if code.len() == 5 {
        return POSTGRES_OUTAGES.iter().any(|outage| code.starts_with(outage));
    }
    code.parse::<i32>().is_ok_and(|code| SQLITE_OUTAGES.contains(&(code & 0xff)))
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

#[cfg(test)]
mod tests {
    use super::is_outage_code;

    #[test]
    fn outages_of_the_databases_are_recognised_by_their_codes() {
        // PostgreSQL: deadlock, serialization failure, full disk, no memory, too many connections, lock timeout, statement timeout,
        // shutdown, read-only, broken connection, disk error. SQLite: busy (also SQLITE_BUSY_SNAPSHOT), locked, no memory, full, disk
        // errors (also of writes and of shared memory), read-only, cannot open.
        for code in [
            "40P01", "40001", "53100", "53200", "53300", "55P03", "57014", "57P01", "25006", "08006",
            "58030", "5", "517", "6", "7", "13", "10", "778", "5386", "8", "1032", "14",
        ] {
            assert!(is_outage_code(code), "{code}");
        }
        // Unknown table, unique violation, syntax error. SQLite: error, constraint (also unique), corrupt, mismatch.
        for code in ["42P01", "23505", "42601", "XX000", "1", "19", "2067", "11", "20", "", "40"] {
            assert!(!is_outage_code(code), "{code}");
        }
    }
}
