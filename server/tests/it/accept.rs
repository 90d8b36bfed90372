//! Tests of the Accept header: only a client that asks for JSON gets JSON, every other one gets pages and redirects.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{Method, Request, StatusCode};

use crate::support::{Browser, PASSWORD, Response, TestPortal};
use app::api::action_result::ActionResult;
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};

/// The Accept headers of clients that do not ask for JSON. The last client sends none.
const NOT_JSON: [Option<&str>; 4] =
    [Some("*/*"), Some("text/*, */*;q=0.1"), Some("image/avif,*/*;q=0.8"), None];

async fn send(browser: &Browser, method: Method, path: &str, accept: Option<&str>, form: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(accept) = accept {
        request = request.header(ACCEPT, accept);
    }
    browser.send(request.body(Body::from(form.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn a_client_that_accepts_anything_gets_redirects_and_messages() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for accept in NOT_JSON {
        let browser = portal.browser();
        let wrong = send(&browser, Method::POST, "/do/sign_in", accept, "username=ada&password=x").await;
        assert_eq!((wrong.status, wrong.location()), (StatusCode::FOUND, Some("/login")), "{accept:?}");
        let page = send(&browser, Method::GET, "/login", accept, "").await;
        page.assert_contains("Incorrect username or password.");
        assert!(page.body.contains("value=\"ada\""), "{accept:?}");
        let right = format!("username=ada&password={}", PASSWORD.replace(' ', "+"));
        let response = send(&browser, Method::POST, "/do/sign_in", accept, &right).await;
        assert_eq!(
            (response.status, response.location()),
            (StatusCode::FOUND, Some("/profile")),
            "{accept:?}"
        );
        let response = send(&browser, Method::POST, "/do/end_other_sessions", accept, "").await;
        assert_eq!(
            (response.status, response.location()),
            (StatusCode::FOUND, Some("/profile")),
            "{accept:?}"
        );
        let page = send(&browser, Method::GET, "/profile", accept, "").await;
        page.assert_contains(&FlashMessage::OtherSessionsRevoked.message());
    }
}

#[tokio::test]
async fn a_client_that_accepts_anything_gets_error_pages() {
    let portal = TestPortal::start().await;
    for accept in NOT_JSON {
        let browser = portal.browser();
        let response = send(&browser, Method::POST, "/do/sign_in", accept, "username=a&username=b").await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{accept:?}");
        response.assert_contains("We could not read that request");
        let response = send(&browser, Method::GET, "/do/sign_in", accept, "").await;
        response.assert_contains("This page does not accept forms");
    }
    portal.backend.db.pool().clone().close().await.expect("closes");
    for accept in NOT_JSON {
        let browser = portal.browser();
        let response = send(&browser, Method::POST, "/do/sign_in", accept, "username=a&password=b").await;
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "{accept:?}");
        response.assert_contains("The portal is not available right now");
    }
}

#[tokio::test]
async fn a_client_that_asks_for_json_gets_json() {
    let portal = TestPortal::start().await;
    for accept in
        ["application/json", "application/json, text/plain, */*", "text/html;q=0.5, application/json"]
    {
        let browser = portal.browser();
        let form = "username=ada&password=x";
        let response = send(&browser, Method::POST, "/do/sign_in", Some(accept), form).await;
        assert_eq!(response.status, StatusCode::OK, "{accept}");
        let refusal = ActionResult::Refused(FormErrors::of(ErrorCode::InvalidCredentials));
        assert_eq!(response.action_result(), refusal, "{accept}");
        assert!(browser.cookie("flash").is_none(), "the script shows the refusal itself");
    }
}

#[tokio::test]
async fn a_request_that_shows_no_page_uses_up_no_message() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    for (name, value) in
        [(ACCEPT.as_str(), "application/json"), ("sec-fetch-mode", "no-cors"), ("purpose", "prefetch")]
    {
        let request = Request::get("/login").header(name, value).body(Body::empty());
        browser.send(request.expect("a request")).await.assert_not_contains("Incorrect");
    }
    browser.get("/login").await.assert_contains("Incorrect username or password.");
}
