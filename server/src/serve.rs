//! Serving: the listener, the worker, and a graceful end.
//!
//! Guarantees: SIGTERM and Ctrl-C let requests in flight finish (up to [`GRACE`]) and the worker finish its mail;
//! nothing is accepted meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use app::backend::mail::transport::Transport;
use app::backend::settings::Environment;
use app::backend::setup::renew_setup_link;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Config, ConfigError};
use crate::portal::Assets;
use crate::router::router;
use crate::{start, worker};

/// How long requests in flight have to finish.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until told to stop.
pub async fn serve(config: Config) -> Result<(), ConfigError> {
    let backend = start::backend(&config).await?;
    let transport = Transport::new(&config.settings.mail_transport)
        .map_err(|e| ConfigError(format!("SMTP_URL: must be the address of a mail server ({e}).")))?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        ConfigError(format!(
            "LEPTOS_SITE_ADDR: {} can't be listened on; choose another address ({e}).",
            config.listen
        ))
    })?;
    let assets = Assets::find(&config.site_root)?;
    offer_setup(&backend).await?;
    let app = router(&backend, &assets);

    if config.settings.environment == Environment::Prod && !config.settings.is_https() {
        tracing::warn!(
            "PUBLIC_URL is http: passwords and cookies cross the network in the clear; put https in front"
        );
    }
    let (stop, stopping) = watch::channel(false);
    let worker = tokio::spawn(worker::run(backend, transport, stopping.clone()));
    tracing::info!("Vestibule {} is at {}", env!("CARGO_PKG_VERSION"), config.settings.public_url);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(wait_for(stopping));
    tokio::spawn(async move {
        told_to_stop().await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        tokio::time::sleep(GRACE).await;
        tracing::warn!("some requests did not finish in time");
        std::process::exit(0);
    });
    server.await.map_err(|e| ConfigError(format!("Serving ended ({e}).")))?;
    let _ = worker.await;
    Ok(())
}

/// In DEV, until there is an administrator: the link that makes the first, in the log.
async fn offer_setup(backend: &app::backend::Backend) -> Result<(), ConfigError> {
    if backend.settings.environment != Environment::Dev {
        return Ok(());
    }
    let link = renew_setup_link(backend).await.map_err(|e| ConfigError(e.to_string()))?;
    if let Some(link) = link {
        tracing::info!("There is no administrator yet. Create the first at {link} (works once)");
    }
    Ok(())
}

async fn wait_for(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
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
