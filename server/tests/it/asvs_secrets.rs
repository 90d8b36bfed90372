//! What the OWASP ASVS asks of secrets: none in an answer, none in the log, and in the database only what hash functions
//! that are approved make of them.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use app::backend::entity::{outbox, portal_key, session_record, shut_out, user, user_session, user_token};
use app::backend::operator;
use app::backend::token::PlainToken;
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use server::telemetry;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use crate::asvs::{header, must_change, temporary_password};
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Portal};

/// Everything in the database that is made of secrets.
async fn hashes(portal: &Portal) -> Vec<String> {
    let pool = portal.backend.db.pool();
    let users = user::Entity::find().all(pool).await.expect("reads");
    let sessions = user_session::Entity::find().all(pool).await.expect("reads");
    let records = session_record::Entity::find().all(pool).await.expect("reads");
    let tokens = user_token::Entity::find().all(pool).await.expect("reads");
    let mails = outbox::Entity::find().all(pool).await.expect("reads");
    let shut_outs = shut_out::Entity::find().all(pool).await.expect("reads");
    let keys = portal_key::Entity::find().all(pool).await.expect("reads");
    users
        .into_iter()
        .filter_map(|row| row.password_hash)
        .chain(sessions.into_iter().map(|row| row.id_hash))
        .chain(records.into_iter().map(|row| row.id))
        .chain(tokens.into_iter().map(|row| row.token_hash))
        .chain(mails.into_iter().filter_map(|row| row.sealed))
        .chain(shut_outs.into_iter().map(|row| row.hash))
        .chain(keys.into_iter().map(|row| row.sealed))
        .collect()
}

#[tokio::test]
async fn no_answer_holds_a_secret() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("nina").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let dan = portal.person("dan", Status::Active, Role::Member).await;
    let (browser, phone) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    let bound = must_change(&portal, "dan").await;
    operator::make_user_link(&portal.backend, "ada").await.expect("a link");
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value("given_up"))
        .filter(outbox::Column::UserId.eq(portal.user("nina").await.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let cookies =
        [&admin, &browser, &phone, &bound].map(|browser| browser.cookie("session").expect("a session"));
    let handles_but_of = |id: i32| {
        let others = sessions.iter().filter(move |row| row.user_id != id).map(|row| row.handle.clone());
        others.collect::<Vec<String>>()
    };
    let of_ada =
        ["/", "/profile", "/profile/data.json", "/profile/address", "/profile/delete", "/change-password"];
    let of_the_desk = [
        "/admin".to_owned(),
        "/admin/mail".to_owned(),
        format!("/admin/users/{}", ada.id),
        format!("/admin/deactivate/{}", ada.id),
    ];
    let mut replies = Vec::new();
    for page in of_ada {
        replies.push((page.to_owned(), handles_but_of(ada.id), browser.get(page).await));
    }
    for page in of_the_desk {
        // Nobody but the owner sees what a session is called, neither.
        let handles = sessions.iter().map(|row| row.handle.clone()).collect();
        let reply = admin.get(&page).await;
        replies.push((page, handles, reply));
    }
    let id = dan.id.to_string();
    let fields = [("id", id.as_str()), ("decision", "deactivate"), ("stay", "yes")];
    let decided = admin.script("/do/decide", &fields).await;
    let person: serde_json::Value = serde_json::from_str(&decided.body).expect("JSON");
    let person = person["done"]["person"].as_object().expect("the person as they are now");
    let mut names: Vec<&str> = person.keys().map(String::as_str).collect();
    names.sort_unstable();
    let known = [
        "confirmed",
        "decided_by",
        "deletion_due",
        "disowned_at",
        "email",
        "has_password",
        "id",
        "is_you",
        "last_sign_in",
        "offers",
        "registered",
        "role",
        "status",
        "status_since",
        "username",
    ];
    assert_eq!(names, known);
    replies.push(("/do/decide".to_owned(), sessions.iter().map(|row| row.handle.clone()).collect(), decided));
    let hashes = hashes(&portal).await;
    assert!(hashes.len() > 10, "there is something to find");
    for (page, handles, reply) in &replies {
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        reply.does_not_say("$argon2");
        for secret in hashes.iter().chain(&cookies).chain(handles) {
            reply.does_not_say(secret);
        }
    }
}

#[tokio::test]
async fn what_the_database_keeps_of_secrets_are_approved_hashes() {
    // SHA-256 of 43 times "A", by another program.
    const KNOWN: &str = "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a";
    let hash = |token: &str| PlainToken::from_link(token).expect("it has the form of one").hash();
    assert_eq!(hash(&"A".repeat(43)), KNOWN);
    let portal = Portal::start().await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let token = link.trim_start_matches("/confirm/");
    let rows = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let kept: Vec<&str> = rows.iter().map(|row| row.token_hash.as_str()).collect();
    assert_eq!(kept, [hash(token)]);
    let password = portal.user("ada").await.password_hash.expect("there is a password");
    assert!(password.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{password}");
}

/// What was logged by this thread since [`Log::begin`].
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
    /// Begins to keep what this thread logs. One subscriber for the whole process: those that tests set for themselves
    /// alone race for what other threads have found out about who listens.
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

/// The session that a browser has now.
fn session(browser: &Browser) -> String {
    browser.cookie("session").expect("a session")
}

#[tokio::test]
async fn the_log_holds_no_secret_and_no_address() {
    let log = Log::begin();
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let wrong = "canary of a wrong password";
    let mut secrets = vec![PASSWORD.to_owned(), OTHER_PASSWORD.to_owned(), wrong.to_owned(), session(&admin)];

    let browser = portal.register("ada").await;
    let confirm = portal.mail_to("ada").await.link();
    let token = confirm.trim_start_matches("/confirm/").to_owned();
    browser.get(&confirm).await.says("Confirm your address");
    browser.post("/do/confirm_address", &[("token", &token), ("password", wrong)]).await;
    admin.decide("approve", portal.user("ada").await.id).await;
    let enter = portal.mail_to("ada").await.link();
    let sign_in = enter.trim_start_matches("/auto-login/").to_owned();
    browser.get(&enter).await.says("Continue as ada");
    browser.post("/do/use_sign_in_link", &[("token", &sign_in)]).await;
    secrets.extend([token, sign_in, session(&browser)]);
    browser.sign_in("ada", wrong).await;
    browser.sign_in("ada@example.org", PASSWORD).await;
    secrets.push(session(&browser));

    browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    let temporary = temporary_password(&portal.mail_to("ada").await);
    browser.sign_in("ada", &temporary).await;
    secrets.extend([temporary.replace('-', ""), temporary, session(&browser)]);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(browser.post("/do/change_password", &new).await.location(), Some("/profile"));
    let fields = [("email", "adele@example.org"), ("current_password", OTHER_PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    let change = portal.mail_to("adele").await.link();
    let token = change.trim_start_matches("/confirm-address/").to_owned();
    browser.get(&change).await.says("Confirm your new address");
    browser.post("/do/change_address", &[("token", &token)]).await;
    secrets.extend([token, session(&browser)]);

    // What fails is logged with its cause.
    portal.backend.db.pool().clone().close().await.expect("closes");
    browser.get(&change).await;
    browser.get("/profile").await;
    let stranger = portal.browser();
    stranger.sign_in("ada@example.org", PASSWORD).await;
    stranger.register("eve", "eve@example.org", PASSWORD).await;

    let log = log.text();
    for words in ["answered", "/do/sign_in", "/confirm/", "an action failed"] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }
    secrets.extend(["ada@example.org", "adele@example.org", "eve@example.org"].map(str::to_owned));
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret:?} is in the log: {log}");
    }
}

#[tokio::test]
async fn nothing_about_people_is_stored_on_the_way() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let person = format!("/admin/users/{}", portal.user("grace").await.id);
    for page in
        ["/", "/login", "/profile", "/profile/data.json", "/change-password", "/admin", person.as_str()]
    {
        let reply = admin.get(page).await;
        assert_eq!(header(&reply, "cache-control"), "no-store", "{page}");
    }
    for action in ["sign_in", "decide", "end_session"] {
        let path = format!("/do/{action}");
        for reply in [admin.post(&path, &[]).await, admin.script(&path, &[]).await] {
            assert_eq!(header(&reply, "cache-control"), "no-store", "{path}");
        }
    }
}
