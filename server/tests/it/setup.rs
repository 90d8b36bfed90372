//! The first administrator.

use app::backend::setup::renew_setup_link;
use axum::http::StatusCode;

use crate::registering::join;
use crate::support::{PASSWORD, Portal};

async fn link(portal: &Portal) -> Option<String> {
    let link = renew_setup_link(&portal.backend).await.expect("works");
    link.map(|link| link.trim_start_matches("http://portal.test/setup/").to_owned())
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
async fn the_newest_link_makes_one_administrator_who_is_signed_in() {
    let portal = Portal::start().await;
    let old = link(&portal).await.expect("a link");
    let new = link(&portal).await.expect("a link");
    let browser = portal.browser();
    assert_eq!(browser.get(&format!("/setup/{old}")).await.status, StatusCode::NOT_FOUND);
    browser.get(&format!("/setup/{new}")).await.says("Create the first administrator");
    browser.post("/do/set_up", &form(&old, "mallory", "mallory@example.org")).await;
    assert!(portal.find_user("mallory").await.is_none());
    let reply = browser.post("/do/set_up", &form(&new, "grace", "grace@example.org")).await;
    assert_eq!(reply.location(), Some("/admin"));
    browser.get("/admin").await.says("You are the first administrator.");
    assert!(portal.user("grace").await.email_confirmed_at.is_some());
    assert_eq!(portal.browser().get(&format!("/setup/{new}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(link(&portal).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_at_once_make_one_administrator() {
    let portal = Portal::start().await;
    let token = link(&portal).await.expect("a link");
    let tries = (0..20).map(|number| {
        let (browser, token) = (portal.browser(), token.clone());
        async move {
            let name = format!("first{number}");
            let email = format!("{name}@example.org");
            browser.post("/do/set_up", &form(&token, &name, &email)).await
        }
    });
    join(tries).await;
    assert_eq!(portal.active_admins().await, 1);
}

#[tokio::test]
async fn a_refused_form_does_not_spend_the_link() {
    let portal = Portal::start().await;
    let token = link(&portal).await.expect("a link");
    let browser = portal.browser();
    browser.post("/do/set_up", &form(&token, "x", "grace@example.org")).await;
    let page = browser.get(&format!("/setup/{token}")).await;
    page.says("Use 3 to 32 characters for the username.");
    assert_eq!(
        browser.post("/do/set_up", &form(&token, "grace", "grace@example.org")).await.location(),
        Some("/admin")
    );
}
