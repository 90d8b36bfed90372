//! The loop that sends mail and forgets what has had its time.
//!
//! Guarantees: it never ends before it is told to, whatever fails; it wakes when there is mail and otherwise now and
//! then; being told to stop it begins no other mail, and has as long for the one in hand as requests have.

use std::time::Duration;

use app::backend::Backend;
use app::backend::mail::transport::Transport;
use app::backend::mail::{self, IDLE};
use app::backend::purge::purge;
use app::domain::time::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

/// How often what is over is removed.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How often the log says that the secret at Microsoft is about to end.
const WARN_EVERY: Duration = Duration::from_hours(24);

/// How long one round may take, so that what is over is removed meanwhile, too.
const ROUND: Duration = Duration::from_mins(5);

/// Works until `stop` says so.
pub async fn run(backend: Backend, transport: Transport, mut stop: watch::Receiver<bool>) {
    let (mut purged, mut warned) = (Timestamp(0), Timestamp(0));
    while !*stop.borrow() {
        if backend.now().since(warned) >= WARN_EVERY {
            warned = backend.now();
            let microsoft = backend.settings.microsoft.as_ref();
            if let Some(words) = microsoft.and_then(|microsoft| microsoft.secret_warning(warned)) {
                tracing::warn!("{words}");
            }
        }
        if backend.now().since(purged) >= PURGE_EVERY {
            purged = backend.now();
            match timeout(ROUND, purge(&backend)).await {
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => tracing::error!(cause = %failure, "could not purge"),
                // There is no mail meanwhile.
                Err(_) => tracing::error!("purging took too long; it is tried again in an hour"),
            }
        }
        let wait = match timeout(ROUND, mail::work(&backend, &transport, || *stop.borrow())).await {
            Ok(Ok(wait)) => wait,
            Ok(Err(failure)) => {
                tracing::error!(cause = %failure, "could not work on the mail");
                IDLE
            }
            Err(_) => {
                tracing::error!("working on the mail took too long; it is begun anew");
                IDLE
            }
        };
        tokio::select! {
            () = backend.mail_bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}
