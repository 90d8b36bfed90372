//! Tests of cookies that other applications on the domain set: they change nothing, whatever bytes they contain.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use app::http::CookieJar;
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};

/// Cookies of other applications: UTF-8, Latin-1, neither of them, and texts that are hardly cookies.
const OTHERS: [&[u8]; 7] = [
    b"other=Zo\xc3\xab",
    b"other=Zo\xeb",
    b"\xff\xfe=\x80",
    b"other=\"a, b\"; ; =; x",
    b"Session=x; mysession=x; session2=x; __Host-theme=dark",
    b"session=Zo\xeb; theme=\xff; flash=Zo\xc3\xab; registered=\xeb",
    b"other=%zz%00",
];

fn browser_with(portal: &TestPortal, other: &[u8]) -> Browser {
    let mut browser = portal.browser();
    browser.other_cookies = other.to_vec();
    browser
}

#[tokio::test]
async fn another_applications_cookies_keep_no_one_from_signing_in() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for other in OTHERS {
        let browser = browser_with(&portal, other);
        assert_eq!(browser.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
        assert!(browser.is_signed_in().await, "{:?}", String::from_utf8_lossy(other));
        assert_ne!(browser.get("/session").await.body, "null", "{:?}", String::from_utf8_lossy(other));
        assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"));
        assert_eq!(browser.get("/profile").await.status, StatusCode::FOUND);
    }
}

#[tokio::test]
async fn another_applications_cookies_hide_no_message_theme_or_registration() {
    let portal = TestPortal::start().await;
    for (number, other) in OTHERS.into_iter().enumerate() {
        let shown = String::from_utf8_lossy(other);
        let browser = browser_with(&portal, other);
        browser.post("/do/set_theme", &[("theme", "dark"), ("from", "/login")]).await;
        assert!(browser.get("/login").await.body.contains("vestibule-dark"), "{shown:?}");
        assert!(browser.get("/nothing").await.body.contains("vestibule-dark"), "{shown:?}");
        browser.sign_in("ada", OTHER_PASSWORD).await;
        let page = browser.get("/login").await;
        page.assert_contains("Incorrect username or password.");
        assert!(page.body.contains("value=\"ada\""), "{shown:?}");
        let name = format!("person{number}");
        browser.register(&name, &format!("{name}@example.org"), PASSWORD).await;
        browser.get("/login").await.assert_contains(&FlashMessage::Registered.message());
        let link = portal.email_to(&name).await.link();
        browser.get(&link).await.assert_not_contains("type=\"password\"");
    }
}

#[tokio::test]
async fn another_applications_cookies_hide_no_microsoft_sign_in() {
    let portal = TestPortal::start().await;
    let (jar, now) = (CookieJar::new(&portal.backend), portal.backend.now());
    let cookie = jar.authorization_secret("secret", now).expect("a cookie");
    let own = cookie.as_bytes().split(|byte| *byte == b';').next().expect("a pair");
    for other in OTHERS {
        for line in [[other, own].join(&b"; "[..]), [own, other].join(&b"; "[..])] {
            let line = HeaderValue::from_bytes(&line).expect("a header");
            let headers = HeaderMap::from_iter([(COOKIE, line)]);
            let secret = jar.read_authorization_secret(&headers, now);
            assert_eq!(secret.as_deref(), Some("secret"), "{headers:?}");
        }
    }
}
