//! What the tests stand on: [`Portal`], a portal of its own for each test, and [`Browser`], somebody who visits it.

pub mod browser;
pub mod stack;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::backend::clock::Clock;
use app::backend::database::{Database, Lock};
use app::backend::entity::{audit, mail_job, outbox, user};
use app::backend::keys::Keys;
use app::backend::mail::transport::Transport;
use app::backend::password_hash::Hasher;
use app::backend::session_store::SessionRecords;
use app::backend::shut_out::ShutOuts;
use app::backend::{Backend, Parts, mail, operator};
use app::domain::check::Registration;
use app::domain::password::Password;
use app::domain::status::{Role, Status};
use app::domain::time::Timestamp;
use axum::Router;
use mail_parser::MessageParser;
use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, Statement,
};
use server::config::{Config, Source};
use server::portal::Assets;
use server::router::router;
use tempfile::TempDir;
use tokio::time::sleep;

pub use browser::{Browser, Reply};

/// A password that anybody may register with.
pub const PASSWORD: &str = "green bicycle tulips";
/// Another one.
pub const OTHER_PASSWORD: &str = "purple umbrella waltz";

/// A portal of a test's own.
pub struct Portal {
    pub backend: Backend,
    pub router: Router,
    folder: TempDir,
}

/// A mail as somebody reads it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub file: PathBuf,
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Mail {
    /// The first link in it, without scheme and host.
    pub fn link(&self) -> String {
        let start = "http://portal.test";
        let line = self.text.lines().find(|line| line.starts_with(start)).expect("the mail has a link");
        line.trim_start_matches(start).to_owned()
    }
}

impl Portal {
    /// A portal with nothing special set.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A portal with these settings beside the usual ones.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mail = folder.path().join("mail").to_string_lossy().into_owned();
        let usual = [
            ("LEPTOS_ENV", "DEV"),
            ("PUBLIC_URL", "http://portal.test"),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("DATABASE_URL", "sqlite::memory:"),
            ("MAIL_DIR", mail.as_str()),
            ("MAIL_RATE", "10000/1s"),
            ("LIMIT_SIGN_IN", "10000/1m"),
            ("LIMIT_REGISTER", "10000/1m"),
            ("LIMIT_RESET", "10000/1m"),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let all: Vec<(&str, &str)> = usual
            .into_iter()
            .filter(|(name, _)| !settings.iter().any(|(set, _)| set == name))
            .chain(settings.iter().copied())
            .collect();
        let mut config = Config::read(&Source::of(&all)).expect("the settings are right");
        config.settings.reset_delay = Duration::ZERO;
        let clock = Clock::fixed(next_hour());
        let (db, sessions) = stack::fresh(folder.path(), &clock).await;
        Self::build(config, db, sessions, clock, folder).await
    }

    /// The same with hash threads of its own, whose work can be counted.
    pub async fn with_own_hasher(settings: &[(&str, &str)]) -> Self {
        let mut portal = Self::with(settings).await;
        let hasher = Hasher::start(2).expect("threads start");
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
        let shut_outs = ShutOuts::load(&db, &keys, clock.now()).await.expect("a key");
        let backend = Backend::new(Parts {
            db,
            settings: Arc::new(config.settings.clone()),
            clock,
            hasher: stack::hasher(),
            keys: Arc::new(keys),
            limits: Arc::new(stack::limits().await),
            counts: Arc::default(),
            shut_outs: Arc::new(shut_outs),
            sessions,
            microsoft: None,
            mail_bell: Arc::default(),
            tasks: Arc::default(),
        });
        let router = router(&backend, &Assets::unbuilt(folder.path()));
        Self { backend, router, folder }
    }

    /// Moves the time on.
    pub fn later(&self, by: Duration) {
        self.backend.clock.advance(by);
    }

    /// Somebody new at this portal.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// An administrator, made on the command line, and their browser, signed in.
    pub async fn admin(&self, name: &str) -> Browser {
        let email = format!("{name}@example.org");
        let password = Password::from(PASSWORD.to_owned());
        let form = Registration::parse(name, &email, password.clone(), &password, 12).expect("valid");
        operator::create_admin(&self.backend, form).await.expect("an administrator");
        self.signed_in(name).await
    }

    /// A browser in which `name` has signed in.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let browser = self.browser();
        let reply = browser.sign_in(name, PASSWORD).await;
        assert_eq!(reply.location(), Some("/profile"), "{name} signs in");
        browser
    }

    /// Registers somebody; answers their browser.
    pub async fn register(&self, name: &str) -> Browser {
        let browser = self.browser();
        let reply = browser.register(name, &format!("{name}@example.org"), PASSWORD).await;
        assert_eq!(reply.location(), Some("/login"), "{name} registers");
        browser
    }

    /// Somebody with this status and role, and a confirmed address.
    pub async fn person(&self, name: &str, status: Status, role: Role) -> user::Model {
        self.register(name).await;
        let now = self.backend.now().0;
        user::Entity::update_many()
            .col_expr(user::Column::Status, Expr::value(status.as_str()))
            .col_expr(user::Column::StatusSince, Expr::value(now))
            .col_expr(user::Column::Role, Expr::value(role.as_str()))
            .col_expr(user::Column::EmailConfirmedAt, Expr::value(now))
            .filter(user::Column::UsernameKey.eq(name))
            .exec(self.backend.db.pool())
            .await
            .expect("the row changes");
        self.user(name).await
    }

    /// Somebody active, without the ceremony.
    pub async fn insert_active(&self, name: &str, password_hash: &str) {
        let now = self.backend.now().0;
        let row = user::ActiveModel {
            id: ActiveValue::NotSet,
            username: ActiveValue::Set(name.to_owned()),
            username_key: ActiveValue::Set(name.to_owned()),
            email: ActiveValue::Set(format!("{name}@example.org")),
            email_canonical: ActiveValue::Set(format!("{name}@example.org")),
            email_confirmed_at: ActiveValue::Set(Some(now)),
            email_disowned_at: ActiveValue::Set(None),
            deletion_due_at: ActiveValue::Set(None),
            password_hash: ActiveValue::Set(Some(password_hash.to_owned())),
            status: ActiveValue::Set("active".to_owned()),
            status_since: ActiveValue::Set(now),
            status_by: ActiveValue::Set(None),
            role: ActiveValue::Set("member".to_owned()),
            auth_epoch: ActiveValue::Set(0),
            created_at: ActiveValue::Set(now),
            last_sign_in_at: ActiveValue::Set(0),
        };
        user::Entity::insert(row).exec_without_returning(self.backend.db.pool()).await.expect("inserts");
    }

    /// Somebody's row.
    pub async fn user(&self, name: &str) -> user::Model {
        self.find_user(name).await.expect("the person is there")
    }

    /// Somebody's row, if there is one.
    pub async fn find_user(&self, name: &str) -> Option<user::Model> {
        user::Entity::find()
            .filter(user::Column::UsernameKey.eq(name.to_lowercase()))
            .one(self.backend.db.pool())
            .await
            .expect("the query works")
    }

    /// Waits until a statement waits for the lock of another transaction. On SQLite, where the next writer waits before its
    /// first statement, it returns at once.
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

    /// How many active administrators there are.
    pub async fn active_admins(&self) -> u64 {
        user::Entity::find()
            .filter(user::Column::Role.eq("admin"))
            .filter(user::Column::Status.eq("active"))
            .count(self.backend.db.pool())
            .await
            .expect("the query works")
    }

    /// What was done, oldest first.
    pub async fn audit(&self) -> Vec<audit::Model> {
        audit::Entity::find()
            .order_by_asc(audit::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// The outbox.
    pub async fn outbox(&self) -> Vec<outbox::Model> {
        outbox::Entity::find()
            .order_by_asc(outbox::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// The jobs.
    pub async fn jobs(&self) -> Vec<mail_job::Model> {
        mail_job::Entity::find()
            .order_by_asc(mail_job::Column::Id)
            .all(self.backend.db.pool())
            .await
            .expect("reads")
    }

    /// Where mail is written.
    pub fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Lets the worker do what is due; answers every mail so far, oldest first.
    pub async fn mails(&self) -> Vec<Mail> {
        self.work(&Transport::File(self.mail_folder())).await;
        self.sent()
    }

    /// Lets the worker do what is due with this transport.
    pub async fn work(&self, transport: &Transport) {
        while mail::write(&self.backend).await.expect("emails are written").is_zero() {}
        mail::send(&self.backend, transport, || false).await.expect("emails are sent");
    }

    /// Every mail that was written, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.mail_folder())
            .map(|files| files.flatten().map(|file| file.path()).collect())
            .unwrap_or_default();
        files.sort();
        files.into_iter().map(read_mail).collect()
    }

    /// The newest mail to `name`.
    pub async fn mail_to(&self, name: &str) -> Mail {
        let address = format!("{name}@example.org");
        self.mails().await.into_iter().rev().find(|mail| mail.to == address).expect("there is mail")
    }

    /// Undoes and does every migration again.
    pub async fn migrate_down_and_up(&self) {
        let txn = self.backend.db.begin_write(Lock::Schema).await.expect("begins");
        Migrator::down(&*txn, None).await.expect("goes down");
        Migrator::up(&*txn, None).await.expect("goes up");
        txn.commit().await.expect("commits");
    }
}

/// The beginning of an hour, where windows of limits begin too; never in the past, which the store of session records
/// would hold against a session.
fn next_hour() -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    Timestamp((Clock::System.now().0.div_euclid(HOUR) + 1) * HOUR)
}

fn read_mail(file: PathBuf) -> Mail {
    let content = std::fs::read(&file).expect("the mail can be read");
    let mail = MessageParser::default().parse(&content).expect("the mail parses");
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient").to_owned();
    let subject = mail.subject().expect("a subject").to_owned();
    let text = mail.body_text(0).expect("a text part").replace("\r\n", "\n");
    assert!(mail.body_html(0).is_some(), "an HTML part");
    Mail { file, to, subject, text }
}
