//! How often what may be tried: beyond what stands beside registering and signing in.

use std::net::IpAddr;
use std::time::Duration;

use app::backend::clock::Clock;
use app::backend::entity::{known_browser, user};
use app::backend::known_browsers::MOST_BROWSERS;
use app::backend::password_hash::WAITING;
use app::backend::random;
use app::domain::answer::Outcome;
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{Role, Status};
use app::domain::time::Timestamp;
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::registering::join;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Portal, stack};

async fn try_from(browser: &Browser, name: &str, password: &str, source: &str) -> Option<String> {
    let fields = [("username", name), ("password", password)];
    let reply = browser.post_from("/do/sign_in", &fields, Some(source)).await;
    reply.location().map(ToOwned::to_owned)
}

/// A hundred failures for one name, from ten sources.
async fn use_up_the_day(portal: &Portal, name: &str) {
    for number in 0..100 {
        let source = format!("192.0.2.{}", number / 10);
        assert_eq!(
            try_from(&portal.browser(), name, OTHER_PASSWORD, &source).await.as_deref(),
            Some("/login")
        );
    }
}

#[tokio::test]
async fn after_a_hundred_failures_in_a_day_only_known_browsers_and_temporary_passwords_get_in() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let known = portal.signed_in("ada").await;
    known.post("/do/sign_out", &[]).await;
    use_up_the_day(&portal, "ada").await;
    let stranger = portal.browser();
    try_from(&stranger, "ada", PASSWORD, "198.51.100.1").await;
    assert!(!stranger.is_signed_in().await);
    stranger.get("/login").await.says("Too many attempts. Try again in");
    assert_eq!(try_from(&known, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/profile"));
    stranger.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    let mail = portal.mail_to("ada").await;
    let secret = mail.text.lines().find(|line| line.starts_with("    ")).expect("a secret").trim().to_owned();
    let reply = try_from(&stranger, "ada", &secret, "198.51.100.3").await;
    assert_eq!(reply.as_deref(), Some("/change-password"));
    portal.later(Duration::from_hours(24));
    let later = portal.browser();
    assert_eq!(try_from(&later, "ada", PASSWORD, "198.51.100.4").await.as_deref(), Some("/profile"));
}

#[tokio::test]
async fn a_browser_is_known_until_the_password_changes_elsewhere() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    let next = "copper lantern drifts north";
    let fields = [("current_password", PASSWORD), ("new_password", next), ("confirm_password", next)];
    assert_eq!(owner.post("/do/change_password", &fields).await.location(), Some("/profile"));
    owner.post("/do/sign_out", &[]).await;
    use_up_the_day(&portal, "ada").await;
    // With the right password, so that it is seen whether it was tried.
    assert_eq!(try_from(&thief, "ada", next, "198.51.100.1").await.as_deref(), Some("/login"));
    thief.get("/login").await.says("Too many attempts.");
    assert_eq!(try_from(&owner, "ada", next, "198.51.100.2").await.as_deref(), Some("/profile"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stolen_cookie_of_a_known_browser_is_good_for_ten_attempts() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    thief.set_cookie("session", None);
    use_up_the_day(&portal, "ada").await;
    let guesses = (0..30).map(|number| {
        let browser = thief.copy();
        async move { try_from(&browser, "ada", OTHER_PASSWORD, &format!("198.51.100.{number}")).await }
    });
    for to in join(guesses).await {
        assert_eq!(to.as_deref(), Some("/login"));
    }
    // With the right password, so that it is seen whether it was verified.
    assert_eq!(try_from(&thief, "ada", PASSWORD, "198.51.100.99").await.as_deref(), Some("/login"));
    thief.get("/login").await.says("Too many attempts.");
    assert!(owner.is_signed_in().await, "the owner stays signed in");
}

#[tokio::test]
async fn a_password_that_looks_like_a_temporary_one_does_not_escape_the_daily_limit() {
    let portal = Portal::start().await;
    let password = "violet lanterns garden pickle";
    portal.browser().register("ada", "ada@example.org", password).await;
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active.as_str()))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    use_up_the_day(&portal, "ada").await;
    let stranger = portal.browser();
    assert_eq!(try_from(&stranger, "ada", password, "198.51.100.1").await.as_deref(), Some("/login"));
    assert!(!stranger.is_signed_in().await);
    stranger.get("/login").await.says("Incorrect username or password.");
}

#[tokio::test]
async fn signing_in_on_a_shared_computer_uses_no_known_browser_up() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    browser.post("/do/sign_out", &[]).await;
    use_up_the_day(&portal, "ada").await;
    for number in 0..12 {
        let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
        let source = format!("198.51.100.{number}");
        let reply = browser.post_from("/do/sign_in", &fields, Some(&source)).await;
        assert_eq!(reply.location(), Some("/profile"), "{number}");
        browser.post("/do/sign_out", &[]).await;
    }
}

#[tokio::test]
async fn ten_failures_in_a_row_forget_a_browser_and_a_success_resets_the_count() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let known = || known_browser::Entity::find().count(portal.backend.db.pool());
    for round in 0..2 {
        for number in 0..9 {
            try_from(&browser, "ada", OTHER_PASSWORD, &format!("192.0.2.{}", 10 * round + number)).await;
        }
        assert_eq!(known().await.expect("counts"), 1, "nine are not ten");
        browser.post("/do/sign_out", &[]).await;
        assert_eq!(try_from(&browser, "ada", PASSWORD, "192.0.2.99").await.as_deref(), Some("/profile"));
        browser.post("/do/sign_out", &[]).await;
    }
    for number in 0..10 {
        try_from(&browser, "ada", OTHER_PASSWORD, &format!("198.51.100.{number}")).await;
    }
    assert_eq!(known().await.expect("counts"), 0);
}

#[tokio::test]
async fn a_browser_stays_known_after_its_own_change_of_email_address() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let elsewhere = portal.signed_in("ada").await;
    let fields = [("email", "countess@example.org"), ("current_password", PASSWORD)];
    owner.post("/do/ask_address_change", &fields).await;
    let link = portal.mail_to("countess").await.link();
    let thief = owner.copy();
    let token = link.rsplit('/').next().expect("a token");
    assert_eq!(owner.post("/do/change_address", &[("token", token)]).await.location(), Some("/profile"));
    for browser in [&owner, &elsewhere, &thief] {
        browser.post("/do/sign_out", &[]).await;
    }
    use_up_the_day(&portal, "ada").await;
    assert_eq!(try_from(&owner, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    for unknown in [elsewhere, thief] {
        assert_eq!(try_from(&unknown, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
    }
}

#[tokio::test]
async fn signing_out_everywhere_else_forgets_the_other_browsers() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let owner = portal.signed_in("ada").await;
    let thief = owner.copy();
    let elsewhere = portal.signed_in("ada").await;
    owner.post("/do/end_other_sessions", &[]).await;
    owner.post("/do/sign_out", &[]).await;
    use_up_the_day(&portal, "ada").await;
    assert_eq!(try_from(&owner, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    for unknown in [elsewhere, thief] {
        assert_eq!(try_from(&unknown, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
    }
}

#[tokio::test]
async fn an_account_has_at_most_twenty_known_browsers_and_the_least_recently_used_is_forgotten() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    portal.later(Duration::from_secs(1));
    let second = portal.signed_in("ada").await;
    for _ in 0..19 {
        portal.later(Duration::from_secs(1));
        portal.signed_in("ada").await;
    }
    let known = known_browser::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(known, MOST_BROWSERS);
    for browser in [&first, &second] {
        browser.post("/do/sign_out", &[]).await;
    }
    use_up_the_day(&portal, "ada").await;
    assert_eq!(try_from(&second, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
    assert_eq!(try_from(&first, "ada", PASSWORD, "198.51.100.2").await.as_deref(), Some("/login"));
}

#[tokio::test]
async fn proving_oneself_again_is_counted_over_the_day_too() {
    let (limits, other) = stack::replicas().await;
    let day = 24 * 3_600 * 1_000_000;
    let midnight = Timestamp(Clock::System.now().0 / day * day + day);
    let minutes = |number: u64| midnight.after(Duration::from_mins(number));
    for window in 0..10 {
        for _ in 0..10 {
            assert_eq!(limits.prove_again("ada", minutes(10 * window)).await, Ok(()));
            assert_eq!(limits.password_of_link(7, minutes(10 * window)).await, Ok(()));
        }
        if window < 9 {
            let refused = limits.prove_again("ada", minutes(10 * window + 5)).await;
            assert_eq!(refused, Err(Problem::TooMany(300)));
        }
    }
    let left = 24 * 3_600 - 100 * 60;
    assert_eq!(limits.prove_again("ada", minutes(100)).await, Err(Problem::TooMany(left)));
    assert_eq!(limits.password_of_link(7, minutes(100)).await, Err(Problem::TooMany(left)));
    assert_eq!(limits.prove_again("bert", minutes(100)).await, Ok(()));
    assert_eq!(other.prove_again("ada", minutes(24 * 60)).await, Ok(()));
}

#[tokio::test]
async fn what_is_refused_uses_up_nobodys_day() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let guesser = portal.browser();
    for _ in 0..110 {
        try_from(&guesser, "ada", OTHER_PASSWORD, "192.0.2.1").await;
    }
    guesser.get("/login").await.says("Too many attempts.");
    let ada = portal.browser();
    assert_eq!(try_from(&ada, "ada", PASSWORD, "198.51.100.1").await.as_deref(), Some("/profile"));
}

#[tokio::test]
async fn a_name_that_nobody_has_is_counted_just_the_same() {
    let portal = Portal::start().await;
    use_up_the_day(&portal, "nobody1").await;
    let browser = portal.browser();
    try_from(&browser, "nobody1", PASSWORD, "198.51.100.1").await;
    browser.get("/login").await.says("Too many attempts.");
}

#[tokio::test]
async fn replicas_share_their_counters_where_redis_is_there() {
    let (one, other) = stack::replicas().await;
    let now = Clock::System.now();
    for _ in 0..10 {
        assert_eq!(one.prove_again("7", now).await, Ok(()));
    }
    assert!(one.prove_again("7", now).await.is_err());
    assert_eq!(other.prove_again("7", now).await.is_err(), stack::is_postgres());
}

#[tokio::test]
async fn what_is_counted_in_redis_does_not_stay() {
    let namespace = random::handle();
    let limits = stack::limits_of(&namespace).await;
    let now = Clock::System.now();
    let source = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..3 {
        assert_eq!(limits.prove_again("7", now).await, Ok(()));
        assert_eq!(limits.microsoft(source, now).await, Ok(()));
    }
    let lifetimes = stack::lifetimes(&namespace).await;
    assert_eq!(lifetimes.len(), if stack::is_postgres() { 3 } else { 0 });
    // Twice their ten minutes, or their day, at the most, and the whole of it at least.
    let minute = 60_000;
    let ends = |left: &i64| {
        [10, 24 * 60].iter().any(|period| (period * minute..=2 * period * minute).contains(left))
    };
    assert!(lifetimes.iter().all(ends), "{lifetimes:?}");
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_told_of_on_the_desk() {
    let portal = Portal::with(&[("TRUSTED_PROXIES", "none")]).await;
    let admin = portal.admin("grace").await;
    admin.get("/admin").await.does_not_say("TRUSTED_PROXIES");
    portal.browser().post_from("/do/sign_in", &[("username", "x")], Some("192.0.2.1")).await;
    admin.get("/admin").await.says("set TRUSTED_PROXIES");
    assert_eq!(admin.get("/profile").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_shared_computer_is_not_remembered() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD), ("shared", "yes")];
    browser.post("/do/sign_in", &fields).await;
    assert!(browser.cookie("known").is_none());
    assert!(portal.signed_in("ada").await.cookie("known").is_some());
}

#[tokio::test]
async fn requests_for_temporary_passwords_are_limited_for_one_source() {
    let portal = Portal::with(&[("LIMIT_RESET", "3/1h")]).await;
    let browser = portal.browser();
    for number in 0..4 {
        let email = format!("person{number}@example.org");
        let reply = browser.post_from("/do/ask_reset", &[("email", &email)], Some("192.0.2.1")).await;
        let expected = if number < 3 { "/login" } else { "/reset-password" };
        assert_eq!(reply.location(), Some(expected));
    }
    browser.get("/reset-password").await.says("Too many attempts. Try again in 1 hour.");
    let reply = browser.post_from("/do/ask_reset", &[("email", "x@example.org")], Some("192.0.2.2")).await;
    assert_eq!(reply.location(), Some("/login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_people_of_one_office_are_all_let_in() {
    let portal = Portal::with(&[("LIMIT_SIGN_IN", "100/10m")]).await;
    portal.person("ada", Status::Active, Role::Member).await;
    // One hash for all: registering them would take longer than what is to be shown.
    let hash = portal.user("ada").await.password_hash.expect("a hash");
    for number in 0..300 {
        portal.insert_active(&format!("person{number}"), &hash).await;
    }
    let mut entered = 0;
    // As within a minute: no more at once than the queue of hashes holds.
    for wave in 0..3 {
        let people = (0..100).map(|number| {
            let (browser, name) = (portal.browser(), format!("person{}", wave * 100 + number));
            async move {
                // One in ten mistypes first.
                if number % 10 == 0 {
                    try_from(&browser, &name, OTHER_PASSWORD, "192.0.2.1").await;
                }
                try_from(&browser, &name, PASSWORD, "192.0.2.1").await.as_deref() == Some("/profile")
            }
        });
        entered += join(people).await.into_iter().filter(|entered| *entered).count();
    }
    assert_eq!(entered, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_source_can_not_keep_the_threads_from_everybody_else() {
    let portal = Portal::with_own_hasher(&[]).await;
    portal.person("ada", Status::Active, Role::Member).await;
    let crowd: Vec<_> = (0..300)
        .map(|number| {
            let browser = portal.browser();
            tokio::spawn(async move {
                let fields = [("username", format!("crowd{number}")), ("password", PASSWORD.to_owned())];
                let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
                browser.post_from("/do/sign_in", &fields, Some("192.0.2.1")).await.status
            })
        })
        .collect();
    while portal.backend.hasher.waiting() < 10 {
        tokio::task::yield_now().await;
    }
    let elsewhere = try_from(&portal.browser(), "ada", PASSWORD, "198.51.100.1").await;
    assert_eq!(elsewhere.as_deref(), Some("/profile"));
    let mut refused = 0;
    for one in crowd {
        refused += usize::from(one.await.expect("ends") == StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(refused > 0, "the crowd is told to come again");
}

#[tokio::test]
async fn whoever_goes_away_before_the_answer_has_tried_all_the_same() {
    let portal = Portal::with(&[("LIMIT_SIGN_IN", "3/10m")]).await;
    let backend = &portal.backend;
    let (source, now) = (IpAddr::from([192, 0, 2, 1]), backend.now());
    let attempt =
        |name: String| async move { backend.limits.try_sign_in(&backend.settings, &name, source, now).await };
    for number in 0..3 {
        // As when the connection goes, and with it whatever was waiting for the answer.
        drop(attempt(format!("name person{number}")).await.expect("it is allowed"));
    }
    let refused = async {
        while let Ok(allowed) = attempt("name person9".to_owned()).await {
            backend.limits.give_back(allowed, now).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.expect("the source is full");
}

#[tokio::test]
async fn weighty_acts_are_limited_for_one_account() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for _ in 0..10 {
        browser.script("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    }
    let outcome = browser.script("/do/delete_account", &[("current_password", PASSWORD)]).await.outcome();
    assert_eq!(outcome, Outcome::Refused(Refusal::of(Problem::TooMany(600))));
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn the_right_password_of_an_account_that_cannot_sign_in_counts_as_a_try() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Pending, Role::Member).await;
    let browser = portal.browser();
    for _ in 0..10 {
        try_from(&browser, "ada", PASSWORD, "192.0.2.1").await;
        browser.get("/login").await.says("waiting for an administrator's approval");
    }
    try_from(&browser, "ada", PASSWORD, "192.0.2.1").await;
    browser.get("/login").await.says("Too many attempts.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_eight_clients_wait_for_hashes_every_page_is_answered() {
    let portal = Portal::with_own_hasher(&[]).await;
    portal.person("ada", Status::Active, Role::Member).await;
    let hasher = portal.backend.hasher.clone();
    let mut held = Vec::new();
    for _ in 0..2 {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let hasher = hasher.clone();
        let job = tokio::spawn(async move {
            let password = PASSWORD.to_owned().into();
            // Until it is released.
            hasher.hash_unless(&password, "203.0.113.1", move || wait.recv().is_ok()).await.is_ok()
        });
        held.push((release, job));
    }
    while hasher.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    let crowd: Vec<_> = (0..8 * 128)
        .map(|number| {
            let (browser, name) = (portal.browser(), format!("crowd{number}"));
            tokio::spawn(async move {
                let fields = [("username", name.as_str()), ("password", PASSWORD)];
                let source = format!("192.0.2.{}", number % 8);
                browser.post_from("/do/sign_in", &fields, Some(&source)).await.status
            })
        })
        .collect();
    // The queue of the threads is full; whoever finds no place to wait for it is told so at once.
    while hasher.waiting() < 100 {
        tokio::task::yield_now().await;
    }
    while crowd.iter().filter(|one| !one.is_finished()).count() > WAITING {
        tokio::task::yield_now().await;
    }
    for path in ["/", "/login", "/register", "/reset-password"].repeat(20) {
        assert_eq!(portal.browser().get(path).await.status, StatusCode::OK, "{path}");
    }
    for (release, job) in held {
        release.send(()).expect("it waits");
        assert!(job.await.expect("ends"));
    }
    let member = try_from(&portal.browser(), "ada", PASSWORD, "198.51.100.1").await;
    assert_eq!(member.as_deref(), Some("/profile"));
    for one in crowd {
        one.await.expect("ends");
    }
}
