//! Tests of the profile page: sessions, recent activity and data export, and of blocked identities.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use tower_sessions::session::Id;
use tower_sessions::{Session, SessionStore};

use crate::registration::join_all;
use crate::support::{Browser, PASSWORD, TestPortal};
use backend::accounts::profile::find_current_user_with_account;
use backend::entity::{user, user_session};
use backend::error::UseCaseError;
use backend::infra::database::Lock;
use backend::sessions::{CurrentUser, find_current_user, remove_ended_records, require_session};
use domain::errors::ErrorCode;
use domain::status::{Role, Status};

async fn sessions(portal: &TestPortal) -> Vec<user_session::Model> {
    user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

/// Signs ada in with this User-Agent header and client IP.
async fn sign_in_with(portal: &TestPortal, user_agent: &str, client_ip: &str) -> Browser {
    let mut browser = portal.browser();
    browser.user_agent = user_agent.to_owned();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    browser.post_from("/do/sign_in", &fields, Some(client_ip)).await;
    browser
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.0 Mobile/15E148 Safari/604.1";

#[tokio::test]
async fn sessions_are_listed_in_words_and_can_be_ended_one_by_one_or_together() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let laptop = sign_in_with(&portal, FIREFOX, "192.0.2.7").await;
    let phone = sign_in_with(&portal, IPHONE, "198.51.100.9").await;
    let third = portal.signed_in("ada").await;
    let page = laptop.get("/profile").await;
    for message in ["Firefox on Linux", "This device", "192.0.2.7", "Safari on iPhone", "198.51.100.9"] {
        page.assert_contains(message);
    }
    let phone_session =
        sessions(&portal).await.into_iter().find(|s| s.user_agent.contains("iPhone")).expect("it is there");
    let response = laptop.post("/do/end_session", &[("handle", &phone_session.public_id)]).await;
    assert_eq!(response.location(), Some("/profile"));
    assert!(!phone.is_signed_in().await, "on its very next request");
    assert!(third.is_signed_in().await);
    laptop.post("/do/end_session", &[("handle", &phone_session.public_id)]).await;
    laptop.get("/profile").await.assert_contains("That session has already ended.");
    assert_eq!(laptop.post("/do/end_other_sessions", &[]).await.location(), Some("/profile"));
    assert!(!third.is_signed_in().await);
    assert!(laptop.is_signed_in().await);
    laptop.get("/profile").await.assert_contains("You're not signed in anywhere else.");
}

#[tokio::test]
async fn two_sessions_that_end_each_other_at_once_both_get_an_answer() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for round in 0..15 {
        let browsers = [portal.signed_in("ada").await, portal.signed_in("ada").await];
        let ends = browsers
            .into_iter()
            .map(|browser| async move { browser.fetch("/do/end_other_sessions", &[]).await.status });
        for status in join_all(ends).await {
            assert!(!status.is_server_error(), "{status} in round {round}");
        }
    }
}

#[tokio::test]
async fn no_one_sees_or_ends_a_session_of_another_user() {
    let portal = TestPortal::start().await;
    for name in ["ada", "bob"] {
        portal.create_user(name, Status::Active, Role::Member).await;
    }
    let ada = portal.signed_in("ada").await;
    let bob = portal.signed_in("bob").await;
    let public_id = sessions(&portal).await.into_iter().min_by_key(|s| s.user_id).expect("ada's").public_id;
    bob.get("/profile").await.assert_not_contains(&public_id);
    bob.post("/do/end_session", &[("handle", &public_id)]).await;
    bob.post("/do/end_other_sessions", &[]).await;
    assert!(ada.is_signed_in().await);
    portal.browser().post("/do/end_session", &[("handle", &public_id)]).await;
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn an_expired_session_is_not_listed() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    sign_in_with(&portal, IPHONE, "198.51.100.9").await;
    portal.advance_time(Duration::from_hours(25));
    let page = sign_in_with(&portal, FIREFOX, "192.0.2.7").await.get("/profile").await;
    page.assert_not_contains("Safari on iPhone");
    page.assert_contains("You're not signed in anywhere else.");
}

#[tokio::test]
async fn a_user_has_at_most_fifty_sessions_and_the_least_recently_used_one_is_ended() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    portal.advance_time(Duration::from_secs(1));
    let second = portal.signed_in("ada").await;
    for _ in 0..49 {
        portal.advance_time(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    assert_eq!(sessions(&portal).await.len(), 50);
    assert!(!first.is_signed_in().await);
    assert!(second.is_signed_in().await);
}

#[tokio::test]
async fn a_request_whose_session_has_ended_meanwhile_is_rejected() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let current_user_of =
        |browser: &Browser| current_user_of_cookie(&portal, browser.cookie("session").expect("a session"));
    let thief = portal.signed_in("ada").await;
    let current_user = current_user_of(&thief).await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let txn = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    let error = require_session(&*txn, &current_user).await.expect_err("it is over");
    assert!(matches!(error, UseCaseError::Rejected(errors) if errors == ErrorCode::SignedOut.into()));
}

/// Returns the session of this cookie.
fn session_of(portal: &TestPortal, cookie: &str) -> Session {
    let id = cookie.parse::<Id>().expect("an id");
    Session::new(Some(id), Arc::new(portal.backend.sessions.clone()), None)
}

/// Returns the user who is signed in with this cookie.
async fn current_user_of_cookie(portal: &TestPortal, cookie: String) -> CurrentUser {
    let session = session_of(portal, &cookie);
    find_current_user(&portal.backend, &session)
        .await
        .expect("the query works")
        .expect("somebody is signed in")
}

#[tokio::test]
async fn the_current_user_is_the_same_with_and_without_the_account() {
    let portal = TestPortal::start().await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let cookie = portal.signed_in("ada").await.cookie("session").expect("a session");
    portal.signed_in("ada").await;
    let (db, backend) = (portal.backend.db.pool(), &portal.backend);
    let change = async |column, value: Value| {
        let change = user::Entity::update_many().col_expr(column, Expr::value(value));
        change.filter(user::Column::Id.eq(ada.id)).exec(db).await.expect("changes");
    };
    let found = async || {
        let without_account = find_current_user(backend, &session_of(&portal, &cookie)).await.expect("works");
        let with_account =
            find_current_user_with_account(backend, &session_of(&portal, &cookie)).await.expect("works");
        let current_user = with_account.as_ref().map(|(current_user, _)| current_user);
        assert_eq!(format!("{current_user:?}"), format!("{:?}", without_account.as_ref()));
        with_account
    };
    assert!(found().await.is_some());
    change(user::Column::Status, Status::Deactivated.into()).await;
    assert!(found().await.is_none(), "deactivated");
    change(user::Column::Status, Status::Active.into()).await;
    change(user::Column::CredentialVersion, 7.into()).await;
    assert!(found().await.is_none(), "of another credential_version");
    change(user::Column::CredentialVersion, ada.credential_version.into()).await;

    // First with the account, so that this SELECT updates the last use.
    portal.advance_time(Duration::from_hours(1));
    let read = find_current_user_with_account(backend, &session_of(&portal, &cookie)).await.expect("works");
    let (current_user, account) = read.expect("somebody is signed in");
    let [this, other] = &account.activity.sessions[..] else { panic!("{:?}", account.activity.sessions) };
    assert!(this.is_current && this.public_id == current_user.public_id && this.last_seen == backend.now());
    assert_eq!(other.last_seen.after(Duration::from_hours(1)), backend.now());
    assert_eq!(account.activity.entries.len(), 3, "{:?}", account.activity.entries);

    portal.advance_time(backend.settings.session_lifetime);
    assert!(found().await.is_none(), "over");
    user_session::Entity::delete_many().exec(db).await.expect("deletes");
    assert!(found().await.is_none(), "ended");
}

#[tokio::test]
async fn recent_activity_shows_no_name_and_no_ip_address_of_other_users() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let fields =
        [("id", ada.id.to_string()), ("decision", "approve".to_owned()), ("from", "/admin".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    admin.post_from("/do/decide", &fields, Some("203.0.113.99")).await;
    let page = sign_in_with(&portal, FIREFOX, "192.0.2.7").await.get("/profile").await;
    page.assert_contains("Approved");
    page.assert_contains("by an administrator");
    page.assert_contains("Signed in with a password");
    page.assert_not_contains("grace");
    page.assert_not_contains("203.0.113.99");
}

#[tokio::test]
async fn the_data_export_has_the_data_of_the_account_and_no_secret() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = sign_in_with(&portal, FIREFOX, "192.0.2.7").await;
    let response = browser.get("/profile/data.json").await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(response.headers["cache-control"], "no-store");
    assert!(response.headers["content-disposition"].to_str().expect("text").starts_with("attachment"));
    let data: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
    assert_eq!(data["account"]["username"], "ada");
    assert_eq!(data["account"]["email"], "ada@example.org");
    assert_eq!(data["sessions"][0]["browser"], "Firefox on Linux");
    assert!(data["history"].as_array().expect("a list").len() >= 2);
    let secrets = sessions(&portal).await.into_iter().flat_map(|s| [s.public_id, s.id_hash]);
    for secret in secrets.chain(portal.user("ada").await.password_hash) {
        response.assert_not_contains(&secret);
    }
    assert_eq!(
        portal.browser().get("/profile/data.json").await.location(),
        Some("/login?next=%2Fprofile%2Fdata.json")
    );
}

#[tokio::test]
async fn a_rejected_or_deactivated_user_is_blocked_until_approved_or_reactivated() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let bob = portal.create_user("bob", Status::Pending, Role::Member).await;
    admin.apply_action("deactivate", ada.id).await;
    admin.apply_action("reject", bob.id).await;
    let db = portal.backend.db.pool();
    for email in ["ada@example.org", "bob@example.org"] {
        assert!(portal.backend.blocked_identities.contains(db, email).await.expect("looks"), "{email}");
    }
    admin.apply_action("reactivate", ada.id).await;
    assert!(!portal.backend.blocked_identities.contains(db, "ada@example.org").await.expect("looks"));
    admin.apply_action("reconsider", bob.id).await;
    assert!(
        portal.backend.blocked_identities.contains(db, "bob@example.org").await.expect("looks"),
        "until approved"
    );
    admin.apply_action("approve", bob.id).await;
    assert!(!portal.backend.blocked_identities.contains(db, "bob@example.org").await.expect("looks"));
}

#[tokio::test]
async fn ending_sessions_is_audited_only_if_one_has_ended_and_is_rate_limited() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let rows = portal.audit_log().await.len();
    for _ in 0..100 {
        browser.post("/do/end_other_sessions", &[]).await;
    }
    assert_eq!(portal.audit_log().await.len(), rows, "there was no other session");
    browser.post("/do/end_other_sessions", &[]).await;
    browser.get("/profile").await.assert_contains("Too many attempts.");
}

#[tokio::test]
async fn the_records_of_ended_sessions_are_removed_and_those_of_others_stay() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let [browser, other] = [portal.signed_in("ada").await, portal.signed_in("ada").await];
    let id = |browser: &Browser| browser.cookie("session").expect("a session").parse::<Id>().expect("an id");
    let (kept, ended) = (id(&browser), id(&other));
    let sessions = &portal.backend.sessions;
    browser.post("/do/end_other_sessions", &[]).await;
    assert!(sessions.load(&ended).await.expect("reads").is_some(), "no one waits for the store");
    remove_ended_records(&portal.backend).await.expect("removes");
    assert!(sessions.load(&ended).await.expect("reads").is_none());
    assert!(sessions.load(&kept).await.expect("reads").is_some());
    // With more than fifty sessions the least recently used one ends, in another statement on PostgreSQL.
    let first = portal.signed_in("ada").await;
    let evicted = id(&first);
    for _ in 0..52 {
        portal.advance_time(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    remove_ended_records(&portal.backend).await.expect("removes");
    assert!(sessions.load(&evicted).await.expect("reads").is_none());
}

#[tokio::test]
async fn sign_ins_to_one_account_are_limited_for_each_client_ip() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for _ in 0..100 {
        assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    }
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let elsewhere = portal.browser().post_from("/do/sign_in", &fields, Some("198.51.100.1")).await;
    assert_eq!(elsewhere.location(), Some("/profile"), "nobody keeps the owner out");
    portal.advance_time(Duration::from_mins(10));
    portal.signed_in("ada").await;
}
