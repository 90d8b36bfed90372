//! The database: connecting, and the one way to write.
//!
//! Guarantees: everything that writes more than one row goes through [`Database::begin_write`], which is IMMEDIATE on
//! SQLite (read-then-write in a deferred transaction fails at once there) and takes the named advisory lock on
//! PostgreSQL before anything is read. Inside such a transaction nothing else touches the pool.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::SqlxError;
use sea_orm::sqlx::{Connection, Executor, SqliteConnection};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::error::{Doing, Failure};

/// Most connections of one process. SQLite has one writer whatever the number.
const POOL: u32 = 16;
/// How long SQLite waits for another process's write, and how long anybody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may take to show that it is alive.
const PING: Duration = Duration::from_secs(1);

/// Ends a transaction on the server in which nothing has happened for as long as any request of ours may take. Its connection
/// may be gone without a word, and all others would wait for its locks.
const END_ABANDONED: &str = "SET idle_in_transaction_session_timeout = '10s'";

/// How often, and how far apart, connecting to a locked SQLite file is tried: five seconds in all.
const CONNECT_TRIES: u32 = 100;
const CONNECT_WAIT: Duration = Duration::from_millis(50);

/// Whether a connection still answers. Without a bound, one whose other end is gone without a word would be waited for
/// for as long as TCP tries, and with it everybody who is given it.
async fn answers<C: Connection>(connection: &mut C) -> Result<bool, SqlxError> {
    match timeout(PING, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Whether a connection is outside any transaction. Where the disk was full, SQLite has rolled back by itself, the driver's
/// own rollback fails, and it takes every later transaction for a part of one that never commits: such a connection goes.
async fn is_outside_transaction(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    // What was left to be rolled back is done by now.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// What a writing transaction keeps others from, across all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nothing but the rows that it changes.
    None,
    /// Changing the schema.
    Schema,
    /// Anything that could end the last administrator, or begin the first.
    Administrators,
    /// Gathering notices.
    Notices,
}

impl Lock {
    /// The number of the advisory lock; the first half spells "VEST".
    fn key(self) -> Option<i64> {
        let number = match self {
            Self::None => return None,
            Self::Schema => 1,
            Self::Administrators => 2,
            Self::Notices => 3,
        };
        Some((0x5645_5354_i64 << 32) | number)
    }
}

/// Makes a SQLite file before SQLite does, since its permissions go on to the log files beside it. What goes wrong here
/// goes wrong again, in words, when SQLite opens the file.
fn make_private(url: &str) {
    let Some(path) = url.strip_prefix("sqlite://") else { return };
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path.starts_with(':') {
        return;
    }
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
    /// Orders this process's writers on SQLite fairly; waiting inside SQLite is a lottery.
    writer: Arc<Mutex<()>>,
}

/// A transaction that writes. Dropped without [`WriteTransaction::commit`], it leaves no trace.
#[derive(Debug)]
pub struct WriteTransaction {
    transaction: DatabaseTransaction,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Deref for WriteTransaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

impl WriteTransaction {
    /// Makes everything since the beginning last.
    pub async fn commit(self) -> Result<(), Failure> {
        self.transaction.commit().await.doing("commit")
    }
}

impl Database {
    /// Connects to `url` (`sqlite://…` or `postgres://…`). A new SQLite file is readable by its owner alone.
    pub async fn connect(url: &str) -> Result<Self, DbErr> {
        make_private(url);
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(POOL)
            .min_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_timeout(PATIENCE)
            .sqlx_logging(false)
            .test_before_acquire(false)
            .map_sqlx_postgres_pool_opts(|pool| {
                pool.after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(END_ABANDONED).await.map(drop) })
                })
                .before_acquire(|connection, _| Box::pin(answers(connection)))
                .after_release(|connection, _| Box::pin(answers(connection)))
            })
            .map_sqlx_sqlite_pool_opts(|pool| {
                pool.after_release(|connection, _| Box::pin(is_outside_transaction(connection)))
            })
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .create_if_missing(true)
                    .busy_timeout(PATIENCE)
                    .foreign_keys(true)
                    // Overwrites deleted data.
                    .pragma("secure_delete", "ON")
                    .pragma("journal_mode", "WAL")
            });
        // Turning a new SQLite file to WAL needs it alone for a moment, whatever the busy time-out: others wait and retry.
        let mut tries = 1;
        let pool = loop {
            match sea_orm::Database::connect(options.clone()).await {
                Err(error) if tries < CONNECT_TRIES && error.to_string().contains("database is locked") => {
                    tries += 1;
                    tokio::time::sleep(CONNECT_WAIT).await;
                }
                connected => break connected?,
            }
        };
        Ok(Self { pool, writer: Arc::new(Mutex::new(())) })
    }

    /// The pool, for reading.
    pub fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// Whether it is PostgreSQL and not SQLite.
    pub fn is_postgres(&self) -> bool {
        self.pool.get_database_backend() == DbBackend::Postgres
    }

    /// Begins to write under `lock`.
    pub async fn begin_write(&self, lock: Lock) -> Result<WriteTransaction, Failure> {
        let sqlite = !self.is_postgres();
        let turn = if sqlite { Some(Arc::clone(&self.writer).lock_owned().await) } else { None };
        let options = TransactionOptions {
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.pool.begin_with_options(options).await.doing("begin a transaction")?;
        if let (false, Some(key)) = (sqlite, lock.key()) {
            let take = format!("SELECT pg_advisory_xact_lock({key})");
            transaction.execute_unprepared(&take).await.doing("take a lock")?;
        }
        Ok(WriteTransaction { transaction, _turn: turn })
    }

    /// Writes SQLite's write-ahead log into the database and empties it, because it may hold deleted data. Does nothing on
    /// PostgreSQL, and leaves the log as it is while another connection reads.
    pub async fn checkpoint(&self) -> Result<(), Failure> {
        if self.is_postgres() {
            return Ok(());
        }
        let _turn = self.writer.lock().await;
        self.pool.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.doing("empty the log")?;
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.pool.ping().await
    }
}
