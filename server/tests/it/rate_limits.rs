//! Tests of rate limits, known browsers and the queue of password hashes. Simple limits of registration and sign-in are
//! tested in registration.rs and sign_in.rs.

use std::net::IpAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal, stack};
use app::api::action_result::ActionResult;
use backend::auth::password::hasher::{Hasher, MAX_QUEUED};
use backend::entity::user;
use backend::infra::clock::Clock;
use backend::infra::random;
use backend::infra::redis_keys::RedisKeys;
use domain::errors::{ErrorCode, FormErrors};
use domain::password::NormalizedPassword;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;

pub async fn sign_in_from(browser: &Browser, name: &str, password: &str, client_ip: &str) -> Option<String> {
    let fields = [("username", name), ("password", password)];
    let response = browser.post_from("/do/sign_in", &fields, Some(client_ip)).await;
    response.location().map(ToOwned::to_owned)
}

/// Fails to sign in a hundred times as `name`, from ten client IPs.
pub async fn use_up_daily_limit(portal: &TestPortal, name: &str) {
    for number in 0..100 {
        let client_ip = format!("192.0.2.{}", number / 10);
        assert_eq!(
            sign_in_from(&portal.browser(), name, OTHER_PASSWORD, &client_ip).await.as_deref(),
            Some("/login")
        );
    }
}

#[tokio::test]
async fn after_a_hundred_failures_in_a_day_only_known_browsers_and_temporary_passwords_work() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let known = portal.signed_in("ada").await;
    known.post("/do/sign_out", &[]).await;
    use_up_daily_limit(&portal, "ada").await;
    let visitor = portal.browser();
    sign_in_from(&visitor, "ada", PASSWORD, "198.51.100.1").await;
    assert!(!visitor.is_signed_in().await);
    visitor.get("/login").await.assert_contains("Too many attempts. Try again in");
    assert_eq!(sign_in_from(&known, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/profile"));
    visitor.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    let email = portal.email_to("ada").await;
    let secret =
        email.text.lines().find(|line| line.starts_with("    ")).expect("a secret").trim().to_owned();
    let response = sign_in_from(&visitor, "ada", &secret, "198.51.100.3").await;
    assert_eq!(response.as_deref(), Some("/change-password"));
    portal.advance_time(Duration::from_hours(24));
    let later = portal.browser();
    assert_eq!(sign_in_from(&later, "ada", PASSWORD, "198.51.100.4").await.as_deref(), Some("/profile"));
}

#[tokio::test]
async fn a_password_that_looks_like_a_temporary_one_does_not_escape_the_daily_limit() {
    let portal = TestPortal::start().await;
    let password = "violet lanterns garden pickle";
    portal.browser().register("ada", "ada@example.org", password).await;
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    use_up_daily_limit(&portal, "ada").await;
    let visitor = portal.browser();
    assert_eq!(sign_in_from(&visitor, "ada", password, "198.51.100.1").await.as_deref(), Some("/login"));
    assert!(!visitor.is_signed_in().await);
    visitor.get("/login").await.assert_contains("Incorrect username or password.");
}

#[tokio::test]
async fn reauthentication_has_a_daily_limit_too() {
    let (rate_limiter, other) = stack::replicas().await;
    let day = 24 * 3_600 * 1_000_000;
    let midnight = Timestamp(Clock::System.now().0 / day * day + day);
    let minutes = |number: u64| midnight.after(Duration::from_mins(number));
    for window in 0..10 {
        for _ in 0..10 {
            assert_eq!(rate_limiter.acquire_reauthentication("ada", minutes(10 * window)).await, Ok(()));
            assert_eq!(rate_limiter.acquire_link_password(UserId(7), minutes(10 * window)).await, Ok(()));
        }
        if window < 9 {
            let refused = rate_limiter.acquire_reauthentication("ada", minutes(10 * window + 5)).await;
            assert_eq!(refused, Err(ErrorCode::TooManyAttempts(300)));
        }
    }
    let left = 24 * 3_600 - 100 * 60;
    assert_eq!(
        rate_limiter.acquire_reauthentication("ada", minutes(100)).await,
        Err(ErrorCode::TooManyAttempts(left))
    );
    assert_eq!(
        rate_limiter.acquire_link_password(UserId(7), minutes(100)).await,
        Err(ErrorCode::TooManyAttempts(left))
    );
    assert_eq!(rate_limiter.acquire_reauthentication("bert", minutes(100)).await, Ok(()));
    assert_eq!(other.acquire_reauthentication("ada", minutes(24 * 60)).await, Ok(()));
}

#[tokio::test]
async fn refused_attempts_do_not_count_towards_the_daily_limit() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let guesser = portal.browser();
    for _ in 0..110 {
        sign_in_from(&guesser, "ada", OTHER_PASSWORD, "192.0.2.1").await;
    }
    guesser.get("/login").await.assert_contains("Too many attempts.");
    let ada = portal.browser();
    assert_eq!(sign_in_from(&ada, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
}

#[tokio::test]
async fn an_unknown_username_has_the_same_daily_limit() {
    let portal = TestPortal::start().await;
    use_up_daily_limit(&portal, "nobody1").await;
    let browser = portal.browser();
    sign_in_from(&browser, "nobody1", PASSWORD, "198.51.100.1").await;
    browser.get("/login").await.assert_contains("Too many attempts.");
}

#[tokio::test]
async fn replicas_share_their_counters_in_redis() {
    let (first, second) = stack::replicas().await;
    let now = Clock::System.now();
    for _ in 0..10 {
        assert_eq!(first.acquire_reauthentication("7", now).await, Ok(()));
    }
    assert!(first.acquire_reauthentication("7", now).await.is_err());
    assert_eq!(second.acquire_reauthentication("7", now).await.is_err(), stack::is_postgres());
}

#[tokio::test]
async fn every_counter_in_redis_expires() {
    let keys = RedisKeys::new(&random::public_id());
    let rate_limiter = stack::rate_limiter_of(&keys).await;
    let now = Clock::System.now();
    let client_ip = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..3 {
        assert_eq!(rate_limiter.acquire_reauthentication("7", now).await, Ok(()));
        assert_eq!(rate_limiter.acquire_microsoft_sign_in(client_ip, now).await, Ok(()));
    }
    let lifetimes = stack::counter_lifetimes(&keys).await;
    assert_eq!(lifetimes.len(), if stack::is_postgres() { 3 } else { 0 });
    // At least their period (ten minutes or a day), and at most twice as long.
    let minute = 60_000;
    let ends = |left: &i64| {
        [10, 24 * 60].iter().any(|period| (period * minute..=2 * period * minute).contains(left))
    };
    assert!(lifetimes.iter().all(ends), "{lifetimes:?}");
}

#[tokio::test]
async fn an_untrusted_proxy_is_reported_on_the_admin_page() {
    let portal = TestPortal::with(&[("TRUSTED_PROXIES", "none")]).await;
    let admin = portal.create_admin("grace").await;
    admin.get("/admin").await.assert_not_contains("everyone may share one limit");
    portal.browser().post_from("/do/sign_in", &[("username", "x")], Some("192.0.2.1")).await;
    admin.get("/admin").await.assert_contains("everyone may share one limit");
    assert_eq!(admin.get("/profile").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_for_temporary_passwords_are_limited_for_each_client_ip() {
    let portal = TestPortal::with(&[("LIMIT_RESET", "3/1h")]).await;
    let browser = portal.browser();
    for number in 0..4 {
        let email = format!("person{number}@example.org");
        let response = browser.post_from("/do/ask_reset", &[("email", &email)], Some("192.0.2.1")).await;
        let expected = if number < 3 { "/login" } else { "/reset-password" };
        assert_eq!(response.location(), Some(expected));
    }
    browser.get("/reset-password").await.assert_contains("Too many attempts. Try again in 1 hour.");
    let response = browser.post_from("/do/ask_reset", &[("email", "x@example.org")], Some("192.0.2.2")).await;
    assert_eq!(response.location(), Some("/login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_users_with_one_client_ip_can_all_sign_in() {
    let portal = TestPortal::with(&[("LIMIT_SIGN_IN", "100/10m")]).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    // One hash for all, because hashing 300 passwords would take longer than the test itself.
    let hash = portal.user("ada").await.password_hash.expect("a hash");
    for number in 0..300 {
        portal.insert_active_user(&format!("person{number}"), &hash).await;
    }
    let mut signed_in = 0;
    // As within a minute: no more at the same time than the queue of hashes holds.
    for batch in 0..3 {
        let sign_ins = (0..100).map(|number| {
            let (browser, name) = (portal.browser(), format!("person{}", batch * 100 + number));
            async move {
                // One in ten mistypes the password first.
                if number % 10 == 0 {
                    sign_in_from(&browser, &name, OTHER_PASSWORD, "192.0.2.1").await;
                }
                sign_in_from(&browser, &name, PASSWORD, "192.0.2.1").await.as_deref() == Some("/profile")
            }
        });
        signed_in += join_all(sign_ins).await.into_iter().filter(|signed_in| *signed_in).count();
    }
    assert_eq!(signed_in, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_client_ip_cannot_block_the_hash_threads_for_others() {
    let portal = TestPortal::with_hasher(&[], stack::new_hasher()).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let hasher = portal.backend.hasher.clone();
    let blocked = block_threads(&hasher).await;
    let crowd: Vec<_> =
        (0..300).map(|number| try_to_sign_in(&portal, number, "192.0.2.1".to_owned())).collect();
    // The crowd has half of the places that the blocked threads leave, and the others are refused.
    let places = (MAX_QUEUED - 2) / 2;
    let waiting = || crowd.iter().filter(|request| !request.is_finished()).count();
    until("the crowd waits or is refused", || waiting() == places).await;
    until("sixteen are submitted", || hasher.waiting() == 2 + 16).await;
    let browser = portal.browser();
    let member = tokio::spawn(async move { sign_in_from(&browser, "ada", PASSWORD, "198.51.100.1").await });
    until("the member is next", || hasher.waiting() == 2 + 16 + 1).await;
    assert_eq!(waiting(), places);
    drop(blocked);
    assert_eq!(member.await.expect("ends").as_deref(), Some("/profile"));
    let mut refused = 0;
    for request in crowd {
        refused += usize::from(request.await.expect("ends") == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(refused, 300 - places, "the others are told to come again");
}

/// Blocks the two threads of a hasher until the returned values are dropped.
async fn block_threads(hasher: &Hasher) -> [Sender<()>; 2] {
    let senders = [(); 2].map(|()| {
        let (release, wait) = channel::<()>();
        let hasher = hasher.clone();
        tokio::spawn(async move {
            let password = NormalizedPassword::from_nfkc(PASSWORD.to_owned());
            hasher.hash_unless(&password, "203.0.113.1", move || wait.recv().is_ok()).await.map(drop)
        });
        release
    });
    until("both threads are blocked", || hasher.waiting() == 2).await;
    senders
}

/// Sends a sign-in of an unknown user from an IP address.
fn try_to_sign_in(portal: &TestPortal, number: usize, client_ip: String) -> JoinHandle<StatusCode> {
    let (browser, name) = (portal.browser(), format!("crowd{number}"));
    tokio::spawn(async move {
        let fields = [("username", name.as_str()), ("password", PASSWORD)];
        browser.post_from("/do/sign_in", &fields, Some(&client_ip)).await.status
    })
}

/// Waits for a condition. Other tests need processor time too, so it does not wait in a busy loop.
async fn until(description: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "{description}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_attempt_counts_even_if_the_client_disconnects() {
    let portal = TestPortal::with(&[("LIMIT_SIGN_IN", "3/10m")]).await;
    let backend = &portal.backend;
    let (client_ip, now) = (IpAddr::from([192, 0, 2, 1]), backend.now());
    let attempt = |name: String| async move {
        backend.rate_limiter.acquire_sign_in(&backend.settings, &name, client_ip, now).await
    };
    for number in 0..3 {
        // As when the connection is closed, which drops the task that waits for the response.
        drop(attempt(format!("name person{number}")).await.expect("it is allowed"));
    }
    let refused = async {
        while let Ok(allowed) = attempt("name person9".to_owned()).await {
            backend.rate_limiter.refund(allowed).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.expect("the source is full");
}

#[tokio::test]
async fn sensitive_actions_are_limited_for_each_account() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for _ in 0..10 {
        browser.fetch("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    }
    let outcome =
        browser.fetch("/do/delete_account", &[("current_password", PASSWORD)]).await.action_result();
    assert_eq!(outcome, ActionResult::Refused(FormErrors::of(ErrorCode::TooManyAttempts(600))));
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn the_correct_password_of_an_inactive_account_counts_as_a_failed_attempt() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Pending, Role::Member).await;
    let browser = portal.browser();
    for _ in 0..10 {
        sign_in_from(&browser, "ada", PASSWORD, "192.0.2.1").await;
        browser.get("/login").await.assert_contains("waiting for an administrator's approval");
    }
    sign_in_from(&browser, "ada", PASSWORD, "192.0.2.1").await;
    browser.get("/login").await.assert_contains("Too many attempts.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_are_served_while_eight_clients_fill_the_hash_queue() {
    let portal = TestPortal::with_hasher(&[], stack::new_hasher()).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let hasher = portal.backend.hasher.clone();
    let blocked = block_threads(&hasher).await;
    let requests: Vec<_> = (0..8 * 128)
        .map(|number| try_to_sign_in(&portal, number, format!("192.0.2.{}", number % 8)))
        .collect();
    // The queue is full: requests that find no place in it are refused immediately.
    until("a hundred requests are submitted", || hasher.waiting() >= 100).await;
    let waiting = || requests.iter().filter(|request| !request.is_finished()).count();
    until("the others are refused", || waiting() <= MAX_QUEUED).await;
    for path in ["/", "/login", "/register", "/reset-password"].repeat(20) {
        assert_eq!(portal.browser().get(path).await.status, StatusCode::OK, "{path}");
    }
    assert!(hasher.waiting() >= 100, "the queue is still full");
    drop(blocked);
    let member = sign_in_from(&portal.browser(), "ada", PASSWORD, "198.51.100.1").await;
    assert_eq!(member.as_deref(), Some("/profile"));
    for request in requests {
        request.await.expect("ends");
    }
}
