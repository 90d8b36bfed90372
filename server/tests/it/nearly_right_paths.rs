//! Tests of paths that are nearly right: they lead to the page that was meant.

use axum::http::{Method, StatusCode};

use crate::support::{Response, TestPortal};
use app::pages::PAGES;

fn assert_leads_to(response: &Response, to: &str, path: &str) {
    let expected = (StatusCode::PERMANENT_REDIRECT, Some(to));
    assert_eq!((response.status, response.location()), expected, "{path}");
}

#[tokio::test]
async fn a_slash_at_the_end_or_capital_letters_lead_to_the_page() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    for page in PAGES.iter().filter(|page| page.path != "/") {
        // Ids and tokens keep their letters.
        let path = page.path.replace(":token", "AbC-1").replace(":id", "7").replace(":decision", "approve");
        let with_slash = format!("{path}/");
        for method in [Method::GET, Method::HEAD] {
            let response = browser.request(method, &with_slash).await;
            assert_leads_to(&response, &path, &with_slash);
        }
        let (_, first) = path.split_at(1);
        let (first, rest) = first.split_at(1);
        let capital = format!("/{}{rest}?a=b", first.to_ascii_uppercase());
        assert_leads_to(&browser.get(&capital).await, &format!("{path}?a=b"), &capital);
    }
    let response = browser.get("/login/?next=%2Fadmin%3Fafter%3Dada").await;
    assert_leads_to(&response, "/login?next=%2Fadmin%3Fafter%3Dada", "/login/");
    let response = browser.get("/profile/data.json/").await;
    assert_leads_to(&response, "/profile/data.json", "/profile/data.json/");
}

#[tokio::test]
async fn a_path_that_is_no_pages_stays_unknown() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    for path in
        ["/nothing/", "/confirm/", "/login/x/", "/do/sign_in/", "/pkg/", "//login/", "/login/..", "/%6Cogin/"]
    {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = browser.request(method.clone(), "/login/").await;
        assert!(response.status.is_client_error(), "{method}: {}", response.status);
    }
}
