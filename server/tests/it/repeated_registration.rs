//! Registrations that are sent twice get the first answer twice.

use std::time::Duration;

use sea_orm::EntityTrait;

use crate::registration::join_all;
use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::user;
use domain::errors::{ErrorCode, Field};
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};

fn registration<'a>(email: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    [("username", "ada"), ("email", email), ("password", password), ("confirm_password", password)]
}

#[tokio::test]
async fn a_registration_that_is_sent_twice_gets_the_first_answer_twice() {
    for known in [false, true] {
        let portal = TestPortal::start().await;
        if known {
            // The registration becomes a shadow, and no one may notice.
            portal.create_user("mike", Status::Active, Role::Member).await;
        }
        let email = if known { "mike@example.org" } else { "ada@example.org" };
        let browser = portal.browser();
        let (second, first, again) =
            browser.press_twice("/do/register", &registration(email, PASSWORD)).await;
        assert_eq!((first.location(), again.location()), (Some("/login"), Some("/login")));
        second.get("/login").await.assert_contains(&FlashMessage::Registered.message());
        assert!(second.cookie("registered").is_some(), "the browser is known to have registered");
        let registered =
            portal.audit_log().await.into_iter().filter(|row| row.action.as_str() == "user.register");
        assert_eq!(registered.count(), 1 + usize::from(known));
        assert_eq!(portal.email_jobs().await.len(), 1 + usize::from(known));
    }
}

#[tokio::test]
async fn the_second_press_of_a_registration_confirms_its_email_address_without_a_password() {
    let portal = TestPortal::start().await;
    let fields = registration("ada@example.org", PASSWORD);
    let (second, ..) = portal.browser().press_twice("/do/register", &fields).await;
    let link = portal.email_to("ada").await.link();
    second.get(&link).await.assert_not_contains("type=\"password\"");
    let response =
        second.post("/do/confirm_address", &[("token", link.trim_start_matches("/confirm/"))]).await;
    assert_eq!(response.location(), Some("/login"));
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_concurrent_presses_of_a_registration_create_one_account_and_get_one_answer() {
    let portal = TestPortal::start().await;
    let presses = (0..8).map(|_| {
        let browser = portal.browser();
        async move { browser.post("/do/register", &registration("ada@example.org", PASSWORD)).await }
    });
    for response in join_all(presses).await {
        assert_eq!(response.location(), Some("/login"));
    }
    assert_eq!(portal.email_jobs().await.len(), 1);
}

#[tokio::test]
async fn only_the_same_client_with_the_same_input_repeats_a_registration_for_ten_minutes() {
    let portal = TestPortal::start().await;
    let register = |email: &'static str, password: &'static str, client_ip: &'static str| {
        let browser = portal.browser();
        async move {
            let fields = registration(email, password);
            let response = browser.post_from("/do/register", &fields, Some(client_ip)).await;
            response.location().expect("a redirect").to_owned()
        }
    };
    let (email, client_ip) = ("ada@example.org", "2001:db8::1");
    assert_eq!(register(email, PASSWORD, client_ip).await, "/login");
    assert_eq!(register(email, OTHER_PASSWORD, client_ip).await, "/register", "another password");
    assert_eq!(register("bob@example.org", PASSWORD, client_ip).await, "/register", "another email address");
    assert_eq!(register(email, PASSWORD, "2001:db8:0:1::1").await, "/register", "another client");
    assert_eq!(
        register(email, PASSWORD, "2001:db8::ffff").await,
        "/login",
        "another IP address of the network"
    );
    portal.advance_time(Duration::from_mins(10));
    assert_eq!(register(email, PASSWORD, client_ip).await, "/register", "ten minutes later");
}

#[tokio::test]
async fn an_approved_or_rejected_registration_is_not_repeated() {
    let portal = TestPortal::start().await;
    for status in [Status::Active, Status::Rejected, Status::Deactivated] {
        user::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
        portal.create_user("ada", status, Role::Member).await;
        let browser = portal.browser();
        browser.register("ada", "ada@example.org", PASSWORD).await;
        browser.get("/register").await.assert_contains("That username is already taken.");
    }
}

#[tokio::test]
async fn a_repeated_registration_costs_one_hash_whatever_its_input() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    portal.create_user("older", Status::Active, Role::Member).await;
    for (name, email, password, location) in [
        ("ada", "ada@example.org", PASSWORD, "/login"),
        ("ada", "ada@example.org", PASSWORD, "/login"),
        ("ada", "ada@example.org", OTHER_PASSWORD, "/register"),
        ("ada", "bob@example.org", PASSWORD, "/register"),
        ("ADA", "bob@example.org", OTHER_PASSWORD, "/register"),
        ("older", "ada@example.org", PASSWORD, "/register"),
    ] {
        let before = portal.backend.hasher.done();
        let response = portal.browser().register(name, email, password).await;
        assert_eq!(response.location(), Some(location), "{name} {email}");
        assert_eq!(portal.backend.hasher.done() - before, 1, "{name} {email}");
    }
    let browser = portal.browser();
    browser.register("ada", "ada@example.org", "password1234").await;
    browser.get("/register").await.assert_contains("That password is too easy to guess.");
}

#[tokio::test]
async fn a_repeated_registration_counts_as_an_attempt_to_sign_in() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    let browser = portal.browser();
    browser.register("ada", "ada@example.org", PASSWORD).await;
    for attempt in 0..10 {
        let email = if attempt % 2 == 0 { "ada@example.org" } else { "guess@example.org" };
        browser.register("ada", email, OTHER_PASSWORD).await;
    }
    let before = portal.backend.hasher.done();
    browser.register("ada", "ada@example.org", PASSWORD).await;
    browser.get("/register").await.assert_contains("That username is already taken.");
    assert_eq!(portal.backend.hasher.done() - before, 1, "the same work without attempts left");
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.assert_contains("Too many attempts.");
}

#[tokio::test]
async fn scripts_get_the_first_answer_of_a_registration_again_too() {
    let portal = TestPortal::start().await;
    let fields = registration("ada@example.org", PASSWORD);
    for _ in 0..2 {
        let result = portal.browser().fetch("/do/register", &fields).await.action_result();
        assert_eq!(result, ActionResult::Goto("/login".to_owned()));
    }
    let fields = registration("ada@example.org", OTHER_PASSWORD);
    let ActionResult::Refused(errors) = portal.browser().fetch("/do/register", &fields).await.action_result()
    else {
        panic!("refused")
    };
    assert_eq!(errors.code_of(Field::Username), Some(ErrorCode::UsernameTaken));
}
