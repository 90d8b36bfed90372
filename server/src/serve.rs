//! The command `serve`: the listener, the background tasks, and a graceful shutdown.
//!
//! # Guarantees
//!
//! - After SIGTERM or Ctrl-C, requests in flight and the email that is being sent have [`SHUTDOWN_TIMEOUT`] to finish.
//! - No connection is accepted during shutdown.
//! - A shutdown that cuts work off is an error, so the exit code is not 0.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::assets::Assets;
use crate::config::{Config, ConfigError};
use crate::http::router::router_with_metrics;
use crate::metrics::Metrics;
use crate::{listener, metrics, startup, worker};
use backend::Backend;
use backend::accounts::first_admin::renew_setup_link;
use backend::email::transport::Transport;
use backend::infra::database::{readable_by_others, sqlite_file};
use backend::settings::{EmailTransport, Environment};

/// The time limit of a graceful shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the portal until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> Result<(), ConfigError> {
    listener::raise_open_file_limit();
    for message in &config.misspelt_settings {
        tracing::warn!(hint = %message, "unknown setting");
    }
    let backend = startup::backend(&config).await?;
    warn_of_readable_database(&config);
    let transport = Transport::new(&config.settings)
        .map_err(|e| ConfigError(format!("MAIL_TRANSPORT: email cannot be sent this way ({e}).")))?;
    let listener = listener::bind(config.listen).map_err(|e| {
        ConfigError(format!(
            "LEPTOS_SITE_ADDR: cannot listen on {} ({e}). Fix: choose another IP address or port.",
            config.listen
        ))
    })?;
    let assets = Assets::find(&config.site_root)?;
    log_setup_link(&backend).await?;
    let metrics = Arc::new(Metrics::default());
    let app = router_with_metrics(&backend, &assets, &metrics);

    let settings = Arc::clone(&backend.settings);
    let (stop, stopping) = watch::channel(false);
    let metrics = serve_metrics(&config, &backend, &metrics, stopping.clone()).await?;
    let worker = tokio::spawn(worker::run(backend, transport, stopping.clone()));
    tracing::info!("email transport: {}", describe_transport(&config));
    tracing::info!("listening: Vestibule {} at {}", env!("CARGO_PKG_VERSION"), config.settings.public_url);
    tokio::spawn(async move {
        shutdown_signal().await;
        tracing::info!("shutting down");
        let _ = stop.send(true);
    });
    let trusts = move |peer| settings.trusts(peer);
    let work = async {
        listener::serve(listener, app, trusts, stopping.clone()).await;
        let _ = worker.await;
        if let Some(metrics) = metrics {
            let _ = metrics.await;
        }
    };
    finish_in_time(work, stopping.clone(), SHUTDOWN_TIMEOUT).await
}

/// Waits for `work`, which ends by itself after `stopping` has become true, and at most for `limit` after that.
async fn finish_in_time(
    work: impl Future<Output = ()>,
    mut stopping: watch::Receiver<bool>,
    limit: Duration,
) -> Result<(), ConfigError> {
    let too_late = async {
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        () = work => Ok(()),
        () = too_late => {
            tracing::warn!("shutdown timed out with requests in flight");
            let seconds = limit.as_secs();
            Err(ConfigError(format!("The shutdown took more than {seconds} seconds, and work was cut off.")))
        }
    }
}

/// Logs a warning for each file of a SQLite database that other users of the machine can read.
fn warn_of_readable_database(config: &Config) {
    let file = sqlite_file(config.database_url.expose_secret());
    for file in file.iter().flat_map(|file| readable_by_others(file)) {
        tracing::warn!(file = %file.display(), "database file readable by other users");
    }
}

/// Describes the email transport for the log.
fn describe_transport(config: &Config) -> String {
    match &config.settings.email_transport {
        EmailTransport::File(folder) => format!("files in {}", folder.display()),
        EmailTransport::Smtp(_) => "mail server (SMTP_URL)".to_owned(),
        EmailTransport::Graph(_) => format!("Microsoft Graph as {}", config.settings.sender_email),
    }
}

/// Serves the metrics at METRICS_ADDR, if it is set.
async fn serve_metrics(
    config: &Config,
    backend: &Backend,
    metrics: &Arc<Metrics>,
    stopping: watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, ConfigError> {
    let Some(address) = config.metrics else { return Ok(None) };
    let listener = listener::bind(address).map_err(|e| {
        let fix = "choose another IP address or port";
        ConfigError(format!("METRICS_ADDR: cannot listen on {address} ({e}). Fix: {fix}."))
    })?;
    tracing::info!("listening: metrics at http://{address}/metrics");
    let app = metrics::router(backend, metrics);
    Ok(Some(tokio::spawn(listener::serve(listener, app, |_| false, stopping))))
}

/// Logs the link that creates the first administrator: only in DEV, and only until there is an administrator.
async fn log_setup_link(backend: &Backend) -> Result<(), ConfigError> {
    if backend.settings.environment != Environment::Dev {
        return Ok(());
    }
    let link = renew_setup_link(backend).await.map_err(|e| ConfigError(e.to_string()))?;
    if let Some(link) = link {
        tracing::info!("no administrator yet: open {link} to create one (works once)");
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
async fn shutdown_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without signal handlers only SIGKILL ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shutdown_that_cuts_work_off_is_an_error() {
        let (stop, stopping) = watch::channel(false);
        let (endless, limit) = (std::future::pending::<()>(), Duration::from_millis(1));
        stop.send_replace(true);
        let error = finish_in_time(endless, stopping.clone(), limit).await.expect_err("is cut off");
        assert!(error.0.starts_with("The shutdown took more than"), "{error}");
        let quick = finish_in_time(async {}, stopping, Duration::from_hours(1)).await;
        assert!(quick.is_ok());
    }

    #[tokio::test]
    async fn work_before_the_shutdown_has_no_time_limit() {
        let (_stop, stopping) = watch::channel(false);
        let work = tokio::time::sleep(Duration::from_millis(20));
        assert!(finish_in_time(work, stopping, Duration::ZERO).await.is_ok());
    }
}
