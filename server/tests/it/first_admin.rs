//! Tests of the setup of the first administrator.

use axum::http::StatusCode;

use crate::registration::join_all;
use crate::support::{PASSWORD, TestPortal};
use backend::accounts::first_admin::renew_setup_link;

async fn setup_token(portal: &TestPortal) -> Option<String> {
    let setup_link = renew_setup_link(&portal.backend).await.expect("works");
    setup_link.map(|link| link.trim_start_matches("http://portal.test/setup/").to_owned())
}

fn form<'a>(token: &'a str, name: &'a str, email: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("token", token),
        ("username", name),
        ("email", email),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
    ]
}

#[tokio::test]
async fn the_newest_setup_link_creates_one_administrator_and_signs_them_in() {
    let portal = TestPortal::start().await;
    let old = setup_token(&portal).await.expect("a link");
    let new = setup_token(&portal).await.expect("a link");
    let browser = portal.browser();
    assert_eq!(browser.get(&format!("/setup/{old}")).await.status, StatusCode::NOT_FOUND);
    browser.get(&format!("/setup/{new}")).await.assert_contains("Create the first administrator");
    browser.post("/do/set_up", &form(&old, "mallory", "mallory@example.org")).await;
    assert!(portal.find_user("mallory").await.is_none());
    let response = browser.post("/do/set_up", &form(&new, "grace", "grace@example.org")).await;
    assert_eq!(response.location(), Some("/admin"));
    browser.get("/admin").await.assert_contains("You're now an administrator.");
    assert!(portal.user("grace").await.email_confirmed_at.is_some());
    assert_eq!(portal.browser().get(&format!("/setup/{new}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(setup_token(&portal).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_concurrent_setups_create_one_administrator() {
    let portal = TestPortal::start().await;
    let token = setup_token(&portal).await.expect("a link");
    let attempts = (0..20).map(|number| {
        let (browser, token) = (portal.browser(), token.clone());
        async move {
            let name = format!("first{number}");
            let email = format!("{name}@example.org");
            browser.post("/do/set_up", &form(&token, &name, &email)).await
        }
    });
    join_all(attempts).await;
    assert_eq!(portal.count_active_admins().await, 1);
}

#[tokio::test]
async fn an_invalid_form_does_not_use_up_the_setup_link() {
    let portal = TestPortal::start().await;
    let token = setup_token(&portal).await.expect("a link");
    let browser = portal.browser();
    browser.post("/do/set_up", &form(&token, "x", "grace@example.org")).await;
    let page = browser.get(&format!("/setup/{token}")).await;
    page.assert_contains("Username must be 3 to 32 characters.");
    assert_eq!(
        browser.post("/do/set_up", &form(&token, "grace", "grace@example.org")).await.location(),
        Some("/admin")
    );
}
