//! Admin actions on accounts.

use axum::http::{Method, StatusCode};

use crate::support::{PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{PublicStatus, Role, Status};

#[tokio::test]
async fn an_approved_user_gets_an_email_and_can_sign_in() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let response = admin.apply_action("approve", ada.id).await;
    assert_eq!(response.location(), Some("/admin"));
    admin.get("/admin").await.assert_contains("Approved. They'll get an email.");
    assert_eq!(portal.email_to("ada").await.subject, "Your account at Vestibule has been approved");
    assert!(portal.signed_in("ada").await.is_signed_in().await);
    let audit = portal.audit_log().await;
    let row = audit.iter().find(|row| row.action.as_str() == "user.approve").expect("it is written down");
    assert_eq!((row.actor_name.as_deref(), row.subject_name.as_deref()), (Some("grace"), Some("ada")));
}

#[tokio::test]
async fn a_rejection_sends_no_email_and_can_be_undone() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let before = portal.deliver_emails().await.len();
    admin.apply_action("reject", ada.id).await;
    assert_eq!(portal.user("ada").await.status, Status::Rejected);
    assert_eq!(portal.deliver_emails().await.len(), before);
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.assert_contains("Your request to join was declined.");
    admin.apply_action("reconsider", ada.id).await;
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn a_rejection_cannot_be_undone_if_another_account_has_confirmed_the_email_address() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Rejected, Role::Member).await;
    portal.browser().register("ada2", "ada@example.org", PASSWORD).await;
    let link = portal.email_to("ada").await.link();
    let token = link.rsplit('/').next().expect("a token").to_owned();
    portal.browser().post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(portal.user("ada2").await.email_confirmed_at.is_some());
    admin.apply_action("reconsider", ada.id).await;
    admin.get("/admin").await.assert_contains("Another account has already confirmed this email address.");
    assert_eq!(portal.user("ada").await.status, Status::Rejected);
}

#[tokio::test]
async fn deactivation_ends_access_with_the_next_request_and_reactivation_sends_an_email() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    admin.apply_action("deactivate", ada.id).await;
    assert!(!browser.is_signed_in().await);
    browser.get("/login").await;
    let again = portal.browser();
    again.sign_in("ada", PASSWORD).await;
    again.get("/login").await.assert_contains("This account has been deactivated.");
    // The original application had no other action to reactivate an account.
    admin.apply_action("approve", ada.id).await;
    assert_eq!(portal.user("ada").await.status, Status::Active);
    assert_eq!(portal.email_to("ada").await.subject, "Your account at Vestibule is active again");
    assert!(!browser.is_signed_in().await, "the old session does not come back");
}

#[tokio::test]
async fn a_change_of_role_ends_the_sessions_of_the_user() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    admin.apply_action("make-admin", ada.id).await;
    assert!(!browser.is_signed_in().await);
    let browser = portal.signed_in("ada").await;
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    admin.apply_action("remove-admin", ada.id).await;
    assert!(!browser.is_signed_in().await);
    assert_eq!(portal.signed_in("ada").await.get("/admin").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_user_with_an_unconfirmed_email_address_can_be_approved_but_not_made_administrator() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await;
    admin.get("/admin").await.assert_contains("Approve anyway");
    admin.apply_action("approve", ada.id).await;
    assert_eq!(portal.user("ada").await.status, Status::Active);
    admin.apply_action("make-admin", ada.id).await;
    admin
        .get("/admin")
        .await
        .assert_contains("The email address must be confirmed first. Nothing has changed.");
    assert_eq!(portal.user("ada").await.role, Role::Member);
}

#[tokio::test]
async fn approval_requires_a_confirmed_email_address_if_the_setting_says_so() {
    let portal = TestPortal::with(&[("REQUIRE_CONFIRMED_ADDRESS", "true")]).await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await;
    admin
        .get(&format!("/admin/approve/{}", ada.id))
        .await
        .assert_contains("The email address must be confirmed first.");
    admin.apply_action("approve", ada.id).await;
    admin
        .get("/admin")
        .await
        .assert_contains("The email address must be confirmed first. Nothing has changed.");
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn an_action_that_does_not_fit_the_status_names_the_status_and_the_administrator() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.create_admin("zoe").await.apply_action("approve", ada.id).await;
    admin
        .get(&format!("/admin/approve/{}", ada.id))
        .await
        .assert_contains("This account was approved by zoe on ");
    admin.apply_action("approve", ada.id).await;
    admin.get("/admin").await.assert_contains("zoe approved ada just now.");
    let id = ada.id.to_string();
    let response = admin.fetch("/do/decide", &[("id", &id), ("decision", "reject"), ("stay", "yes")]).await;
    let ActionResult::Stale(errors, person) = response.action_result() else {
        panic!("stale: {}", response.body)
    };
    assert_eq!(errors, FormErrors::of(ErrorCode::WrongStatus(PublicStatus::Active)));
    assert_eq!((person.status, person.decided_by.as_deref()), (PublicStatus::Active, Some("zoe")));
}

#[tokio::test]
async fn the_paths_of_the_original_application_ask_for_confirmation_and_change_nothing() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let bob = portal.create_user("bob", Status::Active, Role::Member).await;
    let eve = portal.create_user("eve", Status::Active, Role::Admin).await;
    for (path, message) in [
        (format!("/admin/approve/{}", ada.id), "Approve ada?"),
        (format!("/admin/reject/{}", ada.id), "Reject ada?"),
        (format!("/admin/deactivate/{}", bob.id), "Deactivate bob?"),
        (format!("/admin/make-admin/{}", bob.id), "Make bob an administrator?"),
        (format!("/admin/remove-admin/{}", eve.id), "Remove eve's administrator role?"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let response = admin.request(method.clone(), &path).await;
            assert_eq!(response.status, StatusCode::OK, "{path}");
            if method == Method::GET {
                response.assert_contains(message);
            }
        }
        assert_eq!(admin.request(Method::POST, &path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    for name in ["ada", "bob", "eve"] {
        assert_eq!(portal.user(name).await.credential_version, 0, "{name}");
    }
}

#[tokio::test]
async fn visitors_and_members_cannot_apply_admin_actions() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let (visitor, member) = (portal.browser(), portal.signed_in("bob").await);
    for action in ["approve", "reject", "deactivate", "make-admin", "remove-admin"] {
        assert_eq!(visitor.apply_action(action, ada.id).await.location(), Some("/login?next=%2Fadmin"));
        member.apply_action(action, ada.id).await;
        let id = ada.id.to_string();
        let response =
            member.fetch("/do/decide", &[("id", &id), ("decision", action), ("stay", "yes")]).await;
        assert_eq!(response.action_result(), ActionResult::Refused(FormErrors::of(ErrorCode::Forbidden)));
    }
    assert_eq!(portal.user("ada").await.status, Status::Pending);
    let page = member.get("/admin").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.assert_contains("You do not have access to this page");
    page.assert_not_contains("ada@example.org");
    for path in ["/admin", "/admin/mail", "/admin/users/1", "/admin/approve/1"] {
        let response = visitor.get(path).await;
        assert_eq!(response.status, StatusCode::FOUND);
        assert!(response.location().is_some_and(|to| to.starts_with("/login?next=%2Fadmin")), "{path}");
    }
}

#[tokio::test]
async fn the_link_in_a_notification_leads_to_the_action_after_signing_in() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let emails = portal.deliver_emails().await;
    let notification =
        emails.iter().find(|email| email.to == "grace@example.org").expect("the administrator is told");
    assert_eq!(notification.subject, "ada has asked to join Vestibule");
    let link = notification.link();
    assert_eq!(link, format!("/admin/approve/{}", ada.id));
    let browser = portal.browser();
    let to_login = browser.get(&link).await;
    assert_eq!(to_login.location(), Some(format!("/login?next=%2Fadmin%2Fapprove%2F{}", ada.id).as_str()));
    let fields = [("username", "grace"), ("password", PASSWORD), ("next", link.as_str())];
    assert_eq!(browser.post("/do/sign_in", &fields).await.location(), Some(link.as_str()));
    browser.get(&link).await.assert_contains("Approve ada?");
}

#[tokio::test]
async fn the_users_page_lists_every_user_over_several_pages() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("zoe").await;
    let names: Vec<String> = (0..120).map(|number| format!("p{number:03}")).collect();
    insert_users(&portal, &names).await;
    let mut seen = Vec::new();
    let mut path = "/admin".to_owned();
    for _ in 0..4 {
        let page = admin.get(&path).await.body.replace("<!>", "");
        let people = page.split("id=\"people\"").nth(1).expect("the list").to_owned();
        seen.extend(names.iter().filter(|name| people.contains(&format!(">{name}</a>"))).cloned());
        let next = people.split("href=\"/admin?after=").nth(1).and_then(|rest| rest.split('#').next());
        match next {
            Some(after) => path = format!("/admin?after={after}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
}

async fn insert_users(portal: &TestPortal, names: &[String]) {
    use backend::entity::user;
    use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
    portal.register("template").await;
    let template = portal.user("template").await;
    let rows = names.iter().map(|name| user::ActiveModel {
        id: sea_orm::ActiveValue::NotSet,
        username: Set(name.clone()),
        username_key: Set(name.clone()),
        email: Set(format!("{name}@example.org")),
        email_canonical: Set(format!("{name}@example.org")),
        status: Set(Status::Active),
        ..template.clone().into_active_model().reset_all()
    });
    user::Entity::insert_many(rows).exec(portal.backend.db.pool()).await.expect("people are inserted");
}
