//! Sessions.

use std::time::Duration;

use app::backend::database::Lock;
use app::backend::entity::{session_record, user_session};
use app::backend::sessions::note_sign_in;
use app::domain::status::{Role, Status};
use app::domain::view::TimeLeft;
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::registering::join;
use crate::support::{Browser, PASSWORD, Portal, stack};

#[tokio::test]
async fn strangers_have_no_session_at_all() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    browser.get("/").await;
    browser.register("a", "b", "c").await;
    browser.sign_in("nobody", PASSWORD).await;
    assert!(browser.cookie("session").is_none());
    let records = session_record::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(records.is_empty());
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let portal = Portal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    portal.person("ada", Status::Active, Role::Member).await;
    let reply = portal.browser().sign_in("ada", PASSWORD).await;
    let cookies = reply.cookies();
    let cookie = cookies.iter().find(|c| c.starts_with("__Host-session=")).expect("a session cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age="] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn a_shared_computers_cookie_ends_with_the_browser_and_idles_two_hours() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
    let reply = browser.post("/do/sign_in", &fields).await;
    let cookies = reply.cookies();
    let cookie = cookies.iter().find(|c| c.starts_with("session=")).expect("a session cookie");
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    portal.later(Duration::from_secs(2 * 3_600 - 1));
    assert!(browser.is_signed_in().await);
    portal.later(Duration::from_hours(2));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_gives_a_new_id_and_ends_the_old_session() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    browser.set_cookie("session", Some("AAAAAAAAAAAAAAAAAAAAAA"));
    browser.sign_in("ada", PASSWORD).await;
    let first = browser.cookie("session").expect("a session");
    assert_ne!(first, "AAAAAAAAAAAAAAAAAAAAAA");
    let old = browser.copy();
    browser.sign_in("ada", PASSWORD).await;
    assert_ne!(browser.cookie("session"), Some(first));
    assert!(browser.is_signed_in().await);
    assert!(!old.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sign_ins_of_one_browser_at_once_each_get_a_session_and_end_the_old_one() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let old = portal.signed_in("ada").await;
    let sign_ins = (0..8).map(|_| {
        let copy = old.copy();
        async move {
            copy.sign_in("ada", PASSWORD).await;
            copy
        }
    });
    let copies = join(sign_ins).await;
    for copy in &copies {
        assert!(copy.is_signed_in().await);
    }
    assert!(!old.is_signed_in().await);
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(rows.len(), copies.len());
}

#[tokio::test]
async fn use_renews_a_session_and_idleness_and_age_end_it() {
    let portal = Portal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "3d")]).await;
    let idle = portal.admin("grace").await;
    let used = portal.signed_in("grace").await;
    for _ in 0..5 {
        portal.later(Duration::from_hours(12));
        assert!(used.is_signed_in().await);
    }
    assert!(!idle.is_signed_in().await);
    portal.later(Duration::from_hours(12));
    assert!(!used.is_signed_in().await, "three days are over");
}

#[tokio::test]
async fn an_ended_session_says_so_and_leads_back() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    portal.later(Duration::from_hours(24));
    let reply = browser.get("/admin?after=ada").await;
    assert_eq!(reply.location(), Some("/login?next=%2Fadmin%3Fafter%3Dada"));
    browser.get("/login?next=%2Fadmin%3Fafter%3Dada").await.says("Your session is over. Sign in to go on.");
    assert!(browser.cookie("session").is_none());
}

/// What a page that is left open is told of its session.
async fn time_left(browser: &Browser) -> Option<TimeLeft> {
    let reply = browser.get("/session").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.cookies().is_empty(), "asking changes no cookie");
    serde_json::from_str(&reply.body).expect("a time or nothing")
}

#[tokio::test]
async fn asking_how_long_a_session_lasts_renews_nothing() {
    let portal = Portal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "3d")]).await;
    assert_eq!(time_left(&portal.browser()).await, None);
    let browser = portal.admin("grace").await;
    let person = portal.user("grace").await.id;
    let day = 24 * 60 * 60;
    assert_eq!(time_left(&browser).await, Some(TimeLeft { person, seconds: day }));
    portal.later(Duration::from_hours(23));
    assert_eq!(time_left(&browser).await, Some(TimeLeft { person, seconds: day / 24 }));
    portal.later(Duration::from_hours(1));
    assert_eq!(time_left(&browser).await, None);
    browser.get("/profile").await;
    browser.get("/login?next=%2Fprofile").await.says("Your session is over. Sign in to go on.");
}

#[tokio::test]
async fn a_session_lasts_no_longer_than_its_lifetime_and_ends_with_its_row() {
    let portal = Portal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "36h")]).await;
    let browser = portal.admin("grace").await;
    portal.later(Duration::from_hours(20));
    assert!(browser.is_signed_in().await);
    assert_eq!(time_left(&browser).await.map(|left| left.seconds), Some(16 * 60 * 60));
    user_session::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    assert_eq!(time_left(&browser).await, None);
    browser.set_cookie("session", Some("no id at all"));
    assert_eq!(time_left(&browser).await, None);
}

#[tokio::test]
async fn other_cookies_hide_the_session_from_nobody() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    browser.set_cookie("another", Some("é"));
    assert!(browser.is_signed_in().await);
    assert!(time_left(&browser).await.is_some());
}

#[tokio::test]
async fn a_record_without_its_row_is_nothing_and_no_request_in_flight_revives_it() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    let stolen = browser.cookie("session").expect("a session");
    user_session::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    assert!(!browser.is_signed_in().await);
    browser.set_cookie("session", Some(&stolen));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_row_of_another_session_does_not_do() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    user_session::Entity::update_many()
        .col_expr(user_session::Column::IdHash, Expr::value("00000000000000000000000000000000"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn an_epoch_that_moved_ends_the_session() {
    use app::backend::entity::user;
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    user::Entity::update_many()
        .col_expr(user::Column::AuthEpoch, Expr::value(7))
        .filter(user::Column::UsernameKey.eq("grace"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn the_database_is_no_set_of_keys() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    let cookie = browser.cookie("session").expect("a session");
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let records = session_record::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(records.len(), usize::from(!stack::is_postgres()));
    let known: Vec<String> = rows
        .iter()
        .flat_map(|row| [row.handle.clone(), row.id_hash.clone()])
        .chain(records.iter().map(|record| record.id.clone()))
        .collect();
    assert!(known.iter().all(|known| *known != cookie));
    let thief = portal.browser();
    for known in known {
        let bytes: Vec<u8> =
            (0..16).filter_map(|i| u8::from_str_radix(known.get(2 * i..2 * i + 2)?, 16).ok()).collect();
        thief.set_cookie("session", Some(&data_encoding::BASE64URL_NOPAD.encode(&bytes)));
        assert_eq!(thief.get("/profile").await.status, StatusCode::FOUND);
    }
}

#[tokio::test]
async fn last_seen_is_written_once_a_minute_at_most() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    let seen = || async {
        let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
        rows.first().expect("a session").last_seen_at
    };
    let first = seen().await;
    portal.later(Duration::from_secs(59));
    browser.get("/profile").await;
    assert_eq!(seen().await, first);
    portal.later(Duration::from_secs(1));
    browser.get("/profile").await;
    assert_eq!(seen().await, first + 60_000_000);
}

#[tokio::test]
async fn a_postgresql_that_takes_no_writes_is_an_outage() {
    if !stack::is_postgres() {
        return;
    }
    let portal = Portal::start().await;
    let txn = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    txn.execute_unprepared("SET TRANSACTION READ ONLY").await.expect("is set");
    let failure = note_sign_in(&*txn, 1, portal.backend.now()).await.expect_err("takes no writes");
    assert!(failure.is_outage(), "{failure}");
}
