//! The links in emails with a question: the same rules as for other links.

use std::time::Duration;

use axum::http::StatusCode;

use crate::questions::{ANSWER, QUESTION, answer, ask, confirm, portal_with_question, token_of};
use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use domain::status::Status;

#[tokio::test]
async fn a_link_that_is_unknown_used_or_expired_has_the_same_page() {
    let (portal, browser, path) = portal_with_question().await;
    let pages = async |path: &str| {
        let page = portal.browser().get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        page.assert_contains("This link has expired or has already been used.");
        page.without_nonce()
    };
    let unknown = pages(&format!("/answer/{}", "A".repeat(43))).await;
    answer(&browser, &token_of(&path), ANSWER, "").await;
    assert_eq!(pages(&path).await, unknown, "used");
    let expired = ask(&portal, "ada", QUESTION).await;
    portal.advance_time(Duration::from_hours(72));
    assert_eq!(pages(&format!("/answer/{expired}")).await, unknown, "expired");
    answer(&browser, &expired, ANSWER, "").await;
    assert_eq!(portal.user("ada").await.status, Status::Held);
}

#[tokio::test]
async fn a_link_does_nothing_while_another_user_is_signed_in() {
    let (portal, _, path) = portal_with_question().await;
    confirm(&portal, "ada").await;
    let grace = portal.create_admin("grace").await;
    let page = grace.get(&path).await;
    page.assert_contains("This link is for ada");
    page.assert_not_contains(QUESTION);
    for action in ["/do/answer_question", "/do/withdraw_request"] {
        let fields = [("token", token_of(&path)), ("answer", ANSWER.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        grace.fetch(action, &fields).await.assert_contains("other_user_signed_in");
    }
    assert_eq!(portal.user("ada").await.status, Status::Held);
}

#[tokio::test]
async fn this_was_not_me_removes_a_registration_on_hold() {
    for confirmation_link in [false, true] {
        let portal = TestPortal::start().await;
        portal.register("ada").await;
        let link = portal.email_to("ada").await.link();
        let token = ask(&portal, "ada", QUESTION).await;
        let (action, token) = if confirmation_link {
            ("/do/disown_address", link.trim_start_matches("/confirm/").to_owned())
        } else {
            ("/do/disown_registration", token)
        };
        let browser = portal.browser();
        assert_eq!(browser.post(action, &[("token", &token)]).await.location(), Some("/"));
        browser.get("/").await.assert_contains("The registration has been removed.");
        assert!(portal.find_user("ada").await.is_none(), "{action}");
        assert!(portal.questions().await.is_empty(), "{action}");
    }
}

#[tokio::test]
async fn this_was_not_me_does_nothing_after_the_email_address_has_been_confirmed() {
    let (portal, _, path) = portal_with_question().await;
    confirm(&portal, "ada").await;
    let fields = [("token", token_of(&path))];
    let fields = [(fields[0].0, fields[0].1.as_str())];
    portal.browser().fetch("/do/disown_registration", &fields).await.assert_contains("link_invalid");
    assert_eq!(portal.user("ada").await.status, Status::Held);
}

#[tokio::test]
async fn uses_of_links_to_questions_are_limited() {
    let portal = TestPortal::with(&[("LIMIT_REGISTER", "3/1h")]).await;
    portal.register("ada").await;
    let token = ask(&portal, "ada", QUESTION).await;
    let browser = portal.browser();
    for _ in 0..3 {
        answer(&browser, &token, ANSWER, OTHER_PASSWORD).await;
    }
    answer(&browser, &token, ANSWER, PASSWORD).await;
    browser.get(&format!("/answer/{token}")).await.assert_contains("Too many attempts.");
    assert_eq!(portal.user("ada").await.status, Status::Held);
}
