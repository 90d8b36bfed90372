//! Confirming an address.

use std::time::Duration;

use app::backend::entity::user_token;
use app::domain::status::{Role, Status};
use axum::http::{Method, StatusCode};
use sea_orm::EntityTrait;

use crate::registering::join;
use crate::support::{OTHER_PASSWORD, PASSWORD, Portal};

fn token_of(link: &str) -> String {
    link.rsplit('/').next().expect("a token").to_owned()
}

#[tokio::test]
async fn the_browser_that_registered_confirms_at_a_press() {
    let portal = Portal::start().await;
    let browser = portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let page = browser.get(&link).await;
    page.says("ada@example.org is the address of ada.");
    page.does_not_say("type=\"password\"");
    let reply = browser.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert_eq!(reply.location(), Some("/login"));
    browser.get("/login").await.says("Your address is confirmed.");
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
    let again = browser.get(&link).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    again.says("This link has expired or was already used.");
}

#[tokio::test]
async fn another_browser_needs_the_password() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let (token, browser) = (token_of(&link), portal.browser());
    browser.get(&link).await.says("type=\"password\"");
    for (password, words) in
        [("", "Enter a password."), (OTHER_PASSWORD, "That is not the password of this account.")]
    {
        browser.post("/do/confirm_address", &[("token", &token), ("password", password)]).await;
        browser.get(&link).await.says(words);
        assert!(portal.user("ada").await.email_confirmed_at.is_none());
    }
    browser.post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn another_registration_in_the_same_browser_proves_nothing() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let mallory = portal.register("mallory").await;
    mallory.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn looking_changes_nothing() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let before = portal.audit().await.len();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(portal.browser().ask(method, &link).await.status, StatusCode::OK);
    }
    assert_eq!(portal.browser().ask(Method::POST, &link).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let tokens = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(tokens.iter().all(|token| token.used_at.is_none()));
    assert_eq!(portal.audit().await.len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_presses_at_once_confirm_once() {
    let portal = Portal::start().await;
    let browser = portal.register("ada").await;
    let token = token_of(&portal.mail_to("ada").await.link());
    let presses = (0..50).map(|_| {
        let (browser, token) = (browser.copy(), token.clone());
        async move { browser.post("/do/confirm_address", &[("token", &token)]).await }
    });
    let replies = join(presses).await;
    let confirmed = replies.iter().filter(|reply| reply.location() == Some("/login")).count();
    assert_eq!(confirmed, 1);
    assert!(replies.iter().all(|reply| reply.status == StatusCode::FOUND));
}

#[tokio::test]
async fn expired_link_is_refused() {
    let portal = Portal::start().await;
    let browser = portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    portal.later(Duration::from_hours(72));
    assert_eq!(browser.get(&link).await.status, StatusCode::NOT_FOUND);
    browser.post("/do/confirm_address", &[("token", &token_of(&link))]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn this_was_not_me_removes_a_waiting_registration() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let token = token_of(&portal.mail_to("ada").await.link());
    let browser = portal.browser();
    let reply = browser.post("/do/disown_address", &[("token", &token)]).await;
    assert_eq!(reply.location(), Some("/"));
    browser.get("/").await.says("The registration was removed.");
    assert!(portal.find_user("ada").await.is_none());
}

#[tokio::test]
async fn this_was_not_me_on_an_approved_account_tells_administrators_and_ends_the_links() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    let token = token_of(&portal.mail_to("ada").await.link());
    admin.decide("approve", portal.user("ada").await.id).await;
    let browser = portal.browser();
    browser.post("/do/disown_address", &[("token", &token)]).await;
    browser.get("/").await.says("We've told the administrators");
    let ada = portal.user("ada").await;
    assert_eq!(ada.status, "active");

    let mail = portal.mail_to("grace").await;
    assert_eq!(mail.subject, "The email address of ada is disputed");
    assert!(mail.link().ends_with(&format!("/admin/users/{}", ada.id)), "{}", mail.text);
    admin.get(&format!("/admin/users/{}", ada.id)).await.says("says that they did not register");

    let sent = portal.mails().await.len();
    let stranger = portal.signed_in("ada").await;
    stranger.post("/do/ask_confirmation", &[]).await;
    browser.post("/do/disown_address", &[("token", &token)]).await;
    assert_eq!(portal.mails().await.len(), sent, "no other link, and no other email to administrators");
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
}

#[tokio::test]
async fn an_address_that_another_account_confirmed_meanwhile_changes_nothing() {
    let portal = Portal::start().await;
    let first = portal.register("ada").await;
    let first_link = portal.mail_to("ada").await.link();
    let second = portal.browser();
    second.register("ada2", "ada@example.org", PASSWORD).await;
    let second_link = portal.mail_to("ada").await.link();
    assert_ne!(first_link, second_link);
    second.post("/do/confirm_address", &[("token", &token_of(&second_link))]).await;
    first.post("/do/confirm_address", &[("token", &token_of(&first_link))]).await;
    first.get(&first_link).await.says("Another account has confirmed this address");
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
    assert!(portal.user("ada2").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn the_right_password_brings_a_new_link_also_to_a_shadow_who_gets_none() {
    let portal = Portal::start().await;
    portal.person("mike", Status::Active, Role::Member).await;
    portal.register("ada").await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    let before = portal.mails().await.len();
    let mut answers = Vec::new();
    for name in ["ada", "mallory"] {
        let browser = portal.browser();
        assert_eq!(browser.sign_in(name, PASSWORD).await.location(), Some("/login"));
        browser.get("/login").await.says("Send a new confirmation link");
        let reply = browser.post("/do/ask_confirmation", &[]).await;
        answers.push((reply.status, reply.location().map(ToOwned::to_owned), reply.body.clone()));
        browser.get("/login").await.says("A new link to confirm your address is on its way.");
        assert_eq!(portal.jobs().await.iter().filter(|job| job.kind == "confirmation").count(), 1);
        portal.mails().await;
    }
    assert_eq!(answers[0], answers[1]);
    let new = portal.sent().split_off(before);
    assert_eq!(new.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["ada@example.org"]);
    assert_eq!(portal.browser().post("/do/ask_confirmation", &[]).await.location(), Some("/login"));
    assert_eq!(portal.mails().await.len(), before + 1);
}

#[tokio::test]
async fn tries_at_a_link_are_limited() {
    let portal = Portal::with(&[("LIMIT_REGISTER", "3/1h")]).await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let browser = portal.browser();
    for _ in 0..4 {
        browser
            .post("/do/confirm_address", &[("token", &token_of(&link)), ("password", OTHER_PASSWORD)])
            .await;
    }
    browser.get(&link).await.says("Too many attempts.");
}

#[tokio::test]
async fn passwords_beside_a_link_are_counted_for_the_account_wherever_they_come_from() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let link = portal.mail_to("ada").await.link();
    let token = token_of(&link);
    for number in 0..10 {
        let fields = [("token", token.as_str()), ("password", OTHER_PASSWORD)];
        portal.browser().post_from("/do/confirm_address", &fields, Some(&format!("192.0.2.{number}"))).await;
    }
    let browser = portal.browser();
    let right = [("token", token.as_str()), ("password", PASSWORD)];
    browser.post_from("/do/confirm_address", &right, Some("198.51.100.1")).await;
    browser.get(&link).await.says("Too many attempts.");
    assert!(portal.user("ada").await.email_confirmed_at.is_none());
    portal.later(Duration::from_mins(10));
    browser.post_from("/do/confirm_address", &right, Some("198.51.100.1")).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn nobody_floods_a_strangers_mailbox() {
    let portal = Portal::start().await;
    for number in 0..6 {
        let browser = portal.browser();
        browser.register(&format!("name{number}x"), "victim@example.org", PASSWORD).await;
        browser.sign_in(&format!("name{number}x"), PASSWORD).await;
        browser.post("/do/ask_confirmation", &[]).await;
    }
    assert_eq!(portal.mails().await.len(), 3, "an hour");
    for _ in 0..30 {
        portal.later(Duration::from_mins(45));
        let browser = portal.browser();
        browser.sign_in("name0x", PASSWORD).await;
        browser.post("/do/ask_confirmation", &[]).await;
        portal.mails().await;
    }
    assert!(portal.sent().len() <= 20, "{} in a day", portal.sent().len());
}

#[tokio::test]
async fn links_to_one_mailbox_are_limited_whatever_the_tag_of_its_address() {
    let portal = Portal::start().await;
    let register = async |round: &str| {
        for number in 0..6 {
            let (name, email) =
                (format!("eve{round}{number}"), format!("Victim+{round}{number}@example.org"));
            portal.browser().register(&name, &email, PASSWORD).await;
        }
        let mails = portal.mails().await;
        mails.iter().filter(|mail| mail.to.to_lowercase().starts_with("victim")).count()
    };
    assert_eq!(register("a").await, 3, "in an hour");
    for (hours, all) in [(1, 6), (2, 9), (3, 10), (4, 10)] {
        portal.later(Duration::from_hours(1));
        assert_eq!(register(&format!("b{hours}")).await, all, "after {hours} hours");
    }
    portal.browser().register("ada", "ada@example.org", PASSWORD).await;
    assert!(portal.mail_to("ada").await.subject.contains("Confirm"), "another mailbox has its own limit");
}

#[tokio::test]
async fn a_registration_that_its_mailbox_disowned_still_counts() {
    let portal = Portal::start().await;
    for number in 0..5 {
        let name = format!("eve{number}");
        portal.browser().register(&name, "victim@example.org", PASSWORD).await;
        if number < 3 {
            let token = token_of(&portal.mail_to("victim").await.link());
            portal.browser().post("/do/disown_address", &[("token", &token)]).await;
            assert!(portal.find_user(&name).await.is_none());
        }
    }
    assert_eq!(portal.mails().await.iter().filter(|mail| mail.to == "victim@example.org").count(), 3);
}
