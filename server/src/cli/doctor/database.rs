//! Checks of the database: its migrations, its key, its clock and emails that are waiting.

use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::ExposeSecret;

use super::Finding::{self, Fail, Pass, Warn};
use super::describe;
use super::pooling::check_pooling;
use crate::config::Config;
use crate::startup;
use backend::admin::failed_emails::{count_failed_emails, read_delayed_emails};
use backend::error::{ErrorContext, InternalError};
use backend::infra::clock::Clock;
use backend::infra::database::{Database, Lock, readable_by_others, sqlite_file};
use domain::time::utc_text;

/// The maximum difference between our clock and the database's, in seconds. ID tokens of Microsoft allow the same.
const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;

/// Checks the database. Returns it if it has every migration.
pub(super) async fn check_database(config: &Config, findings: &mut Vec<Finding>) -> Option<Database> {
    let file = sqlite_file(config.database_url.expose_secret());
    if let Some(missing) = file.as_ref().filter(|file| !file.exists()) {
        let missing = std::path::absolute(missing).unwrap_or_else(|_| missing.clone());
        let fix = "run this command in the portal's working directory, or start the portal, which creates the database";
        findings.push(Fail("database", format!("{} does not exist. Fix: {fix}", missing.display())));
        return None;
    }
    let db = match startup::database(config).await {
        Ok(db) => db,
        Err(error) => {
            findings.push(Fail("database", describe(error)));
            return None;
        }
    };
    findings.extend(file.as_deref().and_then(check_file_mode));
    let mut is_current = false;
    match startup::pending_migrations(db.pool()).await {
        Ok(0) => {
            is_current = true;
            findings.push(match check_writable(&db).await {
                Ok(()) => Pass("database", "connected, writable and up to date".to_owned()),
                Err(error) => {
                    let fix = if db.is_postgres() {
                        "connect to a primary server"
                    } else {
                        startup::sqlite_fix(&error)
                    };
                    Fail("database", format!("not writable ({error}). Fix: {fix}"))
                }
            });
            if let Err(error) = startup::check_key(config, &db).await {
                let text = describe(error);
                findings.push(Fail("SECRET_KEY", text.trim_start_matches("SECRET_KEY: ").to_owned()));
            }
        }
        Ok(count) => {
            let noun = if count == 1 { "migration" } else { "migrations" };
            let fix = "restart the portal or run vestibule migrate";
            findings.push(Warn("database", format!("{count} pending {noun}. Fix: {fix}")));
        }
        Err(error) => findings.push(Fail("database", describe(error))),
    }
    findings.extend(check_delayed_emails(&db).await);
    findings.extend(check_failed_emails(&db).await);
    if db.is_postgres() {
        findings.push(check_clock(&db).await);
        findings.push(check_pooling(&db).await);
    }
    is_current.then_some(db)
}

/// Returns a failure if other users of the machine can read a file of the SQLite database: the file itself, its write-ahead log or
/// its shared memory.
fn check_file_mode(file: &Path) -> Option<Finding> {
    let readable = readable_by_others(file);
    let first = readable.first()?.display();
    let files = readable.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ");
    let text = format!("other users of this machine can read {first}. Fix: run chmod o-rwx {files}");
    Some(Fail("database file", text))
}

/// Returns a warning if emails are delayed. If the database cannot be read, other lines say so.
async fn check_delayed_emails(db: &Database) -> Option<Finding> {
    let delayed = read_delayed_emails(db.pool()).await.ok()??;
    let (since, reason) = (utc_text(delayed.since), delayed.reason);
    let count = match delayed.count {
        1 => "1 email".to_owned(),
        count => format!("{count} emails"),
    };
    let what = format!(
        "{count} could not be sent yet. The oldest was written on {since}, last error: {reason}. Vestibule tries again \
         automatically. Fix: correct the cause, then select \"Send all emails again\" at /admin/mail"
    );
    Some(Warn("delayed emails", what))
}

/// Returns a warning if emails have failed. If the database cannot be read, other lines say so.
async fn check_failed_emails(db: &Database) -> Option<Finding> {
    let count = count_failed_emails(db.pool()).await.ok().filter(|count| *count > 0)?;
    let emails = if count == 1 { "1 email".to_owned() } else { format!("{count} emails") };
    let fix = "correct the cause that /admin/mail shows, then send the emails again or dismiss them there";
    let what = format!("{emails} could not be sent, and Vestibule no longer tries. Fix: {fix}");
    Some(Warn("failed emails", what))
}

/// Checks that rows can be changed, without changing any.
async fn check_writable(db: &Database) -> Result<(), InternalError> {
    let txn = db.begin_write(Lock::None).await?;
    txn.execute_unprepared("UPDATE users SET credential_version = credential_version WHERE id = 0")
        .await
        .context("write")?;
    // Without a commit the transaction is rolled back.
    drop(txn);
    Ok(())
}

/// Runs a query that returns one number.
async fn query_number(db: &impl ConnectionTrait, query: &str) -> Option<i64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await.ok()??;
    row.try_get_by_index::<i64>(0).ok()
}

async fn check_clock(db: &Database) -> Finding {
    let theirs = query_number(db.pool(), "SELECT extract(epoch FROM clock_timestamp())::bigint").await;
    let ours = Clock::System.now().seconds();
    match theirs {
        Some(theirs) if (theirs - ours).abs() <= MAX_CLOCK_DIFFERENCE_SECONDS => {
            Pass("clock", "in sync with the database server".to_owned())
        }
        Some(theirs) => {
            let difference = (theirs - ours).abs();
            let text =
                format!("{difference} seconds from the database server's. Fix: synchronise both with NTP");
            Fail("clock", text)
        }
        None => Fail(
            "clock",
            "cannot read the database server's clock. Fix: check the connection to the database".to_owned(),
        ),
    }
}
