//! Tests of the input that a refused form keeps: the refusal is always shown, and what fits a cookie of the input.

use crate::support::{Browser, PASSWORD, TestPortal};
use backend::accounts::first_admin::renew_setup_link;
use domain::status::{Role, Status};

/// The bytes that are kept of a username or email address.
const KEPT_BYTES: usize = 254;

/// Input that is longer than a cookie keeps, with the most bytes in a page, in a form, in JSON or in UTF-8.
fn long_inputs() -> Vec<String> {
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".repeat(100);
    ["a", "\u{1f600}", "\u{e4}", "\"", "\\"]
        .map(|text| text.repeat(255))
        .into_iter()
        .chain([family])
        .collect()
}

/// Asserts that a page shows a refusal and the beginning of the input, but not all of it.
#[track_caller]
fn assert_shows(page: &str, refusal: &str, input: &str) {
    assert!(page.contains(refusal), "{refusal}: {page}");
    let mut kept = input.to_owned();
    kept.truncate(input.floor_char_boundary(KEPT_BYTES));
    let escaped = kept.replace('&', "&amp;").replace('"', "&quot;");
    assert!(page.contains(&format!("value=\"{escaped}\"")), "{kept}: {page}");
}

async fn page_of(browser: &Browser, path: &str) -> String {
    browser.get(path).await.body
}

#[tokio::test]
async fn a_refusal_is_shown_with_the_beginning_of_input_that_is_too_long_for_a_cookie() {
    let portal = TestPortal::start().await;
    let link = renew_setup_link(&portal.backend).await.expect("works").expect("a link");
    let setup = link.trim_start_matches("http://portal.test");
    let token = setup.rsplit('/').next().unwrap_or_default();
    let format = "Enter an email address in the correct format, like";
    for long in long_inputs() {
        let browser = portal.browser();
        let both = [("token", token), ("username", long.as_str()), ("email", long.as_str())];
        browser.post("/do/register", &both).await;
        assert_shows(&page_of(&browser, "/register").await, format, &long);
        browser.post("/do/set_up", &both).await;
        assert_shows(&page_of(&browser, setup).await, format, &long);
        browser.post("/do/ask_reset", &[("email", &long)]).await;
        assert_shows(&page_of(&browser, "/reset-password").await, format, &long);
        browser.sign_in(&long, PASSWORD).await;
        let page = page_of(&browser, "/login").await;
        assert_shows(&page, "Incorrect username or password.", &long);
        let fields =
            [("username", long.as_str()), ("password", PASSWORD), ("next", "/admin"), ("shared", "yes")];
        browser.post("/do/sign_in", &fields).await;
        let page = page_of(&browser, "/login?next=%2Fadmin").await;
        assert_shows(&page, "Incorrect username or password.", &long);
        browser.post("/do/sign_in_with_microsoft", &fields).await;
        let page = page_of(&browser, "/login?next=%2Fadmin").await;
        assert_shows(&page, "Microsoft", &long);
    }
}

#[tokio::test]
async fn control_characters_are_not_kept_and_hide_no_refusal() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    let control = format!("ada{}", "\u{1}".repeat(254));
    browser.post("/do/register", &[("username", &control), ("email", &control)]).await;
    let page = page_of(&browser, "/register").await;
    assert_shows(&page, "Enter an email address in the correct format, like", "ada");
}

#[tokio::test]
async fn long_input_is_kept_when_the_session_has_ended() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for long in long_inputs() {
        let (browser, other) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
        other.post("/do/end_other_sessions", &[]).await;
        let fields = [("email", long.as_str()), ("current_password", PASSWORD)];
        let response = browser.post("/do/ask_address_change", &fields).await;
        assert_eq!(response.location(), Some("/login?next=%2Fprofile%2Faddress"));
        assert_eq!(browser.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
        assert_shows(&page_of(&browser, "/profile/address").await, "<h1", &long);
    }
}
