//! Signing in once after approval.

use std::time::Duration;

use app::domain::status::{Role, Status};
use axum::http::{Method, StatusCode};

use crate::registering::join;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Portal};

/// A portal where ada was approved, and the token she got.
async fn approved() -> (Portal, Browser, String) {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", ada.id).await;
    let token = portal.mail_to("ada").await.link().trim_start_matches("/auto-login/").to_owned();
    (portal, admin, token)
}

#[tokio::test]
async fn the_link_names_the_account_and_signs_in_once() {
    let (portal, _, token) = approved().await;
    let (browser, path) = (portal.browser(), format!("/auto-login/{token}"));
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let page = browser.ask(method.clone(), &path).await;
        assert_eq!(page.status, StatusCode::OK);
        if method == Method::GET {
            page.says("Continue as ada");
        }
    }
    assert!(!browser.is_signed_in().await);
    let reply = browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert_eq!(reply.location(), Some("/profile"));
    assert!(browser.is_signed_in().await);
    let other = portal.browser();
    other.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(!other.is_signed_in().await);
    assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_presses_at_once_sign_in_once() {
    let (portal, _, token) = approved().await;
    let presses = (0..50).map(|_| {
        let (browser, token) = (portal.browser(), token.clone());
        async move {
            browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
            browser.is_signed_in().await
        }
    });
    assert_eq!(join(presses).await.into_iter().filter(|signed_in| *signed_in).count(), 1);
}

#[tokio::test]
async fn an_unconfirmed_account_also_needs_the_password_which_confirms_the_address() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    portal.mails().await;
    admin.decide("approve", portal.user("ada").await.id).await;
    let path = portal.mail_to("ada").await.link();
    let token = path.trim_start_matches("/auto-login/").to_owned();
    let browser = portal.browser();
    browser.get(&path).await.says("It also confirms your address.");
    for password in ["", OTHER_PASSWORD] {
        browser.post("/do/use_sign_in_link", &[("token", &token), ("password", password)]).await;
        assert!(!browser.is_signed_in().await);
    }
    browser.post("/do/use_sign_in_link", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(browser.is_signed_in().await);
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn the_link_is_void_when_anything_about_the_account_has_changed() {
    for change in ["sign-in", "deactivate", "make-admin", "time"] {
        let (portal, admin, token) = approved().await;
        let ada = portal.user("ada").await.id;
        match change {
            "time" => portal.later(Duration::from_hours(24)),
            "sign-in" => {
                portal.later(Duration::from_secs(1));
                portal.signed_in("ada").await;
            }
            decision => {
                admin.decide(decision, ada).await;
            }
        }
        let browser = portal.browser();
        browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
        assert!(!browser.is_signed_in().await, "{change}");
    }
}

#[tokio::test]
async fn somebody_else_who_is_signed_in_is_asked_to_sign_out_first() {
    let (portal, admin, token) = approved().await;
    let path = format!("/auto-login/{token}");
    admin.get(&path).await.says("grace is signed in here. Sign out first");
    admin.post("/do/use_sign_in_link", &[("token", &token)]).await;
    admin.get("/profile").await.says("grace");
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(browser.is_signed_in().await, "the link was not spent in vain");
}

#[tokio::test]
async fn a_link_for_one_purpose_is_worth_nothing_for_another() {
    let (portal, _, token) = approved().await;
    let browser = portal.browser();
    for path in ["/confirm/", "/setup/"] {
        assert_eq!(browser.get(&format!("{path}{token}")).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    browser.post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    assert!(browser.is_signed_in().await);
}
