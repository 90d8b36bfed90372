//! What the portal is compared with: axum and the same stores, with nothing of a portal around them.
//!
//! Its connections are handled by the portal's own `server::listen`. The pool to PostgreSQL is sea-orm's own but for its
//! size, which is the portal's, and the log of statements, which is off. The one to Redis is set as `server::start` does.

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::Duration;

use app::backend::entity::user;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fred::clients::Pool;
use fred::interfaces::KeysInterface;
use fred::prelude::{Builder, ClientLike, ReconnectPolicy};
use fred::types::config::Config as RedisConfig;
use sea_orm::{ConnectOptions, DatabaseConnection, EntityTrait};
use server::listen;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::page;
use crate::world::environment;

/// Where the value stands that each lookup reads.
const KEY: &str = "baseline";
/// How long it is: about as long as a session's record.
const VALUE: usize = 100;
/// As `app::backend::database`.
const POOL: u32 = 16;
/// As `server::redis`.
const REDIS_CONNECTIONS: usize = 1;
/// As `server::redis`.
const REDIS_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
struct Stores {
    database: DatabaseConnection,
    redis: Pool,
    body: Bytes,
}

/// Serves until the process that started it is gone: `/bare`, `/leptos` and `/lookup/{id}`, whose body has this many
/// bytes. Says on standard output where.
pub async fn serve(bytes: usize) -> anyhow::Result<()> {
    let mut options = ConnectOptions::new(environment("BENCH_DATABASE_URL")?);
    options.max_connections(POOL).sqlx_logging(false);
    let database = sea_orm::Database::connect(options).await?;
    let redis = redis(&environment("BENCH_REDIS_URL")?).await?;
    let () = redis.set(KEY, "x".repeat(VALUE), None, None, false).await?;
    let stores = Stores { database, redis, body: Bytes::from("x".repeat(bytes)) };
    let app: Router = Router::new()
        .route("/bare", get(|| async { "Hello" }))
        .route("/lookup/{id}", get(lookup))
        .with_state(stores)
        .merge(page::routes());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(end_with_parent);
    let (stop, stopping) = watch::channel(false);
    listen::serve(listener, app, stopping).await;
    drop(stop);
    Ok(())
}

/// Standard input ends when the other process does, however that ends.
fn end_with_parent() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

async fn redis(url: &str) -> anyhow::Result<Pool> {
    let pool = Builder::from_config(RedisConfig::from_url(url)?)
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2))
        .with_performance_config(|performance| performance.default_command_timeout = REDIS_TIMEOUT)
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(3);
            connection.internal_command_timeout = REDIS_TIMEOUT;
            connection.max_command_attempts = 1;
        })
        .build_pool(REDIS_CONNECTIONS)?;
    pool.init().await?;
    Ok(pool)
}

/// One GET, one SELECT by primary key, and the body.
async fn lookup(State(stores): State<Stores>, Path(id): Path<i32>) -> Result<Response, StatusCode> {
    let value: Option<String> = stores.redis.get(KEY).await.map_err(broken)?;
    let row = user::Entity::find_by_id(id).one(&stores.database).await.map_err(broken)?;
    if value.is_none() || row.is_none() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], stores.body).into_response())
}

fn broken(error: impl std::fmt::Display) -> StatusCode {
    eprintln!("baseline: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
