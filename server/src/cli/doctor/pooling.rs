//! The check of a connection pooler between the portal and PostgreSQL.
//!
//! # Guarantees
//!
//! - The result does not depend on the statement cache that DATABASE_URL sets.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{Connection, Executor, PgConnection, query_scalar};
use tokio::time::timeout;

use super::Finding::{self, Fail, Pass};
use backend::infra::database::Database;

/// The subject of the finding.
const SUBJECT: &str = "connection pooling";
/// The number of transactions that are open at the same time. A pooler in transaction mode gives each its own connection to
/// PostgreSQL.
const TRANSACTIONS: usize = 4;
/// The time limit for a connection or a statement.
const LIMIT: Duration = Duration::from_secs(3);

/// Checks that a pooler in between keeps prepared statements working. In transaction mode, a statement may run on another
/// connection than the one on which it was prepared.
pub(super) async fn check_pooling(db: &Database) -> Finding {
    let options = db.pool().get_postgres_connection_pool().connect_options();
    // Without the cache no statement would be used twice, so the check would find nothing.
    let options = (*options).clone().statement_cache_capacity(1);
    let Some(mut first) = connect(&options).await else { return no_connection() };
    let mut process = match process_id(&mut first).await {
        Some(Ok(process)) => process,
        Some(Err(error)) => return fails(&error),
        None => return no_connection(),
    };
    let (mut others, mut moves) = (Vec::new(), false);
    for _ in 0..TRANSACTIONS {
        // In transaction mode, this transaction gets the connection that the statement has just used.
        let Some(other) = begin(&options).await else { break };
        others.push(other);
        match process_id(&mut first).await {
            Some(Ok(now)) => moves |= std::mem::replace(&mut process, now) != now,
            Some(Err(error)) => return fails(&error),
            None => return no_connection(),
        }
    }
    if others.is_empty() {
        no_connection()
    } else if moves {
        Pass(SUBJECT, "transaction mode with support for prepared statements".to_owned())
    } else {
        Pass(SUBJECT, "session mode, or no pooler".to_owned())
    }
}

async fn connect(options: &PgConnectOptions) -> Option<PgConnection> {
    timeout(LIMIT, PgConnection::connect_with(options)).await.ok()?.ok()
}

/// Opens a connection that begins a transaction and stays in it.
async fn begin(options: &PgConnectOptions) -> Option<PgConnection> {
    let mut connection = connect(options).await?;
    timeout(LIMIT, connection.execute("BEGIN")).await.ok()?.ok()?;
    Some(connection)
}

/// Returns the id of the server process that executes a prepared statement, or `None` if there is no answer in time.
async fn process_id(connection: &mut PgConnection) -> Option<Result<i32, sea_orm::sqlx::Error>> {
    timeout(LIMIT, query_scalar("SELECT pg_backend_pid()").fetch_one(connection)).await.ok()
}

fn fails(error: &sea_orm::sqlx::Error) -> Finding {
    let fix = "set your pooler to session mode, or turn on its support for prepared statements (PgBouncer 1.21 or newer)";
    Fail(SUBJECT, format!("transaction mode, and repeated statements fail ({error}). Fix: {fix}"))
}

fn no_connection() -> Finding {
    let text = "no connection is available. Fix: allow more connections to the database or the pooler";
    Fail(SUBJECT, text.to_owned())
}
