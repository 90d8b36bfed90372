//! The database: connections and write transactions.
//!
//! # Guarantees
//!
//! - Everything that writes more than one row uses [`Database::begin_write`], and nothing inside such a transaction uses the
//!   pool.
//! - On SQLite a write transaction is IMMEDIATE, because a deferred one that reads before it writes fails immediately.
//! - On PostgreSQL a write transaction takes its advisory lock before anything is read.

use std::fmt::Display;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{Connection, Executor, SqliteConnection};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, SqlxError, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::error::{ErrorContext, InternalError};

/// The maximum number of connections of one process. SQLite has one writer, whatever the number.
const MAX_CONNECTIONS: u32 = 16;
/// The time that SQLite waits for another process's write, and the time that a request waits for a connection.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time in which a connection must answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes the server end a transaction that has been idle for longer than any request may take. Its connection may have been lost
/// silently, and all others would wait for its locks.
const SET_IDLE_TIMEOUT: &str = "SET idle_in_transaction_session_timeout = '10s'";

/// The number of attempts to connect to a locked SQLite file, which take five seconds together.
const CONNECT_ATTEMPTS: u32 = 100;
/// The time between two of these attempts.
const CONNECT_DELAY: Duration = Duration::from_millis(50);

/// Returns true if another process keeps the SQLite database locked, to judge by the text of an error.
pub fn is_locked(error: &impl Display) -> bool {
    error.to_string().contains("database is locked")
}

/// Returns true if a connection answers. Without a time limit, a request that gets a silently lost connection would wait for it
/// as long as TCP tries.
async fn is_responsive<C: Connection>(connection: &mut C) -> Result<bool, SqlxError> {
    match timeout(PING_TIMEOUT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Returns true if a connection is outside any transaction. If the disk was full, SQLite has rolled back by itself, the rollback
/// of the driver fails, and the driver takes every later transaction for a part of one that never commits. Such a connection is
/// closed.
async fn is_outside_transaction(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    // The ping completes a rollback that is still queued.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// A lock that write transactions of all instances exclude each other by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// No lock besides the changed rows.
    None,
    /// The lock for changes of the schema.
    Schema,
    /// The lock for anything that could remove the last administrator or create the first.
    Administrators,
    /// The lock for collecting notifications.
    Notifications,
    /// The lock for counting attempts to send an email.
    SendRate,
    /// The lock for counting saved reasons.
    SavedReasons,
}

impl Lock {
    /// Returns the number of the advisory lock. Its first half spells "VEST".
    fn key(self) -> Option<i64> {
        let number = match self {
            Self::None => return None,
            Self::Schema => 1,
            Self::Administrators => 2,
            Self::Notifications => 3,
            Self::SendRate => 4,
            Self::SavedReasons => 5,
        };
        Some((0x5645_5354_i64 << 32) | number)
    }
}

/// Returns the file of a SQLite database, with its name as the driver reads it, or `None` for any other database.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let name = url.strip_prefix("sqlite:")?;
    let (name, query) = name.split_once('?').unwrap_or((name, ""));
    if name.trim_start_matches('/') == ":memory:" || query.split('&').any(|pair| pair == "mode=memory") {
        return None;
    }
    let options: SqliteConnectOptions = url.parse().ok()?;
    let file = options.get_filename().to_owned();
    (!file.as_os_str().is_empty()).then_some(file)
}

/// Returns the files of a SQLite database that every user of the machine can read.
pub fn readable_by_others(file: &Path) -> Vec<PathBuf> {
    let has = |path: &Path, bits| std::fs::metadata(path).is_ok_and(|found| found.mode() & bits == bits);
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if !folder.ancestors().skip(1).all(|folder| has(folder, 0o001)) {
        return Vec::new();
    }
    let files = ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    files.into_iter().filter(|file| has(file, 0o004)).collect()
}

/// Creates a SQLite file that only its owner can read. SQLite copies its permissions to the log files next to it. An error is
/// ignored, because SQLite reports it when it opens the file.
fn create_private_file(url: &str) {
    let Some(path) = sqlite_file(url) else { return };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// A pool of connections.
#[derive(Clone, Debug)]
pub struct Database {
    pool: DatabaseConnection,
    /// Queues the writers of this process on SQLite in order, because SQLite itself lets them wait in no order.
    writer: Arc<Mutex<()>>,
}

/// A write transaction. It is rolled back unless [`WriteTransaction::commit`] is called.
#[derive(Debug)]
pub struct WriteTransaction {
    transaction: DatabaseTransaction,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Deref for WriteTransaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl WriteTransaction {
    /// Commits the transaction.
    pub async fn commit(self) -> Result<(), InternalError> {
        self.transaction.commit().await.context("commit a transaction")
    }
}

impl Database {
    /// Connects to `url` (`sqlite://…` or `postgres://…`). Only its owner can read a new SQLite file.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        create_private_file(url);
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(MAX_CONNECTIONS)
            .min_connections(1)
            .acquire_timeout(WAIT_TIMEOUT)
            .connect_timeout(WAIT_TIMEOUT)
            .sqlx_logging(false)
            .test_before_acquire(false)
            .map_sqlx_postgres_pool_opts(|pool| {
                pool.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SET_IDLE_TIMEOUT).await.map(drop) })
                })
                .before_acquire(|connection, _| Box::pin(is_responsive(connection)))
                .after_release(|connection, _| Box::pin(is_responsive(connection)))
            })
            .map_sqlx_sqlite_pool_opts(|pool| {
                pool.after_release(|connection, _| Box::pin(is_outside_transaction(connection)))
            })
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .create_if_missing(true)
                    .busy_timeout(WAIT_TIMEOUT)
                    .foreign_keys(true)
                    // Overwrites deleted data.
                    .pragma("secure_delete", "ON")
                    .pragma("journal_mode", "WAL")
            });
        // Switching a new SQLite file to WAL needs exclusive access, whatever the busy timeout. Other processes retry.
        let mut attempts = 1;
        let pool = loop {
            match sea_orm::Database::connect(options.clone()).await {
                Err(error) if attempts < CONNECT_ATTEMPTS && is_locked(&error) => {
                    attempts += 1;
                    tokio::time::sleep(CONNECT_DELAY).await;
                }
                connected => break connected?,
            }
        };
        Ok(Self { pool, writer: Arc::new(Mutex::new(())) })
    }

    /// Returns the pool, for reading.
    pub fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Returns true for PostgreSQL and false for SQLite.
    pub fn is_postgres(&self) -> bool {
        self.pool.get_database_backend() == DbBackend::Postgres
    }

    /// Begins a write transaction with `lock`.
    pub async fn begin_write(&self, lock: Lock) -> Result<WriteTransaction, InternalError> {
        let sqlite = !self.is_postgres();
        let writer = if sqlite { Some(Arc::clone(&self.writer).lock_owned().await) } else { None };
        let options = TransactionOptions {
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.pool.begin_with_options(options).await.context("begin a transaction")?;
        if let (false, Some(key)) = (sqlite, lock.key()) {
            let take = format!("SELECT pg_advisory_xact_lock({key})");
            transaction.execute_unprepared(&take).await.context("acquire a lock")?;
        }
        Ok(WriteTransaction { transaction, _writer: writer })
    }

    /// Writes SQLite's write-ahead log to the database and empties it, because it may hold deleted data. Does nothing on
    /// PostgreSQL, or while another connection reads.
    pub async fn checkpoint(&self) -> Result<(), InternalError> {
        if self.is_postgres() {
            return Ok(());
        }
        let _writer = self.writer.lock().await;
        self.pool
            .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
            .await
            .context("empty the write-ahead log")?;
        Ok(())
    }

    /// Checks that the database answers.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.pool.ping().await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_of_a_sqlite_url_is_the_one_that_the_driver_opens() {
        for (url, file) in [
            ("sqlite://data/vestibule.db", Some("data/vestibule.db")),
            ("sqlite:data/vestibule.db", Some("data/vestibule.db")),
            ("sqlite:///srv/portal.db?mode=rwc", Some("/srv/portal.db")),
            ("sqlite:/srv/portal.db", Some("/srv/portal.db")),
            ("sqlite:///srv/our%20portal.db", Some("/srv/our portal.db")),
            ("sqlite:///srv/50%25%3F.db", Some("/srv/50%?.db")),
            ("sqlite::memory:", None),
            ("sqlite://:memory:", None),
            ("sqlite://?mode=memory", None),
            ("sqlite://", None),
            ("postgres://localhost/portal", None),
        ] {
            assert_eq!(sqlite_file(url).as_deref(), file.map(Path::new), "{url}");
        }
    }

    #[tokio::test]
    async fn only_its_owner_can_read_a_new_database_however_its_url_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        for (url, name) in [
            (format!("sqlite://{at}/one.db"), "one.db"),
            (format!("sqlite:{at}/two.db"), "two.db"),
            (format!("sqlite:{at}/three%20words.db?mode=rwc"), "three words.db"),
        ] {
            let db = Database::connect(&url).await.expect("connects");
            db.pool().execute_unprepared("CREATE TABLE t (id INTEGER)").await.expect("is written");
            let files = std::fs::read_dir(folder.path()).expect("reads").flatten();
            let files: Vec<_> =
                files.filter(|file| file.file_name().to_string_lossy().starts_with(name)).collect();
            assert!(files.len() > 1, "{url}: the database and its write-ahead log, {files:?}");
            for file in files {
                let mode = file.metadata().expect("is there").mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", file.path().display());
            }
        }
        let mut names =
            std::fs::read_dir(folder.path()).expect("reads").flatten().map(|file| file.file_name());
        assert!(names.all(|name| !name.to_string_lossy().contains('%')), "no file has another name");
    }

    #[test]
    fn a_database_file_that_every_user_can_read_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("portal.db");
        let set_mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("is set");
        };
        std::fs::write(&file, "").expect("is written");
        set_mode(&file, 0o644);
        set_mode(folder.path(), 0o700);
        assert_eq!(readable_by_others(&file), [""; 0].map(PathBuf::from), "the folder is private");
        set_mode(folder.path(), 0o755);
        assert_eq!(readable_by_others(&file), std::slice::from_ref(&file));
        set_mode(&file, 0o640);
        assert!(readable_by_others(&file).is_empty(), "a group may read it for backups");
    }
}
