//! One's own sessions, history and data, and the end of an account.

use std::sync::Arc;
use std::time::Duration;

use app::backend::database::Lock;
use app::backend::entity::{user, user_session};
use app::backend::error::Stop;
use app::backend::queries::profile::find_viewer_with_account;
use app::backend::sessions::{Viewer, find_viewer, remove_ended_records, require_session};
use app::domain::problem::Problem;
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use tower_sessions::session::Id;
use tower_sessions::{Session, SessionStore};

use crate::registering::join;
use crate::support::{Browser, PASSWORD, Portal};

async fn sessions(portal: &Portal) -> Vec<user_session::Model> {
    user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

/// A browser that says what it is.
async fn sign_in_with(portal: &Portal, agent: &str, source: &str) -> Browser {
    let mut browser = portal.browser();
    browser.agent = agent.to_owned();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    browser.post_from("/do/sign_in", &fields, Some(source)).await;
    browser
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.0 Mobile/15E148 Safari/604.1";

#[tokio::test]
async fn sessions_are_listed_in_words_and_end_one_by_one_or_all_others() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let laptop = sign_in_with(&portal, FIREFOX, "192.0.2.7").await;
    let phone = sign_in_with(&portal, IPHONE, "198.51.100.9").await;
    let third = portal.signed_in("ada").await;
    let page = laptop.get("/profile").await;
    for words in ["Firefox on Linux", "This one", "192.0.2.7", "Safari on iPhone", "198.51.100.9"] {
        page.says(words);
    }
    let of_phone =
        sessions(&portal).await.into_iter().find(|s| s.agent.contains("iPhone")).expect("it is there");
    let reply = laptop.post("/do/end_session", &[("handle", &of_phone.handle)]).await;
    assert_eq!(reply.location(), Some("/profile"));
    assert!(!phone.is_signed_in().await, "on its very next request");
    assert!(third.is_signed_in().await);
    laptop.post("/do/end_session", &[("handle", &of_phone.handle)]).await;
    laptop.get("/profile").await.says("That session is over already.");
    assert_eq!(laptop.post("/do/end_other_sessions", &[]).await.location(), Some("/profile"));
    assert!(!third.is_signed_in().await);
    assert!(laptop.is_signed_in().await);
    laptop.get("/profile").await.says("You are signed in nowhere else.");
}

#[tokio::test]
async fn two_who_end_each_others_sessions_at_once_both_get_an_answer() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    for round in 0..15 {
        let browsers = [portal.signed_in("ada").await, portal.signed_in("ada").await];
        let ends = browsers
            .into_iter()
            .map(|browser| async move { browser.script("/do/end_other_sessions", &[]).await.status });
        for status in join(ends).await {
            assert!(!status.is_server_error(), "{status} in round {round}");
        }
    }
}

#[tokio::test]
async fn nobody_ends_or_sees_somebody_elses_session() {
    let portal = Portal::start().await;
    for name in ["ada", "bob"] {
        portal.person(name, Status::Active, Role::Member).await;
    }
    let ada = portal.signed_in("ada").await;
    let bob = portal.signed_in("bob").await;
    let handle = sessions(&portal).await.into_iter().min_by_key(|s| s.user_id).expect("ada's").handle;
    bob.get("/profile").await.does_not_say(&handle);
    bob.post("/do/end_session", &[("handle", &handle)]).await;
    bob.post("/do/end_other_sessions", &[]).await;
    assert!(ada.is_signed_in().await);
    portal.browser().post("/do/end_session", &[("handle", &handle)]).await;
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_is_over_is_not_listed() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    sign_in_with(&portal, IPHONE, "198.51.100.9").await;
    portal.later(Duration::from_hours(25));
    let page = sign_in_with(&portal, FIREFOX, "192.0.2.7").await.get("/profile").await;
    page.does_not_say("Safari on iPhone");
    page.says("You are signed in nowhere else.");
}

#[tokio::test]
async fn a_person_has_at_most_fifty_sessions_and_the_longest_unused_goes() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    portal.later(Duration::from_secs(1));
    let second = portal.signed_in("ada").await;
    for _ in 0..49 {
        portal.later(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    assert_eq!(sessions(&portal).await.len(), 50);
    assert!(!first.is_signed_in().await);
    assert!(second.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_ends_while_its_request_is_under_way_does_nothing_any_more() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let viewer_of = |browser: &Browser| find(&portal, browser.cookie("session").expect("a session"));
    let thief = portal.signed_in("ada").await;
    let viewer = viewer_of(&thief).await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let txn = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    let refused = require_session(&*txn, &viewer).await.expect_err("it is over");
    assert!(matches!(refused, Stop::Refused(refusal) if refusal == Problem::SignedOut.into()));
}

/// The session of this cookie.
fn session_of(portal: &Portal, cookie: &str) -> Session {
    let id = cookie.parse::<Id>().expect("an id");
    Session::new(Some(id), Arc::new(portal.backend.sessions.clone()), None)
}

/// Who is signed in with this cookie.
async fn find(portal: &Portal, cookie: String) -> Viewer {
    let session = session_of(portal, &cookie);
    find_viewer(&portal.backend, &session).await.expect("the query works").expect("somebody is signed in")
}

#[tokio::test]
async fn who_is_signed_in_is_the_same_with_their_account_and_without() {
    let portal = Portal::start().await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let cookie = portal.signed_in("ada").await.cookie("session").expect("a session");
    portal.signed_in("ada").await;
    let (db, backend) = (portal.backend.db.pool(), &portal.backend);
    let change = async |column, value: Value| {
        let change = user::Entity::update_many().col_expr(column, Expr::value(value));
        change.filter(user::Column::Id.eq(ada.id)).exec(db).await.expect("changes");
    };
    let found = async || {
        let alone = find_viewer(backend, &session_of(&portal, &cookie)).await.expect("works");
        let with = find_viewer_with_account(backend, &session_of(&portal, &cookie)).await.expect("works");
        let viewer = with.as_ref().map(|(viewer, _)| viewer);
        assert_eq!(format!("{viewer:?}"), format!("{:?}", alone.as_ref()));
        with
    };
    assert!(found().await.is_some());
    change(user::Column::Status, Status::Deactivated.as_str().into()).await;
    assert!(found().await.is_none(), "deactivated");
    change(user::Column::Status, Status::Active.as_str().into()).await;
    change(user::Column::AuthEpoch, 7.into()).await;
    assert!(found().await.is_none(), "of another epoch");
    change(user::Column::AuthEpoch, ada.auth_epoch.into()).await;

    // First with the account, so that it is this SELECT whose reader is noted as seen.
    portal.later(Duration::from_hours(1));
    let read = find_viewer_with_account(backend, &session_of(&portal, &cookie)).await.expect("works");
    let (viewer, account) = read.expect("somebody is signed in");
    let [this, other] = &account.lists.sessions[..] else { panic!("{:?}", account.lists.sessions) };
    assert!(this.is_this && this.handle == viewer.handle && this.last_seen == backend.now());
    assert_eq!(other.last_seen.after(Duration::from_hours(1)), backend.now());
    assert_eq!(account.lists.history.len(), 3, "{:?}", account.lists.history);

    portal.later(backend.settings.session_lifetime);
    assert!(found().await.is_none(), "over");
    user_session::Entity::delete_many().exec(db).await.expect("deletes");
    assert!(found().await.is_none(), "ended");
}

#[tokio::test]
async fn history_tells_what_was_done_and_of_others_neither_name_nor_address() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let fields =
        [("id", ada.id.to_string()), ("decision", "approve".to_owned()), ("from", "/admin".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    admin.post_from("/do/decide", &fields, Some("203.0.113.99")).await;
    let page = sign_in_with(&portal, FIREFOX, "192.0.2.7").await.get("/profile").await;
    page.says("Approved");
    page.says("by an administrator");
    page.says("Signed in with the password");
    page.does_not_say("grace");
    page.does_not_say("203.0.113.99");
}

#[tokio::test]
async fn the_download_has_the_accounts_data_and_no_secret() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = sign_in_with(&portal, FIREFOX, "192.0.2.7").await;
    let reply = browser.get("/profile/data.json").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(reply.headers["content-disposition"].to_str().expect("text").starts_with("attachment"));
    let data: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
    assert_eq!(data["account"]["username"], "ada");
    assert_eq!(data["account"]["email"], "ada@example.org");
    assert_eq!(data["sessions"][0]["browser"], "Firefox on Linux");
    assert!(data["history"].as_array().expect("a list").len() >= 2);
    let secrets = sessions(&portal).await.into_iter().flat_map(|s| [s.handle, s.id_hash]);
    for secret in secrets.chain(portal.user("ada").await.password_hash) {
        reply.does_not_say(&secret);
    }
    assert_eq!(
        portal.browser().get("/profile/data.json").await.location(),
        Some("/login?next=%2Fprofile%2Fdata.json")
    );
}

#[tokio::test]
async fn who_is_shut_out_is_remembered_and_forgotten_when_let_in_again() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let bob = portal.person("bob", Status::Pending, Role::Member).await;
    admin.decide("deactivate", ada.id).await;
    admin.decide("reject", bob.id).await;
    let db = portal.backend.db.pool();
    for address in ["ada@example.org", "bob@example.org"] {
        assert!(portal.backend.shut_outs.contains(db, address).await.expect("looks"), "{address}");
    }
    admin.decide("reactivate", ada.id).await;
    assert!(!portal.backend.shut_outs.contains(db, "ada@example.org").await.expect("looks"));
    admin.decide("reconsider", bob.id).await;
    assert!(portal.backend.shut_outs.contains(db, "bob@example.org").await.expect("looks"), "until approved");
    admin.decide("approve", bob.id).await;
    assert!(!portal.backend.shut_outs.contains(db, "bob@example.org").await.expect("looks"));
}

#[tokio::test]
async fn ending_sessions_writes_only_what_was_ended_and_not_without_end() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let rows = portal.audit().await.len();
    for _ in 0..100 {
        browser.post("/do/end_other_sessions", &[]).await;
    }
    assert_eq!(portal.audit().await.len(), rows, "there was no other session");
    browser.post("/do/end_other_sessions", &[]).await;
    browser.get("/profile").await.says("Too many attempts.");
}

#[tokio::test]
async fn the_records_of_ended_sessions_are_removed_and_those_of_others_stay() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let [browser, other] = [portal.signed_in("ada").await, portal.signed_in("ada").await];
    let id = |browser: &Browser| browser.cookie("session").expect("a session").parse::<Id>().expect("an id");
    let (kept, ended) = (id(&browser), id(&other));
    let sessions = &portal.backend.sessions;
    browser.post("/do/end_other_sessions", &[]).await;
    assert!(sessions.load(&ended).await.expect("reads").is_some(), "no one waits for the store");
    remove_ended_records(&portal.backend).await.expect("removes");
    assert!(sessions.load(&ended).await.expect("reads").is_none());
    assert!(sessions.load(&kept).await.expect("reads").is_some());
    // Past fifty the least recently used one ends, in another statement on PostgreSQL.
    let first = portal.signed_in("ada").await;
    let evicted = id(&first);
    for _ in 0..52 {
        portal.later(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    remove_ended_records(&portal.backend).await.expect("removes");
    assert!(sessions.load(&evicted).await.expect("reads").is_none());
}

#[tokio::test]
async fn sign_ins_of_one_account_are_limited() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    for _ in 0..100 {
        assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    }
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let elsewhere = portal.browser().post_from("/do/sign_in", &fields, Some("198.51.100.1")).await;
    assert_eq!(elsewhere.location(), Some("/profile"), "nobody keeps the owner out");
    portal.later(Duration::from_mins(10));
    portal.signed_in("ada").await;
}
