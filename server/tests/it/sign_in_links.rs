//! Tests of sign-in links, which users get when they are with_approved_user.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use domain::status::{Role, Status};

/// Starts a portal on which ada has been with_approved_user. Returns it with the administrator's browser and ada's token.
async fn with_approved_user() -> (TestPortal, Browser, String) {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.apply_action("approve", ada.id).await;
    let token = portal.email_to("ada").await.link().trim_start_matches("/auto-login/").to_owned();
    (portal, admin, token)
}

#[tokio::test]
async fn the_link_names_the_account_and_signs_in_once() {
    let (portal, _, token) = with_approved_user().await;
    let (browser, path) = (portal.browser(), format!("/auto-login/{token}"));
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let page = browser.request(method.clone(), &path).await;
        assert_eq!(page.status, StatusCode::OK);
        if method == Method::GET {
            page.assert_contains("Continue as ada");
        }
    }
    assert!(!browser.is_signed_in().await);
    let response = browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert_eq!(response.location(), Some("/profile"));
    assert!(browser.is_signed_in().await);
    let other = portal.browser();
    other.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(!other.is_signed_in().await);
    assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_concurrent_uses_of_the_link_sign_in_once() {
    let (portal, _, token) = with_approved_user().await;
    let attempts = (0..50).map(|_| {
        let (browser, token) = (portal.browser(), token.clone());
        async move {
            browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
            browser.is_signed_in().await
        }
    });
    assert_eq!(join_all(attempts).await.into_iter().filter(|signed_in| *signed_in).count(), 1);
}

#[tokio::test]
async fn an_unconfirmed_account_also_needs_the_password_and_is_then_confirmed() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    portal.deliver_emails().await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    let path = portal.email_to("ada").await.link();
    let token = path.trim_start_matches("/auto-login/").to_owned();
    let browser = portal.browser();
    browser.get(&path).await.assert_contains("Entering it also confirms your email address.");
    for password in ["", OTHER_PASSWORD] {
        browser.post("/do/use_sign_in_link", &[("token", &token), ("password", password)]).await;
        assert!(!browser.is_signed_in().await);
    }
    browser.post("/do/use_sign_in_link", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(browser.is_signed_in().await);
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn the_link_is_invalid_after_a_sign_in_a_change_of_the_account_or_expiry() {
    for change in ["sign-in", "deactivate", "make-admin", "time"] {
        let (portal, admin, token) = with_approved_user().await;
        let ada = portal.user("ada").await.id;
        match change {
            "time" => portal.advance_time(Duration::from_hours(24)),
            "sign-in" => {
                portal.advance_time(Duration::from_secs(1));
                portal.signed_in("ada").await;
            }
            action => {
                admin.apply_action(action, ada).await;
            }
        }
        let browser = portal.browser();
        browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
        assert!(!browser.is_signed_in().await, "{change}");
    }
}

#[tokio::test]
async fn another_user_who_is_signed_in_is_asked_to_sign_out_first() {
    let (portal, admin, token) = with_approved_user().await;
    let path = format!("/auto-login/{token}");
    admin.get(&path).await.assert_contains("You're signed in as grace. Sign out, then open the link again.");
    admin.post("/do/use_sign_in_link", &[("token", &token)]).await;
    admin.get("/profile").await.assert_contains("grace");
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(browser.is_signed_in().await, "the link was not spent in vain");
}

#[tokio::test]
async fn a_link_for_one_purpose_does_not_work_for_another() {
    let (portal, _, token) = with_approved_user().await;
    let browser = portal.browser();
    for path in ["/confirm/", "/setup/"] {
        assert_eq!(browser.get(&format!("{path}{token}")).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    browser.post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(browser.is_signed_in().await);
}
