//! One of the two portals that are compared, with its own stores and a signed-in administrator.

use std::time::Instant;

use anyhow::{Context, ensure};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use crate::admin::fill;
use crate::client::{self, Connection};
use crate::compare::create_database;
use crate::process::Process;
use crate::world::{World, environment, sign_in};
use backend::entity::user;
use backend::infra::database::Database;
use domain::decision::Mark;
use domain::status::{Role, Status, UserId};
use server::startup;

/// A portal with its own stores.
#[derive(Debug)]
pub struct Side {
    /// The stores and the program.
    pub world: World,
    database: Database,
    portal: Process,
    session: String,
    /// The links of the accounts that are deleted.
    links: Vec<String>,
}

/// A pending registration, as a form names it.
#[derive(Debug)]
pub struct Pending {
    /// The id.
    pub id: UserId,
    /// The mark that a page shows.
    pub mark: Mark,
}

impl Side {
    /// Creates the stores with this number of pending registrations, starts the portal, and signs the administrator in. `number`
    /// is the number of the Redis database.
    pub async fn prepare(number: u8, pending: usize) -> anyhow::Result<Self> {
        let folder = std::path::PathBuf::from(environment("BENCH_FOLDER")?).join(format!("side-{number}"));
        std::fs::create_dir(&folder).context("create a folder")?;
        let database_url =
            create_database(&environment("BENCH_DATABASE_URL")?, &format!("side_{number}")).await?;
        let database = Database::connect(&database_url).await?;
        startup::migrate(&database).await?;
        let administrator = fill::insert_accounts(&database, pending).await?;
        let world = World {
            program: environment("PORTAL_BIN")?.into(),
            site: environment("LEPTOS_SITE_ROOT")?.into(),
            folder,
            database_url,
            redis_url: format!("{}/{number}", environment("BENCH_REDIS_URL")?.trim_end_matches('/')),
            services: environment("BENCH_SERVICES")?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            viewers: Vec::new(),
        };
        let mut portal = Process::portal(&world)?;
        portal.wait_until_ready("/login", &world.log()).await?;
        let mut connection = Connection::open(portal.address).await?;
        let response = connection.send(&sign_in(portal.address, &administrator)).await?;
        let session = response.session().context("the administrator could not sign in")?.to_owned();
        Ok(Self { world, database, portal, session, links: Vec::new() })
    }

    /// Returns the time of a page in milliseconds, as the mean of `count` requests.
    pub async fn pages(&self, path: &str, count: u32) -> anyhow::Result<f64> {
        let request = client::get(self.portal.address, path, Some(&self.session));
        let mut connection = Connection::open(self.portal.address).await?;
        let began = Instant::now();
        for _ in 0..count {
            let response = connection.send(&request).await?;
            ensure!(response.is_page(), "{path} is not there:\n{}", response.head);
        }
        Ok(began.elapsed().as_secs_f64() * 1e3 / f64::from(count))
    }

    /// Sends a form as the administrator. Returns the milliseconds until the answer.
    pub async fn post(&self, path: &str, form: &str) -> anyhow::Result<f64> {
        self.post_with(Some(&self.session), path, form).await
    }

    async fn post_with(&self, session: Option<&str>, path: &str, form: &str) -> anyhow::Result<f64> {
        let request = client::post(self.portal.address, path, session, form);
        // The portal closes connections that have not been used for some time.
        let mut connection = Connection::open(self.portal.address).await?;
        let began = Instant::now();
        let response = connection.send(&request).await?;
        ensure!(response.is_redirect(), "{path} was refused:\n{}", response.head);
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }

    /// Returns the pending registrations, the oldest first.
    pub async fn pending(&self) -> anyhow::Result<Vec<Pending>> {
        let rows = user::Entity::find()
            .filter(user::Column::Status.eq(Status::Pending))
            .order_by_asc(user::Column::Id)
            .all(self.database.pool())
            .await?;
        let pending = |row: user::Model| Pending {
            id: row.id,
            mark: Mark { status_since: row.status_since, role: row.role },
        };
        Ok(rows.into_iter().map(pending).collect())
    }

    /// Returns the number of active members.
    pub async fn count_active(&self) -> anyhow::Result<u64> {
        let active = user::Entity::find()
            .filter(user::Column::Status.eq(Status::Active))
            .filter(user::Column::Role.eq(Role::Member));
        Ok(active.count(self.database.pool()).await?)
    }

    /// Fills the audit log and the outbox with these numbers of rows, and creates accounts that will be deleted.
    pub async fn fill(&mut self, (audit_rows, emails): (u32, u32), deletions: usize) -> anyhow::Result<()> {
        fill::insert_rows(&self.database, audit_rows, emails).await?;
        self.links = fill::insert_unconfirmed(&self.database, deletions).await?;
        fill::settle(&self.database).await
    }

    /// Presses "This wasn't me" on the page of a link, which deletes the account, as a visitor does. Returns the milliseconds until
    /// the answer.
    pub async fn delete_account(&self, number: usize) -> anyhow::Result<f64> {
        let form = format!("token={}", self.links.get(number).context("no such link")?);
        let took = self.post_with(None, "/do/disown_address", &form).await?;
        let name = fill::unconfirmed_name(number);
        let left = user::Entity::find().filter(user::Column::UsernameKey.eq(name));
        ensure!(left.one(self.database.pool()).await?.is_none(), "an account was not deleted");
        Ok(took)
    }
}
