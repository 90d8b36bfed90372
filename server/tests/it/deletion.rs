//! Requests for deletion: the account is deleted after three days, and its owner can keep it until then.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::kept_accounts::keep_account;
use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, ReceivedEmail, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::{audit, blocked_identity, outbox, user, user_token};
use backend::jobs::cleanup::purge;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};
use domain::time::utc_text;

pub const THREE_DAYS: Duration = Duration::from_hours(72);
pub const ALMOST_THREE_DAYS: Duration = Duration::from_secs(72 * 3_600 - 1);

pub async fn request_deletion(browser: &Browser) -> Option<String> {
    let response = browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
    response.location().map(ToOwned::to_owned)
}

pub fn token(email: &ReceivedEmail) -> String {
    email.link().rsplit('/').next().expect("a token").to_owned()
}

/// Returns the emails to this email address that announce a deletion, oldest first.
pub async fn deletion_emails(portal: &TestPortal, address: &str) -> Vec<ReceivedEmail> {
    let emails = portal.deliver_emails().await.into_iter();
    emails.filter(|email| email.to == address && email.subject.contains("will be deleted")).collect()
}

/// Starts a portal where ada has requested the deletion of her account. Returns the token that keeps it, too.
pub async fn with_requested_deletion() -> (TestPortal, Browser, String) {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    let emails = deletion_emails(&portal, "ada@example.org").await;
    assert_eq!(emails.len(), 1);
    let token = token(&emails[0]);
    (portal, browser, token)
}

#[tokio::test]
async fn requesting_deletion_requires_the_password_and_signs_everyone_out() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let elsewhere = portal.signed_in("ada").await;
    for (typed, code) in
        [("", ErrorCode::CurrentPasswordMissing), (OTHER_PASSWORD, ErrorCode::CurrentPasswordWrong)]
    {
        let outcome =
            browser.fetch("/do/delete_account", &[("current_password", typed)]).await.action_result();
        assert_eq!(outcome, ActionResult::Refused(FormErrors::of_field(Field::CurrentPassword, code)));
    }
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    let due = portal.backend.now().after(THREE_DAYS);
    browser.get("/").await.assert_contains(&FlashMessage::DeletionRequested(due).message());
    for browser in [browser, elsewhere] {
        assert!(!browser.is_signed_in().await);
    }
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.deletion_due_at), (Status::Deactivated, Some(due)));
}

#[tokio::test]
async fn no_one_can_sign_in_to_an_account_due_for_deletion_and_its_names_stay_taken() {
    let (portal, _, _) = with_requested_deletion().await;
    let due = portal.user("ada").await.deletion_due_at.expect("it waits");
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser
        .get("/login")
        .await
        .assert_contains(&format!("This account will be deleted on {}.", utc_text(due)));
    browser.register("ada", "other@example.org", PASSWORD).await;
    browser.get("/register").await.assert_contains("That username is already taken. Choose a different one.");
    let taken = portal.browser();
    assert_eq!(taken.register("ada-2", "ada@example.org", PASSWORD).await.location(), Some("/login"));
    let email = portal.email_to("ada").await;
    assert!(
        email.subject.contains("already have an account") && email.text.contains("asked us to delete it.")
    );
    portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    portal.advance_time(Duration::from_secs(10));
    let email = portal.email_to("ada").await;
    assert!(email.subject.contains("Your password request") && email.text.contains("asked us to delete it."));
}

#[tokio::test]
async fn after_three_days_the_account_is_deleted_with_everything_that_names_the_person() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    browser.post_from("/do/sign_in", &fields, Some("192.0.2.7")).await;
    browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    portal.deliver_emails().await;
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    portal.deliver_emails().await;
    let db = portal.backend.db.pool();
    portal.advance_time(ALMOST_THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    assert!(portal.find_user("ada").await.is_some());
    portal.advance_time(Duration::from_secs(1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    assert!(portal.find_user("ada").await.is_none());
    let tokens = user_token::Entity::find().filter(user_token::Column::UserId.eq(ada.id));
    assert_eq!(tokens.count(db).await.expect("counts"), 0);
    let emails = outbox::Entity::find().filter(outbox::Column::Recipient.eq("ada@example.org"));
    assert_eq!(emails.count(db).await.expect("counts"), 0);
    let rows = portal.audit_log().await;
    let about: Vec<&audit::Model> = rows.iter().filter(|row| row.subject_id == Some(ada.id)).collect();
    for action in ["user.request_deletion", "user.delete"] {
        assert!(about.iter().any(|row| row.action.as_str() == action), "{action}");
    }
    for row in &rows {
        let names = [row.subject_name.as_deref(), row.actor_name.as_deref()];
        assert!(!names.contains(&Some("ada")) && row.client_ip.as_deref() != Some("192.0.2.7"), "{row:?}");
    }
    let blocked = blocked_identity::Entity::find().all(db).await.expect("reads");
    assert_eq!(blocked.len(), 1);
    assert!(
        blocked[0].reason.as_str() == "deleted"
            && blocked[0].hash.len() == 64
            && blocked[0].hash.bytes().all(|b| b.is_ascii_hexdigit())
    );
    assert!(portal.backend.blocked_identities.contains(db, "ada@example.org").await.expect("looks"));
    portal.register("ada").await;
    assert_ne!(portal.user("ada").await.id, ada.id, "no number is used twice");
}

#[tokio::test]
async fn an_undo_drops_an_announcement_that_has_not_been_sent() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let undo = change_address(&portal, &browser).await;
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    portal.browser().post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.status, Status::Active);
    assert!(deletion_emails(&portal, "ada@example.org").await.is_empty());
}

/// Changes the email address of ada, who is signed in, to an attacker's. Returns the token that undoes the change.
async fn change_address(portal: &TestPortal, browser: &Browser) -> String {
    let fields = [("email", "thief@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    let emails = portal.deliver_emails().await;
    let link = emails.iter().rev().find(|email| email.to == "thief@example.org").expect("a link");
    browser.post("/do/change_address", &[("token", &token(link))]).await;
    let emails = portal.deliver_emails().await;
    token(emails.iter().rev().find(|email| email.to == "ada@example.org").expect("an undo link"))
}

#[tokio::test]
async fn repeated_requests_send_one_email_each() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let mut browser = portal.signed_in("ada").await;
    change_address(&portal, &browser).await;
    let mut password = PASSWORD;
    for round in 1..=3 {
        let fields = [("current_password", password)];
        assert_eq!(browser.post("/do/delete_account", &fields).await.location(), Some("/"));
        assert_eq!(deletion_emails(&portal, "ada@example.org").await.len(), round);
        let keep_token = token(deletion_emails(&portal, "thief@example.org").await.last().expect("a link"));
        browser = portal.browser();
        assert_eq!(keep_account(&browser, &keep_token).await.as_deref(), Some("/change-password"));
        password = if round % 2 == 1 { OTHER_PASSWORD } else { PASSWORD };
        let new = [("new_password", password), ("confirm_password", password)];
        assert_eq!(browser.post("/do/change_password", &new).await.location(), Some("/profile"));
    }
}

#[tokio::test]
async fn a_deletion_that_is_cancelled_leaves_no_more_time_to_undo_a_change() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    change_address(&portal, &browser).await;
    portal.advance_time(Duration::from_hours(12));
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    let undo = token(&deletion_emails(&portal, "ada@example.org").await[0]);
    let keep_token = token(&deletion_emails(&portal, "thief@example.org").await[0]);
    portal.advance_time(Duration::from_hours(62));
    assert_eq!(portal.browser().get(&format!("/undo/{undo}")).await.status, StatusCode::OK);
    assert_eq!(keep_account(&portal.browser(), &keep_token).await.as_deref(), Some("/change-password"));
    let late = portal.browser().get(&format!("/undo/{undo}")).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND, "the change is older than three days");
}

#[tokio::test]
async fn links_that_undo_the_same_change_work_once_together() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let first = change_address(&portal, &browser).await;
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    let second = token(&deletion_emails(&portal, "ada@example.org").await[0]);
    let response = portal.browser().post("/do/undo_address_change", &[("token", &second)]).await;
    assert_eq!(response.location(), Some("/change-password"));
    assert_eq!(portal.browser().get(&format!("/undo/{first}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_administrator_can_deactivate_an_account_due_for_deletion_and_no_link_brings_it_back() {
    let (portal, _, token) = with_requested_deletion().await;
    let admin = portal.browser();
    admin.sign_in("grace", PASSWORD).await;
    let id = portal.user("ada").await.id;
    admin.get(&format!("/admin/deactivate/{id}")).await.assert_contains("email will no longer work");
    admin.apply_action("deactivate", id).await;
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.deletion_due_at), (Status::Deactivated, None));
    assert_eq!(keep_account(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    assert_eq!(portal.user("ada").await.status, Status::Deactivated);
    portal.advance_time(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
}

#[tokio::test]
async fn no_announcement_is_sent_after_the_deletion_has_been_cancelled() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    portal.deliver_emails().await;
    assert_eq!(request_deletion(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    admin.apply_action("reactivate", portal.user("ada").await.id).await;
    assert!(deletion_emails(&portal, "ada@example.org").await.is_empty());
}

#[tokio::test]
async fn an_attacker_who_changed_the_email_address_cannot_have_the_account_deleted() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let attacker = portal.signed_in("ada").await;
    change_address(&portal, &attacker).await;
    portal.advance_time(Duration::from_hours(71));
    assert_eq!(
        request_deletion(&attacker.copy()).await,
        Some("/login?next=%2Fprofile%2Fdelete".to_owned()),
        "idle for a day"
    );
    assert_eq!(attacker.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    assert_eq!(request_deletion(&attacker).await.as_deref(), Some("/"));
    let attacker_token = token(&deletion_emails(&portal, "thief@example.org").await[0]);
    let emails = deletion_emails(&portal, "ada@example.org").await;
    assert!(emails[0].text.contains("will use this email address again"), "{}", emails[0].text);
    let undo = token(&emails[0]);
    // The undo link that was sent with the change has expired by now. The one that was sent with the deletion has not.
    portal.advance_time(ALMOST_THREE_DAYS);
    let owner = portal.browser();
    owner
        .get(&format!("/undo/{undo}"))
        .await
        .assert_contains("This also cancels the deletion of the account.");
    let response = owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(response.location(), Some("/change-password"));
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.deletion_due_at), (Status::Active, None));
    assert_eq!(ada.email, "ada@example.org");
    assert_eq!(portal.browser().get(&format!("/keep/{attacker_token}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(attacker.sign_in("ada", PASSWORD).await.location(), Some("/login"));
}

#[tokio::test]
async fn an_administrator_is_warned_before_reactivating_and_keeps_the_account() {
    let (portal, _, token) = with_requested_deletion().await;
    let admin = portal.browser();
    admin.sign_in("grace", PASSWORD).await;
    let ada = portal.user("ada").await;
    admin.get(&format!("/admin/users/{}", ada.id)).await.assert_contains("Will be deleted");
    let page = admin.get(&format!("/admin/reactivate/{}", ada.id)).await;
    page.assert_contains("because someone signed in to it and asked us to.");
    admin.apply_action("reactivate", ada.id).await;
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.deletion_due_at), (Status::Active, None));
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    portal.advance_time(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    admin.apply_action("deactivate", ada.id).await;
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0, "an administrator's deactivation stays");
}

#[tokio::test]
async fn security_emails_are_sent_after_the_account_has_been_deleted() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let attacker = portal.signed_in("ada").await;
    let new = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    assert_eq!(attacker.post("/do/change_password", &new).await.location(), Some("/profile"));
    attacker.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    attacker.post("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.status, Status::Deactivated);
    portal.advance_time(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    let emails = portal.deliver_emails().await;
    let to_ada: Vec<&str> = emails
        .iter()
        .filter(|email| email.to == "ada@example.org")
        .map(|email| email.subject.as_str())
        .collect();
    assert!(
        matches!(to_ada[..], [subject] if subject.contains("password") && subject.contains("was changed")),
        "{to_ada:?}"
    );
    let rows = portal.outbox().await;
    assert!(rows.iter().all(|row| row.user_id != Some(ada.id)));
}

#[tokio::test]
async fn an_account_that_is_kept_during_a_purge_stays() {
    let (portal, _, _) = with_requested_deletion().await;
    portal.advance_time(THREE_DAYS);
    let transaction =
        portal.backend.db.begin_write(backend::infra::database::Lock::None).await.expect("begins");
    user::Entity::update_many()
        .col_expr(user::Column::DeletionDueAt, Expr::value(Option::<i64>::None))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*transaction)
        .await
        .expect("keeps");
    let backend = portal.backend.clone();
    let purged = tokio::spawn(async move { purge(&backend).await });
    portal.wait_for_blocked_statement().await;
    transaction.commit().await.expect("commits");
    assert_eq!(purged.await.expect("ends").expect("purges"), 0);
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn the_last_administrator_cannot_request_deletion() {
    let portal = TestPortal::start().await;
    let grace = portal.create_admin("grace").await;
    let outcome = grace.fetch("/do/delete_account", &[("current_password", PASSWORD)]).await.action_result();
    assert_eq!(outcome, ActionResult::Refused(ErrorCode::LastAdminDeletion.into()));
    assert!(grace.is_signed_in().await);
    portal.create_admin("alan").await;
    assert_eq!(request_deletion(&grace).await.as_deref(), Some("/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_the_last_two_administrators_remains_after_concurrent_requests() {
    for round in 0..10 {
        let portal = TestPortal::start().await;
        let pair = [portal.create_admin("grace").await, portal.create_admin("alan").await];
        let requests = pair.into_iter().map(|admin| async move {
            request_deletion(&admin).await;
        });
        join_all(requests).await;
        assert_eq!(portal.count_active_admins().await, 1, "round {round}");
    }
}
