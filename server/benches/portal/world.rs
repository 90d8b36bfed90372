//! The environment of the benchmark: the stores, the users in them, and the settings from `script/bench`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use crate::client::{self, Connection};
use backend::auth::password::hasher::Hasher;
use backend::auth::password::normalize;
use backend::entity::user;
use backend::infra::clock::Clock;
use backend::infra::database::Database;
use domain::password::Password;
use domain::status::{Role, Status};
use domain::time::Timestamp;
use server::startup;

/// The password of every user.
pub const PASSWORD: &str = "green bicycle tulips";
/// The number of users who view their profiles at the same time.
pub const VIEWERS: usize = 16;
/// The number of users who sign in at the same time.
pub const CONCURRENT_SIGN_INS: usize = 1_000;
/// The number of earlier sign-ins of each viewer, who signed out of the first session.
const SIGN_INS_PER_VIEWER: usize = 4;
/// The number of users per INSERT.
const INSERT_BATCH_SIZE: usize = 250;

/// Returns an environment variable.
#[expect(clippy::disallowed_methods, reason = "script/bench says by it what to measure")]
pub fn environment(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; script/bench runs this program"))
}

/// The stores and the program under test.
#[derive(Debug)]
pub struct World {
    /// The program of the portal.
    pub program: PathBuf,
    /// The folder with its built assets.
    pub site: PathBuf,
    /// A temporary folder.
    pub folder: PathBuf,
    /// The URL of PostgreSQL.
    pub database_url: String,
    /// The URL of Redis.
    pub redis_url: String,
    /// The versions of PostgreSQL and Redis.
    pub services: String,
    /// The number of processors.
    pub cores: usize,
    /// The user ids of the viewers.
    pub viewers: Vec<i32>,
}

impl World {
    /// Migrates the database and inserts the users.
    pub async fn prepare() -> anyhow::Result<Self> {
        let database_url = environment("BENCH_DATABASE_URL")?;
        let database = Database::connect(&database_url).await?;
        startup::migrate(&database).await?;
        insert_users(&database).await?;
        let viewers = user::Entity::find()
            .filter(user::Column::Username.starts_with("viewer"))
            .all(database.pool())
            .await?
            .into_iter()
            .map(|user| user.id.0)
            .collect();
        Ok(Self {
            program: environment("PORTAL_BIN")?.into(),
            site: environment("LEPTOS_SITE_ROOT")?.into(),
            folder: environment("BENCH_FOLDER")?.into(),
            database_url,
            redis_url: environment("BENCH_REDIS_URL")?,
            services: environment("BENCH_SERVICES")?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            viewers,
        })
    }

    /// Returns the path of the log of the portal.
    pub fn log(&self) -> PathBuf {
        self.folder.join("portal.log")
    }
}

/// Returns the username of a viewer.
pub fn viewer_name(number: usize) -> String {
    format!("viewer{number:02}")
}

/// Returns the username of a user who signs in.
pub fn user_name(number: usize) -> String {
    format!("person{number:04}")
}

/// Inserts active users with confirmed email addresses. They share one password, which is hashed once.
async fn insert_users(database: &Database) -> anyhow::Result<()> {
    let hashed = Hasher::start(1)?.hash(&normalize(&Password::from(PASSWORD.to_owned())), "local").await;
    let hash = hashed.map_err(|error| anyhow!("could not hash a password: {error:?}"))?;
    let now = Clock::System.now();
    let names = (0..VIEWERS).map(viewer_name).chain((0..CONCURRENT_SIGN_INS).map(user_name));
    let rows: Vec<user::ActiveModel> = names.map(|name| active_user(&name, &hash, now)).collect();
    for some in rows.chunks(INSERT_BATCH_SIZE) {
        user::Entity::insert_many(some.to_vec()).exec_without_returning(database.pool()).await?;
    }
    Ok(())
}

/// Returns an active user with a confirmed email address and without an id.
pub fn active_user(name: &str, hash: &str, now: Timestamp) -> user::ActiveModel {
    user::ActiveModel {
        id: ActiveValue::NotSet,
        username: ActiveValue::Set(name.to_owned()),
        username_key: ActiveValue::Set(name.to_owned()),
        email: ActiveValue::Set(format!("{name}@example.org")),
        email_canonical: ActiveValue::Set(format!("{name}@example.org")),
        email_confirmed_at: ActiveValue::Set(Some(now)),
        registration_disputed_at: ActiveValue::Set(None),
        deletion_due_at: ActiveValue::Set(None),
        password_hash: ActiveValue::Set(Some(hash.to_owned())),
        status: ActiveValue::Set(Status::Active),
        status_since: ActiveValue::Set(now),
        status_by: ActiveValue::Set(None),
        role: ActiveValue::Set(Role::Member),
        credential_version: ActiveValue::Set(0),
        created_at: ActiveValue::Set(now),
        last_sign_in_at: ActiveValue::Set(Timestamp::NEVER),
    }
}

/// Returns `count` sign-in requests. Each is for another user: one username from one client IP may have at most ten sign-ins in
/// flight.
pub fn sign_ins(portal: SocketAddr, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| sign_in(portal, &user_name(number))).collect()
}

/// Returns the same requests, from `clients` client IPs in turn, as a proxy would forward them.
pub fn sign_ins_of_clients(portal: SocketAddr, count: usize, clients: usize) -> Vec<Vec<u8>> {
    let forwarded = |number: usize| format!("x-forwarded-for: 198.51.100.{}\r\n\r\n", number % clients + 1);
    let insert = |(number, request): (usize, Vec<u8>)| {
        let text = String::from_utf8_lossy(&request);
        text.replacen("\r\n\r\n", &format!("\r\n{}", forwarded(number)), 1).into_bytes()
    };
    sign_ins(portal, count).into_iter().enumerate().map(insert).collect()
}

/// Returns the request with which a user signs in.
pub fn sign_in(portal: SocketAddr, name: &str) -> Vec<u8> {
    let password = PASSWORD.replace(' ', "+");
    client::post(portal, "/do/sign_in", None, &format!("username={name}&password={password}"))
}

/// Signs in every viewer, so that each has three sessions and five audit events. Returns the ids of their last sessions.
pub async fn sign_viewers_in(portal: SocketAddr) -> anyhow::Result<Vec<String>> {
    let mut connection = Connection::open(portal).await?;
    let mut sessions = Vec::new();
    for number in 0..VIEWERS {
        let request = sign_in(portal, &viewer_name(number));
        for sign_in_number in 0..SIGN_INS_PER_VIEWER {
            let response = connection.send(&request).await?;
            ensure!(response.is_sign_in(), "nobody could sign in:\n{}", response.head);
            let session = response.session().context("signing in opened no session")?.to_owned();
            if sign_in_number == 0 {
                let sign_out = client::post(portal, "/do/sign_out", Some(&session), "");
                let response = connection.send(&sign_out).await?;
                ensure!(response.is_redirect(), "nobody could sign out:\n{}", response.head);
            } else if sign_in_number + 1 == SIGN_INS_PER_VIEWER {
                sessions.push(session);
            }
        }
    }
    Ok(sessions)
}
