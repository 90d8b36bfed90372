//! Outages that a database reports by a code: they are answered with 503 and Retry-After, and work in the background is tried again.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::ConnectionTrait;

use crate::support::{PASSWORD, Response, TestPortal, stack};
use backend::email::worker;
use backend::error::ErrorContext;
use backend::infra::database::Lock;

/// Codes of PostgreSQL: a deadlock, a serialization failure, a full disk, no memory, and a statement that was cancelled.
const OUTAGES: [&str; 5] = ["40P01", "40001", "53100", "53200", "57014"];

/// Makes every new row of a table fail in PostgreSQL with this code.
async fn fail_inserts(portal: &TestPortal, table: &str, code: &str) {
    let statements = format!(
        "CREATE OR REPLACE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{code}'; END $$;
         CREATE OR REPLACE TRIGGER fail_insert BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail_insert()"
    );
    portal.backend.db.pool().execute_unprepared(&statements).await.expect("is executed");
}

#[track_caller]
fn assert_outage(response: &Response, what: &str) {
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
    assert_eq!(response.headers["retry-after"], "5", "{what}");
    response.assert_contains("The portal is not available right now");
    response.assert_not_contains("on purpose");
}

#[tokio::test]
async fn an_action_that_a_deadlock_or_a_full_disk_stops_is_answered_with_503() {
    if !stack::is_postgres() {
        return;
    }
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    for code in OUTAGES {
        for table in ["users", "user_sessions"] {
            fail_inserts(&portal, table, code).await;
        }
        let visitor = portal.browser();
        let registered = visitor.register("ada", "ada@example.org", PASSWORD).await;
        assert_outage(&registered, &format!("registration, {code}"));
        assert_outage(&visitor.sign_in("grace", PASSWORD).await, &format!("sign-in, {code}"));
    }
    let syntax = "42601";
    fail_inserts(&portal, "users", syntax).await;
    let fault = portal.browser().register("ada", "ada@example.org", PASSWORD).await;
    assert_eq!(fault.status, StatusCode::FOUND, "a fault leads to the form with a reference");
}

#[tokio::test]
async fn a_page_and_a_download_that_a_full_disk_stops_are_answered_with_503() {
    if !stack::is_postgres() {
        return;
    }
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    // Sorting a large table, for example, needs space on the disk.
    let statements = "ALTER TABLE audit RENAME TO audit_rows;
         CREATE FUNCTION fail_select() RETURNS boolean LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '53100'; END $$;
         CREATE VIEW audit AS SELECT * FROM audit_rows WHERE fail_select()";
    portal.backend.db.pool().execute_unprepared(statements).await.expect("is executed");
    for path in ["/profile", "/profile/data.json"] {
        assert_outage(&browser.get(path).await, path);
    }
}

#[tokio::test]
async fn an_email_that_a_deadlock_delays_has_all_its_attempts_left() {
    if !stack::is_postgres() {
        return;
    }
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    fail_inserts(&portal, "outbox", "40P01").await;
    // More often than a job that fails is attempted.
    for _ in 0..10 {
        while worker::write(&portal.backend).await.expect("the job is put off").is_zero() {}
        portal.advance_time(Duration::from_mins(2));
    }
    let jobs = portal.email_jobs().await;
    assert!(jobs.iter().all(|job| job.attempts == 0 && job.failed_at.is_none()), "{jobs:?}");
    let drop = "DROP TRIGGER fail_insert ON outbox";
    portal.backend.db.pool().execute_unprepared(drop).await.expect("is executed");
    assert_eq!(portal.email_to("ada").await.subject, "Confirm your email address for Vestibule");
}

#[tokio::test]
async fn a_full_disk_under_sqlite_is_an_outage() {
    if stack::is_postgres() {
        return;
    }
    let portal = TestPortal::start().await;
    let txn = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    // SQLite answers as on a full disk when the file would need more pages than this.
    txn.execute_unprepared("PRAGMA max_page_count = 1").await.expect("is set");
    let fill = "UPDATE portal_keys SET sealed = hex(zeroblob(1000000))";
    let error = txn.execute_unprepared(fill).await.context("fill the disk").expect_err("the disk is full");
    assert!(error.is_outage(), "{error}");
}

#[tokio::test]
async fn pages_are_served_while_the_record_of_an_ended_session_cannot_be_deleted() {
    if stack::is_postgres() {
        return; // The records are in Redis.
    }
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let db = portal.backend.db.pool();
    for statement in [
        "CREATE TRIGGER refuse_delete BEFORE DELETE ON session_records BEGIN SELECT RAISE(ABORT, 'read-only'); END",
        "CREATE TRIGGER refuse_update BEFORE UPDATE ON session_records BEGIN SELECT RAISE(ABORT, 'read-only'); END",
    ] {
        db.execute_unprepared(statement).await.expect("creates the trigger");
    }
    assert_eq!(browser.copy().post("/do/sign_out", &[]).await.location(), Some("/"));
    for page in ["/", "/login", "/register"] {
        assert_eq!(browser.get(page).await.status, StatusCode::OK, "{page}");
    }
}
