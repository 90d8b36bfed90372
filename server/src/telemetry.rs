//! Logs: readable lines in development, JSON in production.

use app::backend::settings::Environment;
use tracing_subscriber::EnvFilter;

use crate::config::ConfigError;

/// Starts logging to standard error.
pub fn start(environment: Environment, filter: &str) -> Result<(), ConfigError> {
    // The first says what we say ourselves, with the cause; the second says every step of what went well.
    let filter = EnvFilter::try_new(format!(
        "tower_sessions_core=off,tower_sessions=error,sea_orm_migration=warn,{filter}"
    ))
    .map_err(|e| ConfigError(format!("LOG: must be a filter like info or server=debug,warn ({e}).")))?;
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match environment {
        Environment::Dev => logs.compact().try_init(),
        // The request is the only span there is; a list of it would be made of the same text again.
        Environment::Prod => logs.json().with_span_list(false).try_init(),
    };
    started.map_err(|e| ConfigError(format!("Logging could not be started ({e}).")))
}
