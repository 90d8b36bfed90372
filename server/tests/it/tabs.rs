//! Several tabs of one browser without JavaScript: each shows the refusal of its own form.

use crate::support::{Browser, PASSWORD, Response, TestPortal};
use domain::status::{Role, Status};

/// Opens the page of a form in a tab, fills the form in and sends it. Returns the page to which the tab is redirected.
async fn send_in_tab(browser: &Browser, page: &str, action: &str, typed: &[(&str, &str)]) -> String {
    let hidden = browser.get(page).await.hidden_fields();
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = hidden.chain(typed.iter().copied()).collect();
    browser.post(action, &fields).await.location().expect("a redirect").to_owned()
}

async fn register(browser: &Browser, username: &str) -> String {
    send_in_tab(browser, "/register", "/do/register", &[("username", username), ("email", "x")]).await
}

fn shows(page: &Response, username: &str, message: &str) -> bool {
    page.body.contains(&format!("value=\"{username}\"")) && page.body.contains(message)
}

#[tokio::test]
async fn each_of_two_tabs_of_a_page_shows_its_own_refusal_in_any_order() {
    let portal = TestPortal::start().await;
    for second_first in [false, true] {
        let browser = portal.browser();
        let (first, second) = (register(&browser, "a").await, register(&browser, "Administrator").await);
        let mut pages =
            [(first, "a", "Username must be 3 to"), (second, "Administrator", "That username is reserved.")];
        if second_first {
            pages.reverse();
        }
        for (page, username, message) in pages {
            assert!(page.starts_with("/register?"), "{page}");
            let shown = browser.get(&page).await;
            assert!(shows(&shown, username, message), "{username}: {}", shown.text());
            browser.get(&page).await.assert_not_contains(message);
        }
    }
}

#[tokio::test]
async fn tabs_of_several_pages_show_their_own_refusals_and_a_message_of_another_tab_stays() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let typed = [("username", "ada"), ("password", "not the password")];
    let sign_in = send_in_tab(&browser, "/login?next=%2Fprofile%2Fdelete", "/do/sign_in", &typed).await;
    let registration = register(&browser, "a").await;
    // The message of this tab is for the page of the first one.
    browser.register("bert", "bert@example.org", PASSWORD).await;
    let shown = browser.get(&sign_in).await;
    shown.assert_contains("Incorrect username or password.");
    shown.assert_contains("/profile/delete");
    shown.assert_not_contains("Your account has been created");
    browser.get(&registration).await.assert_contains("Username must be 3 to");
    browser.get("/login").await.assert_contains("Your account has been created");
    let again = send_in_tab(&browser, &sign_in, "/do/sign_in", &typed).await;
    browser.get(&again).await.assert_contains("Incorrect username or password.");
}

#[tokio::test]
async fn the_refusal_of_a_tab_is_shown_on_its_page_only_and_for_a_minute() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    let page = register(&browser, "a").await;
    let query = page.split('?').nth(1).expect("a query");
    browser.get(&format!("/login?{query}")).await.assert_not_contains("Username must be");
    portal.browser().get(&page).await.assert_not_contains("Username must be");
    browser.get("/register?refused=x%3Cscript%3E").await.assert_not_contains("<script>alert");
    portal.advance_time(std::time::Duration::from_mins(1));
    browser.get(&page).await.assert_not_contains("Username must be");
}

#[tokio::test]
async fn a_browser_keeps_only_the_refusals_of_the_last_four_tabs() {
    let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    let browser = portal.browser();
    let mut pages = Vec::new();
    for number in 0..32 {
        pages.push(register(&browser, &format!("Administrator{number}!")).await);
        portal.advance_time(std::time::Duration::from_secs(1));
    }
    let flashes: Vec<String> =
        browser.cookie_names().into_iter().filter(|name| name.starts_with("__Host-flash-")).collect();
    assert_eq!(flashes.len(), 4, "{flashes:?}");
    for (number, page) in pages.iter().enumerate().skip(26) {
        let is_shown = browser.get(page).await.body.contains(&format!("value=\"Administrator{number}!\""));
        assert_eq!(is_shown, number >= 28, "{number}");
    }
}
