//! Startup: from the settings to a backend that can serve requests.
//!
//! # Guarantees
//!
//! - The database is migrated before the portal serves, by one process at a time, however many start at the same time.
//! - The error for a dependency that cannot be reached is one line that names it and says what to do.

use std::collections::HashSet;
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::{Config, ConfigError, create_database_folder};
use crate::redis;
use backend::accounts::blocked_identities::BlockedIdentities;
use backend::auth::password::hasher::Hasher;
use backend::auth::rate_limit::RateLimiter;
use backend::error::InternalError;
use backend::infra::clock::Clock;
use backend::infra::database::{Database, Lock, is_locked};
use backend::infra::encryption::Keys;
use backend::infra::redis_keys::RedisKeys;
use backend::microsoft::provider::{Provider, ProviderSettings};
use backend::sessions::store::SessionRecords;
use backend::{Backend, Parts};
use migration::{IntoSchemaManagerConnection, Migrator, MigratorTrait, applied_migrations};

/// Connects to the database, migrates it, and creates the backend.
pub async fn backend(config: &Config) -> Result<Backend, ConfigError> {
    let clock = Clock::System;
    let db = database(config).await?;
    migrate(&db).await?;
    let keys = Keys::new(&config.secret_key, config.secret_key_previous.as_ref());
    let blocked_identities = blocked_identities(&db, &keys, &clock).await?;
    let (sessions, rate_limiter) = match &config.redis_url {
        Some(url) => {
            let names = redis_keys(&db).await?;
            let pool = redis::connect(url.expose_secret()).await?;
            let sessions = SessionRecords::redis(pool.clone(), &names);
            let rate_limiter = RateLimiter::shared(pool.clone(), &names);
            redis::require_permissions(&sessions, &rate_limiter, &names, clock.now()).await?;
            redis::keep_connected(&pool, &names);
            (sessions, rate_limiter)
        }
        None => (SessionRecords::Sql(db.clone(), clock.clone()), RateLimiter::default()),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let hasher = Hasher::start(threads)
        .map_err(|e| ConfigError(format!("The threads that hash passwords could not be started ({e}).")))?;
    Ok(Backend::new(Parts {
        db,
        settings: Arc::new(config.settings.clone()),
        clock,
        hasher,
        keys: Arc::new(keys),
        rate_limiter: Arc::new(rate_limiter),
        counters: Arc::default(),
        blocked_identities: Arc::new(blocked_identities),
        sessions,
        microsoft: microsoft(config)?,
        email_wakeup: Arc::default(),
        tasks: Arc::default(),
    }))
}

/// Creates the client for Microsoft. It sends no request here: the portal starts even if Microsoft does not answer.
pub fn microsoft(config: &Config) -> Result<Option<Provider>, ConfigError> {
    let Some(microsoft) = &config.settings.microsoft else { return Ok(None) };
    let mut redirect_uri = config.settings.public_url.clone();
    redirect_uri.set_path(&microsoft.redirect_path);
    let provider = Provider::new(ProviderSettings {
        client_id: microsoft.client_id.clone(),
        client_secret: microsoft.client_secret.clone(),
        authority: microsoft.authority.clone(),
        scope: microsoft.scope.clone(),
        endpoint: microsoft.endpoint.clone(),
        redirect_uri,
        tenants: microsoft.tenants.clone(),
        home_tenant: microsoft.home_tenant(),
    });
    provider.map(Some).map_err(|why| ConfigError(format!("Microsoft: {why}.")))
}

/// Connects to the database.
pub async fn database(config: &Config) -> Result<Database, ConfigError> {
    let url = config.database_url.expose_secret();
    create_database_folder(url)?;
    Database::connect(url).await.map_err(|e| {
        let cause = e.to_string().replace(url, "…");
        let fix = if url.starts_with("sqlite:") {
            format!("{}, or correct DATABASE_URL", sqlite_fix(&e))
        } else {
            "start the database or correct DATABASE_URL".to_owned()
        };
        ConfigError(format!("DATABASE_URL: cannot connect to the database ({cause}). Fix: {fix}."))
    })
}

/// Returns what to do if the SQLite database cannot be opened or written.
pub fn sqlite_fix(error: &impl std::fmt::Display) -> &'static str {
    let text = error.to_string();
    if is_locked(error) {
        "end the other program that keeps the database open for writing"
    } else if text.contains("disk is full") {
        "free space on the disk"
    } else if text.contains("readonly") || text.contains("unable to open") {
        "make the portal's user the owner of the file, its folder and the files next to it"
    } else {
        "if the file is damaged, restore a backup"
    }
}

/// Migrates the database, one process at a time.
pub async fn migrate(db: &Database) -> Result<(), ConfigError> {
    let fail = |e: &dyn std::fmt::Display| {
        ConfigError(format!("DATABASE_URL: the database could not be migrated ({e}). Nothing has changed."))
    };
    let txn = db.begin_write(Lock::Schema).await.map_err(|e| fail(&e))?;
    pending_migrations(&*txn).await?;
    Migrator::up(&*txn, None).await.map_err(|e| fail(&e))?;
    txn.commit().await.map_err(|e| fail(&e))
}

/// Returns the number of migrations that the database does not have yet. Changes nothing. Refuses a database with migrations that
/// this version does not know: those of a later version, or of a development version from before the first release.
pub async fn pending_migrations<'c>(db: impl IntoSchemaManagerConnection<'c>) -> Result<usize, ConfigError> {
    let applied: HashSet<String> = applied_migrations(db)
        .await
        .map_err(|e| {
            ConfigError(format!("DATABASE_URL: the list of applied migrations could not be read ({e})."))
        })?
        .into_iter()
        .collect();
    let known: HashSet<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    match applied.difference(&known).min() {
        Some(unknown) => Err(ConfigError(format!(
            "DATABASE_URL: this version of Vestibule does not know migration {unknown} of the database. Fix: start the version \
             that applied it, restore a backup from before that version, or set DATABASE_URL to an empty database."
        ))),
        None => Ok(known.difference(&applied).count()),
    }
}

/// Returns the names of the portal's keys in Redis, which contain the id of the database.
pub async fn redis_keys(db: &Database) -> Result<RedisKeys, ConfigError> {
    RedisKeys::of_database(db)
        .await
        .map_err(|failure| ConfigError(format!("DATABASE_URL: the database cannot be used ({failure}).")))
}

/// Loads the blocked identities. The first start creates the key of their hashes, sealed with SECRET_KEY.
async fn blocked_identities(
    db: &Database,
    keys: &Keys,
    clock: &Clock,
) -> Result<BlockedIdentities, ConfigError> {
    BlockedIdentities::load(db, keys, clock.now()).await.map_err(blocked_identities_error)
}

/// Checks that the database was sealed with SECRET_KEY.
pub async fn check_key(config: &Config, db: &Database) -> Result<(), ConfigError> {
    let keys = Keys::new(&config.secret_key, config.secret_key_previous.as_ref());
    BlockedIdentities::check(db, &keys).await.map_err(blocked_identities_error)
}

/// Returns the error for blocked identities that could not be loaded or checked.
fn blocked_identities_error(failure: InternalError) -> ConfigError {
    match failure {
        InternalError::Seal(_) => ConfigError(
            "SECRET_KEY: the database was encrypted with a different key. Fix: set that key as SECRET_KEY_PREVIOUS and start \
             again. If it is lost, see \"If the old key is lost\" in docs/operate/rotate-keys.md."
                .to_owned(),
        ),
        failure => ConfigError(format!("DATABASE_URL: the database cannot be used ({failure}).")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_sqlite_gets_the_advice_for_its_cause() {
        for (error, fix) in [
            ("(code: 5) database is locked", "end the other program"),
            ("(code: 13) database or disk is full", "free space"),
            ("(code: 8) attempt to write a readonly database", "owner"),
            ("(code: 14) unable to open database file", "owner"),
            ("(code: 11) database disk image is malformed", "restore a backup"),
            ("(code: 26) file is not a database", "restore a backup"),
        ] {
            assert!(sqlite_fix(&error).contains(fix), "{error}: {}", sqlite_fix(&error));
        }
    }
}
