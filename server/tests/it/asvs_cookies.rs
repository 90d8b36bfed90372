//! OWASP ASVS requirements for cookies and random values.
//!
//! # Guarantees
//!
//! - The name and the attributes of each cookie bind it to this host and to HTTPS.
//! - A sealed cookie that was changed, renamed or has expired is rejected.
//! - Ids have at least 128 random bits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;

use crate::asvs::{header, temporary_password};
use crate::support::{OTHER_PASSWORD, PASSWORD, Response, SECRET_KEY, TestPortal};
use app::api::action_result::ActionResult;
use app::http::{CookieJar, Flash, KnownBrowsers, VerifiedUser};
use backend::admin::commands;
use backend::auth::known_browsers::KnownBrowser;
use backend::entity::{user, user_session};
use backend::infra::encryption::Keys;
use backend::{Backend, Parts};
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;

#[tokio::test]
async fn every_cookie_is_bound_to_https_and_host() {
    let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    let admin = portal.create_admin("grace").await;
    let browser = portal.browser();
    let mut seen: Vec<String> = Vec::new();
    let mut record = |response: Response| seen.extend(response.cookies().into_iter().map(str::to_owned));
    record(browser.register("ada", "ada@example.org", PASSWORD).await);
    record(browser.get("/login").await);
    record(browser.sign_in("ada", OTHER_PASSWORD).await);
    record(browser.sign_in("ada", PASSWORD).await);
    admin.apply_action("approve", portal.user("ada").await.id).await;
    record(browser.sign_in("ada", PASSWORD).await);
    for theme in ["dark", "system"] {
        record(browser.post("/do/set_theme", &[("theme", theme), ("from", "/profile")]).await);
    }
    record(browser.post("/do/sign_out", &[]).await);
    // A temporary password is sent to confirmed email addresses only.
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(portal.backend.now().0))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    record(browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await);
    let temporary = temporary_password(&portal.email_to("ada").await);
    record(browser.sign_in("ada", &temporary).await);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    record(browser.post("/do/change_password", &new).await);
    portal.advance_time(Duration::from_hours(24));
    record(browser.get("/profile").await);
    let mut names = BTreeSet::new();
    for cookie in &seen {
        let (pair, attributes) = cookie.split_once("; ").expect("it has attributes");
        let (name, _) = pair.split_once('=').expect("it has a value");
        names.insert(name);
        let attributes: Vec<&str> = attributes.split("; ").collect();
        for needed in ["Secure", "HttpOnly", "Path=/"] {
            assert!(attributes.contains(&needed), "no {needed}, so that browsers ignore it: {cookie}");
        }
        let domain = attributes.iter().any(|attribute| attribute.to_ascii_lowercase().starts_with("domain"));
        assert!(!domain, "{cookie}");
    }
    let known = ["ended", "flash", "form", "known", "proved", "registered", "session", "theme"];
    let known: Vec<String> = known.iter().map(|name| format!("__Host-{name}")).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), known);
}

/// Returns the value in a `Set-Cookie` header.
fn value_of(cookie: Option<HeaderValue>) -> String {
    let cookie = cookie.expect("there is a cookie");
    let pair = cookie.to_str().expect("it is text").split(';').next().unwrap_or_default();
    pair.split_once('=').expect("it has a value").1.to_owned()
}

/// Returns the names and values of the sealed cookies, created now.
fn sealed_cookies(portal: &TestPortal) -> [(&'static str, String); 6] {
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let verified = VerifiedUser { user_id: UserId(7), can_confirm: true };
    let flash = Flash {
        path: "/login".to_owned(),
        message: Some(FlashMessage::Registered),
        errors: None,
        input: Vec::new(),
        affected_username: None,
        last_change: None,
        report: None,
        at: now,
    };
    [
        ("flash", value_of(jar.flash(&flash))),
        ("registered", value_of(jar.registration(UserId(7), now))),
        ("proved", value_of(jar.password_verified(verified, now))),
        (
            "known",
            value_of(jar.known_browsers(&KnownBrowsers::default(), KnownBrowser::generate(UserId(7)), now)),
        ),
        ("form", value_of(jar.form_secret(now))),
        ("ended", value_of(jar.reported_end("0123", portal.backend.settings.session_lifetime, now))),
    ]
}

/// Returns true if any reader of sealed cookies accepts this cookie.
fn is_accepted(jar: &CookieJar, name: &str, value: &str, now: Timestamp) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, format!("{name}={value}").parse().expect("it fits a header"));
    jar.read_flash(&headers, "/login", now).is_some()
        || jar.read_registration(&headers, now).is_some()
        || jar.read_password_verified(&headers, now).is_some()
        || !jar.read_known_browsers(&headers, now).is_empty()
        || jar.read_form_secret(&headers, now).is_some()
        || jar.is_end_reported(&headers, "0123", Duration::from_hours(14 * 24), now)
}

/// Returns the value with another character at one index.
fn with_changed_character(value: &str, index: usize) -> String {
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    value.chars().enumerate().map(|(at, c)| if at == index { other(c) } else { c }).collect()
}

#[tokio::test]
async fn a_changed_or_renamed_cookie_is_rejected() {
    let portal = TestPortal::start().await;
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let cookies = sealed_cookies(&portal);
    for (name, value) in &cookies {
        assert!(is_accepted(&jar, name, value, now), "{name} as it is");
        // The last characters may contain unused bits.
        let places = value.len() - 4;
        for place in 0..places {
            assert!(
                !is_accepted(&jar, name, &with_changed_character(value, place), now),
                "{name}, changed at {place}"
            );
        }
        assert!(!is_accepted(&jar, name, &value[..places], now), "{name}, cut");
        for (other, _) in cookies.iter().filter(|(other, _)| other != name) {
            assert!(!is_accepted(&jar, other, value, now), "{name} as {other}");
        }
    }
    let browser = portal.register("ada").await;
    let flash = browser.cookie("flash").expect("there is news");
    browser.set_cookie("flash", Some(&with_changed_character(&flash, 20)));
    browser.get("/login").await.assert_not_contains(&FlashMessage::Registered.message());
    browser.set_cookie("flash", Some(&flash));
    browser.get("/login").await.assert_contains(&FlashMessage::Registered.message());
    let link = portal.email_to("ada").await.link();
    browser.get(&link).await.assert_not_contains("type=\"password\"");
    let registered = browser.cookie("registered").expect("it registered here");
    browser.set_cookie("registered", Some(&with_changed_character(&registered, 20)));
    browser.get(&link).await.assert_contains("type=\"password\"");
}

#[tokio::test]
async fn a_cookie_sealed_with_another_key_is_rejected() {
    let portal = TestPortal::start().await;
    let now = portal.backend.now();
    let current_key = SecretString::from(SECRET_KEY.to_owned());
    let other = SecretString::from("another key that is long enough, too".to_owned());
    let with = |keys: Keys| {
        let backend = Backend::new(Parts { keys: Arc::new(keys), ..(*portal.backend).clone() });
        CookieJar::new(&backend)
    };
    let (unrelated, rotated) = (with(Keys::new(&other, None)), with(Keys::new(&other, Some(&current_key))));
    for (name, value) in sealed_cookies(&portal) {
        assert!(!is_accepted(&unrelated, name, &value, now), "{name}");
        assert!(is_accepted(&rotated, name, &value, now), "{name}, while SECRET_KEY_PREVIOUS has its key");
    }
}

#[tokio::test]
async fn a_cookie_is_rejected_after_it_has_expired() {
    let portal = TestPortal::start().await;
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let lifetimes = [
        ("flash", Duration::from_mins(10)),
        ("registered", Duration::from_hours(7 * 24)),
        ("proved", Duration::from_mins(10)),
        ("known", Duration::from_hours(365 * 24)),
        ("form", Duration::from_hours(24)),
        ("ended", Duration::from_hours(14 * 24)),
    ];
    for ((name, value), (of, lifetime)) in sealed_cookies(&portal).into_iter().zip(lifetimes) {
        assert_eq!(name, of);
        let end = now.after(lifetime);
        assert!(
            is_accepted(&jar, name, &value, end.before(Duration::from_secs(1))),
            "{name} in its last second"
        );
        assert!(!is_accepted(&jar, name, &value, end), "{name} after its time");
    }
    let browser = portal.register("ada").await;
    browser.sign_in("ada", PASSWORD).await;
    let flash = browser.cookie("flash").expect("there is news");
    browser.get("/login").await.assert_contains("is waiting for an administrator");
    let request_confirmation = || browser.fetch("/do/ask_confirmation", &[]);
    assert_eq!(request_confirmation().await.action_result(), ActionResult::Goto("/login".to_owned()));
    portal.advance_time(Duration::from_mins(10));
    browser.set_cookie("flash", Some(&flash));
    browser.get("/login").await.assert_not_contains("is waiting for an administrator");
    assert_eq!(
        request_confirmation().await.action_result(),
        ActionResult::Refused(FormErrors::of(ErrorCode::SignedOut))
    );
}

/// Asserts that all values differ, and that each bit is 0 in some of them and 1 in others.
fn assert_random(what: &str, drawn: &[Vec<u8>], bytes: usize) {
    assert!(drawn.len() >= 32, "{what}: with fewer, a bit may stay the same by chance");
    assert!(drawn.iter().all(|value| value.len() == bytes), "{what} have {bytes} bytes");
    let different: BTreeSet<&Vec<u8>> = drawn.iter().collect();
    assert_eq!(different.len(), drawn.len(), "{what} are never alike");
    for place in 0..bytes {
        let ever = drawn.iter().fold(0, |bits: u8, value| bits | value[place]);
        let always = drawn.iter().fold(u8::MAX, |bits: u8, value| bits & value[place]);
        assert_eq!((ever, always), (u8::MAX, 0), "{what}, byte {place}");
    }
}

#[tokio::test]
async fn ids_have_at_least_128_random_bits_and_never_repeat() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let (mut sessions, mut nonces, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..32 {
        let browser = portal.signed_in("ada").await;
        let id = browser.cookie("session").expect("a session");
        sessions.push(BASE64URL_NOPAD.decode(id.as_bytes()).expect("it is base64url"));
        let page = browser.get("/").await;
        let policy = header(&page, "content-security-policy").split("'nonce-").nth(1).unwrap_or_default();
        let nonce = policy.split('\'').next().unwrap_or_default();
        nonces.push(HEXLOWER.decode(nonce.as_bytes()).expect("it is hexadecimal"));
        let link = commands::make_user_link(&portal.backend, "ada").await.expect("a link");
        let token = link.rsplit('/').next().unwrap_or_default();
        links.push(BASE64URL_NOPAD.decode(token.as_bytes()).expect("it is base64url"));
    }
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let public_ids: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| HEXLOWER.decode(row.public_id.as_bytes()).expect("it is hexadecimal"))
        .collect();
    assert_random("ids of sessions", &sessions, 16);
    assert_random("handles of sessions", &public_ids, 16);
    assert_random("nonces", &nonces, 16);
    assert_random("secrets of links", &links, 32);
}
