//! The checks of Redis: the connection, its settings, and the rights of the portal's account.

use fred::clients::Pool;
use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use secrecy::ExposeSecret;

use super::Finding::{self, Fail, Pass, Warn};
use super::describe;
use crate::config::Config;
use crate::{redis, startup};
use backend::auth::rate_limit::RateLimiter;
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use backend::infra::redis_keys::RedisKeys;
use backend::sessions::store::SessionRecords;

/// Checks Redis, if the portal uses it. `db` is the migrated database, whose id is in the names of the keys.
pub(super) async fn check_redis(config: &Config, db: Option<&Database>, findings: &mut Vec<Finding>) {
    let Some(url) = &config.redis_url else {
        return findings.push(Pass(
            "Redis",
            "not configured (sessions in the database, rate limits in memory)".to_owned(),
        ));
    };
    let pool = match redis::connect(url.expose_secret()).await {
        Ok(pool) => pool,
        Err(error) => return findings.push(Fail("Redis", describe(error))),
    };
    findings.push(check_eviction(&pool).await);
    match db {
        Some(db) => match startup::redis_keys(db).await {
            Ok(keys) => findings.extend(check_rights(&pool, &keys).await),
            Err(error) => findings.push(Fail("session records", describe(error))),
        },
        None => findings.push(Warn(
            "session records",
            "cannot check Redis without a migrated database. Fix: run vestibule migrate".to_owned(),
        )),
    }
    let _ = pool.quit().await;
}

/// Checks that Redis keeps sessions when memory is low.
async fn check_eviction(pool: &Pool) -> Finding {
    let info: Result<String, _> = pool.next().info(Some(InfoKind::Memory)).await;
    let policy = info.ok().and_then(|info| {
        info.lines()
            .find_map(|line| line.strip_prefix("maxmemory_policy:"))
            .map(|text| text.trim().to_owned())
    });
    match policy.as_deref() {
        Some("noeviction") => Pass("Redis", "connected, eviction policy noeviction".to_owned()),
        Some(policy) => Warn(
            "Redis",
            format!(
                "eviction policy {policy}: Redis may drop sessions when memory is low. Fix: set maxmemory-policy noeviction"
            ),
        ),
        None => Warn(
            "Redis",
            "connected, but cannot read its eviction policy. Fix: allow the Redis account to run INFO"
                .to_owned(),
        ),
    }
}

/// Runs everything that session records and rate limits need.
async fn check_rights(pool: &Pool, keys: &RedisKeys) -> [Finding; 2] {
    let now = Clock::System.now();
    let sessions = SessionRecords::redis(pool.clone(), keys).check_redis(now).await;
    let counters = RateLimiter::shared(pool.clone(), keys).check(now).await;
    [
        match sessions {
            Ok(()) => {
                Pass("session records", format!("stored in Redis, all keys begin with {}", keys.prefix()))
            }
            Err(why) => {
                let (why, fix) = (why.to_string(), fix_for(&why.to_string(), keys));
                Fail("session records", format!("cannot be stored in Redis ({why}). Fix: {fix}"))
            }
        },
        match counters {
            Ok(()) => Pass("rate limits", "counted in Redis for all replicas together".to_owned()),
            Err(why) => {
                let (why, fix) = (why.to_string(), fix_for(&why.to_string(), keys));
                let text =
                    format!("cannot count in Redis ({why}), so each replica counts on its own. Fix: {fix}");
                Fail("rate limits", text)
            }
        },
    ]
}

/// Returns the fix for an error of Redis.
fn fix_for(why: &str, keys: &RedisKeys) -> String {
    if redis::is_refusal(why) {
        redis::permission_fix(keys)
    } else {
        "check the Redis server and REDIS_URL".to_owned()
    }
}
