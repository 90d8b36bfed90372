//! Tests of registration and of the cleanup of old registrations.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::email_job::JobKind;
use backend::entity::user;
use backend::infra::database::Lock;
use backend::jobs::cleanup::purge;
use domain::errors::{ErrorCode, Field};
use domain::status::{Role, Status};

#[tokio::test]
async fn a_registration_is_pending_and_the_page_says_so() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    let browser = portal.register("ada").await;
    let page = browser.get("/login").await;
    page.assert_contains("Your account has been created and is waiting for approval.");
    browser.get("/login").await.assert_not_contains("Your account has been created");
    let user = portal.user("ada").await;
    assert_eq!((user.status, user.role), (Status::Pending, Role::Member));
    assert!(user.email_confirmed_at.is_none());
    assert!(user.password_hash.is_some_and(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")));
}

#[tokio::test]
async fn an_invalid_registration_keeps_the_typed_values_except_the_password() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    let response = browser.register("a", "nonsense", "short").await;
    assert_eq!((response.status, response.location()), (StatusCode::FOUND, Some("/register")));
    let page = browser.get("/register").await;
    for message in [
        "Username must be 3 to 32 characters.",
        "Enter an email address in the correct format, like",
        "Password must be at least 12 characters.",
    ] {
        page.assert_contains(message);
    }
    page.assert_contains("<title>Error: Create your account");
    page.assert_contains("value=\"nonsense\"");
    page.assert_not_contains("short\"");
    browser.get("/register").await.assert_not_contains("Password must be at least 12 characters.");
    assert!(portal.find_user("a").await.is_none());
}

#[tokio::test]
async fn scripts_get_the_same_errors_in_place() {
    let portal = TestPortal::start().await;
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", "x"),
    ];
    let response = portal.browser().fetch("/do/register", &fields).await;
    assert_eq!(response.status, StatusCode::OK);
    let ActionResult::Refused(errors) = response.action_result() else { panic!("refused") };
    assert_eq!(errors.code_of(Field::ConfirmPassword), Some(ErrorCode::PasswordsDiffer));
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let portal = TestPortal::start().await;
    for password in
        ["password1234", "123456789012", "adalovelace1", "qwertyuiopas", "aaaaaaaaaaaaaa", "example.org!"]
    {
        let browser = portal.browser();
        browser.register("adalovelace", "ada@example.org", password).await;
        browser.get("/register").await.assert_contains("That password is too easy to guess.");
    }
    assert!(portal.find_user("adalovelace").await.is_none());
}

#[tokio::test]
async fn a_password_on_the_blocklist_is_refused_at_registration_and_password_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("passwords.txt").to_string_lossy().into_owned();
    let listed = |number: usize| format!("walnut {number} harbour letter");
    let list: Vec<String> = (0..3000).map(listed).collect();
    std::fs::write(&path, list.join("\n")).expect("is written");
    let portal = TestPortal::with(&[("PASSWORD_BLOCKLIST", path.as_str())]).await;
    assert_eq!(portal.backend.settings.password_blocklist.len(), 3000);

    portal.create_user("bert", Status::Active, Role::Member).await;
    let bert = portal.signed_in("bert").await;
    for password in [listed(0), listed(1499), listed(2999).to_uppercase()] {
        let browser = portal.browser();
        browser.register("ada", "ada@example.org", &password).await;
        browser.get("/register").await.assert_contains("That password is too easy to guess.");
        let fields =
            [("current_password", PASSWORD), ("new_password", &password), ("confirm_password", &password)];
        let ActionResult::Refused(errors) = bert.fetch("/do/change_password", &fields).await.action_result()
        else {
            panic!("{password} is refused");
        };
        assert_eq!(errors.code_of(Field::NewPassword), Some(ErrorCode::PasswordTooWeak));
    }
    assert!(portal.find_user("ada").await.is_none());

    let browser = portal.browser();
    browser.register("ada", "ada@example.org", &listed(3000)).await;
    assert!(portal.find_user("ada").await.is_some(), "nothing but the list refused the others");
}

#[tokio::test]
async fn a_username_is_taken_in_any_case() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    browser.register("ADA", "other@example.org", PASSWORD).await;
    browser.get("/register").await.assert_contains("That username is already taken. Choose a different one.");
}

#[tokio::test]
async fn fifty_concurrent_registrations_of_one_username_create_one_account() {
    let portal = TestPortal::start().await;
    let attempts = (0..50).map(|number| {
        let browser = portal.browser();
        async move { browser.register("ada", &format!("ada{number}@example.org"), PASSWORD).await }
    });
    let responses = join_all(attempts).await;
    let created = responses.iter().filter(|response| response.location() == Some("/login")).count();
    assert_eq!(created, 1);
    assert!(responses.iter().all(|response| response.status == StatusCode::FOUND));
}

#[tokio::test]
async fn a_known_email_address_gets_the_answer_of_a_new_one_and_its_owner_one_email_a_day() {
    let portal = TestPortal::start().await;
    portal.create_user("mike", Status::Active, Role::Member).await;
    portal.deliver_emails().await;
    let before = portal.sent_emails().len();
    let known = portal.browser().register("mallory", "MIKE@example.org", PASSWORD).await;
    let new = portal.browser().register("carol", "carol@example.org", PASSWORD).await;
    assert_eq!((known.status, known.location()), (new.status, new.location()));
    assert_eq!(known.body.len(), new.body.len());
    let names = |response: &crate::support::Response| -> Vec<(String, usize)> {
        response.cookies().iter().map(|c| (c.split('=').next().unwrap().to_owned(), c.len())).collect()
    };
    assert_eq!(names(&known), names(&new));
    assert_eq!(portal.user("mallory").await.status, Status::Shadow);
    assert_eq!(
        portal.email_jobs().await.len(),
        2 + usize::from(
            portal
                .email_jobs()
                .await
                .iter()
                .any(|job| job.kind.known() == Some(JobKind::PendingRegistration))
        )
    );
    let emails = portal.deliver_emails().await.split_off(before);
    let to_mike: Vec<_> = emails.iter().filter(|email| email.to == "mike@example.org").collect();
    assert_eq!(to_mike.len(), 1);
    assert!(to_mike[0].subject.starts_with("You already have an account"));
    assert!(!to_mike[0].text.contains("mallory"));
    portal.browser().register("mallory2", "mike@example.org", PASSWORD).await;
    assert!(
        !portal
            .deliver_emails()
            .await
            .split_off(before + emails.len())
            .iter()
            .any(|email| email.to == "mike@example.org")
    );
    portal.advance_time(Duration::from_secs(86_401));
    portal.browser().register("mallory3", "mike@example.org", PASSWORD).await;
    assert_eq!(portal.email_to("mike").await.subject, to_mike[0].subject);
}

#[tokio::test]
async fn a_shadow_is_never_shown_and_keeps_its_username() {
    let portal = TestPortal::start().await;
    portal.create_user("mike", Status::Active, Role::Member).await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    let shadow = portal.user("mallory").await;
    let admin = portal.create_admin("grace").await;
    admin.get("/admin").await.assert_not_contains("mallory");
    assert_eq!(admin.get(&format!("/admin/users/{}", shadow.id)).await.status, StatusCode::NOT_FOUND);
    admin.apply_action("approve", shadow.id).await;
    assert_eq!(portal.user("mallory").await.status, Status::Shadow);
    let browser = portal.browser();
    browser.sign_in("mallory", PASSWORD).await;
    browser.get("/login").await.assert_contains("Your account is waiting for an administrator");
    browser.register("Mallory", "x@example.org", OTHER_PASSWORD).await;
    browser.get("/register").await.assert_contains("That username is already taken. Choose a different one.");
}

#[tokio::test]
async fn an_unconfirmed_email_address_is_not_reserved() {
    let portal = TestPortal::start().await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    portal.browser().register("mike", "mike@example.org", PASSWORD).await;
    assert_eq!(portal.user("mike").await.status, Status::Pending);
}

#[tokio::test]
async fn extra_fields_give_no_rights() {
    let portal = TestPortal::start().await;
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        ("is_admin", "true"),
        ("role", "admin"),
        ("status", "active"),
    ];
    portal.browser().post("/do/register", &fields).await;
    let user = portal.user("ada").await;
    assert_eq!((user.status, user.role), (Status::Pending, Role::Member));
}

#[tokio::test]
async fn cleanup_removes_only_old_unconfirmed_shadow_and_rejected_accounts() {
    let portal = TestPortal::start().await;
    portal.register("unconfirmed").await;
    for (name, status) in [
        ("confirmed", Status::Pending),
        ("held", Status::Held),
        ("active", Status::Active),
        ("rejected", Status::Rejected),
        ("deactivated", Status::Deactivated),
    ] {
        portal.create_user(name, status, Role::Member).await;
    }
    portal.browser().register("shadow", "active@example.org", PASSWORD).await;
    portal.advance_time(Duration::from_secs(7 * 86_400 + 1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 2);
    portal.advance_time(Duration::from_hours(552));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    portal.advance_time(Duration::from_hours(87_600));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    for name in ["confirmed", "held", "active", "deactivated"] {
        assert!(portal.find_user(name).await.is_some(), "{name}");
    }
}

#[tokio::test]
async fn an_account_that_is_approved_during_cleanup_is_kept() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.advance_time(Duration::from_secs(7 * 86_400 + 1));
    let approval = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*approval)
        .await
        .expect("approves");
    let backend = portal.backend.clone();
    let purged = tokio::spawn(async move { purge(&backend).await });
    portal.wait_for_blocked_statement().await;
    approval.commit().await.expect("commits");
    assert_eq!(purged.await.expect("ends").expect("purges"), 0);
    assert_eq!(portal.user("ada").await.status, Status::Active);
}

#[tokio::test]
async fn registration_is_limited_for_each_client_ip() {
    let portal = TestPortal::with(&[("LIMIT_REGISTER", "2/1h")]).await;
    let register = |name: &'static str, client_ip: &'static str| {
        let browser = portal.browser();
        async move {
            let email = format!("{name}@example.org");
            let fields = [
                ("username", name),
                ("email", &email),
                ("password", PASSWORD),
                ("confirm_password", PASSWORD),
            ];
            let response = browser.post_from("/do/register", &fields, Some(client_ip)).await;
            (response.location().map(ToOwned::to_owned), browser.get("/register").await)
        }
    };
    for name in ["one", "two"] {
        assert_eq!(register(name, "192.0.2.1").await.0.as_deref(), Some("/login"));
    }
    let (location, page) = register("three", "192.0.2.1").await;
    assert_eq!(location.as_deref(), Some("/register"));
    page.assert_contains("Too many attempts. Try again in 1 hour.");
    assert!(portal.find_user("three").await.is_none());
    assert_eq!(register("four", "192.0.2.2").await.0.as_deref(), Some("/login"));
    portal.advance_time(Duration::from_hours(1));
    assert_eq!(register("five", "192.0.2.1").await.0.as_deref(), Some("/login"));
}

/// Runs futures concurrently, each as a task, and returns their results in order.
pub async fn join_all<F>(futures: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = futures.map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("the task ends"));
    }
    results
}
