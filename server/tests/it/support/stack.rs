//! The databases that the tests run on.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use fred::clients::Pool;
use fred::prelude::{Builder, ClientLike, LuaInterface};
use fred::types::config::Config as RedisConfig;
use sea_orm::ConnectionTrait;

use backend::auth::password::hasher::Hasher;
use backend::auth::rate_limit::RateLimiter;
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use backend::infra::random;
use backend::sessions::store::SessionRecords;

/// Returns the hasher that all tests of this process share.
pub fn hasher() -> Hasher {
    static HASHER: OnceLock<Hasher> = OnceLock::new();
    HASHER.get_or_init(|| Hasher::start(2).expect("threads start")).clone()
}

#[expect(clippy::disallowed_methods, reason = "script/test says by it what to test against")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns true if the tests run on PostgreSQL and Redis.
pub fn is_postgres() -> bool {
    match environment("TEST_STACK").as_deref() {
        None | Some("sqlite") => false,
        Some("postgres") => true,
        Some(other) => panic!("TEST_STACK must be sqlite or postgres, not {other}"),
    }
}

/// Creates an empty database. Returns its URL.
pub async fn new_database_url(folder: &Path) -> String {
    if !is_postgres() {
        return format!("sqlite://{}", folder.join("portal.db").display());
    }
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = environment("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names the server");
    let name = format!("t{}_{}", random::public_id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let maintenance = sea_orm::Database::connect(&server).await.expect("the server answers");
    maintenance.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database is made");
    maintenance.close().await.expect("closes");
    let mut url = url::Url::parse(&server).expect("an address");
    url.set_path(&name);
    url.to_string()
}

/// Creates a database, applies the migrations, and returns it with a store of session records.
pub async fn new_database(folder: &Path, clock: &Clock) -> (Database, SessionRecords) {
    let db = Database::connect(&new_database_url(folder).await).await.expect("the database answers");
    server::startup::migrate(&db).await.expect("the schema is there");
    let sessions = if is_postgres() {
        SessionRecords::redis(redis().await)
    } else {
        SessionRecords::Sql(db.clone(), clock.clone())
    };
    (db, sessions)
}

/// Returns a rate limiter for one test. All tests share one Redis, so its keys begin with a random namespace.
pub async fn rate_limiter() -> RateLimiter {
    rate_limiter_of(&random::public_id()).await
}

/// Returns the rate limiters of two replicas of one portal.
pub async fn replicas() -> (RateLimiter, RateLimiter) {
    let namespace = random::public_id();
    (rate_limiter_of(&namespace).await, rate_limiter_of(&namespace).await)
}

/// Returns a rate limiter whose keys in Redis begin with `namespace`.
pub async fn rate_limiter_of(namespace: &str) -> RateLimiter {
    if is_postgres() { RateLimiter::shared(redis().await, namespace) } else { RateLimiter::default() }
}

/// Returns the milliseconds until each counter of a namespace expires in Redis.
pub async fn counter_lifetimes(namespace: &str) -> Vec<i64> {
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
