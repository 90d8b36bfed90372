//! The connection to Redis.
//!
//! # Guarantees
//!
//! - No command takes longer than [`COMMAND_TIMEOUT`].
//! - A failed connection is replaced, even if nothing reports the failure. The number of attempts is not limited.
//! - The portal does not start if its Redis account lacks rights.

use std::time::Duration;

use fred::clients::{Client, Pool};
use fred::error::{Error, ErrorKind};
use fred::interfaces::KeysInterface;
use fred::prelude::{Builder, ClientLike, ReconnectPolicy};
use fred::types::Expiration;
use fred::types::config::{ClusterDiscoveryPolicy, Config};
use tokio::time::{sleep, timeout};

use crate::config::ConfigError;
use backend::auth::rate_limit::RateLimiter;
use backend::infra::redis_keys::RedisKeys;
use backend::sessions::store::SessionRecords;
use domain::time::Timestamp;

/// The number of connections of one process. fred pipelines concurrent commands, and none of our commands blocks. With
/// four connections a sign-in is 1 % slower and pages are no faster.
const POOL_SIZE: usize = 1;
/// The time limit for a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit of a command: people wait for it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval between two probes of a connection.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// The number of unanswered probes in a row after which a connection is replaced. A server that is busy for a moment keeps its
/// connections.
const MAX_MISSED_PROBES: u32 = 2;
/// The time limit for a new connection before the next probe.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that sent data may stay unacknowledged before the system closes the connection (TCP_USER_TIMEOUT). The default of
/// Linux is about 15 minutes.
#[cfg(target_os = "linux")]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// The lifetime of the key that a probe writes, in seconds.
const PROBE_LIFETIME: i64 = 60;
/// The commands that the account of the portal needs, as rules of Redis (ACL SETUSER).
const COMMANDS: &str =
    "+get +set +del +incr +decr +pexpire +evalsha +script|load +ping +client|id +select +info";
/// Parts of the errors of a server that does not let the account execute a command, or does not have it. Only the operator can
/// change that.
const REFUSALS: [&str; 5] =
    ["NOPERM", "ACL failure", "run this command", "access at least one of the keys", "unknown command"];

/// Connects to Redis.
pub async fn connect(url: &str) -> Result<Pool, ConfigError> {
    let fail = |e: Error| {
        ConfigError(format!(
            "REDIS_URL: cannot connect to Redis ({e}). Fix: start Redis or correct REDIS_URL."
        ))
    };
    let mut config = Config::from_url(url).map_err(fail)?;
    // A node of a cluster may redirect a command to another node.
    let attempts = if config.server.is_clustered() { 3 } else { 1 };
    if config.server.is_clustered() {
        // By default, only the nodes in the URL are asked for the others, and the portal would depend on them.
        config.server.set_cluster_discovery_policy(ClusterDiscoveryPolicy::UseCache).map_err(fail)?;
    }
    let pool = Builder::from_config(config)
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2))
        .with_performance_config(|performance| performance.default_command_timeout = COMMAND_TIMEOUT)
        .with_connection_config(|connection| {
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = COMMAND_TIMEOUT;
            connection.max_command_attempts = attempts;
            #[cfg(target_os = "linux")]
            {
                connection.tcp.user_timeout = Some(TCP_USER_TIMEOUT);
            }
        })
        .build_pool(POOL_SIZE)
        .map_err(fail)?;
    pool.init().await.map_err(fail)?;
    Ok(pool)
}

/// Replaces connections that no longer answer or whose server accepts no writes, for as long as the process runs.
///
/// The server may disappear without notice, after a failover or behind a firewall that drops its state. (fred's own timeout
/// counts from the last command, so it never ends while commands are sent.) In a cluster only one node is probed. For the other
/// nodes there is only the timeout of the system, `TCP_USER_TIMEOUT`.
pub fn keep_connected(pool: &Pool, keys: &RedisKeys) {
    for client in pool.clients() {
        tokio::spawn(keep_one_connected(client.clone(), keys.probe()));
    }
}

async fn keep_one_connected(client: Client, key: String) {
    let mut missed = 0;
    let mut logged = false;
    loop {
        sleep(PROBE_INTERVAL).await;
        let found = probe(&client, &key).await;
        missed = if found == Probe::Unresponsive { missed + 1 } else { 0 };
        let message = match found {
            Probe::Unresponsive if missed == MAX_MISSED_PROBES => {
                "Redis connection unresponsive, reconnecting"
            }
            // After a failover the server may have become a replica, and the host name may now belong to another server.
            Probe::ReadOnly => "Redis is read-only, reconnecting",
            Probe::Unresponsive | Probe::Other => {
                logged = false;
                continue;
            }
        };
        missed = 0;
        if !logged {
            tracing::warn!("{message}");
        }
        // A read-only server is logged once, not at every probe.
        logged = found == Probe::ReadOnly;
        // If this fails, fred continues to try by itself. While it waits for its last write, it does not react.
        let _ = timeout(RECONNECT_TIMEOUT, client.force_reconnection()).await;
    }
}

/// The result of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// The connection is open, but the server does not answer.
    Unresponsive,
    /// The server accepts no writes: it is a replica, or becomes one.
    ReadOnly,
    /// The connection works, or is being replaced.
    Other,
}

/// Sends a write command and returns how the connection behaves. A server that answers a PING may have become a replica, which
/// accepts no writes.
async fn probe(client: &Client, key: &str) -> Probe {
    let written: Result<(), Error> =
        client.set(key, "", Some(Expiration::EX(PROBE_LIFETIME)), None, false).await;
    match written {
        Err(error) if is_read_only(&error) => Probe::ReadOnly,
        Err(error) if client.is_connected() && *error.kind() == ErrorKind::Timeout => Probe::Unresponsive,
        _ => Probe::Other,
    }
}

/// Returns true for an error of a server that is a replica (READONLY, MASTERDOWN) or is still starting (LOADING).
fn is_read_only(error: &Error) -> bool {
    ["READONLY", "MASTERDOWN", "LOADING"].iter().any(|code| error.details().starts_with(code))
}

/// Runs everything that the portal needs in Redis, on keys that no one uses. Returns the first error.
pub async fn check(
    sessions: &SessionRecords,
    rate_limiter: &RateLimiter,
    now: Timestamp,
) -> Result<(), String> {
    sessions.check_redis(now).await.map_err(|error| error.to_string())?;
    rate_limiter.check(now).await.map_err(|error| error.to_string())
}

/// Returns an error if the account of the portal lacks rights. An outage is not an error here, because Redis may
/// be back in a moment, and readiness reports it.
pub async fn require_permissions(
    sessions: &SessionRecords,
    rate_limiter: &RateLimiter,
    keys: &RedisKeys,
    now: Timestamp,
) -> Result<(), ConfigError> {
    match check(sessions, rate_limiter, now).await {
        Err(why) if is_refusal(&why) => Err(ConfigError(format!(
            "REDIS_URL: this Redis account lacks rights that the portal needs ({why}). Fix: {}.",
            permission_fix(keys)
        ))),
        _ => Ok(()),
    }
}

/// Returns true for an error of a server that does not let the account execute a command.
pub fn is_refusal(why: &str) -> bool {
    REFUSALS.iter().any(|refusal| why.contains(refusal))
}

/// Returns the fix for an account that lacks rights.
pub fn permission_fix(keys: &RedisKeys) -> String {
    format!("run ACL SETUSER in Redis with the account's name and ~{}* {COMMANDS}", keys.prefix())
}
