//! Signing in and out.

use std::time::Duration;

use app::backend::entity::user;
use app::domain::answer::Outcome;
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{OTHER_PASSWORD, PASSWORD, Portal, Reply};

#[tokio::test]
async fn name_in_any_case_and_confirmed_address_both_sign_in() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    for identifier in ["ada", "ADA", " ada ", "ada@example.org", "Ada@Example.ORG"] {
        let reply = portal.browser().sign_in(identifier, PASSWORD).await;
        assert_eq!(reply.location(), Some("/profile"), "{identifier}");
    }
}

#[tokio::test]
async fn an_unconfirmed_address_signs_nobody_in() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    admin.decide("approve", portal.user("ada").await.id).await;
    assert_eq!(portal.browser().sign_in("ada@example.org", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
}

/// What tells two answers apart, but for random values.
fn shape(reply: &Reply) -> (StatusCode, String, Vec<(String, usize)>, Vec<String>) {
    let cookies =
        reply.cookies().iter().map(|c| (c.split('=').next().unwrap_or("").to_owned(), c.len())).collect();
    let names = reply.headers.keys().map(ToString::to_string).collect();
    (reply.status, reply.body.clone(), cookies, names)
}

#[tokio::test]
async fn a_wrong_password_gets_one_answer_whoever_it_is() {
    let portal = Portal::start().await;
    portal.register("pending").await;
    for (name, status) in [
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("active1", Status::Active),
        ("refused", Status::Rejected),
        ("shutout", Status::Deactivated),
    ] {
        portal.person(name, status, Role::Member).await;
    }
    portal.browser().register("shadow1", "active1@example.org", PASSWORD).await;
    portal.person("nopass1", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("nopass1"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let expected = shape(&portal.browser().sign_in("unknown", OTHER_PASSWORD).await);
    for name in ["pending", "waiting", "heldone", "active1", "refused", "shutout", "shadow1", "nopass1"] {
        let browser = portal.browser();
        let reply = browser.sign_in(name, OTHER_PASSWORD).await;
        assert_eq!(shape(&reply), expected, "{name}");
        browser.get("/login").await.says("Incorrect username or password.");
    }
}

#[tokio::test]
async fn the_right_password_of_somebody_not_active_says_where_they_stand() {
    let portal = Portal::start().await;
    for (name, status, words) in [
        ("waiting", Status::Pending, "Your account is waiting for an administrator"),
        ("heldone", Status::Held, "An administrator asked you something."),
        ("refused", Status::Rejected, "Your request to join was declined."),
        ("shutout", Status::Deactivated, "This account has been deactivated."),
    ] {
        portal.person(name, status, Role::Member).await;
        let browser = portal.browser();
        assert_eq!(browser.sign_in(name, PASSWORD).await.location(), Some("/login"));
        browser.get("/login").await.says(words);
        assert!(!browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn nothing_typed_is_said_field_by_field() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    browser.sign_in("", "").await;
    let page = browser.get("/login").await;
    page.says("Enter your username or email address.");
    page.says("Enter a password.");
}

#[tokio::test]
async fn next_is_followed_and_never_leads_away() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
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
        let reply = portal.browser().post("/do/sign_in", &fields(next)).await;
        assert_eq!(reply.location(), Some(to), "{next:?}");
        let script = portal.browser().script("/do/sign_in", &fields(next)).await;
        assert_eq!(script.outcome(), Outcome::Goto(to.to_owned()), "{next:?}");
    }
}

#[tokio::test]
async fn a_signed_in_visitor_of_the_strangers_pages_goes_to_the_profile() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    for path in ["/login", "/register"] {
        assert_eq!(browser.get(path).await.location(), Some("/profile"), "{path}");
    }
    browser.get("/").await.says("Welcome, grace");
}

#[tokio::test]
async fn signing_out_takes_a_press_and_counts_at_once() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    let thief = browser.copy();
    browser.get("/logout").await.says("Sign out?");
    assert!(browser.is_signed_in().await);
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"));
    browser.get("/").await.says("You are signed out.");
    assert!(browser.cookie("session").is_none());
    assert!(!thief.is_signed_in().await);
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"), "twice does no harm");
}

#[tokio::test]
async fn failures_are_limited_for_one_name_from_one_source_and_forgiven_by_success() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let (from, elsewhere) = (Some("192.0.2.1"), Some("192.0.2.2"));
    let wrong = [("username", "ada"), ("password", OTHER_PASSWORD)];
    let right = [("username", "ada"), ("password", PASSWORD)];
    for _ in 0..9 {
        portal.browser().post_from("/do/sign_in", &wrong, from).await;
    }
    for _ in 0..15 {
        let reply = portal.browser().post_from("/do/sign_in", &right, from).await;
        assert_eq!(reply.location(), Some("/profile"), "a success is no failure");
    }
    portal.browser().post_from("/do/sign_in", &wrong, from).await;
    let browser = portal.browser();
    browser.post_from("/do/sign_in", &right, from).await;
    browser.get("/login").await.says("Too many attempts. Try again in 10 minutes.");
    let reply = portal.browser().post_from("/do/sign_in", &right, elsewhere).await;
    assert_eq!(reply.location(), Some("/profile"), "others are not shut out");
    portal.later(Duration::from_mins(10));
    let reply = portal.browser().post_from("/do/sign_in", &right, from).await;
    assert_eq!(reply.location(), Some("/profile"));
}

#[tokio::test]
async fn failures_are_limited_for_one_source_over_all_names() {
    let portal = Portal::with(&[("LIMIT_SIGN_IN", "3/10m")]).await;
    for name in ["one", "two", "three"] {
        portal.browser().sign_in(name, PASSWORD).await;
    }
    let reply = portal.browser().script("/do/sign_in", &[("username", "four"), ("password", PASSWORD)]).await;
    assert_eq!(reply.outcome(), Outcome::Refused(Refusal::of(Problem::TooMany(600))));
}

#[tokio::test]
async fn other_spellings_of_an_address_share_its_tries() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let spellings =
        ["ada@example.org", "ADA@example.org", "ada@\u{ff45}xample.org", "ada@ex\u{ff41}mple.ORG"];
    for number in 0..10 {
        let identifier = spellings[number % spellings.len()];
        portal.browser().sign_in(identifier, OTHER_PASSWORD).await;
    }
    for identifier in spellings {
        let fields = [("username", identifier), ("password", PASSWORD)];
        let reply = portal.browser().script("/do/sign_in", &fields).await;
        assert_eq!(reply.outcome(), Outcome::Refused(Refusal::of(Problem::TooMany(600))), "{identifier}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_do_not_slip_past_the_limit() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let tries = (0..50).map(|_| {
        let browser = portal.browser();
        async move {
            browser
                .script("/do/sign_in", &[("username", "ada"), ("password", OTHER_PASSWORD)])
                .await
                .outcome()
        }
    });
    let answers = crate::registering::join(tries).await;
    let hashed = answers.iter().filter(|a| **a == Outcome::Refused(Refusal::of(Problem::Incorrect))).count();
    assert_eq!(hashed, 10);
}

#[tokio::test]
async fn an_older_hash_is_renewed_without_ending_anything() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
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

/// A hash of an older time: 4 MiB, one pass.
fn weak_hash(password: &str) -> String {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    let params = Params::new(4_096, 1, 1, None).expect("valid");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).expect("hashes").to_string()
}
