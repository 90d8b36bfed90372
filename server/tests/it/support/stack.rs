//! The databases under test.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use app::backend::clock::Clock;
use app::backend::database::Database;
use app::backend::limits::Limits;
use app::backend::password_hash::Hasher;
use app::backend::random;
use app::backend::session_store::SessionRecords;
use fred::clients::Pool;
use fred::prelude::{Builder, ClientLike, LuaInterface};
use fred::types::config::Config as RedisConfig;
use sea_orm::ConnectionTrait;

/// One pool of hash threads for all tests of this process.
pub fn hasher() -> Hasher {
    static HASHER: OnceLock<Hasher> = OnceLock::new();
    HASHER.get_or_init(|| Hasher::start(2).expect("threads start")).clone()
}

#[expect(clippy::disallowed_methods, reason = "script/test says by it what to test against")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether this run is about PostgreSQL and Redis.
pub fn is_postgres() -> bool {
    match environment("TEST_STACK").as_deref() {
        None | Some("sqlite") => false,
        Some("postgres") => true,
        Some(other) => panic!("TEST_STACK must be sqlite or postgres, not {other}"),
    }
}

/// The address of a fresh, empty database.
pub async fn fresh_url(folder: &Path) -> String {
    if !is_postgres() {
        return format!("sqlite://{}", folder.join("portal.db").display());
    }
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = environment("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names the server");
    let name = format!("t{}_{}", random::handle(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let maintenance = sea_orm::Database::connect(&server).await.expect("the server answers");
    maintenance.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database is made");
    maintenance.close().await.expect("closes");
    let mut url = url::Url::parse(&server).expect("an address");
    url.set_path(&name);
    url.to_string()
}

/// A fresh, migrated database and a store of session records.
pub async fn fresh(folder: &Path, clock: &Clock) -> (Database, SessionRecords) {
    let db = Database::connect(&fresh_url(folder).await).await.expect("the database answers");
    server::start::migrate(&db).await.expect("the schema is there");
    let sessions = if is_postgres() {
        SessionRecords::redis(redis().await)
    } else {
        SessionRecords::Sql(db.clone(), clock.clone())
    };
    (db, sessions)
}

/// Fresh counters. All tests share one Redis, so each has a number in front of its keys.
pub async fn limits() -> Limits {
    limits_of(&random::handle()).await
}

/// The counters of two replicas of one portal.
pub async fn replicas() -> (Limits, Limits) {
    let namespace = random::handle();
    (limits_of(&namespace).await, limits_of(&namespace).await)
}

/// The counters of one portal, which are its own in Redis.
pub async fn limits_of(namespace: &str) -> Limits {
    if is_postgres() { Limits::shared(redis().await, namespace) } else { Limits::default() }
}

/// Milliseconds until Redis forgets each of a portal's counters.
pub async fn lifetimes(namespace: &str) -> Vec<i64> {
    if !is_postgres() {
        return Vec::new();
    }
    let ask = "local all = {}
        for _, key in ipairs(redis.call('KEYS', ARGV[1])) do all[#all + 1] = redis.call('PTTL', key) end
        return all";
    let pattern = format!("{{{namespace}}}:*");
    redis().await.eval(ask, Vec::<String>::new(), vec![pattern]).await.expect("Redis answers")
}

async fn redis() -> Pool {
    let url = environment("TEST_REDIS_URL").expect("TEST_REDIS_URL names the server");
    let config = RedisConfig::from_url(&url).expect("an address");
    let pool = Builder::from_config(config).build_pool(1).expect("a pool");
    pool.init().await.expect("Redis answers");
    pool
}
