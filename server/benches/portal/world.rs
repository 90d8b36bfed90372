//! What everything is measured in: the stores, the people in them, and what `script/bench` says.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, anyhow, ensure};
use app::backend::clock::Clock;
use app::backend::database::Database;
use app::backend::entity::user;
use app::backend::password_hash::Hasher;
use app::domain::password::Password;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use server::start;

use crate::client::{self, Connection};

/// Everybody's password.
pub const PASSWORD: &str = "green bicycle tulips";
/// How many look at their profile at the same time, each at their own.
pub const VIEWERS: usize = 16;
/// How many sign in at the same time.
pub const CROWD: usize = 1_000;
/// How often each viewer has signed in before; they signed out of the first session.
const VISITS: usize = 4;
/// How many people are written at once.
const AT_ONCE: usize = 250;

/// A value of the environment.
#[expect(clippy::disallowed_methods, reason = "script/bench says by it what to measure")]
pub fn environment(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; script/bench runs this program"))
}

/// The stores and the programs.
#[derive(Debug)]
pub struct World {
    /// The portal.
    pub program: PathBuf,
    /// Its assets.
    pub site: PathBuf,
    /// A temporary folder.
    pub folder: PathBuf,
    /// PostgreSQL.
    pub database_url: String,
    /// Redis.
    pub redis_url: String,
    /// Which PostgreSQL and Redis they are.
    pub services: String,
    /// How many processors there are.
    pub cores: usize,
    /// The viewers' numbers.
    pub viewers: Vec<i32>,
}

impl World {
    /// Migrates the database and writes the people into it.
    pub async fn prepare() -> anyhow::Result<Self> {
        let database_url = environment("BENCH_DATABASE_URL")?;
        let database = Database::connect(&database_url).await?;
        start::migrate(&database).await?;
        insert_people(&database).await?;
        let viewers = user::Entity::find()
            .filter(user::Column::Username.starts_with("viewer"))
            .all(database.pool())
            .await?
            .into_iter()
            .map(|person| person.id)
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

    /// Where the portal logs.
    pub fn log(&self) -> PathBuf {
        self.folder.join("portal.log")
    }
}

fn viewer(number: usize) -> String {
    format!("viewer{number:02}")
}

fn person(number: usize) -> String {
    format!("person{number:04}")
}

/// Active people with confirmed addresses and one password. Hashing it once does for all.
async fn insert_people(database: &Database) -> anyhow::Result<()> {
    let hashed = Hasher::start(1)?.hash(&Password::from(PASSWORD.to_owned()), "local").await;
    let hash = hashed.map_err(|error| anyhow!("could not hash a password: {error:?}"))?;
    let now = Clock::System.now().0;
    let names = (0..VIEWERS).map(viewer).chain((0..CROWD).map(person));
    let rows: Vec<user::ActiveModel> = names.map(|name| active(&name, &hash, now)).collect();
    for some in rows.chunks(AT_ONCE) {
        user::Entity::insert_many(some.to_vec()).exec_without_returning(database.pool()).await?;
    }
    Ok(())
}

fn active(name: &str, hash: &str, now: i64) -> user::ActiveModel {
    user::ActiveModel {
        id: ActiveValue::NotSet,
        username: ActiveValue::Set(name.to_owned()),
        username_key: ActiveValue::Set(name.to_owned()),
        email: ActiveValue::Set(format!("{name}@example.org")),
        email_canonical: ActiveValue::Set(format!("{name}@example.org")),
        email_confirmed_at: ActiveValue::Set(Some(now)),
        email_disowned_at: ActiveValue::Set(None),
        deletion_due_at: ActiveValue::Set(None),
        password_hash: ActiveValue::Set(Some(hash.to_owned())),
        status: ActiveValue::Set("active".to_owned()),
        status_since: ActiveValue::Set(now),
        status_by: ActiveValue::Set(None),
        role: ActiveValue::Set("member".to_owned()),
        auth_epoch: ActiveValue::Set(0),
        created_at: ActiveValue::Set(now),
        last_sign_in_at: ActiveValue::Set(0),
    }
}

/// The requests with which this many people sign in. Each is somebody else: one name from one address may have ten
/// sign-ins in flight, no more.
pub fn sign_ins(portal: SocketAddr, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| sign_in(portal, &person(number))).collect()
}

/// The same, from so many clients in turn, as a proxy would pass them on.
pub fn sign_ins_of_clients(portal: SocketAddr, count: usize, clients: usize) -> Vec<Vec<u8>> {
    let forwarded = |number: usize| format!("x-forwarded-for: 198.51.100.{}\r\n\r\n", number % clients + 1);
    let insert = |(number, request): (usize, Vec<u8>)| {
        let text = String::from_utf8_lossy(&request);
        text.replacen("\r\n\r\n", &format!("\r\n{}", forwarded(number)), 1).into_bytes()
    };
    sign_ins(portal, count).into_iter().enumerate().map(insert).collect()
}

fn sign_in(portal: SocketAddr, name: &str) -> Vec<u8> {
    let password = PASSWORD.replace(' ', "+");
    client::post(portal, "/do/sign_in", None, &format!("username={name}&password={password}"))
}

/// Signs every viewer in, so that each has three sessions and a history of five; answers the ids of their last sessions.
pub async fn sign_viewers_in(portal: SocketAddr) -> anyhow::Result<Vec<String>> {
    let mut connection = Connection::open(portal).await?;
    let mut sessions = Vec::new();
    for number in 0..VIEWERS {
        let request = sign_in(portal, &viewer(number));
        for visit in 0..VISITS {
            let reply = connection.ask(&request).await?;
            ensure!(reply.is_sign_in(), "nobody could sign in:\n{}", reply.head);
            let session = reply.session().context("signing in opened no session")?.to_owned();
            if visit == 0 {
                let sign_out = client::post(portal, "/do/sign_out", Some(&session), "");
                let reply = connection.ask(&sign_out).await?;
                ensure!(reply.is_redirect(), "nobody could sign out:\n{}", reply.head);
            } else if visit + 1 == VISITS {
                sessions.push(session);
            }
        }
    }
    Ok(sessions)
}
