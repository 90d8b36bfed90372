//! The log: readable lines in development, JSON in production.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::ConfigError;
use backend::settings::Environment;

/// The crates of the workspace. They log no secret at any level.
const OUR_CRATES: [&str; 6] = ["domain", "backend", "app", "server", "migration", "vestibule"];

/// Starts logging to standard error.
pub fn start(environment: Environment, filter: &str) -> Result<(), ConfigError> {
    let (secrets, levels) = filters(filter)?;
    let logs = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let logs = match environment {
        Environment::Dev => logs.compact().boxed(),
        // The request is the only span, so a list of spans would repeat it.
        Environment::Prod => logs.json().with_span_list(false).boxed(),
    };
    let started = registry().with(secrets).with(levels).with(logs).try_init();
    started.map_err(|e| ConfigError(format!("Logging could not be started ({e}).")))
}

/// Returns the two filters of the log: one that keeps secrets out of it, and one for the setting LOG. A `filter` that cannot be
/// parsed is an error.
pub fn filters(filter: &str) -> Result<(FilterFn, EnvFilter), ConfigError> {
    // tower-sessions repeats errors that we log ourselves with their cause, and sea-orm-migration logs every step that succeeded.
    let levels = EnvFilter::try_new(format!(
        "tower_sessions_core=off,tower_sessions=error,sea_orm_migration=warn,{filter}"
    ))
    .map_err(|e| ConfigError(format!("LOG: must be a log filter, for example info,server=debug ({e}).")))?;
    Ok((filter_fn(is_free_of_secrets), levels))
}

/// Returns true if an event cannot contain a secret. Below `info`, libraries log URLs, which contain the tokens of links, and
/// protocol messages, which contain passwords.
fn is_free_of_secrets(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OUR_CRATES.contains(&origin)
}
