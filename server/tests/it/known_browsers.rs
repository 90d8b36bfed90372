//! Tests of known browsers, whose attempts the daily limit of an account does not stop.

use std::time::Duration;

use sea_orm::{EntityTrait, PaginatorTrait};

use crate::rate_limits::{sign_in_from, use_up_daily_limit};
use crate::registration::join_all;
use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use backend::auth::known_browsers::MAX_BROWSERS;
use backend::entity::known_browser;
use domain::status::{Role, Status};

#[tokio::test]
async fn a_browser_is_known_until_the_password_changes_elsewhere() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    let next = "copper lantern drifts north";
    let fields = [("current_password", PASSWORD), ("new_password", next), ("confirm_password", next)];
    assert_eq!(owner.post("/do/change_password", &fields).await.location(), Some("/profile"));
    owner.post("/do/sign_out", &[]).await;
    use_up_daily_limit(&portal, "ada").await;
    // With the correct password, so that the result shows whether it was verified.
    assert_eq!(sign_in_from(&thief, "ada", next, "198.51.100.1").await.as_deref(), Some("/login"));
    thief.get("/login").await.assert_contains("Too many attempts.");
    assert_eq!(sign_in_from(&owner, "ada", next, "198.51.100.2").await.as_deref(), Some("/profile"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stolen_cookie_of_a_known_browser_allows_only_ten_attempts() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    thief.set_cookie("session", None);
    use_up_daily_limit(&portal, "ada").await;
    let guesses = (0..30).map(|number| {
        let browser = thief.copy();
        async move { sign_in_from(&browser, "ada", OTHER_PASSWORD, &format!("198.51.100.{number}")).await }
    });
    for to in join_all(guesses).await {
        assert_eq!(to.as_deref(), Some("/login"));
    }
    // With the correct password, so that the result shows whether it was verified.
    assert_eq!(sign_in_from(&thief, "ada", PASSWORD, "198.51.100.99").await.as_deref(), Some("/login"));
    thief.get("/login").await.assert_contains("Too many attempts.");
    assert!(owner.is_signed_in().await, "the owner stays signed in");
}

#[tokio::test]
async fn signing_in_on_a_shared_computer_does_not_forget_a_known_browser() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    browser.post("/do/sign_out", &[]).await;
    use_up_daily_limit(&portal, "ada").await;
    for number in 0..12 {
        let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
        let client_ip = format!("198.51.100.{number}");
        let response = browser.post_from("/do/sign_in", &fields, Some(&client_ip)).await;
        assert_eq!(response.location(), Some("/profile"), "{number}");
        browser.post("/do/sign_out", &[]).await;
    }
}

#[tokio::test]
async fn ten_failures_in_a_row_forget_a_browser_and_a_success_resets_the_count() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let known = || known_browser::Entity::find().count(portal.backend.db.pool());
    for round in 0..2 {
        for number in 0..9 {
            sign_in_from(&browser, "ada", OTHER_PASSWORD, &format!("192.0.2.{}", 10 * round + number)).await;
        }
        assert_eq!(known().await.expect("counts"), 1, "nine are not ten");
        browser.post("/do/sign_out", &[]).await;
        assert_eq!(sign_in_from(&browser, "ada", PASSWORD, "192.0.2.99").await.as_deref(), Some("/profile"));
        browser.post("/do/sign_out", &[]).await;
    }
    for number in 0..10 {
        sign_in_from(&browser, "ada", OTHER_PASSWORD, &format!("198.51.100.{number}")).await;
    }
    assert_eq!(known().await.expect("counts"), 0);
}

#[tokio::test]
async fn a_browser_stays_known_after_its_own_change_of_email_address() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let elsewhere = portal.signed_in("ada").await;
    let fields = [("email", "countess@example.org"), ("current_password", PASSWORD)];
    owner.post("/do/ask_address_change", &fields).await;
    let link = portal.email_to("countess").await.link();
    let thief = owner.copy();
    let token = link.rsplit('/').next().expect("a token");
    assert_eq!(owner.post("/do/change_address", &[("token", token)]).await.location(), Some("/profile"));
    for browser in [&owner, &elsewhere, &thief] {
        browser.post("/do/sign_out", &[]).await;
    }
    use_up_daily_limit(&portal, "ada").await;
    assert_eq!(sign_in_from(&owner, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    for unknown in [elsewhere, thief] {
        assert_eq!(sign_in_from(&unknown, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
    }
}

#[tokio::test]
async fn signing_out_everywhere_else_forgets_the_other_browsers() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    let elsewhere = portal.signed_in("ada").await;
    owner.post("/do/end_other_sessions", &[]).await;
    owner.post("/do/sign_out", &[]).await;
    use_up_daily_limit(&portal, "ada").await;
    assert_eq!(sign_in_from(&owner, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    for unknown in [elsewhere, thief] {
        assert_eq!(sign_in_from(&unknown, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
    }
}

#[tokio::test]
async fn an_account_has_at_most_twenty_known_browsers_and_the_least_recently_used_is_forgotten() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    portal.advance_time(Duration::from_secs(1));
    let second = portal.signed_in("ada").await;
    for _ in 0..19 {
        portal.advance_time(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    let known = known_browser::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(known, MAX_BROWSERS);
    for browser in [&first, &second] {
        browser.post("/do/sign_out", &[]).await;
    }
    use_up_daily_limit(&portal, "ada").await;
    assert_eq!(sign_in_from(&second, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    assert_eq!(sign_in_from(&first, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
}

#[tokio::test]
async fn a_shared_computer_does_not_become_a_known_browser() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
    browser.post("/do/sign_in", &fields).await;
    assert!(browser.cookie("known").is_none());
    assert!(portal.signed_in("ada").await.cookie("known").is_some());
}
