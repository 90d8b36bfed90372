//! The page with the status of a registration.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use crate::questions::{QUESTION, ask, confirm};
use crate::support::{Browser, PASSWORD, Response, TestPortal};
use backend::entity::{decision, user};
use backend::jobs::cleanup::purge;
use domain::status::{AdminAction, Role, Status};
use domain::time::Timestamp;

const STATUS: &str = "/register/status";

async fn set_status(portal: &TestPortal, name: &str, status: Status) {
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(status))
        .col_expr(user::Column::StatusSince, Expr::value(portal.backend.now()))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

/// Inserts the row of a rejection of ada.
async fn insert_rejection(portal: &TestPortal, reason: Option<&str>, undo_until: Timestamp, undone: bool) {
    let (ada, now) = (portal.user("ada").await, portal.backend.now());
    let row = decision::ActiveModel {
        user_id: ActiveValue::Set(ada.id),
        action: ActiveValue::Set(AdminAction::Reject.into()),
        decided_by: ActiveValue::Set(ada.id),
        decided_at: ActiveValue::Set(now),
        status_before: ActiveValue::Set(Status::Pending),
        status_since_before: ActiveValue::Set(now),
        role_before: ActiveValue::Set(Role::Member),
        credential_version_after: ActiveValue::Set(1),
        reason: ActiveValue::Set(reason.map(ToOwned::to_owned)),
        note: ActiveValue::Set(Some("only for administrators".to_owned())),
        undo_until: ActiveValue::Set(undo_until),
        undone_at: ActiveValue::Set(undone.then_some(now)),
        ..decision::ActiveModel::default()
    };
    decision::Entity::insert(row).exec_without_returning(portal.backend.db.pool()).await.expect("inserts");
}

/// Opens the page, which never fails.
async fn open(browser: &Browser) -> Response {
    let page = browser.get(STATUS).await;
    assert_eq!(page.status, StatusCode::OK);
    page
}

#[tokio::test]
async fn the_message_after_a_registration_links_to_the_status() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    browser.get("/login").await.assert_contains("href=\"/register/status\"");
    for other in [&browser, &portal.browser()] {
        other.get("/login").await.assert_not_contains("href=\"/register/status\"");
    }
}

#[tokio::test]
async fn the_browser_that_registered_sees_each_state() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    open(&browser).await.assert_contains("Check your inbox and spam folder");
    confirm(&portal, "ada").await;
    open(&browser).await.assert_contains(
        "<h1 class=\"text-2xl font-semibold tracking-tight text-balance\">Waiting for approval",
    );
    ask(&portal, "ada", QUESTION).await;
    let page = open(&browser).await;
    page.assert_contains("An administrator has a question");
    page.assert_contains("href=\"/register/answer\"");
    set_status(&portal, "ada", Status::Active).await;
    let page = open(&browser).await;
    page.assert_contains("Your registration has been approved");
    page.assert_not_contains("Withdraw");
    set_status(&portal, "ada", Status::Rejected).await;
    let page = open(&browser).await;
    page.assert_contains("Your request was declined");
    page.assert_not_contains("Withdraw");
    // Only someone who signs in is told of later changes.
    set_status(&portal, "ada", Status::Deactivated).await;
    open(&browser).await.assert_contains("Your registration has been approved");
    user::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    let page = open(&browser).await;
    page.assert_contains("Your registration has been deleted");
    page.assert_contains("href=\"/register\"");
}

#[tokio::test]
async fn the_reason_for_a_rejection_is_shown_only_if_the_applicant_was_told() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    set_status(&portal, "ada", Status::Rejected).await;
    let now = portal.backend.now();
    insert_rejection(&portal, Some("An undone reason."), Timestamp::NEVER, true).await;
    open(&browser).await.assert_not_contains("Reason");
    insert_rejection(&portal, Some("A reason <b>in time</b>."), now.after(Duration::from_mins(1)), false)
        .await;
    open(&browser).await.assert_not_contains("in time");
    portal.advance_time(Duration::from_mins(1));
    let page = open(&browser).await;
    page.assert_contains("A reason &lt;b&gt;in time&lt;/b&gt;.");
    page.assert_not_contains("only for administrators");
    insert_rejection(&portal, None, Timestamp::NEVER, false).await;
    open(&browser).await.assert_not_contains("in time");
}

#[tokio::test]
async fn another_browser_sees_no_status_until_the_password_is_given() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    open(&browser).await.assert_contains("No registration in this browser");
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.assert_contains("href=\"/register/status\"");
    open(&browser).await.assert_contains("Check your inbox and spam folder");
    portal.advance_time(Duration::from_mins(10));
    open(&browser).await.assert_contains("No registration in this browser");
}

#[tokio::test]
async fn a_browser_shows_the_registration_for_seven_days() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    confirm(&portal, "ada").await;
    portal.advance_time(Duration::from_hours(167));
    open(&browser).await.assert_contains("Waiting for approval");
    portal.advance_time(Duration::from_hours(1));
    open(&browser).await.assert_contains("No registration in this browser");
}

#[tokio::test]
async fn the_last_registration_in_a_browser_is_shown() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.register("bert", "bert@example.org", PASSWORD).await;
    open(&browser).await.assert_contains("The password for bert.");
}

#[tokio::test]
async fn a_signed_in_user_is_redirected_to_the_profile() {
    let portal = TestPortal::start().await;
    let grace = portal.create_admin("grace").await;
    for path in [STATUS, "/register/answer"] {
        assert_eq!(grace.get(path).await.location(), Some("/profile"));
    }
}

#[tokio::test]
async fn a_shadow_looks_like_a_pending_registration_until_both_are_deleted() {
    let portal = TestPortal::start().await;
    portal.create_user("mike", Status::Active, Role::Member).await;
    let pending = portal.browser();
    pending.register("ada", "ada@example.org", PASSWORD).await;
    let shadow = portal.browser();
    shadow.register("eve", "mike@example.org", PASSWORD).await;
    assert_eq!(portal.user("eve").await.status, Status::Shadow);
    portal.deliver_emails().await;
    let pages = async || {
        let page = async |browser: &Browser, name: &str| {
            let page = open(browser).await;
            let cookies: Vec<usize> = page.cookies().into_iter().map(str::len).collect();
            (cookies, page.without_nonce().replace(name, "NAME"))
        };
        (page(&pending, "ada").await, page(&shadow, "eve").await)
    };
    let (seen, by_shadow) = pages().await;
    assert_eq!(seen, by_shadow);
    portal.advance_time(Duration::from_hours(167));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    let (seen, by_shadow) = pages().await;
    assert_eq!(seen, by_shadow);
    assert!(seen.1.contains("Check your inbox"));
    portal.advance_time(Duration::from_secs(3_599));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    portal.advance_time(Duration::from_secs(2));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 2, "both are deleted after the same time");
}
