//! Browsers that keep no cookies: the page of a form says so, instead of leading in circles.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::support::{Browser, PASSWORD, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::user_session;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{Role, Status};
use sea_orm::{EntityTrait, PaginatorTrait};

const MESSAGE: &str = "Your browser does not keep cookies. Allow cookies for this website and try again.";

/// Opens the page of a form, sends the form as a browser does, and follows the redirects.
async fn send_form(browser: &Browser, page: &str, action: &str, typed: &[(&str, &str)]) -> Response {
    let hidden = browser.get(page).await.hidden_fields();
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = hidden.chain(typed.iter().copied()).collect();
    let mut response = browser.post(action, &fields).await;
    for _ in 0..5 {
        let Some(to) = response.location().map(ToOwned::to_owned) else { return response };
        response = browser.get(&to).await;
    }
    panic!("no end of redirects: {:?}", response.location());
}

#[tokio::test]
async fn a_browser_without_cookies_is_told_so_at_sign_in_even_with_a_wrong_password() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser().without_cookies();
    for page in ["/login", "/login?next=%2Fprofile%2Fdelete"] {
        for password in [PASSWORD, "not the password"] {
            let shown =
                send_form(&browser, page, "/do/sign_in", &[("username", "ada"), ("password", password)])
                    .await;
            assert_eq!(shown.status, StatusCode::OK, "{page}");
            shown.assert_contains(MESSAGE);
            shown.assert_contains("<title>Error: Sign in");
        }
    }
    let sessions = user_session::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(sessions, 0, "no session that no one can use");
}

#[tokio::test]
async fn a_browser_without_cookies_is_told_so_by_every_form_for_visitors() {
    let portal = TestPortal::start().await;
    let browser = portal.browser().without_cookies();
    let new = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
    ];
    send_form(&browser, "/register", "/do/register", &new).await.assert_contains(MESSAGE);
    assert!(portal.find_user("ada").await.is_none(), "nothing has changed");
    let reset = [("email", "ada@example.org")];
    send_form(&browser, "/reset-password", "/do/ask_reset", &reset).await.assert_contains(MESSAGE);
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let confirmed = send_form(&browser, &link, "/do/confirm_address", &[("password", PASSWORD)]).await;
    confirmed.assert_contains(MESSAGE);
    assert!(portal.user("ada").await.email_confirmed_at.is_none(), "the link still works");
}

#[tokio::test]
async fn a_script_of_a_browser_without_cookies_gets_the_error_in_place() {
    let portal = TestPortal::start().await;
    let browser = portal.browser().without_cookies();
    let hidden = browser.get("/login").await.hidden_fields();
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = hidden.chain([("username", "ada"), ("password", PASSWORD)]).collect();
    let response = browser.fetch("/do/sign_in", &fields).await;
    assert_eq!(response.action_result(), ActionResult::Refused(FormErrors::of(ErrorCode::CookiesBlocked)));
}

#[tokio::test]
async fn only_the_redirect_of_a_refused_form_shows_that_a_browser_keeps_no_cookies() {
    let portal = TestPortal::start().await;
    let browser = portal.browser().without_cookies();
    let form = [("cookies", "needed"), ("username", "ada"), ("password", PASSWORD)];
    let location = |response: Response| response.location().expect("a redirect").to_owned();
    let refused = location(browser.post("/do/sign_in", &form).await);
    browser.get(&refused).await.assert_contains(MESSAGE);
    let elsewhere = Request::get(&refused).header("sec-fetch-site", "cross-site").body(Body::empty());
    browser.send(elsewhere.expect("a request")).await.assert_not_contains(MESSAGE);
    let of_other = location(browser.post_from("/do/sign_in", &form, Some("198.51.100.7")).await);
    for forged in ["/login?cookies=none", "/login?cookies=", "/login?cookies", of_other.as_str()] {
        browser.get(forged).await.assert_not_contains(MESSAGE);
    }
    portal.advance_time(Duration::from_mins(1));
    browser.get(&refused).await.assert_not_contains(MESSAGE);
}

#[tokio::test]
async fn a_browser_that_has_only_lost_its_cookies_can_send_the_form_again() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let form = [("cookies", "needed"), ("username", "ada"), ("password", PASSWORD)];
    let browser = portal.browser();
    let refused = browser.post("/do/sign_in", &form).await;
    let page = browser.get(refused.location().expect("a redirect")).await;
    page.assert_not_contains(MESSAGE);
    page.assert_contains("Try again.");
    assert!(page.body.contains("value=\"ada\""), "the input is kept");
    assert_eq!(browser.post("/do/sign_in", &form).await.location(), Some("/profile"));
    let with_script = portal.browser();
    with_script.fetch("/do/sign_in", &form).await;
    assert_eq!(
        with_script.fetch("/do/sign_in", &form).await.action_result(),
        ActionResult::Goto("/profile".to_owned())
    );
}

#[tokio::test]
async fn a_browser_with_cookies_is_never_told_that_it_keeps_none() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    // The page comes from the cache for the second browser.
    for _ in 0..2 {
        let browser = portal.browser();
        let typed = [("username", "ada"), ("password", "not the password")];
        let refused = send_form(&browser, "/login", "/do/sign_in", &typed).await;
        refused.assert_contains("Incorrect username or password.");
        // The message is gone from the cookies, and the form can be sent again.
        browser.get("/login").await.assert_not_contains("Incorrect");
        let typed = [("username", "ada"), ("password", PASSWORD)];
        let signed_in = send_form(&browser, "/login", "/do/sign_in", &typed).await;
        assert_eq!(signed_in.status, StatusCode::OK);
        signed_in.assert_contains("ada@example.org");
        browser.post("/do/sign_out", &[]).await;
        browser.get("/login?cookies=none").await.assert_not_contains(MESSAGE);
    }
}
