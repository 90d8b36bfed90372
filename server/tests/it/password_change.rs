//! Changing the password of the signed-in user.

use std::time::Duration;

use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::admin::commands::make_user_link;
use domain::errors::{ErrorCode, Field};
use domain::status::{Role, Status};

async fn change(browser: &Browser, current: &str, new: &str, again: &str) -> ActionResult {
    let fields = [("current_password", current), ("new_password", new), ("confirm_password", again)];
    browser.fetch("/do/change_password", &fields).await.action_result()
}

/// Returns the error of a field.
fn code_of(outcome: &ActionResult, field: Field) -> Option<ErrorCode> {
    match outcome {
        ActionResult::Refused(errors) => errors.code_of(field),
        _ => None,
    }
}

#[tokio::test]
async fn a_change_requires_the_current_password_and_reports_errors_by_field() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for (current, new, again, field, code) in [
        ("", OTHER_PASSWORD, OTHER_PASSWORD, Field::CurrentPassword, ErrorCode::CurrentPasswordMissing),
        (
            OTHER_PASSWORD,
            "brown kettle window",
            "brown kettle window",
            Field::CurrentPassword,
            ErrorCode::CurrentPasswordWrong,
        ),
        (PASSWORD, "short", "short", Field::NewPassword, ErrorCode::PasswordTooShort(12)),
        (PASSWORD, OTHER_PASSWORD, "another", Field::ConfirmPassword, ErrorCode::PasswordsDiffer),
        (PASSWORD, PASSWORD, PASSWORD, Field::NewPassword, ErrorCode::PasswordUnchanged),
        (PASSWORD, "password1234", "password1234", Field::NewPassword, ErrorCode::PasswordTooWeak),
        (PASSWORD, "ada@example.org", "ada@example.org", Field::NewPassword, ErrorCode::PasswordTooWeak),
    ] {
        let outcome = change(&browser, current, new, again).await;
        assert_eq!(code_of(&outcome, field), Some(code), "{current} {new} {again}: {outcome:?}");
    }
    assert!(browser.is_signed_in().await, "a refusal ends nothing");
    portal.signed_in("ada").await;
    let outcome = change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(outcome, ActionResult::Goto("/profile".to_owned()));
}

#[tokio::test]
async fn all_other_sessions_end_and_the_current_session_gets_a_new_id() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let (browser, elsewhere) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    let attacker = browser.copy();
    change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert!(browser.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert!(!attacker.is_signed_in().await, "the old id is worth nothing");
    assert_eq!(portal.user("ada").await.credential_version, 1);
    assert!(portal.email_to("ada").await.subject.contains("was changed"));
    assert!(portal.audit_log().await.iter().any(|row| row.action.as_str() == "password.change"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_two_concurrent_changes_succeeds() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    let second = portal.signed_in("ada").await;
    let passwords = ["brown kettle window", "seven quiet otters"];
    let changes = [first, second].into_iter().zip(passwords).map(|(browser, new)| async move {
        let outcome = change(&browser, PASSWORD, new, new).await;
        (matches!(outcome, ActionResult::Goto(to) if to == "/profile"), browser.is_signed_in().await, new)
    });
    let done = join_all(changes).await;
    assert_eq!(done.iter().filter(|(changed, ..)| *changed).count(), 1, "{done:?}");
    for (changed, signed_in, new) in done {
        assert_eq!(changed, signed_in);
        let expected = if changed { "/profile" } else { "/login" };
        assert_eq!(portal.browser().sign_in("ada", new).await.location(), Some(expected));
    }
}

#[tokio::test]
async fn an_operator_link_replaces_the_current_password_for_ten_minutes() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let token = link.rsplit('/').next().expect("a token").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    browser
        .get("/change-password")
        .await
        .assert_contains("You signed in with a link from your administrator");
    let late = browser.copy();
    assert_eq!(
        change(&browser, "", OTHER_PASSWORD, OTHER_PASSWORD).await,
        ActionResult::Goto("/profile".to_owned())
    );
    assert!(!late.is_signed_in().await);

    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let token = link.rsplit('/').next().expect("a token").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    portal.advance_time(Duration::from_mins(11));
    browser
        .get("/change-password")
        .await
        .assert_contains("You used the sign-in link more than 10 minutes ago.");
    let outcome = change(&browser, "", "brown kettle window", "brown kettle window").await;
    assert_eq!(outcome, ActionResult::Refused(ErrorCode::ReauthenticationRequired.into()));
}

#[tokio::test]
async fn the_link_in_an_approval_email_does_not_replace_the_current_password() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.apply_action("approve", ada.id).await;
    let token = portal.email_to("ada").await.link().trim_start_matches("/auto-login/").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    let outcome = change(&browser, "", OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(code_of(&outcome, Field::CurrentPassword), Some(ErrorCode::CurrentPasswordMissing));
}

#[tokio::test]
async fn attempts_are_limited_per_account() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for _ in 0..10 {
        let outcome = change(&browser, "wrong wrong wrong", OTHER_PASSWORD, OTHER_PASSWORD).await;
        assert_eq!(code_of(&outcome, Field::CurrentPassword), Some(ErrorCode::CurrentPasswordWrong));
    }
    let outcome = change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(outcome, ActionResult::Refused(ErrorCode::TooManyAttempts(600).into()));
    portal.advance_time(Duration::from_mins(10));
    assert_eq!(
        change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await,
        ActionResult::Goto("/profile".to_owned())
    );
}

#[tokio::test]
async fn a_visitor_is_asked_to_sign_in_and_password_managers_find_the_page() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    assert_eq!(browser.get("/.well-known/change-password").await.location(), Some("/change-password"));
    assert_eq!(browser.get("/change-password").await.location(), Some("/login?next=%2Fchange-password"));
    let response = browser.post("/do/change_password", &[("new_password", OTHER_PASSWORD)]).await;
    assert_eq!(response.location(), Some("/login?next=%2Fchange-password"));
}
