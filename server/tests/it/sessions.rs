//! Tests of sessions: cookies, renewal, expiry and revocation.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal, stack};
use backend::entity::{session_record, user_session};
use backend::infra::database::Lock;
use backend::sessions::record_sign_in;
use domain::status::{Role, Status, UserId};
use domain::view_models::SessionTimeLeft;

#[tokio::test]
async fn visitors_have_no_session() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.get("/").await;
    browser.register("a", "b", "c").await;
    browser.sign_in("nobody", PASSWORD).await;
    assert!(browser.cookie("session").is_none());
    let records = session_record::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(records.is_empty());
}

#[tokio::test]
async fn the_session_cookie_is_kept_from_scripts_and_other_sites() {
    let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let response = portal.browser().sign_in("ada", PASSWORD).await;
    let cookies = response.cookies();
    let cookie = cookies.iter().find(|c| c.starts_with("__Host-session=")).expect("a session cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age="] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn on_a_shared_computer_a_session_ends_with_the_browser_or_after_two_idle_hours() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
    let response = browser.post("/do/sign_in", &fields).await;
    let cookies = response.cookies();
    let cookie = cookies.iter().find(|c| c.starts_with("session=")).expect("a session cookie");
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    portal.advance_time(Duration::from_secs(2 * 3_600 - 1));
    assert!(browser.is_signed_in().await);
    portal.advance_time(Duration::from_hours(2));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_gives_a_new_id_and_ends_the_old_session() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
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
async fn concurrent_sign_ins_of_one_browser_each_get_a_session_and_end_the_old_one() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let old = portal.signed_in("ada").await;
    let sign_ins = (0..8).map(|_| {
        let copy = old.copy();
        async move {
            copy.sign_in("ada", PASSWORD).await;
            copy
        }
    });
    let copies = join_all(sign_ins).await;
    for copy in &copies {
        assert!(copy.is_signed_in().await);
    }
    assert!(!old.is_signed_in().await);
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(rows.len(), copies.len());
}

#[tokio::test]
async fn a_session_is_renewed_by_use_and_ends_by_inactivity_or_age() {
    let portal = TestPortal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "3d")]).await;
    let idle = portal.create_admin("grace").await;
    let used = portal.signed_in("grace").await;
    for _ in 0..5 {
        portal.advance_time(Duration::from_hours(12));
        assert!(used.is_signed_in().await);
    }
    assert!(!idle.is_signed_in().await);
    portal.advance_time(Duration::from_hours(12));
    assert!(!used.is_signed_in().await, "three days are over");
}

#[tokio::test]
async fn an_expired_session_is_reported_and_sign_in_returns_to_the_page() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    portal.advance_time(Duration::from_hours(24));
    let response = browser.get("/admin?after=ada").await;
    assert_eq!(response.location(), Some("/login?next=%2Fadmin%3Fafter%3Dada"));
    browser
        .get("/login?next=%2Fadmin%3Fafter%3Dada")
        .await
        .assert_contains("Your session has ended. Sign in to continue.");
}

#[tokio::test]
async fn the_end_of_a_session_is_reported_once() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let message = "Your session has ended. Sign in to continue.";
    for _ in 0..2 {
        portal.advance_time(Duration::from_hours(24));
        browser.get("/profile").await;
        browser.get("/login?next=%2Fprofile").await.assert_contains(message);
        for page in ["/profile", "/admin"] {
            assert_eq!(browser.get(page).await.status, StatusCode::FOUND);
            browser.get("/login").await.assert_not_contains(message);
        }
        // The end of the next session is reported too.
        assert_eq!(browser.sign_in("grace", PASSWORD).await.location(), Some("/profile"));
    }
}

#[tokio::test]
async fn a_late_answer_of_an_ended_session_does_not_remove_the_cookie_of_the_session_that_follows_it() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    // A request of another tab was sent before the password changed. Its answer arrives afterwards.
    let other_tab = browser.copy();
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    assert_eq!(browser.post("/do/change_password", &fields).await.location(), Some("/profile"));
    for path in ["/", "/profile", "/login", "/profile/data.json", "/no-such-page"] {
        let late = other_tab.get(path).await;
        assert!(!late.cookies().iter().any(|cookie| cookie.starts_with("session=")), "{path}: {late:?}");
    }
    for (action, fields) in [
        ("/do/sign_out", [].as_slice()),
        ("/do/end_other_sessions", &[]),
        ("/do/change_password", &fields),
        ("/do/delete_account", &[("current_password", OTHER_PASSWORD)]),
        ("/do/sign_in", &[("username", "ada"), ("password", "not the password")]),
    ] {
        let late = other_tab.post(action, fields).await;
        assert!(!late.cookies().iter().any(|cookie| cookie.starts_with("session=")), "{action}: {late:?}");
    }
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_and_deletion_remove_the_session_cookie() {
    for action in ["sign_out", "delete_account", "end_session"] {
        let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
        portal.create_user("ada", Status::Active, Role::Member).await;
        let browser = portal.signed_in("ada").await;
        let row = user_session::Entity::find().one(portal.backend.db.pool()).await.expect("reads");
        let handle = row.expect("a session").public_id;
        let fields = [("current_password", PASSWORD), ("handle", handle.as_str())];
        let response = browser.post(&format!("/do/{action}"), &fields).await;
        let cookies = response.cookies();
        let removal = cookies.iter().find(|cookie| cookie.starts_with("__Host-session=;")).expect(action);
        assert!(removal.contains("Max-Age=0") && removal.contains("Secure"), "{removal}");
        assert!(browser.cookie("__Host-session").is_none(), "{action}");
    }
}

/// Returns the remaining time that the session status endpoint reports to an open page.
async fn time_left(browser: &Browser) -> Option<SessionTimeLeft> {
    let response = browser.get("/session").await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(response.cookies().is_empty(), "asking changes no cookie");
    serde_json::from_str(&response.body).expect("a time or nothing")
}

#[tokio::test]
async fn reading_the_remaining_time_of_a_session_does_not_renew_it() {
    let portal = TestPortal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "3d")]).await;
    assert_eq!(time_left(&portal.browser()).await, None);
    let browser = portal.create_admin("grace").await;
    let user_id = portal.user("grace").await.id;
    let day = 24 * 60 * 60;
    assert_eq!(time_left(&browser).await, Some(SessionTimeLeft { user_id, seconds: day }));
    portal.advance_time(Duration::from_hours(23));
    assert_eq!(time_left(&browser).await, Some(SessionTimeLeft { user_id, seconds: day / 24 }));
    portal.advance_time(Duration::from_hours(1));
    assert_eq!(time_left(&browser).await, None);
    browser.get("/profile").await;
    browser
        .get("/login?next=%2Fprofile")
        .await
        .assert_contains("Your session has ended. Sign in to continue.");
}

#[tokio::test]
async fn a_session_lasts_no_longer_than_its_lifetime_and_ends_with_its_row() {
    let portal = TestPortal::with(&[("SESSION_IDLE", "1d"), ("SESSION_LIFETIME", "36h")]).await;
    let browser = portal.create_admin("grace").await;
    portal.advance_time(Duration::from_hours(20));
    assert!(browser.is_signed_in().await);
    assert_eq!(time_left(&browser).await.map(|left| left.seconds), Some(16 * 60 * 60));
    user_session::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    assert_eq!(time_left(&browser).await, None);
    browser.set_cookie("session", Some("no id at all"));
    assert_eq!(time_left(&browser).await, None);
}

#[tokio::test]
async fn other_cookies_do_not_hide_the_session() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    browser.set_cookie("another", Some("é"));
    assert!(browser.is_signed_in().await);
    assert!(time_left(&browser).await.is_some());
}

#[tokio::test]
async fn a_session_record_without_its_row_is_invalid_and_no_request_restores_it() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let stolen = browser.cookie("session").expect("a session");
    user_session::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    assert!(!browser.is_signed_in().await);
    browser.set_cookie("session", Some(&stolen));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_row_with_another_id_hash_is_not_accepted() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    user_session::Entity::update_many()
        .col_expr(user_session::Column::IdHash, Expr::value("00000000000000000000000000000000"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_new_credential_version_ends_the_session() {
    use backend::entity::user;
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    user::Entity::update_many()
        .col_expr(user::Column::CredentialVersion, Expr::value(7))
        .filter(user::Column::UsernameKey.eq("grace"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn values_in_the_database_are_not_valid_session_cookies() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let cookie = browser.cookie("session").expect("a session");
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let records = session_record::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(records.len(), usize::from(!stack::is_postgres()));
    let known: Vec<String> = rows
        .iter()
        .flat_map(|row| [row.public_id.clone(), row.id_hash.clone()])
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
async fn the_last_use_is_written_at_most_once_a_minute() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let seen = || async {
        let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
        rows.first().expect("a session").last_seen_at
    };
    let first = seen().await;
    portal.advance_time(Duration::from_secs(59));
    browser.get("/profile").await;
    assert_eq!(seen().await, first);
    portal.advance_time(Duration::from_secs(1));
    browser.get("/profile").await;
    assert_eq!(seen().await, first.after(Duration::from_mins(1)));
}

#[tokio::test]
async fn a_read_only_postgresql_database_is_an_outage() {
    if !stack::is_postgres() {
        return;
    }
    let portal = TestPortal::start().await;
    let txn = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    txn.execute_unprepared("SET TRANSACTION READ ONLY").await.expect("is set");
    let error = record_sign_in(&*txn, UserId(1), portal.backend.now()).await.expect_err("takes no writes");
    assert!(error.is_outage(), "{error}");
}

#[tokio::test]
async fn an_unread_message_does_not_remove_the_message_about_the_ended_session() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let (browser, other) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    browser.post("/do/end_other_sessions", &[]).await;
    assert!(!other.is_signed_in().await);
    // The message for the profile is unread when this session ends, too.
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    assert_eq!(browser.get("/profile").await.location(), Some("/login?next=%2Fprofile"));
    browser
        .get("/login?next=%2Fprofile")
        .await
        .assert_contains("Your session has ended. Sign in to continue.");
}
