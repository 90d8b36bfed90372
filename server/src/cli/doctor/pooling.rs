//! The check of a connection pooler between the portal and PostgreSQL.

use super::Finding::{self, Fail, Pass};
use backend::infra::database::Database;

/// Checks that no pooler in between gives each statement another connection: prepared statements and locks must stay on one
/// connection.
pub(super) async fn check_pooling(db: &Database) -> Finding {
    let pool = db.pool().get_postgres_connection_pool();
    let Ok(mut one) = pool.acquire().await else {
        let text = "no connection is available. Fix: allow more connections to the database or the pooler";
        return Fail("connection pooling", text.to_owned());
    };
    let mut others = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let pid: Result<i32, _> =
            sea_orm::sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *one).await;
        match pid {
            Ok(pid) => seen.insert(pid),
            Err(error) => {
                let text =
                    format!("repeated statements fail ({error}). Fix: set your pooler to session mode");
                return Fail("connection pooling", text);
            }
        };
        others.push(pool.acquire().await);
    }
    if seen.len() == 1 {
        Pass("connection pooling", "session mode, or no pooler".to_owned())
    } else {
        let text = "a pooler uses another connection for each statement. Fix: set it to session mode";
        Fail("connection pooling", text.to_owned())
    }
}
