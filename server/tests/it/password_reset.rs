//! Tests of the password reset: requesting a temporary password, signing in with it and choosing a new password.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::EntityTrait;

use crate::registration::join_all;
use crate::support::{OTHER_PASSWORD, PASSWORD, ReceivedEmail, TestPortal};
use backend::entity::user_session::SessionKind;
use backend::entity::{user_session, user_token};
use domain::status::{Role, Status};

/// Requests a temporary password for `name`.
pub async fn request_reset(portal: &TestPortal, name: &str) {
    let email = format!("{name}@example.org");
    let browser = portal.browser();
    assert_eq!(browser.post("/do/ask_reset", &[("email", &email)]).await.location(), Some("/login"));
    browser
        .get("/login")
        .await
        .assert_contains("If an active account uses that email address, we'll email you what to do next.");
}

/// Returns the temporary password in an email: the indented line.
pub fn secret_in(email: &ReceivedEmail) -> String {
    let line = email.text.lines().find(|line| line.starts_with("    ")).expect("the mail has a secret");
    line.trim().to_owned()
}

/// Starts a portal with the active user ada. Returns it with a temporary password of ada.
async fn with_temporary_password() -> (TestPortal, String) {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    request_reset(&portal, "ada").await;
    let secret = secret_in(&portal.email_to("ada").await);
    (portal, secret)
}

fn new_password(password: &str) -> [(&'static str, &str); 2] {
    [("new_password", password), ("confirm_password", password)]
}

#[tokio::test]
async fn a_temporary_password_opens_a_session_that_can_only_choose_a_new_password() {
    let (portal, secret) = with_temporary_password().await;
    let browser = portal.browser();
    let typed = secret.to_lowercase().replace('-', " ");
    assert_eq!(browser.sign_in("ada", &typed).await.location(), Some("/change-password"));
    browser.get("/change-password").await.assert_contains("Choose a new password within 15 minutes.");
    let pages = [
        "/",
        "/profile",
        "/profile/data.json",
        "/profile/delete",
        "/admin",
        "/login",
        "/register",
        "/reset-password",
    ];
    for page in pages {
        assert_eq!(browser.get(page).await.location(), Some("/change-password"), "{page}");
    }
    for action in ["end_other_sessions", "delete_account", "ask_address_change", "decide"] {
        browser
            .post(&format!("/do/{action}"), &[("email", "new@example.org"), ("current_password", PASSWORD)])
            .await;
    }
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    let audit = portal.audit_log().await;
    assert!(!audit.iter().any(|row| row.action.as_str() == "session.end_others"), "{audit:?}");
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    portal.signed_in("ada").await;
}

#[tokio::test]
async fn choosing_a_new_password_ends_all_other_sessions_and_keeps_this_one() {
    let (portal, secret) = with_temporary_password().await;
    let elsewhere = portal.signed_in("ada").await;
    let browser = portal.browser();
    browser.sign_in("ada", &secret).await;
    let before = browser.cookie("session");
    let response = browser.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(response.location(), Some("/profile"));
    browser
        .get("/profile")
        .await
        .assert_contains("Your password has been changed. You're signed out everywhere else.");
    assert_ne!(browser.cookie("session"), before, "a new id");
    assert!(browser.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", OTHER_PASSWORD).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"), "spent");
    let email = portal.email_to("ada").await;
    assert!(email.subject.contains("was changed"), "{email:?}");
    assert!(portal.audit_log().await.iter().any(|row| row.action.as_str() == "password.reset"));
}

#[tokio::test]
async fn another_session_cannot_stop_the_owner_from_choosing_a_new_password() {
    let (portal, secret) = with_temporary_password().await;
    let thief = portal.signed_in("ada").await;
    let owner = portal.browser();
    assert_eq!(owner.sign_in("ada", &secret).await.location(), Some("/change-password"));
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let restricted =
        sessions.iter().find(|row| row.kind.known() == Some(SessionKind::Restricted)).expect("is there");
    thief.get("/profile").await.assert_contains("This session can only be used to choose a new password.");
    thief.post("/do/end_session", &[("handle", &restricted.public_id)]).await;
    thief.post("/do/end_other_sessions", &[]).await;
    for _ in 0..11 {
        let guess = [("current_password", OTHER_PASSWORD), ("new_password", "x"), ("confirm_password", "x")];
        thief.post("/do/change_password", &guess).await;
    }
    for _ in 0..11 {
        thief.post("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    }
    let response = owner.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(response.location(), Some("/profile"));
    assert!(owner.is_signed_in().await);
    assert!(!thief.is_signed_in().await);
}

#[tokio::test]
async fn the_first_temporary_password_that_is_used_revokes_the_others() {
    let (portal, first) = with_temporary_password().await;
    request_reset(&portal, "ada").await;
    let second = secret_in(&portal.email_to("ada").await);
    assert_ne!(first, second);
    assert_eq!(portal.browser().sign_in("ada", &first).await.location(), Some("/change-password"));
    assert_eq!(portal.browser().sign_in("ada", &second).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", &first).await.location(), Some("/login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_concurrent_sign_ins_use_a_temporary_password_once() {
    let (portal, secret) = with_temporary_password().await;
    let attempts = (0..50).map(|number| {
        let (browser, secret) = (portal.browser(), secret.clone());
        let client_ip = format!("192.0.2.{number}");
        async move {
            let fields = [("username", "ada"), ("password", secret.as_str())];
            let response = browser.post_from("/do/sign_in", &fields, Some(&client_ip)).await;
            response.location() == Some("/change-password")
        }
    });
    assert_eq!(join_all(attempts).await.into_iter().filter(|signed_in| *signed_in).count(), 1);
}

#[tokio::test]
async fn a_temporary_password_expires_after_two_hours_and_its_session_after_fifteen_minutes() {
    let (portal, secret) = with_temporary_password().await;
    portal.advance_time(Duration::from_mins(119));
    let browser = portal.browser();
    assert_eq!(browser.sign_in("ada", &secret).await.location(), Some("/change-password"));
    portal.advance_time(Duration::from_mins(15));
    let response = browser.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(response.location(), Some("/login?next=%2Fchange-password"));
    portal.signed_in("ada").await;

    let (portal, late) = with_temporary_password().await;
    portal.advance_time(Duration::from_hours(2));
    assert_eq!(portal.browser().sign_in("ada", &late).await.location(), Some("/login"));
}

#[tokio::test]
async fn a_temporary_password_works_only_for_its_own_account() {
    let (portal, secret) = with_temporary_password().await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    assert_eq!(portal.browser().sign_in("bob", &secret).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("nobody", &secret).await.location(), Some("/login"));
    let by_email_address = portal.browser().sign_in("ada@example.org", &secret).await;
    assert_eq!(by_email_address.location(), Some("/change-password"));
}

#[tokio::test]
async fn a_temporary_password_is_revoked_when_the_account_changes() {
    let (portal, secret) = with_temporary_password().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.user("ada").await;
    admin.apply_action("deactivate", ada.id).await;
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"));
    admin.apply_action("reactivate", ada.id).await;
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"));
}

#[tokio::test]
async fn a_signed_in_user_is_redirected_to_the_profile() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    assert_eq!(portal.signed_in("ada").await.get("/reset-password").await.location(), Some("/profile"));
    portal.browser().get("/reset-password").await.assert_contains("Send a temporary password");
}

#[tokio::test]
async fn a_temporary_password_is_not_stored_readably_and_opens_one_session() {
    let (portal, secret) = with_temporary_password().await;
    let tokens = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let plain = secret.replace('-', "");
    for token in tokens {
        assert!(token.token_hash.len() == 64 && !token.token_hash.contains(&plain));
    }
    let outbox = portal.outbox().await;
    assert!(outbox.iter().all(|row| row.sealed.is_none()), "wiped once sent");
    portal.browser().sign_in("ada", &secret).await;
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(sessions.iter().filter(|row| row.kind.known() == Some(SessionKind::Restricted)).count(), 1);
}

#[tokio::test]
async fn a_thief_with_the_password_cannot_make_changes_before_the_owner() {
    let (portal, secret) = with_temporary_password().await;
    let thief = portal.signed_in("ada").await;
    let fields = [("email", "thief@example.org"), ("current_password", PASSWORD)];
    thief.post("/do/ask_address_change", &fields).await;
    let change_link = portal.email_to("thief").await.link();
    let token = change_link.trim_start_matches("/confirm-address/").to_owned();

    let owner = portal.browser();
    assert_eq!(owner.sign_in("ada", &secret).await.location(), Some("/change-password"));
    for _ in 0..60 {
        assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    }
    let thief = portal.signed_in("ada").await;
    let stolen = [
        ("current_password", PASSWORD),
        ("new_password", "a thief's own password"),
        ("confirm_password", "a thief's own password"),
    ];
    for (action, fields, page) in [
        ("ask_address_change", &fields[..], "/profile/address"),
        ("delete_account", &[("current_password", PASSWORD)][..], "/profile/delete"),
        ("change_password", &stolen[..], "/change-password"),
        ("change_address", &[("token", token.as_str())][..], change_link.as_str()),
    ] {
        thief.post(&format!("/do/{action}"), fields).await;
        thief
            .get(page)
            .await
            .assert_contains("You cannot do this while someone is using a temporary password");
    }
    // Nor without a session, with the password as well as the link.
    let elsewhere = portal.browser();
    elsewhere.post("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");

    let response = owner.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(response.location(), Some("/profile"));
    assert!(!thief.is_signed_in().await);
    elsewhere.post("/do/change_address", &[("token", &token), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "what was begun before is void");
}

#[tokio::test]
async fn an_abandoned_password_reset_expires() {
    let (portal, secret) = with_temporary_password().await;
    portal.browser().sign_in("ada", &secret).await;
    portal.advance_time(Duration::from_mins(15) + Duration::from_secs(1));
    let browser = portal.signed_in("ada").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    assert_eq!(portal.deliver_emails().await.iter().filter(|email| email.to == "new@example.org").count(), 1);
}
