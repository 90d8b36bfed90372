//! Tests of the use cases behind the admin commands.

use crate::support::{Browser, TestPortal};
use backend::admin::commands;
use backend::error::UseCaseError;
use domain::email_address::EmailAddress;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{PublicStatus, Role, Status};

#[tokio::test]
async fn only_active_users_with_confirmed_email_addresses_are_made_administrators() {
    let portal = TestPortal::start().await;
    portal.register("unconfirmed").await;
    portal.create_user("waiting", Status::Pending, Role::Member).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let form_errors = |error: UseCaseError| match error {
        UseCaseError::Rejected(errors) => errors,
        UseCaseError::Internal(error) => panic!("{error}"),
    };
    for (name, code) in [
        ("nobody", ErrorCode::UserNotFound),
        ("unconfirmed", ErrorCode::WrongStatus(PublicStatus::Pending)),
        ("waiting", ErrorCode::WrongStatus(PublicStatus::Pending)),
    ] {
        let error = commands::grant_admin(&portal.backend, name).await.expect_err("is refused");
        assert_eq!(form_errors(error), FormErrors::of(code), "{name}");
    }
    commands::grant_admin(&portal.backend, "Ada").await.expect("is granted");
    assert!(!browser.is_signed_in().await);
    assert_eq!(commands::list_admins(&portal.backend).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn a_printed_link_signs_in_once_and_is_audited() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let link = commands::make_user_link(&portal.backend, "grace").await.expect("a link");
    let token = link.trim_start_matches("http://portal.test/auto-login/").to_owned();
    let use_link = |browser: Browser| {
        let token = token.clone();
        async move {
            browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
            browser.is_signed_in().await
        }
    };
    assert!(use_link(portal.browser()).await);
    assert!(!use_link(portal.browser()).await);
    assert!(portal.audit_log().await.iter().any(|row| row.action.as_str() == "operator.user_link"));
    portal.create_user("shut", Status::Deactivated, Role::Member).await;
    assert!(commands::make_user_link(&portal.backend, "shut").await.is_err());
}

#[tokio::test]
async fn the_owner_of_an_email_address_that_a_new_administrator_cannot_have_is_found() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.create_user("shut", Status::Deactivated, Role::Admin).await;
    for (email, owner) in
        [("Shut@example.org", Some("shut")), ("ada@example.org", None), ("new@example.org", None)]
    {
        let email = EmailAddress::parse(email).expect("valid");
        let found = commands::find_owner(&portal.backend, &email).await.expect("reads");
        assert_eq!(found.as_ref().map(|user| user.username.as_str()), owner);
    }
}
