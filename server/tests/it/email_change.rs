//! Changing an email address, and undoing the change.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, ReceivedEmail, TestPortal};
use app::api::action_result::ActionResult;
use backend::admin::commands::make_user_link;
use backend::entity::user;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::status::{Role, Status};

async fn request_change(browser: &Browser, email: &str) -> ActionResult {
    browser
        .fetch("/do/ask_address_change", &[("email", email), ("current_password", PASSWORD)])
        .await
        .action_result()
}

fn token(email: &ReceivedEmail) -> String {
    email.link().rsplit('/').next().expect("a token").to_owned()
}

async fn email_to_address(portal: &TestPortal, address: &str) -> ReceivedEmail {
    portal.deliver_emails().await.into_iter().rev().find(|email| email.to == address).expect("there is mail")
}

/// Starts a portal where ada, who is signed in, has requested a change of email address. Returns the token of the link too.
async fn with_requested_change() -> (TestPortal, Browser, String) {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    assert_eq!(
        request_change(&browser, "countess@example.org").await,
        ActionResult::Goto("/profile".to_owned())
    );
    let token = token(&email_to_address(&portal, "countess@example.org").await);
    (portal, browser, token)
}

#[tokio::test]
async fn using_the_link_changes_the_email_address_and_ends_all_other_sessions() {
    let (portal, browser, token) = with_requested_change().await;
    let elsewhere = portal.signed_in("ada").await;
    let page = browser.get(&format!("/confirm-address/{token}")).await;
    page.assert_contains("Confirm countess@example.org as the email address for ada.");
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "looking changes nothing");
    let response = browser.post("/do/change_address", &[("token", &token)]).await;
    assert_eq!(response.location(), Some("/profile"));
    browser
        .get("/profile")
        .await
        .assert_contains("Your email address has been changed. You're signed out everywhere else.");
    let ada = portal.user("ada").await;
    assert_eq!((ada.email.as_str(), ada.credential_version), ("countess@example.org", 1));
    assert!(ada.email_confirmed_at.is_some());
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(portal.browser().sign_in("countess@example.org", PASSWORD).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada@example.org", PASSWORD).await.location(), Some("/login"));
    let again = portal.browser().get(&format!("/confirm-address/{token}")).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_visitor_cannot_use_the_link_without_the_password() {
    let (portal, _, token) = with_requested_change().await;
    let visitor = portal.browser();
    visitor.get(&format!("/confirm-address/{token}")).await.assert_contains("The password for ada.");
    for typed in ["", OTHER_PASSWORD] {
        visitor.post("/do/change_address", &[("token", &token), ("password", typed)]).await;
        assert_eq!(portal.user("ada").await.email, "ada@example.org");
    }
    let response = visitor.post("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(response.location(), Some("/login"));
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
    assert!(!visitor.is_signed_in().await);
}

#[tokio::test]
async fn another_signed_in_user_has_to_sign_out_first() {
    let (portal, _, token) = with_requested_change().await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let bob = portal.signed_in("bob").await;
    bob.get(&format!("/confirm-address/{token}")).await.assert_contains("This link is for ada");
    let outcome =
        bob.fetch("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await.action_result();
    assert_eq!(outcome, ActionResult::Refused(ErrorCode::OtherUserSignedIn.into()));
}

#[tokio::test]
async fn a_request_requires_the_password_and_a_different_email_address() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let field_error = |field, code| ActionResult::Refused(FormErrors::of_field(field, code));
    for (email, password, expected) in [
        ("x", PASSWORD, field_error(Field::Email, ErrorCode::EmailInvalid)),
        ("new@example.org", "", field_error(Field::CurrentPassword, ErrorCode::CurrentPasswordMissing)),
        (
            "new@example.org",
            OTHER_PASSWORD,
            field_error(Field::CurrentPassword, ErrorCode::CurrentPasswordWrong),
        ),
        ("ADA@Example.org", PASSWORD, field_error(Field::Email, ErrorCode::EmailUnchanged)),
    ] {
        let fields = [("email", email), ("current_password", password)];
        let outcome = browser.fetch("/do/ask_address_change", &fields).await.action_result();
        assert_eq!(outcome, expected, "{email}");
    }
}

#[tokio::test]
async fn only_the_newest_link_works_and_a_password_change_revokes_it() {
    let (portal, browser, first) = with_requested_change().await;
    request_change(&browser, "lovelace@example.org").await;
    let second = token(&email_to_address(&portal, "lovelace@example.org").await);
    browser.post("/do/change_address", &[("token", &first)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    browser.post("/do/change_password", &fields).await;
    browser.post("/do/change_address", &[("token", &second)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
}

#[tokio::test]
async fn a_taken_email_address_gets_the_same_response_and_its_owner_gets_an_email() {
    let portal = TestPortal::start().await;
    for name in ["ada", "bob"] {
        portal.create_user(name, Status::Active, Role::Member).await;
    }
    let browser = portal.signed_in("ada").await;
    let free = request_change(&browser, "free@example.org").await;
    let taken = request_change(&browser, "bob@example.org").await;
    assert_eq!(free, taken);
    let email = portal.email_to("bob").await;
    assert!(email.subject.contains("already have an account"), "{email:?}");
    let sent = portal.sent_emails();
    assert!(
        !sent.iter().any(|email| email.to == "bob@example.org" && email.text.contains("/confirm-address/"))
    );
}

#[tokio::test]
async fn the_link_fails_if_another_account_has_confirmed_the_email_address() {
    let (portal, browser, token) = with_requested_change().await;
    let other = portal.browser();
    other.register("other", "countess@example.org", PASSWORD).await;
    let confirm = email_to_address(&portal, "countess@example.org")
        .await
        .link()
        .trim_start_matches("/confirm/")
        .to_owned();
    other.post("/do/confirm_address", &[("token", &confirm)]).await;
    assert!(portal.user("other").await.email_confirmed_at.is_some());
    let response = browser.fetch("/do/change_address", &[("token", &token)]).await;
    assert_eq!(response.action_result(), ActionResult::Refused(ErrorCode::EmailTaken.into()));
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
}

#[tokio::test]
async fn the_old_email_address_can_undo_the_change_for_three_days_and_choose_a_new_password() {
    let (portal, attacker, attacker_token) = with_requested_change().await;
    attacker.post("/do/change_address", &[("token", &attacker_token)]).await;
    let email = email_to_address(&portal, "ada@example.org").await;
    assert!(email.subject.contains("address") && email.subject.contains("was changed"), "{email:?}");
    let undo = token(&email);
    portal.advance_time(Duration::from_hours(71));
    let owner = portal.browser();
    owner
        .get(&format!("/undo/{undo}"))
        .await
        .assert_contains("We'll restore ada@example.org as the email address for ada and sign everyone out.");
    let response = owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(response.location(), Some("/change-password"));
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert!(!attacker.is_signed_in().await);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().get(&format!("/undo/{undo}")).await.status, StatusCode::NOT_FOUND, "once");
}

#[tokio::test]
async fn undoing_the_change_revokes_the_password_and_later_links() {
    let (portal, attacker, attacker_token) = with_requested_change().await;
    attacker.post("/do/change_address", &[("token", &attacker_token)]).await;
    let undo = token(&email_to_address(&portal, "ada@example.org").await);
    request_change(&attacker, "lair@example.org").await;
    let second = token(&email_to_address(&portal, "lair@example.org").await);
    assert_eq!(attacker.post("/do/change_address", &[("token", &second)]).await.location(), Some("/profile"));
    let attacker_undo = token(&email_to_address(&portal, "countess@example.org").await);
    let owner = portal.browser();
    owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert_eq!(
        attacker.sign_in("ada", PASSWORD).await.location(),
        Some("/login"),
        "the known password is void"
    );
    attacker.post("/do/undo_address_change", &[("token", &attacker_undo)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "a later link takes nothing back");
    // A user who does not choose a new password immediately can still recover by email.
    owner.post("/do/sign_out", &[]).await;
    owner.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    assert!(portal.email_to("ada").await.subject.contains("temporary password"));
}

#[tokio::test]
async fn an_attacker_gets_no_undo_link_when_the_owner_restores_the_email_address() {
    let (portal, attacker, attacker_token) = with_requested_change().await;
    attacker.post("/do/change_address", &[("token", &attacker_token)]).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let owner = portal.browser();
    owner.post("/do/use_sign_in_link", &[("token", link.rsplit('/').next().expect("a token"))]).await;
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    let fields = [("email", "ada@example.org"), ("current_password", OTHER_PASSWORD)];
    owner.post("/do/ask_address_change", &fields).await;
    let back = token(&email_to_address(&portal, "ada@example.org").await);
    assert_eq!(owner.post("/do/change_address", &[("token", &back)]).await.location(), Some("/profile"));
    let email = email_to_address(&portal, "countess@example.org").await;
    assert!(email.text.contains("tell an administrator") && !email.text.contains("/undo/"), "{}", email.text);
}

#[tokio::test]
async fn a_request_made_before_a_password_change_sends_no_link() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    portal.deliver_emails().await;
    let attacker = portal.signed_in("ada").await;
    let owner = portal.signed_in("ada").await;
    request_change(&attacker, "lair@example.org").await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    owner.post("/do/change_password", &fields).await;
    assert!(!portal.deliver_emails().await.iter().any(|email| email.to == "lair@example.org"));
}

#[tokio::test]
async fn typed_text_is_not_shown_to_the_next_user() {
    let portal = TestPortal::start().await;
    for name in ["ada", "bob"] {
        portal.create_user(name, Status::Active, Role::Member).await;
    }
    let browser = portal.signed_in("ada").await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let fields = [("email", "secret@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    browser.sign_in("bob", PASSWORD).await;
    browser.get("/profile/address").await.assert_not_contains("secret@example.org");
}

#[tokio::test]
async fn confirming_does_not_count_as_reauthentication() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", link.rsplit('/').next().expect("a token"))]).await;
    browser.post("/do/ask_address_change", &[("email", "countess@example.org")]).await;
    let token = token(&email_to_address(&portal, "countess@example.org").await);
    portal.advance_time(Duration::from_mins(9));
    assert_eq!(browser.post("/do/change_address", &[("token", &token)]).await.location(), Some("/profile"));
    portal.advance_time(Duration::from_mins(2));
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    let outcome = browser.fetch("/do/change_password", &new).await.action_result();
    assert_eq!(outcome, ActionResult::Refused(ErrorCode::ReauthenticationRequired.into()));
}

#[tokio::test]
async fn a_refused_change_ends_no_session() {
    let (portal, browser, token) = with_requested_change().await;
    portal.create_user("other", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailCanonical, Expr::value("countess@example.org"))
        .filter(user::Column::UsernameKey.eq("other"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let response = browser.fetch("/do/change_address", &[("token", &token)]).await;
    assert_eq!(response.action_result(), ActionResult::Refused(ErrorCode::EmailTaken.into()));
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn text_typed_when_the_session_ended_is_restored_after_signing_in() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let fields = [("email", "typed@example.org"), ("current_password", PASSWORD)];
    let response = browser.post("/do/ask_address_change", &fields).await;
    assert_eq!(response.location(), Some("/login?next=%2Fprofile%2Faddress"));
    browser.get("/login?next=%2Fprofile%2Faddress").await.assert_contains("Your session has ended.");
    browser.sign_in("ada", OTHER_PASSWORD).await;
    browser.sign_in("ada", PASSWORD).await;
    let page = browser.get("/profile/address").await;
    assert!(page.body.contains("value=\"typed@example.org\""), "{}", page.text());
    assert!(!page.body.contains(PASSWORD));
    assert!(!browser.get("/profile/address").await.body.contains("typed@example.org"), "once");
}

#[tokio::test]
async fn the_change_cannot_be_undone_after_three_days() {
    let (portal, browser, change_token) = with_requested_change().await;
    browser.post("/do/change_address", &[("token", &change_token)]).await;
    let undo = token(&email_to_address(&portal, "ada@example.org").await);
    portal.advance_time(Duration::from_hours(72));
    portal.browser().post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
}

#[tokio::test]
async fn an_unconfirmed_old_email_address_gets_no_undo_link() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    let browser = portal.signed_in("ada").await;
    request_change(&browser, "countess@example.org").await;
    let token = token(&email_to_address(&portal, "countess@example.org").await);
    browser.post("/do/change_address", &[("token", &token)]).await;
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
    assert!(!portal.deliver_emails().await.iter().any(|email| email.text.contains("/undo/")));
}
