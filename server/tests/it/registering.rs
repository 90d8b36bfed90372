//! Registering.

use std::time::Duration;

use app::backend::database::Lock;
use app::backend::entity::user;
use app::backend::purge::purge;
use app::domain::answer::Outcome;
use app::domain::problem::{Field, Problem};
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{OTHER_PASSWORD, PASSWORD, Portal};

#[tokio::test]
async fn a_registration_waits_and_says_so() {
    let portal = Portal::start().await;
    let browser = portal.register("ada").await;
    let page = browser.get("/login").await;
    page.says("Your account was created and is waiting for approval.");
    browser.get("/login").await.does_not_say("Your account was created");
    let user = portal.user("ada").await;
    assert_eq!((user.status.as_str(), user.role.as_str()), ("pending", "member"));
    assert!(user.email_confirmed_at.is_none());
    assert!(user.password_hash.is_some_and(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")));
}

#[tokio::test]
async fn a_refused_registration_keeps_what_was_typed_but_no_password() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    let reply = browser.register("a", "nonsense", "short").await;
    assert_eq!((reply.status, reply.location()), (StatusCode::FOUND, Some("/register")));
    let page = browser.get("/register").await;
    for words in ["Use 3 to 32 characters", "Enter an email address like", "Use at least 12 characters."] {
        page.says(words);
    }
    page.says("<title>Error: Create your account");
    page.says("value=\"nonsense\"");
    page.does_not_say("short\"");
    browser.get("/register").await.does_not_say("Use at least 12 characters.");
    assert!(portal.find_user("a").await.is_none());
}

#[tokio::test]
async fn scripts_get_the_same_refusal_in_place() {
    let portal = Portal::start().await;
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", "x"),
    ];
    let reply = portal.browser().script("/do/register", &fields).await;
    assert_eq!(reply.status, StatusCode::OK);
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("refused") };
    assert_eq!(refusal.problem_of(Field::ConfirmPassword), Some(Problem::PasswordsDiffer));
}

#[tokio::test]
async fn guessable_passwords_are_refused() {
    let portal = Portal::start().await;
    for password in
        ["password1234", "123456789012", "adalovelace1", "qwertyuiopas", "aaaaaaaaaaaaaa", "example.org!"]
    {
        let browser = portal.browser();
        browser.register("adalovelace", "ada@example.org", password).await;
        browser.get("/register").await.says("That password would be guessed early.");
    }
    assert!(portal.find_user("adalovelace").await.is_none());
}

#[tokio::test]
async fn a_password_on_the_operators_list_is_refused_wherever_one_is_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("passwords.txt").to_string_lossy().into_owned();
    let listed = |number: usize| format!("walnut {number} harbour letter");
    let list: Vec<String> = (0..3000).map(listed).collect();
    std::fs::write(&path, list.join("\n")).expect("is written");
    let portal = Portal::with(&[("PASSWORD_BLOCKLIST", path.as_str())]).await;
    assert_eq!(portal.backend.settings.password_blocklist.len(), 3000);

    portal.person("bert", Status::Active, Role::Member).await;
    let bert = portal.signed_in("bert").await;
    for password in [listed(0), listed(1499), listed(2999).to_uppercase()] {
        let browser = portal.browser();
        browser.register("ada", "ada@example.org", &password).await;
        browser.get("/register").await.says("That password would be guessed early.");
        let fields =
            [("current_password", PASSWORD), ("new_password", &password), ("confirm_password", &password)];
        let Outcome::Refused(refusal) = bert.script("/do/change_password", &fields).await.outcome() else {
            panic!("{password} is refused");
        };
        assert_eq!(refusal.problem_of(Field::NewPassword), Some(Problem::PasswordGuessable));
    }
    assert!(portal.find_user("ada").await.is_none());

    let browser = portal.browser();
    browser.register("ada", "ada@example.org", &listed(3000)).await;
    assert!(portal.find_user("ada").await.is_some(), "nothing but the list refused the others");
}

#[tokio::test]
async fn a_name_is_taken_in_any_case() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    browser.register("ADA", "other@example.org", PASSWORD).await;
    browser.get("/register").await.says("That username is already taken.");
}

#[tokio::test]
async fn fifty_registrations_of_one_name_make_one_account() {
    let portal = Portal::start().await;
    let tries = (0..50).map(|number| {
        let browser = portal.browser();
        async move { browser.register("ada", &format!("ada{number}@example.org"), PASSWORD).await }
    });
    let replies = join(tries).await;
    let made = replies.iter().filter(|reply| reply.location() == Some("/login")).count();
    assert_eq!(made, 1);
    assert!(replies.iter().all(|reply| reply.status == StatusCode::FOUND));
}

#[tokio::test]
async fn a_known_address_looks_like_a_new_one_and_its_owner_is_told_once_a_day() {
    let portal = Portal::start().await;
    portal.person("mike", Status::Active, Role::Member).await;
    portal.mails().await;
    let before = portal.sent().len();
    let known = portal.browser().register("mallory", "MIKE@example.org", PASSWORD).await;
    let new = portal.browser().register("carol", "carol@example.org", PASSWORD).await;
    assert_eq!((known.status, known.location()), (new.status, new.location()));
    assert_eq!(known.body.len(), new.body.len());
    let names = |reply: &crate::support::Reply| -> Vec<(String, usize)> {
        reply.cookies().iter().map(|c| (c.split('=').next().unwrap().to_owned(), c.len())).collect()
    };
    assert_eq!(names(&known), names(&new));
    assert_eq!(portal.user("mallory").await.status, "shadow");
    assert_eq!(
        portal.jobs().await.len(),
        2 + usize::from(portal.jobs().await.iter().any(|job| job.kind == "notice"))
    );
    let mails = portal.mails().await.split_off(before);
    let to_mike: Vec<_> = mails.iter().filter(|mail| mail.to == "mike@example.org").collect();
    assert_eq!(to_mike.len(), 1);
    assert!(to_mike[0].subject.starts_with("You already have an account"));
    assert!(!to_mike[0].text.contains("mallory"));
    portal.browser().register("mallory2", "mike@example.org", PASSWORD).await;
    assert!(
        !portal
            .mails()
            .await
            .split_off(before + mails.len())
            .iter()
            .any(|mail| mail.to == "mike@example.org")
    );
    portal.later(Duration::from_secs(86_401));
    portal.browser().register("mallory3", "mike@example.org", PASSWORD).await;
    assert_eq!(portal.mail_to("mike").await.subject, to_mike[0].subject);
}

#[tokio::test]
async fn a_shadow_is_nowhere_and_keeps_the_name() {
    let portal = Portal::start().await;
    portal.person("mike", Status::Active, Role::Member).await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    let shadow = portal.user("mallory").await;
    let admin = portal.admin("grace").await;
    admin.get("/admin").await.does_not_say("mallory");
    assert_eq!(admin.get(&format!("/admin/users/{}", shadow.id)).await.status, StatusCode::NOT_FOUND);
    admin.decide("approve", shadow.id).await;
    assert_eq!(portal.user("mallory").await.status, "shadow");
    let browser = portal.browser();
    browser.sign_in("mallory", PASSWORD).await;
    browser.get("/login").await.says("Your account is waiting for an administrator");
    browser.register("Mallory", "x@example.org", OTHER_PASSWORD).await;
    browser.get("/register").await.says("That username is already taken.");
}

#[tokio::test]
async fn an_unconfirmed_address_reserves_nothing() {
    let portal = Portal::start().await;
    portal.browser().register("mallory", "mike@example.org", PASSWORD).await;
    portal.browser().register("mike", "mike@example.org", PASSWORD).await;
    assert_eq!(portal.user("mike").await.status, "pending");
}

#[tokio::test]
async fn extra_fields_give_no_rights() {
    let portal = Portal::start().await;
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
    assert_eq!((user.status.as_str(), user.role.as_str()), ("pending", "member"));
}

#[tokio::test]
async fn what_has_had_its_time_is_purged_and_nothing_else() {
    let portal = Portal::start().await;
    portal.register("unconfirmed").await;
    for (name, status) in [
        ("confirmed", Status::Pending),
        ("held", Status::Held),
        ("active", Status::Active),
        ("rejected", Status::Rejected),
        ("deactivated", Status::Deactivated),
    ] {
        portal.person(name, status, Role::Member).await;
    }
    portal.browser().register("shadow", "active@example.org", PASSWORD).await;
    portal.later(Duration::from_secs(7 * 86_400 + 1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 2);
    portal.later(Duration::from_hours(552));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    portal.later(Duration::from_hours(87_600));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    for name in ["confirmed", "held", "active", "deactivated"] {
        assert!(portal.find_user(name).await.is_some(), "{name}");
    }
}

#[tokio::test]
async fn an_account_that_is_approved_during_a_purge_stays() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    portal.later(Duration::from_secs(7 * 86_400 + 1));
    let approval = portal.backend.db.begin_write(Lock::None).await.expect("begins");
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active.as_str()))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*approval)
        .await
        .expect("approves");
    let backend = portal.backend.clone();
    let purged = tokio::spawn(async move { purge(&backend).await });
    portal.wait_for_blocked_statement().await;
    approval.commit().await.expect("commits");
    assert_eq!(purged.await.expect("ends").expect("purges"), 0);
    assert_eq!(portal.user("ada").await.status, "active");
}

#[tokio::test]
async fn registering_is_limited_for_one_source_and_not_for_others() {
    let portal = Portal::with(&[("LIMIT_REGISTER", "2/1h")]).await;
    let register = |name: &'static str, source: &'static str| {
        let browser = portal.browser();
        async move {
            let email = format!("{name}@example.org");
            let fields = [
                ("username", name),
                ("email", &email),
                ("password", PASSWORD),
                ("confirm_password", PASSWORD),
            ];
            let reply = browser.post_from("/do/register", &fields, Some(source)).await;
            (reply.location().map(ToOwned::to_owned), browser.get("/register").await)
        }
    };
    for name in ["one", "two"] {
        assert_eq!(register(name, "192.0.2.1").await.0.as_deref(), Some("/login"));
    }
    let (location, page) = register("three", "192.0.2.1").await;
    assert_eq!(location.as_deref(), Some("/register"));
    page.says("Too many attempts. Try again in 1 hour.");
    assert!(portal.find_user("three").await.is_none());
    assert_eq!(register("four", "192.0.2.2").await.0.as_deref(), Some("/login"));
    portal.later(Duration::from_hours(1));
    assert_eq!(register("five", "192.0.2.1").await.0.as_deref(), Some("/login"));
}

/// Runs futures at once, on many threads' worth of tasks.
pub async fn join<F>(futures: impl Iterator<Item = F>) -> Vec<F::Output>
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
