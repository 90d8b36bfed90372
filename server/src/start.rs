//! Starting: from settings to a portal that can serve.
//!
//! Guarantees: the database is migrated before anything is served, by one process at a time however many start at
//! once; a dependency that cannot be reached is named in one line with what to do.

use std::sync::Arc;

use app::backend::clock::Clock;
use app::backend::database::{Database, Lock};
use app::backend::error::Failure;
use app::backend::keys::Keys;
use app::backend::limits::Limits;
use app::backend::microsoft::provider::{Provider, ProviderSettings};
use app::backend::password_hash::Hasher;
use app::backend::session_store::SessionRecords;
use app::backend::shut_out::ShutOuts;
use app::backend::{Backend, Parts};
use migration::{Migrator, MigratorTrait};
use secrecy::ExposeSecret;

use crate::config::{Config, ConfigError};
use crate::redis;

/// Connects and migrates, and makes the backend.
pub async fn backend(config: &Config) -> Result<Backend, ConfigError> {
    let clock = Clock::System;
    let db = database(config).await?;
    migrate(&db).await?;
    let keys = Keys::new(&config.secret_key, config.secret_key_previous.as_ref());
    let shut_outs = shut_outs(&db, &keys, &clock).await?;
    let (sessions, limits) = match &config.redis_url {
        Some(url) => {
            let pool = redis::connect(url.expose_secret()).await?;
            redis::keep_connected(&pool);
            (SessionRecords::redis(pool.clone()), redis::limits(pool))
        }
        None => (SessionRecords::Sql(db.clone(), clock.clone()), Limits::default()),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let hasher = Hasher::start(threads)
        .map_err(|e| ConfigError(format!("The hash threads could not be started ({e}).")))?;
    Ok(Backend::new(Parts {
        db,
        settings: Arc::new(config.settings.clone()),
        clock,
        hasher,
        keys: Arc::new(keys),
        limits: Arc::new(limits),
        counts: Arc::default(),
        shut_outs: Arc::new(shut_outs),
        sessions,
        microsoft: microsoft(config)?,
        mail_bell: Arc::default(),
        tasks: Arc::default(),
    }))
}

/// The way to Microsoft. Nothing is asked of it here: the portal starts while it is away.
pub fn microsoft(config: &Config) -> Result<Option<Provider>, ConfigError> {
    let Some(microsoft) = &config.settings.microsoft else { return Ok(None) };
    let mut redirect = config.settings.public_url.clone();
    redirect.set_path(&microsoft.redirect_path);
    let provider = Provider::new(ProviderSettings {
        client_id: microsoft.client_id.clone(),
        client_secret: microsoft.client_secret.clone(),
        authority: microsoft.authority.clone(),
        scope: microsoft.scope.clone(),
        endpoint: microsoft.endpoint.clone(),
        redirect,
        tenants: microsoft.tenants.clone(),
        home: microsoft.home(),
    });
    provider.map(Some).map_err(|why| ConfigError(format!("Microsoft: {why}.")))
}

/// Connects to the database.
pub async fn database(config: &Config) -> Result<Database, ConfigError> {
    let url = config.database_url.expose_secret();
    Database::connect(url).await.map_err(|e| {
        let cause = e.to_string().replace(url, "…");
        ConfigError(format!(
            "DATABASE_URL: the database could not be reached; start it or correct the address ({cause})."
        ))
    })
}

/// Brings the schema up to date, one process at a time.
pub async fn migrate(db: &Database) -> Result<(), ConfigError> {
    let fail = |e: &dyn std::fmt::Display| {
        ConfigError(format!(
            "DATABASE_URL: the schema could not be brought up to date; nothing was changed ({e})."
        ))
    };
    let txn = db.begin_write(Lock::Schema).await.map_err(|e| fail(&e))?;
    Migrator::up(&*txn, None).await.map_err(|e| fail(&e))?;
    txn.commit().await.map_err(|e| fail(&e))
}

/// The key that hashes who was shut out: made by the first start, sealed under SECRET_KEY.
async fn shut_outs(db: &Database, keys: &Keys, clock: &Clock) -> Result<ShutOuts, ConfigError> {
    ShutOuts::load(db, keys, clock.now()).await.map_err(unopened)
}

/// Whether SECRET_KEY is the one that the database was sealed with.
pub async fn check_key(config: &Config, db: &Database) -> Result<(), ConfigError> {
    let keys = Keys::new(&config.secret_key, config.secret_key_previous.as_ref());
    ShutOuts::check(db, &keys).await.map_err(unopened)
}

fn unopened(failure: Failure) -> ConfigError {
    match failure {
        Failure::Seal(_) => ConfigError(
            "SECRET_KEY: the database was sealed with another one; set that as SECRET_KEY_PREVIOUS and start again. Where \
             there is none any more, see \"Without the old key\" in docs/operating.md."
                .to_owned(),
        ),
        failure => ConfigError(format!("DATABASE_URL: the database can't be used ({failure}).")),
    }
}
