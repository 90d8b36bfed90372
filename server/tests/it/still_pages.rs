//! Pages that are copied: the copy is the page, with a nonce of its own, and for strangers alone.

use axum::http::StatusCode;

use crate::support::Portal;

/// The nonce that an answer's policy names.
fn nonce_of(policy: &str) -> String {
    let (_, rest) = policy.split_once("'nonce-").expect("the policy names a nonce");
    rest.split('\'').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn each_copy_has_the_nonce_of_its_own_answer() {
    let portal = Portal::start().await;
    let mut nonces = Vec::new();
    let mut pages = Vec::new();
    for _ in 0..3 {
        let reply = portal.browser().get("/login").await;
        assert_eq!(reply.status, StatusCode::OK);
        let nonce = nonce_of(reply.headers["content-security-policy"].to_str().expect("text"));
        assert!(
            reply.body.contains(&format!("nonce=\"{nonce}\"")),
            "the page carries the nonce of its policy"
        );
        pages.push(reply.body.replace(&nonce, ""));
        nonces.push(nonce);
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "apart from it, all are the same");
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3, "no nonce twice");
}

#[tokio::test]
async fn what_is_for_one_visitor_is_never_in_a_copy() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    browser.sign_in("ada", "not the password").await;
    let refused = browser.get("/login").await.body.clone();
    assert!(refused.contains("Incorrect username or password."), "the visitor reads what was wrong");
    for path in ["/login", "/login", "/register", "/reset-password"] {
        let page = portal.browser().get(path).await.body.clone();
        assert!(
            !page.contains("Incorrect") && !page.contains("value=\"ada\""),
            "{path} is another visitor's"
        );
    }
    let led = portal.browser().get("/login?next=%2Fprofile%2Fdelete").await.body.clone();
    assert!(led.contains("/profile/delete"), "a page with a query is its own");
    assert!(!portal.browser().get("/login").await.body.contains("/profile/delete"));
}

#[tokio::test]
async fn each_theme_has_copies_of_its_own() {
    let portal = Portal::start().await;
    let dark = portal.browser();
    dark.set_cookie("theme", Some("dark"));
    for _ in 0..2 {
        assert!(dark.get("/login").await.body.contains("vestibule-dark"));
        assert!(!portal.browser().get("/login").await.body.contains("data-theme=\"vestibule-dark\""));
    }
}
