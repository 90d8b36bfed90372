//! Tests of the page cache: a cached page is the same page with a new nonce, and nothing personal is cached.

use axum::http::StatusCode;

use crate::support::TestPortal;

/// Returns the nonce of a Content-Security-Policy.
fn nonce_of(policy: &str) -> String {
    let (_, rest) = policy.split_once("'nonce-").expect("the policy names a nonce");
    rest.split('\'').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn each_cached_page_has_the_nonce_of_its_own_response() {
    let portal = TestPortal::start().await;
    let mut nonces = Vec::new();
    let mut pages = Vec::new();
    for _ in 0..3 {
        let response = portal.browser().get("/login").await;
        assert_eq!(response.status, StatusCode::OK);
        let nonce = nonce_of(response.headers["content-security-policy"].to_str().expect("text"));
        assert!(
            response.body.contains(&format!("nonce=\"{nonce}\"")),
            "the page carries the nonce of its policy"
        );
        pages.push(response.body.replace(&nonce, ""));
        nonces.push(nonce);
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "apart from it, all are the same");
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3, "no nonce twice");
}

#[tokio::test]
async fn nothing_meant_for_one_visitor_is_cached() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.sign_in("ada", "not the password").await;
    let rejected = browser.get("/login").await.body.clone();
    assert!(rejected.contains("Incorrect username or password."), "the visitor reads what was wrong");
    for path in ["/login", "/login", "/register", "/reset-password"] {
        let page = portal.browser().get(path).await.body.clone();
        assert!(
            !page.contains("Incorrect") && !page.contains("value=\"ada\""),
            "{path} is another visitor's"
        );
    }
    let with_query = portal.browser().get("/login?next=%2Fprofile%2Fdelete").await.body.clone();
    assert!(with_query.contains("/profile/delete"), "a page with a query is its own");
    assert!(!portal.browser().get("/login").await.body.contains("/profile/delete"));
}

#[tokio::test]
async fn each_theme_is_cached_separately() {
    let portal = TestPortal::start().await;
    let dark = portal.browser();
    dark.set_cookie("theme", Some("dark"));
    for _ in 0..2 {
        assert!(dark.get("/login").await.body.contains("vestibule-dark"));
        assert!(!portal.browser().get("/login").await.body.contains("data-theme=\"vestibule-dark\""));
    }
}
