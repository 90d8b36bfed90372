//! Redis: connecting, and staying connected.
//!
//! Guarantees: no command is waited for longer than [`COMMAND`]; a connection that was there once is made anew for ever,
//! also where nothing says that it is gone.

use std::time::Duration;

use app::backend::limits::Limits;
use app::backend::session_store::write_probe;
use fred::clients::{Client, Pool};
use fred::error::{Error, ErrorKind};
use fred::prelude::{Builder, ClientLike, ReconnectPolicy};
use fred::types::config::Config;
use tokio::time::{sleep, timeout};

use crate::config::ConfigError;

/// Connections of one process. fred sends what many ask for at once in one go, and no command of ours keeps others waiting;
/// four cost a sign-in a hundredth of its time and gave pages nothing.
const CONNECTIONS: usize = 1;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a command may take: people wait for it.
const COMMAND: Duration = Duration::from_secs(1);
/// How far apart it is looked whether a connection answers.
const LOOK: Duration = Duration::from_secs(2);
/// How often in a row it may not answer: a server that is busy for a moment keeps its connections.
const MISSES: u32 = 2;
/// How long it is waited for another connection before it is looked again.
const RENEW: Duration = Duration::from_secs(5);
/// How long the system tries to have the other end take what was sent, before the connection is over (TCP_USER_TIMEOUT; by
/// itself Linux tries for a quarter of an hour).
#[cfg(target_os = "linux")]
const SILENCE: Duration = Duration::from_secs(5);
/// What the keys of the counters begin with.
const NAMESPACE: &str = "vestibule";

/// Connects.
pub async fn connect(url: &str) -> Result<Pool, ConfigError> {
    let fail = |e: Error| {
        ConfigError(format!("REDIS_URL: Redis could not be reached; start it or correct the address ({e})."))
    };
    let config = Config::from_url(url).map_err(fail)?;
    // A node of a cluster may send a command on to another.
    let attempts = if config.server.is_clustered() { 3 } else { 1 };
    let pool = Builder::from_config(config)
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2))
        .with_performance_config(|performance| performance.default_command_timeout = COMMAND)
        .with_connection_config(|connection| {
            connection.connection_timeout = CONNECT;
            connection.internal_command_timeout = COMMAND;
            connection.max_command_attempts = attempts;
            #[cfg(target_os = "linux")]
            {
                connection.tcp.user_timeout = Some(SILENCE);
            }
        })
        .build_pool(CONNECTIONS)
        .map_err(fail)?;
    pool.init().await.map_err(fail)?;
    Ok(pool)
}

/// Makes connections anew of which nothing comes any more, or which lead to a server that takes no writes, for as long as the
/// process lives: what was at their other end may
/// be gone without a word, after a failover or behind a firewall that forgets. (fred's own time-out for that counts from the
/// last command, and so never ends where people go on asking.) In a cluster it looks at one node; at the others the system
/// alone looks, by its time-out for what was sent.
pub fn keep_connected(pool: &Pool) {
    for client in pool.clients() {
        tokio::spawn(keep_one_connected(client.clone()));
    }
}

async fn keep_one_connected(client: Client) {
    let mut misses = 0;
    let mut told = false;
    loop {
        sleep(LOOK).await;
        let found = probe(&client).await;
        misses = if found == Probe::Silent { misses + 1 } else { 0 };
        let why = match found {
            Probe::Silent if misses == MISSES => "a connection to Redis is silent: making another",
            // After a failover the server may have become a replica, and the address may lead to another one.
            Probe::ReadOnly => "Redis takes no writes: connecting again",
            Probe::Silent | Probe::Other => {
                told = false;
                continue;
            }
        };
        misses = 0;
        if !told {
            tracing::warn!("{why}");
        }
        // Until a look finds nothing, it would be the same words every two seconds.
        told = found == Probe::ReadOnly;
        // Where that fails, it goes on trying by itself; and while it waits for its last write to leave, it heeds nobody.
        let _ = timeout(RENEW, client.force_reconnection()).await;
    }
}

/// What a look at a connection found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// It is there, and nothing comes of it.
    Silent,
    /// The server takes no writes: it is a replica, or begins to be one.
    ReadOnly,
    /// It works, or is being made anew.
    Other,
}

async fn probe(client: &Client) -> Probe {
    match write_probe(client).await {
        Err(error) if is_read_only(&error) => Probe::ReadOnly,
        Err(error) if client.is_connected() && *error.kind() == ErrorKind::Timeout => Probe::Silent,
        _ => Probe::Other,
    }
}

/// The errors of a server that is a replica (READONLY, MASTERDOWN) or has only just started (LOADING).
fn is_read_only(error: &Error) -> bool {
    ["READONLY", "MASTERDOWN", "LOADING"].iter().any(|code| error.details().starts_with(code))
}

/// The counters that all replicas share.
pub fn limits(pool: Pool) -> Limits {
    Limits::shared(pool, NAMESPACE)
}
