//! The databases that the tests run on.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use fred::clients::Pool;
use fred::prelude::{Builder, ClientLike, LuaInterface};
use fred::types::CustomCommand;
use fred::types::config::Config as RedisConfig;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};

use backend::auth::password::hasher::Hasher;
use backend::auth::rate_limit::RateLimiter;
use backend::entity::session_record;
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use backend::infra::random;
use backend::infra::redis_keys::RedisKeys;
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
        let keys = RedisKeys::of_database(&db).await.expect("the database has an id");
        SessionRecords::redis(redis().await, &keys)
    } else {
        SessionRecords::Sql(db.clone(), clock.clone())
    };
    (db, sessions)
}

/// Returns the rate limiter of the portal with this database. All tests share one Redis.
pub async fn rate_limiter(db: &Database) -> RateLimiter {
    if is_postgres() {
        let keys = RedisKeys::of_database(db).await.expect("the database has an id");
        RateLimiter::shared(redis().await, &keys)
    } else {
        RateLimiter::default()
    }
}

/// Returns the rate limiters of two replicas of one portal.
pub async fn replicas() -> (RateLimiter, RateLimiter) {
    let keys = RedisKeys::new(&random::public_id());
    (rate_limiter_of(&keys).await, rate_limiter_of(&keys).await)
}

/// Returns a rate limiter whose keys in Redis have these names.
pub async fn rate_limiter_of(keys: &RedisKeys) -> RateLimiter {
    if is_postgres() { RateLimiter::shared(redis().await, keys) } else { RateLimiter::default() }
}

/// Returns the URL of Redis for an account with this name and password.
pub fn redis_url(account: &str, password: &str) -> String {
    let server = environment("TEST_REDIS_URL").expect("TEST_REDIS_URL names the server");
    let mut url = url::Url::parse(&server).expect("an address");
    url.set_username(account).expect("a name");
    url.set_password(Some(password)).expect("a password");
    url.to_string()
}

/// Sends a command to Redis, and expects that it succeeds.
pub async fn run_redis_command(name: &'static str, arguments: &[&str]) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let command = CustomCommand::new_static(name, None::<u16>, false);
    redis().await.next().custom::<(), _>(command, arguments).await.expect("Redis executes it");
}

/// Returns the milliseconds until each of a portal's counters expires in Redis.
pub async fn counter_lifetimes(keys: &RedisKeys) -> Vec<i64> {
    if !is_postgres() {
        return Vec::new();
    }
    let ask = "local all = {}
        for _, key in ipairs(redis.call('KEYS', ARGV[1])) do all[#all + 1] = redis.call('PTTL', key) end
        return all";
    let pattern = format!("{}*", keys.counters());
    redis().await.eval(ask, Vec::<String>::new(), vec![pattern]).await.expect("Redis answers")
}

/// Returns the number of session records of the portal with this database.
pub async fn count_session_records(db: &Database) -> u64 {
    if !is_postgres() {
        return session_record::Entity::find().count(db.pool()).await.expect("counts");
    }
    let keys = RedisKeys::of_database(db).await.expect("the database has an id");
    let pattern = format!("{}*", keys.sessions());
    let count = "return #redis.call('KEYS', ARGV[1])";
    redis().await.eval(count, Vec::<String>::new(), vec![pattern]).await.expect("Redis answers")
}

async fn redis() -> Pool {
    let url = environment("TEST_REDIS_URL").expect("TEST_REDIS_URL names the server");
    let config = RedisConfig::from_url(&url).expect("an address");
    let pool = Builder::from_config(config).build_pool(1).expect("a pool");
    pool.init().await.expect("Redis answers");
    pool
}
