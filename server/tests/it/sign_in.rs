//! Tests of password sign-in and its rate limits, and of sign-out.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{OTHER_PASSWORD, PASSWORD, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::user;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{Role, Status};

#[tokio::test]
async fn username_in_any_case_and_confirmed_email_address_both_sign_in() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for identifier in ["ada", "ADA", " ada ", "ada@example.org", "Ada@Example.ORG"] {
        let response = portal.browser().sign_in(identifier, PASSWORD).await;
        assert_eq!(response.location(), Some("/profile"), "{identifier}");
    }
}

#[tokio::test]
async fn an_unconfirmed_email_address_cannot_be_used_to_sign_in() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    assert_eq!(portal.browser().sign_in("ada@example.org", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
}

/// Returns everything that can tell two responses apart, except random values.
fn shape(response: &Response) -> (StatusCode, String, Vec<(String, usize)>, Vec<String>) {
    let cookies =
        response.cookies().iter().map(|c| (c.split('=').next().unwrap_or("").to_owned(), c.len())).collect();
    let names = response.headers.keys().map(ToString::to_string).collect();
    (response.status, response.body.clone(), cookies, names)
}

#[tokio::test]
async fn a_wrong_password_gets_the_same_answer_for_every_account() {
    let portal = TestPortal::start().await;
    portal.register("pending").await;
    for (name, status) in [
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("active1", Status::Active),
        ("refused", Status::Rejected),
        ("shutout", Status::Deactivated),
    ] {
        portal.create_user(name, status, Role::Member).await;
    }
    portal.browser().register("shadow1", "active1@example.org", PASSWORD).await;
    portal.create_user("nopass1", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("nopass1"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let expected = shape(&portal.browser().sign_in("unknown", OTHER_PASSWORD).await);
    for name in ["pending", "waiting", "heldone", "active1", "refused", "shutout", "shadow1", "nopass1"] {
        let browser = portal.browser();
        let response = browser.sign_in(name, OTHER_PASSWORD).await;
        assert_eq!(shape(&response), expected, "{name}");
        browser.get("/login").await.assert_contains("Incorrect username or password.");
    }
}

#[tokio::test]
async fn the_correct_password_of_an_inactive_account_shows_its_status() {
    let portal = TestPortal::start().await;
    for (name, status, message) in [
        ("waiting", Status::Pending, "Your account is waiting for an administrator"),
        ("refused", Status::Rejected, "Your request to join was declined."),
        ("shutout", Status::Deactivated, "This account has been deactivated."),
    ] {
        portal.create_user(name, status, Role::Member).await;
        let browser = portal.browser();
        assert_eq!(browser.sign_in(name, PASSWORD).await.location(), Some("/login"));
        browser.get("/login").await.assert_contains(message);
        assert!(!browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn missing_values_are_reported_for_each_field() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.sign_in("", "").await;
    let page = browser.get("/login").await;
    page.assert_contains("Enter your username or email address.");
    page.assert_contains("Enter a password.");
}

#[tokio::test]
async fn next_is_followed_only_within_the_portal() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let fields = |next: &'static str| [("username", "grace"), ("password", PASSWORD), ("next", next)];
    for (next, to) in [
        ("/admin?after=ada", "/admin?after=ada"),
        ("//evil.example", "/profile"),
        ("https://evil.example/", "/profile"),
        ("/\\evil.example", "/profile"),
        ("/logout", "/profile"),
        ("/a\r\nSet-Cookie: x=y", "/profile"),
        ("", "/profile"),
    ] {
        let response = portal.browser().post("/do/sign_in", &fields(next)).await;
        assert_eq!(response.location(), Some(to), "{next:?}");
        let script = portal.browser().fetch("/do/sign_in", &fields(next)).await;
        assert_eq!(script.action_result(), ActionResult::Goto(to.to_owned()), "{next:?}");
    }
}

#[tokio::test]
async fn a_signed_in_user_is_redirected_from_sign_in_and_registration_to_the_profile() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    for path in ["/login", "/register"] {
        assert_eq!(browser.get(path).await.location(), Some("/profile"), "{path}");
    }
    browser.get("/").await.assert_contains("Welcome, grace");
}

#[tokio::test]
async fn signing_out_needs_a_post_and_takes_effect_immediately() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    let thief = browser.copy();
    browser.get("/logout").await.assert_contains("Sign out?");
    assert!(browser.is_signed_in().await);
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"));
    browser.get("/").await.assert_contains("You're signed out.");
    assert!(browser.cookie("session").is_none());
    assert!(!thief.is_signed_in().await);
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"), "twice does no harm");
}

#[tokio::test]
async fn failed_sign_ins_are_limited_for_each_username_and_client_ip_and_successes_are_not() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let (from, elsewhere) = (Some("192.0.2.1"), Some("192.0.2.2"));
    let wrong = [("username", "ada"), ("password", OTHER_PASSWORD)];
    let right = [("username", "ada"), ("password", PASSWORD)];
    for _ in 0..9 {
        portal.browser().post_from("/do/sign_in", &wrong, from).await;
    }
    for _ in 0..15 {
        let response = portal.browser().post_from("/do/sign_in", &right, from).await;
        assert_eq!(response.location(), Some("/profile"), "a success is no failure");
    }
    portal.browser().post_from("/do/sign_in", &wrong, from).await;
    let browser = portal.browser();
    browser.post_from("/do/sign_in", &right, from).await;
    browser.get("/login").await.assert_contains("Too many attempts. Try again in 10 minutes.");
    let response = portal.browser().post_from("/do/sign_in", &right, elsewhere).await;
    assert_eq!(response.location(), Some("/profile"), "others are not shut out");
    portal.advance_time(Duration::from_mins(10));
    let response = portal.browser().post_from("/do/sign_in", &right, from).await;
    assert_eq!(response.location(), Some("/profile"));
}

#[tokio::test]
async fn failed_sign_ins_are_limited_for_each_client_ip_over_all_usernames() {
    let portal = TestPortal::with(&[("LIMIT_SIGN_IN", "3/10m")]).await;
    for name in ["one", "two", "three"] {
        portal.browser().sign_in(name, PASSWORD).await;
    }
    let response =
        portal.browser().fetch("/do/sign_in", &[("username", "four"), ("password", PASSWORD)]).await;
    assert_eq!(
        response.action_result(),
        ActionResult::Refused(FormErrors::of(ErrorCode::TooManyAttempts(600)))
    );
}

#[tokio::test]
async fn all_spellings_of_an_email_address_share_one_limit() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let spellings =
        ["ada@example.org", "ADA@example.org", "ada@\u{ff45}xample.org", "ada@ex\u{ff41}mple.ORG"];
    for number in 0..10 {
        let identifier = spellings[number % spellings.len()];
        portal.browser().sign_in(identifier, OTHER_PASSWORD).await;
    }
    for identifier in spellings {
        let fields = [("username", identifier), ("password", PASSWORD)];
        let response = portal.browser().fetch("/do/sign_in", &fields).await;
        assert_eq!(
            response.action_result(),
            ActionResult::Refused(FormErrors::of(ErrorCode::TooManyAttempts(600))),
            "{identifier}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_attempts_do_not_exceed_the_limit() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let attempts = (0..50).map(|_| {
        let browser = portal.browser();
        async move {
            browser
                .fetch("/do/sign_in", &[("username", "ada"), ("password", OTHER_PASSWORD)])
                .await
                .action_result()
        }
    });
    let answers = crate::registration::join_all(attempts).await;
    let hashed = answers
        .iter()
        .filter(|a| **a == ActionResult::Refused(FormErrors::of(ErrorCode::InvalidCredentials)))
        .count();
    assert_eq!(hashed, 10);
}

#[tokio::test]
async fn a_weak_hash_is_upgraded_without_ending_sessions() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let elsewhere = portal.signed_in("ada").await;
    let weak = weak_hash(PASSWORD);
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(weak.clone()))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    portal.signed_in("ada").await;
    let user = portal.user("ada").await;
    assert_ne!(user.password_hash.as_deref(), Some(weak.as_str()));
    assert!(user.password_hash.is_some_and(|hash| hash.contains("m=19456,t=2,p=1")));
    assert!(elsewhere.is_signed_in().await);
}

/// Returns a hash with weaker parameters than today's: 4 MiB, one pass.
fn weak_hash(password: &str) -> String {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    let params = Params::new(4_096, 1, 1, None).expect("valid");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).expect("hashes").to_string()
}

#[tokio::test]
async fn a_sign_in_to_an_account_that_is_deleted_at_the_same_time_is_an_ordinary_refusal() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let hashes = portal.backend.hasher.done();
    let deletion = portal.backend.db.begin_write(backend::infra::database::Lock::None).await.expect("begins");
    user::Entity::delete_many()
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*deletion)
        .await
        .expect("deletes");
    let browser = portal.browser();
    let sign_in = tokio::spawn(async move { (browser.sign_in("ada", PASSWORD).await, browser) });
    while portal.backend.hasher.done() == hashes {
        tokio::task::yield_now().await;
    }
    portal.wait_for_blocked_statement().await;
    deletion.commit().await.expect("commits");
    let (response, browser) = sign_in.await.expect("ends");
    assert_eq!((response.status, response.location()), (StatusCode::FOUND, Some("/login")));
    browser.get("/login").await.assert_contains("Incorrect username or password.");
}

#[tokio::test]
async fn a_request_for_a_link_to_an_account_that_is_deleted_at_the_same_time_is_an_ordinary_refusal() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    let deletion = portal.backend.db.begin_write(backend::infra::database::Lock::None).await.expect("begins");
    user::Entity::delete_many()
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*deletion)
        .await
        .expect("deletes");
    let request = tokio::spawn(async move { (browser.post("/do/ask_confirmation", &[]).await, browser) });
    portal.wait_for_blocked_statement().await;
    deletion.commit().await.expect("commits");
    let (response, browser) = request.await.expect("ends");
    assert_eq!((response.status, response.location()), (StatusCode::FOUND, Some("/login")));
    browser.get("/login").await.assert_contains("This link has expired or has already been used.");
}
