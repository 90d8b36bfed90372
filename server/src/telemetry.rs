//! The log: readable lines in development, JSON in production.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::ConfigError;
use backend::settings::Environment;

/// The level of everything that the setting LOG does not name.
const DEFAULT_LEVEL: &str = "info";

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
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    check_levels(&parts)?;
    let filter = parts.join(",");
    // tower-sessions repeats errors that we log ourselves with their cause, sea-orm-migration logs every step that succeeded, and
    // PostgreSQL notices at each start that the table of the migrations exists.
    let levels = EnvFilter::try_new(format!(
        "{DEFAULT_LEVEL},tower_sessions_core=off,tower_sessions=error,sea_orm_migration=warn,sqlx::postgres::notice=warn,{filter}"
    ))
    .map_err(|e| ConfigError(format!("LOG: must be a log filter, for example info,server=debug ({e}).")))?;
    Ok((filter_fn(is_free_of_secrets), levels))
}

/// Refuses a filter with a part that names no level. Any other word, for example `warning`, would count as the name of a
/// crate, and turn off the logs of all other crates.
fn check_levels(parts: &[&str]) -> Result<(), ConfigError> {
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let wrong = parts.iter().copied().find(|part| {
        let level = part.rsplit_once('=').map_or(*part, |(_, level)| level);
        !is_level(level)
    });
    wrong.map_or(Ok(()), |part| {
        Err(ConfigError(format!(
            "LOG: must be a level (off, error, warn, info, debug or trace), or levels for crates as in info,server=debug. \
             {part:?} does not name a level."
        )))
    })
}

/// Returns true if an event cannot contain a secret. Below `info`, libraries log URLs, which contain the tokens of links, and
/// protocol messages, which contain passwords.
fn is_free_of_secrets(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OUR_CRATES.contains(&origin)
}

#[cfg(test)]
mod tests {
    use std::io::{Result, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines that were logged.
    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_filter_without_a_level_is_refused() {
        for filter in [
            "warning",
            "verbose",
            "server",
            "info,backend",
            "server=warning",
            "info,,server=debug",
            "=debug=x",
            "info debug",
        ] {
            let error = filters(filter).expect_err(filter).0;
            assert!(error.starts_with("LOG: must be") && !error.contains('\n'), "{filter}: {error}");
        }
        for filter in
            ["warn", "INFO", "off", "trace", "info,server=debug", "server=debug", "info, backend=trace"]
        {
            assert!(filters(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn notices_of_postgresql_are_not_logged() {
        for filter in ["info", "info,server=debug"] {
            let logged = Captured::default();
            let (_, levels) = filters(filter).expect("a filter");
            let writer = logged.clone();
            let logs = fmt::layer().with_writer(move || writer.clone());
            tracing::subscriber::with_default(registry().with(levels).with(logs), || {
                tracing::info!(target: "sqlx::postgres::notice", "relation exists, skipping");
                tracing::warn!(target: "sqlx::postgres::notice", "a warning of PostgreSQL");
            });
            let logged = String::from_utf8(logged.0.lock().expect("no panic").clone()).expect("text");
            assert!(logged.contains("a warning") && !logged.contains("skipping"), "{logged}");
        }
    }

    #[test]
    fn a_filter_for_one_crate_keeps_the_log_of_the_others() {
        let (_, levels) = filters("server=debug").expect("a filter");
        let shown = levels.to_string();
        assert!(shown.split(',').any(|part| part == "info"), "{shown}");
        let (_, levels) = filters("warn").expect("a filter");
        let shown = levels.to_string();
        assert!(shown.split(',').any(|part| part == "warn") && !shown.contains("info"), "{shown}");
    }
}
