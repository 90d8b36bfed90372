//! OWASP ASVS requirements for secrets: responses and the log contain none, and the database contains only hashes of them,
//! by approved hash functions.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use crate::asvs::{header, restricted_browser, temporary_password};
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use backend::admin::commands;
use backend::auth::token::PlainToken;
use backend::entity::{blocked_identity, outbox, portal_key, session_record, user, user_session, user_token};
use domain::status::{Role, Status, UserId};
use server::telemetry;

/// Returns every value in the database that is derived from a secret.
async fn hashes(portal: &TestPortal) -> Vec<String> {
    let pool = portal.backend.db.pool();
    let users = user::Entity::find().all(pool).await.expect("reads");
    let sessions = user_session::Entity::find().all(pool).await.expect("reads");
    let records = session_record::Entity::find().all(pool).await.expect("reads");
    let tokens = user_token::Entity::find().all(pool).await.expect("reads");
    let emails = outbox::Entity::find().all(pool).await.expect("reads");
    let blocked_identities = blocked_identity::Entity::find().all(pool).await.expect("reads");
    let keys = portal_key::Entity::find().all(pool).await.expect("reads");
    users
        .into_iter()
        .filter_map(|row| row.password_hash)
        .chain(sessions.into_iter().map(|row| row.id_hash))
        .chain(records.into_iter().map(|row| row.id))
        .chain(tokens.into_iter().map(|row| row.token_hash))
        .chain(emails.into_iter().filter_map(|row| row.sealed))
        .chain(blocked_identities.into_iter().map(|row| row.hash))
        .chain(keys.into_iter().map(|row| row.sealed))
        .collect()
}

#[tokio::test]
async fn no_response_contains_a_secret() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("nina").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let dan = portal.create_user("dan", Status::Active, Role::Member).await;
    let (browser, phone) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    let restricted = restricted_browser(&portal, "dan").await;
    commands::make_user_link(&portal.backend, "ada").await.expect("a link");
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value("failed"))
        .filter(outbox::Column::UserId.eq(portal.user("nina").await.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let cookies =
        [&admin, &browser, &phone, &restricted].map(|browser| browser.cookie("session").expect("a session"));
    let public_ids_except = |id: UserId| {
        let others = sessions.iter().filter(move |row| row.user_id != id).map(|row| row.public_id.clone());
        others.collect::<Vec<String>>()
    };
    let user_pages =
        ["/", "/profile", "/profile/data.json", "/profile/address", "/profile/delete", "/change-password"];
    let admin_pages = [
        "/admin".to_owned(),
        "/admin/mail".to_owned(),
        format!("/admin/users/{}", ada.id),
        format!("/admin/deactivate/{}", ada.id),
    ];
    let mut responses = Vec::new();
    for page in user_pages {
        responses.push((page.to_owned(), public_ids_except(ada.id), browser.get(page).await));
    }
    for page in admin_pages {
        // Only the owner sees the public id of a session.
        let public_ids = sessions.iter().map(|row| row.public_id.clone()).collect();
        let response = admin.get(&page).await;
        responses.push((page, public_ids, response));
    }
    let id = dan.id.to_string();
    let fields = [("id", id.as_str()), ("decision", "deactivate"), ("stay", "yes")];
    let action_response = admin.fetch("/do/decide", &fields).await;
    let person: serde_json::Value = serde_json::from_str(&action_response.body).expect("JSON");
    let person = person["done"]["user"].as_object().expect("the person as they are now");
    let mut field_names: Vec<&str> = person.keys().map(String::as_str).collect();
    field_names.sort_unstable();
    let known = [
        "allowed_actions",
        "confirmed",
        "decided_by",
        "deletion_due",
        "disputed_at",
        "email",
        "has_password",
        "id",
        "is_you",
        "last_change",
        "last_sign_in",
        "registered",
        "role",
        "status",
        "status_since",
        "username",
    ];
    assert_eq!(field_names, known);
    responses.push((
        "/do/decide".to_owned(),
        sessions.iter().map(|row| row.public_id.clone()).collect(),
        action_response,
    ));
    let hashes = hashes(&portal).await;
    assert!(hashes.len() > 10, "there is something to find");
    for (page, public_ids, response) in &responses {
        assert_eq!(response.status, StatusCode::OK, "{page}");
        response.assert_not_contains("$argon2");
        for secret in hashes.iter().chain(&cookies).chain(public_ids) {
            response.assert_not_contains(secret);
        }
    }
}

#[tokio::test]
async fn the_database_stores_only_approved_hashes_of_secrets() {
    // The SHA-256 hash of 43 times "A", computed by another program.
    const KNOWN: &str = "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a";
    let hash = |token: &str| PlainToken::from_link(token).expect("it has the form of one").hash();
    assert_eq!(hash(&"A".repeat(43)), KNOWN);
    let portal = TestPortal::with_own_hasher(&[]).await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let token = link.trim_start_matches("/confirm/");
    let rows = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let stored: Vec<&str> = rows.iter().map(|row| row.token_hash.as_str()).collect();
    assert_eq!(stored, [hash(token)]);
    let password = portal.user("ada").await.password_hash.expect("there is a password");
    assert!(password.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{password}");
}

/// The log lines of this thread since [`Log::begin`].
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Begins to record the log lines of this thread. The whole process has one subscriber, because subscribers per thread
    /// race for tracing's cache of enabled callsites.
    fn begin() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let (secrets, levels) = telemetry::filters("trace").expect("a filter");
            let logs = fmt::layer()
                .with_ansi(false)
                .with_writer(|| LOG.with_borrow(|log| log.clone().unwrap_or_default()));
            registry().with(secrets).with(levels).with(logs).init();
        });
        let log = Self::default();
        LOG.set(Some(log.clone()));
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

/// Returns the session id of a browser.
fn session_id(browser: &Browser) -> String {
    browser.cookie("session").expect("a session")
}

#[tokio::test]
async fn the_log_contains_no_secret_and_no_email_address() {
    let log = Log::begin();
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let wrong = "canary of a wrong password";
    let mut secrets =
        vec![PASSWORD.to_owned(), OTHER_PASSWORD.to_owned(), wrong.to_owned(), session_id(&admin)];

    let browser = portal.register("ada").await;
    let confirmation_link = portal.email_to("ada").await.link();
    let token = confirmation_link.trim_start_matches("/confirm/").to_owned();
    browser.get(&confirmation_link).await.assert_contains("Confirm your email address");
    browser.post("/do/confirm_address", &[("token", &token), ("password", wrong)]).await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    let sign_in_link = portal.email_to("ada").await.link();
    let sign_in = sign_in_link.trim_start_matches("/auto-login/").to_owned();
    browser.get(&sign_in_link).await.assert_contains("Continue as ada");
    browser.post("/do/use_sign_in_link", &[("token", &sign_in)]).await;
    secrets.extend([token, sign_in, session_id(&browser)]);
    browser.sign_in("ada", wrong).await;
    browser.sign_in("ada@example.org", PASSWORD).await;
    secrets.push(session_id(&browser));

    browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    let temporary = temporary_password(&portal.email_to("ada").await);
    browser.sign_in("ada", &temporary).await;
    secrets.extend([temporary.replace('-', ""), temporary, session_id(&browser)]);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(browser.post("/do/change_password", &new).await.location(), Some("/profile"));
    let fields = [("email", "adele@example.org"), ("current_password", OTHER_PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    let change = portal.email_to("adele").await.link();
    let token = change.trim_start_matches("/confirm-address/").to_owned();
    browser.get(&change).await.assert_contains("Confirm your new email address");
    browser.post("/do/change_address", &[("token", &token)]).await;
    secrets.extend([token, session_id(&browser)]);

    // Errors are logged with their cause.
    portal.backend.db.pool().clone().close().await.expect("closes");
    browser.get(&change).await;
    browser.get("/profile").await;
    let visitor = portal.browser();
    visitor.sign_in("ada@example.org", PASSWORD).await;
    visitor.register("eve", "eve@example.org", PASSWORD).await;

    let log = log.text();
    for message in ["request completed", "/do/sign_in", "/confirm/", "action failed"] {
        assert!(log.contains(message), "no {message:?} in {log}");
    }
    secrets.extend(["ada@example.org", "adele@example.org", "eve@example.org"].map(str::to_owned));
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret:?} is in the log: {log}");
    }
}

#[tokio::test]
async fn pages_and_results_with_personal_data_are_never_cached() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let person = format!("/admin/users/{}", portal.user("grace").await.id);
    for page in
        ["/", "/login", "/profile", "/profile/data.json", "/change-password", "/admin", person.as_str()]
    {
        let response = admin.get(page).await;
        assert_eq!(header(&response, "cache-control"), "no-store", "{page}");
    }
    for action in ["sign_in", "decide", "end_session"] {
        let path = format!("/do/{action}");
        for response in [admin.post(&path, &[]).await, admin.fetch(&path, &[]).await] {
            assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        }
    }
}
