//! What the OWASP ASVS asks of cookies and of what is drawn at random: names and attributes that bind a cookie to this
//! host and to https, sealed ones that mean nothing once they were changed, renamed or kept too long, and ids that
//! nobody guesses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use app::api::http::{CookieJar, Flash, KnownPeople};
use app::backend::entity::{user, user_session};
use app::backend::keys::Keys;
use app::backend::known_browsers::KnownBrowser;
use app::backend::{Backend, Parts, operator};
use app::domain::answer::{Notice, Outcome};
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{Role, Status};
use app::domain::time::Timestamp;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::SecretString;

use crate::asvs::{header, temporary_password};
use crate::support::{OTHER_PASSWORD, PASSWORD, Portal, Reply};

#[tokio::test]
async fn every_cookie_is_bound_to_https_and_host() {
    let portal = Portal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    let admin = portal.admin("grace").await;
    let browser = portal.browser();
    let mut seen: Vec<String> = Vec::new();
    let mut note = |reply: Reply| seen.extend(reply.cookies().into_iter().map(str::to_owned));
    note(browser.register("ada", "ada@example.org", PASSWORD).await);
    note(browser.get("/login").await);
    note(browser.sign_in("ada", OTHER_PASSWORD).await);
    note(browser.sign_in("ada", PASSWORD).await);
    admin.decide("approve", portal.user("ada").await.id).await;
    note(browser.sign_in("ada", PASSWORD).await);
    for theme in ["dark", "system"] {
        note(browser.post("/do/set_theme", &[("theme", theme), ("from", "/profile")]).await);
    }
    note(browser.post("/do/sign_out", &[]).await);
    // Only a confirmed address gets a temporary password.
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(portal.backend.now().0))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    note(browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await);
    let temporary = temporary_password(&portal.mail_to("ada").await);
    note(browser.sign_in("ada", &temporary).await);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    note(browser.post("/do/change_password", &new).await);
    portal.later(Duration::from_hours(24));
    note(browser.get("/profile").await);
    let mut names = BTreeSet::new();
    for cookie in &seen {
        let (pair, attributes) = cookie.split_once("; ").expect("it has attributes");
        let (name, _) = pair.split_once('=').expect("it has a value");
        names.insert(name);
        let attributes: Vec<&str> = attributes.split("; ").collect();
        for needed in ["Secure", "HttpOnly", "Path=/"] {
            assert!(attributes.contains(&needed), "no {needed}, so that browsers ignore it: {cookie}");
        }
        let domain = attributes.iter().any(|one| one.to_ascii_lowercase().starts_with("domain"));
        assert!(!domain, "{cookie}");
    }
    let known = ["flash", "known", "proved", "registered", "session", "theme"];
    let known: Vec<String> = known.iter().map(|name| format!("__Host-{name}")).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), known);
}

/// The value in a `Set-Cookie`.
fn value_of(cookie: Option<HeaderValue>) -> String {
    let cookie = cookie.expect("there is a cookie");
    let pair = cookie.to_str().expect("it is text").split(';').next().unwrap_or_default();
    pair.split_once('=').expect("it has a value").1.to_owned()
}

/// Names and values of the sealed cookies, made now.
fn sealed(portal: &Portal) -> [(&'static str, String); 4] {
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let flash = Flash {
        path: "/login".to_owned(),
        notice: Some(Notice::Registered),
        refusal: None,
        kept: Vec::new(),
        about: None,
        at: now,
    };
    [
        ("flash", value_of(jar.flash(&flash))),
        ("registered", value_of(jar.registration(7, now))),
        ("proved", value_of(jar.proof(7, now))),
        ("known", value_of(jar.known(&KnownPeople::default(), KnownBrowser::generate(7), now))),
    ]
}

/// Whether a cookie is taken for anything.
fn counts(jar: &CookieJar, name: &str, value: &str, now: Timestamp) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, format!("{name}={value}").parse().expect("it fits a header"));
    jar.take_flash(&headers, "/login", now).is_some()
        || jar.read_registration(&headers, now).is_some()
        || jar.read_proof(&headers, now).is_some()
        || !jar.read_known(&headers, now).is_empty()
}

/// The same with another character at one place.
fn changed(value: &str, place: usize) -> String {
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    value.chars().enumerate().map(|(at, c)| if at == place { other(c) } else { c }).collect()
}

#[tokio::test]
async fn a_changed_or_renamed_cookie_is_worth_nothing() {
    let portal = Portal::start().await;
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let cookies = sealed(&portal);
    for (name, value) in &cookies {
        assert!(counts(&jar, name, value, now), "{name} as it is");
        // The last characters may have bits that mean nothing.
        let places = value.len() - 4;
        for place in 0..places {
            assert!(!counts(&jar, name, &changed(value, place), now), "{name}, changed at {place}");
        }
        assert!(!counts(&jar, name, &value[..places], now), "{name}, cut");
        for (other, _) in cookies.iter().filter(|(other, _)| other != name) {
            assert!(!counts(&jar, other, value, now), "{name} as {other}");
        }
    }
    let browser = portal.register("ada").await;
    let flash = browser.cookie("flash").expect("there is news");
    browser.set_cookie("flash", Some(&changed(&flash, 20)));
    browser.get("/login").await.does_not_say(&Notice::Registered.words());
    browser.set_cookie("flash", Some(&flash));
    browser.get("/login").await.says(&Notice::Registered.words());
    let link = portal.mail_to("ada").await.link();
    browser.get(&link).await.does_not_say("type=\"password\"");
    let registered = browser.cookie("registered").expect("it registered here");
    browser.set_cookie("registered", Some(&changed(&registered, 20)));
    browser.get(&link).await.says("type=\"password\"");
}

#[tokio::test]
async fn a_cookie_under_another_key_is_none() {
    let portal = Portal::start().await;
    let now = portal.backend.now();
    let own = SecretString::from("0123456789abcdef0123456789abcdef".to_owned());
    let other = SecretString::from("another key that is long enough, too".to_owned());
    let with = |keys: Keys| {
        let backend = Backend::new(Parts { keys: Arc::new(keys), ..(*portal.backend).clone() });
        CookieJar::new(&backend)
    };
    let (stranger, rotated) = (with(Keys::new(&other, None)), with(Keys::new(&other, Some(&own))));
    for (name, value) in sealed(&portal) {
        assert!(!counts(&stranger, name, &value, now), "{name}");
        assert!(counts(&rotated, name, &value, now), "{name}, while SECRET_KEY_PREVIOUS has its key");
    }
}

#[tokio::test]
async fn a_kept_cookie_is_worth_nothing_after_its_time() {
    let portal = Portal::start().await;
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let lifetimes = [
        ("flash", Duration::from_mins(10)),
        ("registered", Duration::from_hours(7 * 24)),
        ("proved", Duration::from_mins(10)),
        ("known", Duration::from_hours(365 * 24)),
    ];
    for ((name, value), (of, lifetime)) in sealed(&portal).into_iter().zip(lifetimes) {
        assert_eq!(name, of);
        let end = now.after(lifetime);
        assert!(counts(&jar, name, &value, end.before(Duration::from_secs(1))), "{name} in its last second");
        assert!(!counts(&jar, name, &value, end), "{name} after its time");
    }
    let browser = portal.register("ada").await;
    browser.sign_in("ada", PASSWORD).await;
    let flash = browser.cookie("flash").expect("there is news");
    browser.get("/login").await.says("is waiting for an administrator");
    let ask = || browser.script("/do/ask_confirmation", &[]);
    assert_eq!(ask().await.outcome(), Outcome::Goto("/login".to_owned()));
    portal.later(Duration::from_mins(10));
    browser.set_cookie("flash", Some(&flash));
    browser.get("/login").await.does_not_say("is waiting for an administrator");
    assert_eq!(ask().await.outcome(), Outcome::Refused(Refusal::of(Problem::SignedOut)));
}

/// Checks that all differ, and that each bit is 0 in one and 1 in another.
fn are_random(what: &str, drawn: &[Vec<u8>], bytes: usize) {
    assert!(drawn.len() >= 32, "{what}: with fewer, a bit may stay the same by chance");
    assert!(drawn.iter().all(|one| one.len() == bytes), "{what} have {bytes} bytes");
    let different: BTreeSet<&Vec<u8>> = drawn.iter().collect();
    assert_eq!(different.len(), drawn.len(), "{what} are never alike");
    for place in 0..bytes {
        let ever = drawn.iter().fold(0, |bits: u8, one| bits | one[place]);
        let always = drawn.iter().fold(u8::MAX, |bits: u8, one| bits & one[place]);
        assert_eq!((ever, always), (u8::MAX, 0), "{what}, byte {place}");
    }
}

#[tokio::test]
async fn ids_are_128_random_bits_and_never_alike() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let (mut sessions, mut nonces, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..32 {
        let browser = portal.signed_in("ada").await;
        let id = browser.cookie("session").expect("a session");
        sessions.push(BASE64URL_NOPAD.decode(id.as_bytes()).expect("it is base64url"));
        let page = browser.get("/").await;
        let policy = header(&page, "content-security-policy").split("'nonce-").nth(1).unwrap_or_default();
        let nonce = policy.split('\'').next().unwrap_or_default();
        nonces.push(HEXLOWER.decode(nonce.as_bytes()).expect("it is hexadecimal"));
        let link = operator::make_user_link(&portal.backend, "ada").await.expect("a link");
        let token = link.rsplit('/').next().unwrap_or_default();
        links.push(BASE64URL_NOPAD.decode(token.as_bytes()).expect("it is base64url"));
    }
    let rows = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let handles: Vec<Vec<u8>> =
        rows.iter().map(|row| HEXLOWER.decode(row.handle.as_bytes()).expect("it is hexadecimal")).collect();
    are_random("ids of sessions", &sessions, 16);
    are_random("handles of sessions", &handles, 16);
    are_random("nonces", &nonces, 16);
    are_random("secrets of links", &links, 32);
}
