//! Tests of the indexes with which one account is deleted, however large the tables are.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::TestPortal;

/// The columns that refer to the account without a foreign key: the audit log keeps the ids of deleted accounts.
const STATEMENTS: [&str; 4] = [
    "UPDATE audit SET subject_name = NULL WHERE subject_id IN (7)",
    "UPDATE audit SET client_ip = NULL WHERE subject_id IN (7) AND actor_id IS NULL",
    "UPDATE audit SET actor_name = NULL, client_ip = NULL WHERE actor_id IN (7)",
    "DELETE FROM outbox WHERE user_id IN (7) AND NOT (state = 'pending' AND kind IN ('password_changed'))",
];

/// The foreign keys to `users` whose column is not the first one of an index.
const WITHOUT_INDEX: &str = "SELECT c.conrelid::regclass::text || '.' || a.attname AS name \
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
    WHERE c.contype = 'f' AND c.confrelid = 'users'::regclass AND NOT EXISTS \
    (SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)";

async fn texts(db: &impl ConnectionTrait, sql: &str, column: &str) -> Vec<String> {
    let rows =
        db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("the query works");
    rows.iter().map(|row| row.try_get("", column).expect("a text")).collect()
}

#[tokio::test]
async fn deleting_one_account_reads_no_whole_table() {
    let portal = TestPortal::start().await;
    if !portal.backend.db.is_postgres() {
        return;
    }
    let txn = portal.backend.db.begin_write(backend::infra::database::Lock::None).await.expect("begins");
    // The tables are empty, so PostgreSQL would read them as a whole, although they have indexes.
    txn.execute_unprepared("SET LOCAL enable_seqscan = off").await.expect("is set");
    for statement in STATEMENTS {
        let plan = texts(&*txn, &format!("EXPLAIN {statement}"), "QUERY PLAN").await.join("\n");
        assert!(plan.contains("Index") && !plan.contains("Seq Scan"), "{statement}:\n{plan}");
    }
    let missing = texts(&*txn, WITHOUT_INDEX, "name").await;
    assert_eq!(missing, [""; 0], "deleting an account would read these tables as a whole");
}
