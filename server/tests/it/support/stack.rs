//! The databases that the tests run on.
//!
//! # Guarantees
//!
//! - Each test has a database of its own. It is a copy of a template, because the migrations would take most of a test's time.
//! - Each build of the tests has its own template, so a change of a migration reaches every test.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use fred::clients::Pool;
use fred::prelude::{Builder, ClientLike, LuaInterface};
use fred::types::CustomCommand;
use fred::types::config::Config as RedisConfig;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, Statement,
};

use backend::auth::password::hasher::{Cost, Hasher};
use backend::auth::rate_limit::RateLimiter;
use backend::entity::{portal_id, session_record};
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use backend::infra::random;
use backend::infra::redis_keys::RedisKeys;
use backend::sessions::store::SessionRecords;

/// The cost of a hash in tests that are not about hashes. With the portal's cost, hashing would take a third of the time of all
/// tests.
const TEST_COST: Cost = Cost { memory_kib: 64, passes: 1 };

/// Returns the hasher that all tests of this process share.
pub fn hasher() -> Hasher {
    static HASHER: OnceLock<Hasher> = OnceLock::new();
    HASHER.get_or_init(new_hasher).clone()
}

/// Returns a new hasher with two threads.
pub fn new_hasher() -> Hasher {
    Hasher::start_with_cost(2, TEST_COST).expect("threads start")
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
    if is_postgres() {
        let server = connect_to_postgres().await;
        let url = create_postgres_database(&server, None).await;
        server.close().await.expect("closes");
        return url;
    }
    sqlite_url(&folder.join("portal.db"))
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

fn postgres_url() -> String {
    environment("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names the server")
}

/// Connects to the PostgreSQL server. There is only one connection, because a lock belongs to one.
async fn connect_to_postgres() -> DatabaseConnection {
    let mut options = ConnectOptions::new(postgres_url());
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.expect("the server answers")
}

/// Creates an empty database, or a copy of `template`. Returns its URL.
async fn create_postgres_database(server: &DatabaseConnection, template: Option<&str>) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", random::public_id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let template = template.map_or_else(String::new, |template| format!(" TEMPLATE {template}"));
    let create = format!("CREATE DATABASE {name}{template}");
    server.execute_unprepared(&create).await.expect("a database is made");
    let mut url = url::Url::parse(&postgres_url()).expect("an address");
    url.set_path(&name);
    url.to_string()
}

/// Returns the number of this build of the tests.
fn build_number() -> u64 {
    let program = std::env::current_exe().expect("this program has a path");
    let file = program.metadata().expect("the program is there");
    let mut hasher = DefaultHasher::new();
    (program, file.len(), file.modified().expect("the time of the build")).hash(&mut hasher);
    hasher.finish()
}

/// Creates a migrated database. Returns its URL.
async fn new_migrated_url(folder: &Path) -> String {
    if is_postgres() {
        let server = connect_to_postgres().await;
        let template = postgres_template(&server).await;
        let url = create_postgres_database(&server, Some(&template)).await;
        server.close().await.expect("closes");
        return url;
    }
    let file = folder.join("portal.db");
    std::fs::copy(sqlite_template().await, &file).expect("the template is copied");
    sqlite_url(&file)
}

/// Applies the migrations to a database and disconnects from it.
async fn migrate(url: &str) {
    let db = Database::connect(url).await.expect("the database answers");
    server::startup::migrate(&db).await.expect("the schema is there");
    db.checkpoint().await.expect("the file has everything");
    db.pool().clone().close().await.expect("closes");
}

/// Returns the migrated SQLite file. The first test of a build creates it.
async fn sqlite_template() -> PathBuf {
    let templates = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = templates.join(format!("migrated-{:x}.db", build_number()));
    if !template.exists() {
        let folder = tempfile::tempdir_in(templates).expect("a folder");
        let file = folder.path().join("new.db");
        migrate(&sqlite_url(&file)).await;
        // Another process may have done the same.
        std::fs::rename(&file, &template).expect("the template gets its name");
    }
    template
}

/// Returns the name of the migrated database on the PostgreSQL server. The first test of a build creates it.
async fn postgres_template(server: &DatabaseConnection) -> String {
    let template = format!("migrated_{:x}", build_number());
    let run = async |statement: &str| {
        server.execute_unprepared(statement).await.expect("the server executes it");
    };
    let is_missing = async || {
        let find = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
        let find = Statement::from_string(DbBackend::Postgres, find);
        server.query_one_raw(find).await.expect("the server answers").is_none()
    };
    if is_missing().await {
        run("SELECT pg_advisory_lock(1)").await;
        if is_missing().await {
            let url = create_postgres_database(server, None).await;
            migrate(&url).await;
            let name = url.rsplit('/').next().expect("the URL ends with the name");
            run(&format!("ALTER DATABASE {name} RENAME TO {template}")).await;
        }
        run("SELECT pg_advisory_unlock(1)").await;
    }
    template
}

/// Creates a migrated database, and returns it with a store of session records.
pub async fn new_database(folder: &Path, clock: &Clock) -> (Database, SessionRecords) {
    let db = Database::connect(&new_migrated_url(folder).await).await.expect("the database answers");
    // Copies with the same id would share their keys in Redis.
    portal_id::Entity::update_many()
        .col_expr(portal_id::Column::Id, Expr::value(random::public_id()))
        .exec(db.pool())
        .await
        .expect("the portal has an id");
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
