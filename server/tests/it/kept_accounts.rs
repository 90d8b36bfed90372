//! Tests of the link that keeps an account whose deletion has been requested.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::deletion::{
    ALMOST_THREE_DAYS, THREE_DAYS, deletion_emails, request_deletion, token, with_requested_deletion,
};
use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::{user, user_session};
use backend::jobs::cleanup::purge;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};

pub async fn keep_account(browser: &Browser, token: &str) -> Option<String> {
    let response = browser.post("/do/keep_account", &[("token", token)]).await;
    response.location().map(ToOwned::to_owned)
}

#[tokio::test]
async fn the_emailed_link_keeps_the_account_once_and_replaces_the_known_password() {
    let (portal, _, token) = with_requested_deletion().await;
    portal.advance_time(ALMOST_THREE_DAYS);
    let owner = portal.browser();
    let page = owner.get(&format!("/keep/{token}")).await;
    page.assert_contains("The account ada will be deleted on");
    assert_eq!(portal.user("ada").await.status, Status::Deactivated, "looking changes nothing");
    assert_eq!(keep_account(&owner, &token).await.as_deref(), Some("/change-password"));
    owner.get("/change-password").await.assert_contains(&FlashMessage::AccountKept.message());
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.deletion_due_at), (Status::Active, None));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"), "no longer works");
    assert_eq!(owner.get("/profile").await.location(), Some("/change-password"), "nothing else before");
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    owner.get("/profile").await.assert_contains("Deletion cancelled");
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND, "once");
    assert_eq!(keep_account(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    let db = portal.backend.db.pool();
    assert!(!portal.backend.blocked_identities.contains(db, "ada@example.org").await.expect("looks"));
    portal.advance_time(Duration::from_hours(200));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
}

#[tokio::test]
async fn the_link_has_expired_when_the_account_is_due() {
    let (portal, _, token) = with_requested_deletion().await;
    portal.advance_time(THREE_DAYS);
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(keep_account(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    assert_eq!(portal.user("ada").await.status, Status::Deactivated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_concurrent_uses_of_the_link_keep_the_account_once() {
    let (portal, _, token) = with_requested_deletion().await;
    let browsers: Vec<Browser> = (0..8).map(|_| portal.browser()).collect();
    let requests = browsers.into_iter().map(|browser| {
        let token = token.clone();
        async move { keep_account(&browser, &token).await }
    });
    let kept =
        join_all(requests).await.into_iter().filter(|to| to.as_deref() == Some("/change-password")).count();
    assert_eq!(kept, 1);
    let sessions = user_session::Entity::find().filter(user_session::Column::Kind.eq("restricted"));
    assert_eq!(sessions.count(portal.backend.db.pool()).await.expect("counts"), 1);
}

#[tokio::test]
async fn an_unconfirmed_email_address_keeps_the_account_only_with_the_password() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(request_deletion(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    let token = token(&deletion_emails(&portal, "ada@example.org").await[0]);
    let browser = portal.browser();
    for (typed, code) in [("", ErrorCode::PasswordMissing), (OTHER_PASSWORD, ErrorCode::PasswordWrong)] {
        let fields = [("token", token.as_str()), ("password", typed)];
        let outcome = browser.fetch("/do/keep_account", &fields).await.action_result();
        assert_eq!(outcome, ActionResult::Refused(FormErrors::of_field(Field::Password, code)));
    }
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(browser.post("/do/keep_account", &fields).await.location(), Some("/change-password"));
    let ada = portal.user("ada").await;
    assert_eq!(ada.status, Status::Active);
    assert!(ada.email_confirmed_at.is_some(), "or a lost session would leave no way in");
}

#[tokio::test]
async fn an_account_that_cannot_be_confirmed_keeps_its_password() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("odin", Status::Active, Role::Member).await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::Email, Expr::value("odin@example.org"))
        .col_expr(user::Column::EmailCanonical, Expr::value("odin@example.org"))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(request_deletion(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    let token = token(&deletion_emails(&portal, "odin@example.org").await[0]);
    let browser = portal.browser();
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(browser.post("/do/keep_account", &fields).await.location(), Some("/change-password"));
    browser.post("/do/sign_out", &[]).await;
    assert_eq!(
        browser.sign_in("ada", PASSWORD).await.location(),
        Some("/profile"),
        "there is no other way in"
    );
}

#[tokio::test]
async fn an_unconfirmed_email_address_of_an_account_without_a_password_gets_no_link() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(request_deletion(&browser).await.as_deref(), Some("/"));
    assert!(deletion_emails(&portal, "ada@example.org").await.is_empty());
}

#[tokio::test]
async fn an_account_that_is_overdue_offers_no_link_that_has_expired() {
    let (portal, _, _) = with_requested_deletion().await;
    portal.advance_time(THREE_DAYS);
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.assert_contains("This account has been deactivated.");
}

#[tokio::test]
async fn an_account_without_a_password_is_kept_and_signs_in_as_before() {
    let (portal, _, token) = with_requested_deletion().await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let browser = portal.browser();
    assert_eq!(keep_account(&browser, &token).await.as_deref(), Some("/login"));
    browser.get("/login").await.assert_contains(&FlashMessage::AccountKeptSignIn.message());
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.password_hash), (Status::Active, None));
}
