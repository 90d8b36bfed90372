//! Serving: the listener, the worker, and a graceful end.
//!
//! Guarantees: SIGTERM and Ctrl-C let requests in flight finish (up to [`GRACE`]) and the worker finish its mail;
//! nothing is accepted meanwhile.

use std::sync::Arc;
use std::time::Duration;

use app::backend::Backend;
use app::backend::mail::transport::Transport;
use app::backend::settings::{Environment, MailTransport};
use app::backend::setup::renew_setup_link;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::metrics::Metrics;
use crate::portal::Assets;
use crate::router::router_with_metrics;
use crate::{listen, metrics, start, worker};

/// How long requests in flight have to finish.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until told to stop.
pub async fn serve(config: Config) -> Result<(), ConfigError> {
    listen::take_descriptors();
    for slip in &config.slips {
        tracing::warn!("{slip}");
    }
    let backend = start::backend(&config).await?;
    let transport = Transport::new(&config.settings)
        .map_err(|e| ConfigError(format!("MAIL_TRANSPORT: mail can't be sent that way ({e}).")))?;
    let listener = listen::bind(config.listen).map_err(|e| {
        ConfigError(format!(
            "LEPTOS_SITE_ADDR: {} can't be listened on; choose another address ({e}).",
            config.listen
        ))
    })?;
    let assets = Assets::find(&config.site_root)?;
    offer_setup(&backend).await?;
    let metrics = Arc::new(Metrics::default());
    let app = router_with_metrics(&backend, &assets, &metrics);

    let (stop, stopping) = watch::channel(false);
    let metrics = serve_metrics(&config, &backend, &metrics, stopping.clone()).await?;
    let worker = tokio::spawn(worker::run(backend, transport, stopping.clone()));
    tracing::info!("mail leaves {}", mail_in_words(&config));
    tracing::info!("Vestibule {} is at {}", env!("CARGO_PKG_VERSION"), config.settings.public_url);
    tokio::spawn(async move {
        told_to_stop().await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        tokio::time::sleep(GRACE).await;
        tracing::warn!("what was still being done did not finish in time");
        std::process::exit(0);
    });
    listen::serve(listener, app, stopping).await;
    let _ = worker.await;
    if let Some(metrics) = metrics {
        let _ = metrics.await;
    }
    Ok(())
}

fn mail_in_words(config: &Config) -> String {
    match &config.settings.mail_transport {
        MailTransport::File(folder) => format!("into {}", folder.display()),
        MailTransport::Smtp(_) => "through a mail server (SMTP_URL)".to_owned(),
        MailTransport::Graph(_) => {
            format!("through Microsoft Graph, as {}", config.settings.sender_email)
        }
    }
}

/// The metrics, where the operator wants them: on an address that is not the portal's.
async fn serve_metrics(
    config: &Config,
    backend: &Backend,
    metrics: &Arc<Metrics>,
    stopping: watch::Receiver<bool>,
) -> Result<Option<JoinHandle<()>>, ConfigError> {
    let Some(address) = config.metrics else { return Ok(None) };
    let listener = listen::bind(address).map_err(|e| {
        ConfigError(format!("METRICS_ADDR: {address} can't be listened on; choose another address ({e})."))
    })?;
    tracing::info!("metrics are at http://{address}/metrics");
    let app = metrics::router(backend, metrics);
    Ok(Some(tokio::spawn(listen::serve(listener, app, stopping))))
}

/// In DEV, until there is an administrator: the link that makes the first, in the log.
async fn offer_setup(backend: &Backend) -> Result<(), ConfigError> {
    if backend.settings.environment != Environment::Dev {
        return Ok(());
    }
    let link = renew_setup_link(backend).await.map_err(|e| ConfigError(e.to_string()))?;
    if let Some(link) = link {
        tracing::info!("There is no administrator yet. Create the first at {link} (works once)");
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without signals there is only SIGKILL, and nobody waits for that.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
