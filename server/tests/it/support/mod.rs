//! Support for the tests: [`TestPortal`], a portal for one test, and [`Browser`], a browser that visits it.

pub mod browser;
pub mod decisions;
pub mod smtp;
pub mod stack;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use backend::accounts::blocked_identities::BlockedIdentities;
use backend::admin::commands;
use backend::auth::password::hasher::Hasher;
use backend::auth::password::normalize;
use backend::email::transport::Transport;
use backend::email::worker;
use backend::entity::{audit, email_job, outbox, user};
use backend::infra::clock::Clock;
use backend::infra::database::{Database, Lock};
use backend::infra::encryption::Keys;
use backend::sessions::store::SessionRecords;
use backend::{Backend, Parts};
use domain::password::Password;
use domain::status::{Role, Status};
use domain::time::Timestamp;
use domain::validation::Registration;
use mail_parser::MessageParser;
use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, Statement,
};
use server::assets::Assets;
use server::config::{Config, Source};
use server::http::router::router;
use tempfile::TempDir;
use tokio::time::sleep;

pub use crate::support::browser::{Browser, Response};

/// The SECRET_KEY of every portal.
pub const SECRET_KEY: &str = "WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa";

/// A password that the password policy accepts.
pub const PASSWORD: &str = "green bicycle tulips";
/// Another password that the password policy accepts.
pub const OTHER_PASSWORD: &str = "purple umbrella waltz";

/// A portal with its own database, for one test.
pub struct TestPortal {
    pub backend: Backend,
    pub router: Router,
    folder: TempDir,
}

/// An email as its recipient reads it.
#[derive(Clone, Debug)]
pub struct ReceivedEmail {
    pub file: PathBuf,
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl ReceivedEmail {
    /// Returns the path of the first link.
    pub fn link(&self) -> String {
        let start = "http://portal.test";
        let line = self.text.lines().find(|line| line.starts_with(start)).expect("the mail has a link");
        line.trim_start_matches(start).to_owned()
    }
}

impl TestPortal {
    /// Starts a portal with the usual settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a portal with additional settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let email_folder = folder.path().join("mail").to_string_lossy().into_owned();
        let usual = [
            ("LEPTOS_ENV", "DEV"),
            ("PUBLIC_URL", "http://portal.test"),
            ("SECRET_KEY", SECRET_KEY),
            ("DATABASE_URL", "sqlite://data/portal.db"),
            ("MAIL_DIR", email_folder.as_str()),
            ("MAIL_RATE", "10000/1s"),
            ("LIMIT_SIGN_IN", "10000/1m"),
            ("LIMIT_REGISTER", "10000/1m"),
            ("LIMIT_RESET", "10000/1m"),
            ("TRUSTED_PROXIES", "127.0.0.1"),
            ("UNDO_WINDOW", "0s"),
        ];
        let all: Vec<(&str, &str)> = usual
            .into_iter()
            .filter(|(name, _)| !settings.iter().any(|(set, _)| set == name))
            .chain(settings.iter().copied())
            .collect();
        let mut config = Config::read(&Source::of(&all)).expect("the settings are right");
        config.settings.reset_delay = Duration::ZERO;
        let clock = Clock::fixed(next_hour());
        let (db, sessions) = stack::new_database(folder.path(), &clock).await;
        Self::build(config, db, sessions, clock, folder).await
    }

    /// Starts a portal with its own hashing threads and the cost of production, for tests about hashes.
    pub async fn with_own_hasher(settings: &[(&str, &str)]) -> Self {
        Self::with_hasher(settings, Hasher::start(2).expect("threads start")).await
    }

    /// Starts a portal with this hasher.
    pub async fn with_hasher(settings: &[(&str, &str)], hasher: Hasher) -> Self {
        let mut portal = Self::with(settings).await;
        portal.backend = Backend::new(Parts { hasher, ..(*portal.backend).clone() });
        portal.router = router(&portal.backend, &Assets::unbuilt(portal.folder.path()));
        portal
    }

    async fn build(
        config: Config,
        db: Database,
        sessions: SessionRecords,
        clock: Clock,
        folder: TempDir,
    ) -> Self {
        let keys = Keys::new(&config.secret_key, None);
        let rate_limiter = stack::rate_limiter(&db).await;
        let blocked_identities = BlockedIdentities::load(&db, &keys, clock.now()).await.expect("a key");
        let backend = Backend::new(Parts {
            db,
            settings: Arc::new(config.settings.clone()),
            clock,
            hasher: stack::hasher(),
            keys: Arc::new(keys),
            rate_limiter: Arc::new(rate_limiter),
            counters: Arc::default(),
            blocked_identities: Arc::new(blocked_identities),
            sessions,
            microsoft: None,
            email_wakeup: Arc::default(),
            tasks: Arc::default(),
        });
        let router = router(&backend, &Assets::unbuilt(folder.path()));
        Self { backend, router, folder }
    }

    /// Advances the clock of the portal.
    pub fn advance_time(&self, by: Duration) {
        self.backend.clock.advance(by);
    }

    /// Returns a browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// Creates an administrator as the command does. Returns a browser in which they are signed in.
    pub async fn create_admin(&self, name: &str) -> Browser {
        let email = format!("{name}@example.org");
        let password = normalize(&Password::from(PASSWORD.to_owned()));
        let form = Registration::parse(name, &email, password.clone(), &password, 12).expect("valid");
        commands::create_admin(&self.backend, form).await.expect("an administrator");
        self.signed_in(name).await
    }

    /// Returns a new browser in which the user is signed in.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let browser = self.browser();
        let response = browser.sign_in(name, PASSWORD).await;
        assert_eq!(response.location(), Some("/profile"), "{name} signs in");
        browser
    }

    /// Registers an account. Returns the browser that registered it.
    pub async fn register(&self, name: &str) -> Browser {
        let browser = self.browser();
        let response = browser.register(name, &format!("{name}@example.org"), PASSWORD).await;
        assert_eq!(response.location(), Some("/login"), "{name} registers");
        browser
    }

    /// Creates a user with this status and role, and with a confirmed email address.
    pub async fn create_user(&self, name: &str, status: Status, role: Role) -> user::Model {
        self.register(name).await;
        let now = self.backend.now();
        user::Entity::update_many()
            .col_expr(user::Column::Status, Expr::value(status))
            .col_expr(user::Column::StatusSince, Expr::value(now))
            .col_expr(user::Column::Role, Expr::value(role))
            .col_expr(user::Column::EmailConfirmedAt, Expr::value(now))
            .filter(user::Column::UsernameKey.eq(name))
            .exec(self.backend.db.pool())
            .await
            .expect("the row changes");
        self.user(name).await
    }

    /// Inserts an active user with this password hash.
    pub async fn insert_active_user(&self, name: &str, password_hash: &str) {
        let now = self.backend.now();
        let row = user::ActiveModel {
            id: ActiveValue::NotSet,
            username: ActiveValue::Set(name.to_owned()),
            username_key: ActiveValue::Set(name.to_owned()),
            email: ActiveValue::Set(format!("{name}@example.org")),
            email_canonical: ActiveValue::Set(format!("{name}@example.org")),
            email_confirmed_at: ActiveValue::Set(Some(now)),
            registration_disputed_at: ActiveValue::Set(None),
            deletion_due_at: ActiveValue::Set(None),
            password_hash: ActiveValue::Set(Some(password_hash.to_owned())),
            status: ActiveValue::Set(Status::Active),
            status_since: ActiveValue::Set(now),
            status_by: ActiveValue::Set(None),
            role: ActiveValue::Set(Role::Member),
            credential_version: ActiveValue::Set(0),
            created_at: ActiveValue::Set(now),
            last_sign_in_at: ActiveValue::Set(Timestamp::NEVER),
        };
        user::Entity::insert(row).exec_without_returning(self.backend.db.pool()).await.expect("inserts");
    }

    /// Returns the row of a user.
    pub async fn user(&self, name: &str) -> user::Model {
        self.find_user(name).await.expect("the person is there")
    }

    /// Returns the row of a user, if it exists.
    pub async fn find_user(&self, name: &str) -> Option<user::Model> {
        user::Entity::find()
            .filter(user::Column::UsernameKey.eq(name.to_lowercase()))
            .one(self.backend.db.pool())
            .await
            .expect("the query works")
    }

    /// Waits until a statement waits for the lock of another transaction. Returns immediately on SQLite, where the next
    /// writer waits before its first statement.
    pub async fn wait_for_blocked_statement(&self) {
        let blocked = "SELECT count(*) AS blocked FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let end = Instant::now() + Duration::from_secs(20);
        while self.backend.db.is_postgres() {
            let statement = Statement::from_string(DbBackend::Postgres, blocked);
            let row = self.backend.db.pool().query_one_raw(statement).await.expect("asks").expect("a row");
            if row.try_get::<i64>("", "blocked").expect("a number") > 0 {
                return;
            }
            assert!(Instant::now() < end, "no statement waits");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the number of active administrators.
    pub async fn count_active_admins(&self) -> u64 {
        user::Entity::find()
            .filter(user::Column::Role.eq(Role::Admin))
            .filter(user::Column::Status.eq(Status::Active))
            .count(self.backend.db.pool())
            .await
            .expect("the query works")
    }

    /// Returns the audit log, oldest row first.
    pub async fn audit_log(&self) -> Vec<audit::Model> {
        audit::Entity::find()
            .order_by_asc(audit::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// Returns the outbox, oldest row first.
    pub async fn outbox(&self) -> Vec<outbox::Model> {
        outbox::Entity::find()
            .order_by_asc(outbox::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// Returns the email jobs, oldest row first.
    pub async fn email_jobs(&self) -> Vec<email_job::Model> {
        email_job::Entity::find()
            .order_by_asc(email_job::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// Returns the folder that emails are written to.
    pub fn email_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Runs the worker once. Returns every email written so far, oldest first.
    pub async fn deliver_emails(&self) -> Vec<ReceivedEmail> {
        self.run_worker(&Transport::File(self.email_folder())).await;
        self.sent_emails()
    }

    /// Runs the worker once with this transport.
    pub async fn run_worker(&self, transport: &Transport) {
        while worker::write(&self.backend).await.expect("emails are written").is_zero() {}
        worker::send(&self.backend, transport, || false).await.expect("emails are sent");
    }

    /// Returns every email written so far, oldest first.
    pub fn sent_emails(&self) -> Vec<ReceivedEmail> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.email_folder())
            .map(|files| files.flatten().map(|file| file.path()).collect())
            .unwrap_or_default();
        files.sort();
        files.into_iter().map(read_email).collect()
    }

    /// Runs the worker once. Returns the newest email to a user.
    pub async fn email_to(&self, name: &str) -> ReceivedEmail {
        let address = format!("{name}@example.org");
        self.deliver_emails()
            .await
            .into_iter()
            .rev()
            .find(|email| email.to == address)
            .expect("there is mail")
    }

    /// Reverts every migration and applies it again.
    pub async fn migrate_down_and_up(&self) {
        let txn = self.backend.db.begin_write(Lock::Schema).await.expect("begins");
        Migrator::down(&*txn, None).await.expect("goes down");
        Migrator::up(&*txn, None).await.expect("goes up");
        txn.commit().await.expect("commits");
    }
}

/// Returns the beginning of the next hour, where windows of rate limits begin too. It is in the future, because a store
/// of session records may use the system clock and reject records that have expired.
fn next_hour() -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    Timestamp((Clock::System.now().0.div_euclid(HOUR) + 1) * HOUR)
}

fn read_email(file: PathBuf) -> ReceivedEmail {
    let content = std::fs::read(&file).expect("the mail can be read");
    let email = MessageParser::default().parse(&content).expect("the mail parses");
    let to =
        email.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient").to_owned();
    let subject = email.subject().expect("a subject").to_owned();
    let text = email.body_text(0).expect("a text part").replace("\r\n", "\n");
    assert!(email.body_html(0).is_some(), "an HTML part");
    ReceivedEmail { file, to, subject, text }
}
