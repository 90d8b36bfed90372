//! Logs: readable lines in development, JSON in production.

use app::backend::settings::Environment;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::ConfigError;

/// Our crates. They log no secret at any level.
const OUR_CRATES: [&str; 4] = ["app", "server", "migration", "vestibule"];

/// Starts logging to standard error.
pub fn start(environment: Environment, filter: &str) -> Result<(), ConfigError> {
    let (secrets, levels) = filters(filter)?;
    let logs = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let logs = match environment {
        Environment::Dev => logs.compact().boxed(),
        // The request is the only span there is; a list of it would be made of the same text again.
        Environment::Prod => logs.json().with_span_list(false).boxed(),
    };
    let started = registry().with(secrets).with(levels).with(logs).try_init();
    started.map_err(|e| ConfigError(format!("Logging could not be started ({e}).")))
}

/// Returns the two filters of the log: one that keeps secrets out of it, and the setting LOG. A `filter` that cannot be read
/// is an error.
pub fn filters(filter: &str) -> Result<(FilterFn, EnvFilter), ConfigError> {
    // The first says what we say ourselves, with the cause; the second says every step of what went well.
    let levels = EnvFilter::try_new(format!(
        "tower_sessions_core=off,tower_sessions=error,sea_orm_migration=warn,{filter}"
    ))
    .map_err(|e| ConfigError(format!("LOG: must be a filter like info or server=debug,warn ({e}).")))?;
    Ok((filter_fn(holds_no_secret), levels))
}

/// Whether an event can hold no secret. Below `info`, libraries log URLs, which hold the tokens of links, and messages of
/// protocols, which hold passwords.
fn holds_no_secret(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OUR_CRATES.contains(&origin)
}
