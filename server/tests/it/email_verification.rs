//! Confirming an email address.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use sea_orm::EntityTrait;

use crate::registration::join_all;
use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use backend::entity::user_token;
use domain::status::{Role, Status};

fn token_of(link: &str) -> String {
    link.rsplit('/').next().expect("a token").to_owned()
}

#[tokio::test]
async fn the_browser_that_registered_confirms_without_a_password() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let page = browser.get(&link).await;
    page.assert_contains("Confirm ada@example.org as the email address for ada.");
    page.assert_not_contains("type=\"password\"");
    let response = browser.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert_eq!(response.location(), Some("/login"));
    browser.get("/login").await.assert_contains("Your email address has been confirmed.");
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
    let again = browser.get(&link).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    again.assert_contains("This link has expired or has already been used.");
    again.assert_contains("href=\"/register/status\"");
    // Those are for active accounts only.
    again.assert_not_contains("temporary password");
    let elsewhere = portal.browser().get(&link).await;
    elsewhere.assert_contains("Sign in to see the status of your account.");
    elsewhere.assert_not_contains("href=\"/register/status\"");
}

#[tokio::test]
async fn another_browser_needs_the_password() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let (token, browser) = (token_of(&link), portal.browser());
    browser.get(&link).await.assert_contains("type=\"password\"");
    for (password, message) in [("", "Enter a password."), (OTHER_PASSWORD, "That password is incorrect.")] {
        browser.post("/do/confirm_address", &[("token", &token), ("password", password)]).await;
        browser.get(&link).await.assert_contains(message);
        assert!(portal.user("ada").await.email_confirmed_at.is_none());
    }
    browser.post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn a_browser_that_registered_another_account_needs_the_password() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let mallory = portal.register("mallory").await;
    mallory.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let before = portal.audit_log().await.len();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(portal.browser().request(method, &link).await.status, StatusCode::OK);
    }
    assert_eq!(portal.browser().request(Method::POST, &link).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let tokens = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(tokens.iter().all(|token| token.used_at.is_none()));
    assert_eq!(portal.audit_log().await.len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_fifty_concurrent_confirmations_succeeds() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    let token = token_of(&portal.email_to("ada").await.link());
    let requests = (0..50).map(|_| {
        let (browser, token) = (browser.copy(), token.clone());
        async move { browser.post("/do/confirm_address", &[("token", &token)]).await }
    });
    let responses = join_all(requests).await;
    let confirmed = responses.iter().filter(|response| response.location() == Some("/login")).count();
    assert_eq!(confirmed, 1);
    assert!(responses.iter().all(|response| response.status == StatusCode::FOUND));
}

#[tokio::test]
async fn an_expired_link_is_refused() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    portal.advance_time(Duration::from_hours(72));
    assert_eq!(browser.get(&link).await.status, StatusCode::NOT_FOUND);
    browser.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn this_was_not_me_removes_a_pending_registration() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let token = token_of(&portal.email_to("ada").await.link());
    let browser = portal.browser();
    let response = browser.post("/do/disown_address", &[("token", &token)]).await;
    assert_eq!(response.location(), Some("/"));
    browser.get("/").await.assert_contains("The registration has been removed.");
    assert!(portal.find_user("ada").await.is_none());
}

#[tokio::test]
async fn this_was_not_me_on_an_approved_account_notifies_administrators_and_revokes_the_links() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    let token = token_of(&portal.email_to("ada").await.link());
    admin.apply_action("approve", portal.user("ada").await.id).await;
    let browser = portal.browser();
    browser.post("/do/disown_address", &[("token", &token)]).await;
    browser.get("/").await.assert_contains("We've told the administrators");
    let ada = portal.user("ada").await;
    assert_eq!(ada.status, Status::Active);

    let email = portal.email_to("grace").await;
    assert_eq!(email.subject, "The email address of ada at Vestibule is disputed");
    assert!(email.link().ends_with(&format!("/admin/users/{}", ada.id)), "{}", email.text);
    admin.get(&format!("/admin/users/{}", ada.id)).await.assert_contains("says that they did not register");

    let sent = portal.deliver_emails().await.len();
    let visitor = portal.signed_in("ada").await;
    visitor.post("/do/ask_confirmation", &[]).await;
    browser.post("/do/disown_address", &[("token", &token)]).await;
    assert_eq!(
        portal.deliver_emails().await.len(),
        sent,
        "no other link, and no other email to administrators"
    );
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn confirming_fails_if_another_account_has_confirmed_the_email_address() {
    let portal = TestPortal::start().await;
    let first = portal.register("ada").await;
    let first_link = portal.email_to("ada").await.link();
    let second = portal.browser();
    second.register("ada2", "ada@example.org", PASSWORD).await;
    let second_link = portal.email_to("ada").await.link();
    assert_ne!(first_link, second_link);
    second.post("/do/confirm_address", &[("token", &token_of(&second_link))]).await;
    first.post("/do/confirm_address", &[("token", &token_of(&first_link))]).await;
    first.get(&first_link).await.assert_contains("Another account has already confirmed this email address.");
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
    assert!(portal.user("ada2").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn a_shadow_gets_the_same_response_to_a_request_for_a_new_link_but_no_email() {
    let portal = TestPortal::start().await;
    portal.create_user("mike", Status::Active, Role::Member).await;
    portal.register("ada").await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    let before = portal.deliver_emails().await.len();
    let mut responses = Vec::new();
    for name in ["ada", "mallory"] {
        let browser = portal.browser();
        assert_eq!(browser.sign_in(name, PASSWORD).await.location(), Some("/login"));
        browser.get("/login").await.assert_contains("Send a new confirmation link");
        let response = browser.post("/do/ask_confirmation", &[]).await;
        responses.push((response.status, response.location().map(ToOwned::to_owned), response.body.clone()));
        browser
            .get("/login")
            .await
            .assert_contains("Check your inbox and spam folder for a link to confirm your email address.");
        assert_eq!(
            portal.email_jobs().await.iter().filter(|job| job.kind.as_str() == "confirmation").count(),
            1
        );
        portal.deliver_emails().await;
    }
    assert_eq!(responses[0], responses[1]);
    let new = portal.sent_emails().split_off(before);
    assert_eq!(new.iter().map(|email| email.to.as_str()).collect::<Vec<_>>(), ["ada@example.org"]);
    assert_eq!(portal.browser().post("/do/ask_confirmation", &[]).await.location(), Some("/login"));
    assert_eq!(portal.deliver_emails().await.len(), before + 1);
}

#[tokio::test]
async fn attempts_at_a_link_are_limited() {
    let portal = TestPortal::with(&[("LIMIT_REGISTER", "3/1h")]).await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let browser = portal.browser();
    for _ in 0..4 {
        browser
            .post("/do/confirm_address", &[("token", &token_of(&link)), ("password", OTHER_PASSWORD)])
            .await;
    }
    browser.get(&link).await.assert_contains("Too many attempts.");
}

#[tokio::test]
async fn password_attempts_at_a_link_are_limited_per_account_over_all_client_ips() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    let token = token_of(&link);
    for number in 0..10 {
        let fields = [("token", token.as_str()), ("password", OTHER_PASSWORD)];
        portal.browser().post_from("/do/confirm_address", &fields, Some(&format!("192.0.2.{number}"))).await;
    }
    let browser = portal.browser();
    let right = [("token", token.as_str()), ("password", PASSWORD)];
    browser.post_from("/do/confirm_address", &right, Some("198.51.100.1")).await;
    browser.get(&link).await.assert_contains("Too many attempts.");
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
    portal.advance_time(Duration::from_mins(10));
    browser.post_from("/do/confirm_address", &right, Some("198.51.100.1")).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn emails_to_an_unconfirmed_email_address_are_limited() {
    let portal = TestPortal::start().await;
    for number in 0..6 {
        let browser = portal.browser();
        browser.register(&format!("name{number}x"), "victim@example.org", PASSWORD).await;
        browser.sign_in(&format!("name{number}x"), PASSWORD).await;
        browser.post("/do/ask_confirmation", &[]).await;
    }
    assert_eq!(portal.deliver_emails().await.len(), 3, "an hour");
    for _ in 0..30 {
        portal.advance_time(Duration::from_mins(45));
        let browser = portal.browser();
        browser.sign_in("name0x", PASSWORD).await;
        browser.post("/do/ask_confirmation", &[]).await;
        portal.deliver_emails().await;
    }
    assert!(portal.sent_emails().len() <= 20, "{} in a day", portal.sent_emails().len());
}

#[tokio::test]
async fn links_to_one_mailbox_are_limited_over_all_tags_of_its_email_address() {
    let portal = TestPortal::start().await;
    let register = async |round: &str| {
        for number in 0..6 {
            let (name, email) =
                (format!("eve{round}{number}"), format!("Victim+{round}{number}@example.org"));
            portal.browser().register(&name, &email, PASSWORD).await;
        }
        let emails = portal.deliver_emails().await;
        emails.iter().filter(|email| email.to.to_lowercase().starts_with("victim")).count()
    };
    assert_eq!(register("a").await, 3, "in an hour");
    for (hours, all) in [(1, 6), (2, 9), (3, 10), (4, 10)] {
        portal.advance_time(Duration::from_hours(1));
        assert_eq!(register(&format!("b{hours}")).await, all, "after {hours} hours");
    }
    portal.browser().register("ada", "ada@example.org", PASSWORD).await;
    assert!(portal.email_to("ada").await.subject.contains("Confirm"), "another mailbox has its own limit");
}

#[tokio::test]
async fn a_registration_that_the_mailbox_owner_cancelled_still_counts() {
    let portal = TestPortal::start().await;
    for number in 0..5 {
        let name = format!("eve{number}");
        portal.browser().register(&name, "victim@example.org", PASSWORD).await;
        if number < 3 {
            let token = token_of(&portal.email_to("victim").await.link());
            portal.browser().post("/do/disown_address", &[("token", &token)]).await;
            assert!(portal.find_user(&name).await.is_none());
        }
    }
    assert_eq!(
        portal.deliver_emails().await.iter().filter(|email| email.to == "victim@example.org").count(),
        3
    );
}

#[tokio::test]
async fn another_link_is_offered_only_to_the_user_who_gave_their_password_last() {
    let portal = TestPortal::start().await;
    portal.create_user("anna", Status::Pending, Role::Member).await;
    portal.register("bert").await;
    let browser = portal.browser();
    browser.sign_in("bert", PASSWORD).await;
    browser.get("/login").await.assert_contains("Send a new confirmation link");
    // Her email address is confirmed, so the button would send an email to bert.
    browser.sign_in("anna", PASSWORD).await;
    browser.get("/login").await.assert_not_contains("Send a new confirmation link");
    let before = portal.deliver_emails().await.len();
    browser.post("/do/ask_confirmation", &[]).await;
    assert_eq!(portal.deliver_emails().await.len(), before);
}
