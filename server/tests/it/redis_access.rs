//! Tests of the names of keys in Redis, and of an account of Redis that may not do everything. They need Redis, so on SQLite they
//! do nothing.

use std::path::Path;

use axum::http::StatusCode;

use crate::support::{Browser, PASSWORD, SECRET_KEY, stack};
use backend::Backend;
use backend::admin::commands;
use backend::infra::database::Database;
use backend::infra::random;
use backend::infra::redis_keys::RedisKeys;
use domain::password::NormalizedPassword;
use domain::validation::Registration;
use server::assets::Assets;
use server::config::{Config, ConfigError, Source};
use server::http::router::router;
use server::{redis, startup};

/// A new database, and an account of Redis without any rights.
struct Setup {
    folder: tempfile::TempDir,
    database_url: String,
    keys: RedisKeys,
    account: String,
}

impl Setup {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database_url = stack::new_database_url(folder.path()).await;
        let db = Database::connect(&database_url).await.expect("connects");
        startup::migrate(&db).await.expect("migrates");
        let keys = RedisKeys::of_database(&db).await.expect("the database has an id");
        let account = format!("test-{}", random::public_id());
        stack::run_redis_command("ACL", &["SETUSER", &account, "on", ">secret"]).await;
        Self { folder, database_url, keys, account }
    }

    /// Returns the rights that the program asks the operator for.
    fn documented_rights(&self) -> String {
        let fix = redis::permission_fix(&self.keys);
        fix.split_once("name and ").expect("names the rights").1.to_owned()
    }

    async fn set_rights(&self, rights: &str) {
        let reset = ["SETUSER", self.account.as_str(), "resetkeys", "-@all"];
        let all: Vec<&str> = reset.into_iter().chain(rights.split_whitespace()).collect();
        stack::run_redis_command("ACL", &all).await;
    }

    /// Starts the backend as the program does.
    async fn start(&self) -> Result<Backend, ConfigError> {
        let (redis_url, mail) = (stack::redis_url(&self.account, "secret"), self.folder.path().join("mail"));
        let settings = [
            ("LEPTOS_ENV", "DEV"),
            ("PUBLIC_URL", "http://portal.test"),
            ("SECRET_KEY", SECRET_KEY),
            ("DATABASE_URL", self.database_url.as_str()),
            ("REDIS_URL", redis_url.as_str()),
            ("MAIL_DIR", mail.to_str().expect("is text")),
        ];
        startup::backend(&Config::read(&Source::of(&settings)).expect("the settings are right")).await
    }
}

fn browser(backend: &Backend) -> Browser {
    Browser::new(router(backend, &Assets::unbuilt(Path::new("/nowhere"))))
}

async fn create_admin(backend: &Backend) {
    let password = NormalizedPassword::from_nfkc(PASSWORD.to_owned());
    let form = Registration::parse("grace", "grace@example.org", password.clone(), &password, 12);
    commands::create_admin(backend, form.expect("valid")).await.expect("an administrator");
}

#[tokio::test]
async fn the_documented_rights_are_enough_so_every_key_begins_with_the_prefix() {
    if !stack::is_postgres() {
        return;
    }
    let setup = Setup::new().await;
    setup.set_rights(&setup.documented_rights()).await;
    let backend = setup.start().await.expect("starts");
    create_admin(&backend).await;
    let browser = browser(&backend);
    assert_eq!(browser.sign_in("grace", "a wrong password").await.location(), Some("/login"));
    assert_eq!(browser.sign_in("grace", PASSWORD).await.location(), Some("/profile"));
    assert!(browser.is_signed_in().await);
    assert!(browser.get("/readyz").await.body.contains("\"redis\":\"up\""));
    let now = backend.now();
    for _ in 0..10 {
        assert_eq!(backend.rate_limiter.acquire_reauthentication("7", now).await, Ok(()));
    }
    assert!(!stack::counter_lifetimes(&setup.keys).await.is_empty(), "counted in Redis");
    browser.post("/do/sign_out", &[]).await;
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn the_portal_does_not_start_with_an_account_of_redis_that_may_not_do_everything() {
    if !stack::is_postgres() {
        return;
    }
    let setup = Setup::new().await;
    let (prefix, documented) = (setup.keys.prefix(), setup.documented_rights());
    let without = |command: &str| documented.replace(command, "");
    for rights in [
        documented.replace(prefix, "other:"),
        documented.replace(prefix, &setup.keys.sessions()),
        documented.replace(prefix, &setup.keys.counters()),
        without("+get"),
        without("+set"),
        without("+del"),
        without("+evalsha"),
        without("+script|load"),
        without("+incr"),
        without("+decr"),
        without("+pexpire"),
    ] {
        setup.set_rights(&rights).await;
        let line = setup.start().await.map(|_| ()).expect_err(&rights).0;
        assert!(line.starts_with("REDIS_URL: this Redis account lacks rights"), "{rights}: {line}");
        assert!(line.contains(&format!(
            "Fix: run ACL SETUSER in Redis with the account's name and ~{prefix}* +get "
        )));
        assert!(!line.contains('\n') && !line.contains("secret"), "{line}");
    }
}

#[tokio::test]
async fn readiness_tries_what_requests_need() {
    if !stack::is_postgres() {
        return;
    }
    let setup = Setup::new().await;
    setup.set_rights(&setup.documented_rights()).await;
    let backend = setup.start().await.expect("starts");
    let full = setup.documented_rights();
    // Without the session records, without the counters, and without a command that only counting needs.
    for rights in [
        format!("~{}* +@all", setup.keys.counters()),
        format!("~{}* +@all", setup.keys.sessions()),
        full.replace("+evalsha", ""),
    ] {
        // Readiness keeps its result for a second, and each router has its own.
        setup.set_rights(&full).await;
        assert!(browser(&backend).get("/readyz").await.body.contains("\"redis\":\"up\""));
        setup.set_rights(&rights).await;
        let state = browser(&backend).get("/readyz").await;
        assert_eq!(state.status, StatusCode::SERVICE_UNAVAILABLE, "{rights}");
        assert!(state.body.contains("\"redis\":\"down\""), "{rights}: {}", state.body);
    }
}

#[tokio::test]
async fn two_portals_on_one_redis_share_no_counters() {
    if !stack::is_postgres() {
        return;
    }
    let (one, other) = (Setup::new().await, Setup::new().await);
    for setup in [&one, &other] {
        setup.set_rights("~* +@all").await;
    }
    let (first, replica) = (one.start().await.expect("starts"), one.start().await.expect("starts"));
    let second = other.start().await.expect("starts");
    let now = first.now();
    for _ in 0..10 {
        assert_eq!(first.rate_limiter.acquire_reauthentication("7", now).await, Ok(()));
    }
    assert!(replica.rate_limiter.acquire_reauthentication("7", now).await.is_err(), "a replica shares them");
    assert_eq!(second.rate_limiter.acquire_reauthentication("7", now).await, Ok(()));
}
