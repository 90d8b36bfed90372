//! The baseline that the portal is compared with: axum and the same stores, without the portal.
//!
//! Its connections are handled by the portal's `server::listener`. The pool of PostgreSQL connections has the defaults of
//! sea-orm, except that its size is the portal's and statements are not logged. The Redis pool is configured as in
//! `server::redis`.

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::Duration;

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
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::page;
use crate::world::environment;
use backend::entity::user;
use domain::status::UserId;
use server::listener;

/// The Redis key that each lookup reads.
const KEY: &str = "baseline";
/// The size of its value in bytes: about the size of a session record.
const VALUE_BYTES: usize = 100;
/// As in `backend::infra::database`.
const DATABASE_POOL_SIZE: u32 = 16;
/// As in `server::redis`.
const REDIS_POOL_SIZE: usize = 1;
/// As in `server::redis`.
const REDIS_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
struct Stores {
    database: DatabaseConnection,
    redis: Pool,
    body: Bytes,
}

/// Serves `/bare`, `/leptos` and `/lookup/{id}`, whose body has `bytes` bytes, until the parent process ends. Prints the IP
/// address and port on standard output.
pub async fn serve(bytes: usize) -> anyhow::Result<()> {
    let mut options = ConnectOptions::new(environment("BENCH_DATABASE_URL")?);
    options.max_connections(DATABASE_POOL_SIZE).sqlx_logging(false);
    let database = sea_orm::Database::connect(options).await?;
    let redis = redis(&environment("BENCH_REDIS_URL")?).await?;
    let () = redis.set(KEY, "x".repeat(VALUE_BYTES), None, None, false).await?;
    let stores = Stores { database, redis, body: Bytes::from("x".repeat(bytes)) };
    let app: Router = Router::new()
        .route("/bare", get(|| async { "Hello" }))
        .route("/lookup/{id}", get(lookup))
        .with_state(stores)
        .merge(page::routes());
    let tcp_listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", tcp_listener.local_addr()?);
    std::thread::spawn(exit_with_parent);
    let (stop, stopping) = watch::channel(false);
    listener::serve(tcp_listener, app, |_| false, stopping).await;
    drop(stop);
    Ok(())
}

/// Ends this process when standard input closes, which happens however the parent process ends.
fn exit_with_parent() {
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
        .build_pool(REDIS_POOL_SIZE)?;
    pool.init().await?;
    Ok(pool)
}

/// Runs one GET and one SELECT by primary key, and returns the body.
async fn lookup(State(stores): State<Stores>, Path(id): Path<i32>) -> Result<Response, StatusCode> {
    let value: Option<String> = stores.redis.get(KEY).await.map_err(internal_error)?;
    let row = user::Entity::find_by_id(UserId(id)).one(&stores.database).await.map_err(internal_error)?;
    if value.is_none() || row.is_none() {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], stores.body).into_response())
}

fn internal_error(error: impl std::fmt::Display) -> StatusCode {
    eprintln!("baseline: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
