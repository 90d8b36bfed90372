//! The loop that sends mail and forgets what has had its time.
//!
//! Guarantees: it never ends before it is told to, whatever fails; it wakes when there is mail and otherwise now and
//! then; being told to stop it finishes the mail in hand.

use std::time::Duration;

use app::backend::Backend;
use app::backend::mail::transport::Transport;
use app::backend::mail::{self, IDLE};
use app::backend::purge::purge;
use app::domain::time::Timestamp;
use tokio::sync::watch;

/// How often what is over is removed.
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// Works until `stop` says so.
pub async fn run(backend: Backend, transport: Transport, mut stop: watch::Receiver<bool>) {
    let mut purged = Timestamp(0);
    while !*stop.borrow() {
        if backend.now().since(purged) >= PURGE_EVERY {
            purged = backend.now();
            if let Err(failure) = purge(&backend).await {
                tracing::error!(cause = %failure, "could not purge");
            }
        }
        let wait = match mail::work(&backend, &transport).await {
            Ok(wait) => wait,
            Err(failure) => {
                tracing::error!(cause = %failure, "could not work on the mail");
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
