//! Changing one's password of one's own accord.

use std::time::Duration;

use app::backend::operator::make_user_link;
use app::domain::answer::Outcome;
use app::domain::problem::{Field, Problem};
use app::domain::status::{Role, Status};

use crate::registering::join;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Portal};

async fn change(browser: &Browser, current: &str, new: &str, again: &str) -> Outcome {
    let fields = [("current_password", current), ("new_password", new), ("confirm_password", again)];
    browser.script("/do/change_password", &fields).await.outcome()
}

/// The problem of one field.
fn problem_of(outcome: &Outcome, field: Field) -> Option<Problem> {
    match outcome {
        Outcome::Refused(refusal) => refusal.problem_of(field),
        _ => None,
    }
}

#[tokio::test]
async fn it_takes_the_present_password_and_says_what_is_wrong_field_by_field() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for (current, new, again, field, problem) in [
        ("", OTHER_PASSWORD, OTHER_PASSWORD, Field::CurrentPassword, Problem::CurrentPasswordMissing),
        (
            OTHER_PASSWORD,
            "brown kettle window",
            "brown kettle window",
            Field::CurrentPassword,
            Problem::CurrentPasswordWrong,
        ),
        (PASSWORD, "short", "short", Field::NewPassword, Problem::PasswordTooShort(12)),
        (PASSWORD, OTHER_PASSWORD, "another", Field::ConfirmPassword, Problem::PasswordsDiffer),
        (PASSWORD, PASSWORD, PASSWORD, Field::NewPassword, Problem::PasswordUnchanged),
        (PASSWORD, "password1234", "password1234", Field::NewPassword, Problem::PasswordGuessable),
        (PASSWORD, "ada@example.org", "ada@example.org", Field::NewPassword, Problem::PasswordGuessable),
    ] {
        let outcome = change(&browser, current, new, again).await;
        assert_eq!(problem_of(&outcome, field), Some(problem), "{current} {new} {again}: {outcome:?}");
    }
    assert!(browser.is_signed_in().await, "a refusal ends nothing");
    portal.signed_in("ada").await;
    let outcome = change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(outcome, Outcome::Goto("/profile".to_owned()));
}

#[tokio::test]
async fn every_other_session_ends_and_this_one_goes_on_under_a_new_id() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let (browser, elsewhere) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    let thief = browser.copy();
    change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert!(browser.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert!(!thief.is_signed_in().await, "the old id is worth nothing");
    assert_eq!(portal.user("ada").await.auth_epoch, 1);
    assert!(portal.mail_to("ada").await.subject.contains("was changed"));
    assert!(portal.audit().await.iter().any(|row| row.action == "password.change"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_at_once_one_counts() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let first = portal.signed_in("ada").await;
    let second = portal.signed_in("ada").await;
    let passwords = ["brown kettle window", "seven quiet otters"];
    let changes = [first, second].into_iter().zip(passwords).map(|(browser, new)| async move {
        let outcome = change(&browser, PASSWORD, new, new).await;
        (matches!(outcome, Outcome::Goto(to) if to == "/profile"), browser.is_signed_in().await, new)
    });
    let done = join(changes).await;
    assert_eq!(done.iter().filter(|(changed, ..)| *changed).count(), 1, "{done:?}");
    for (changed, signed_in, new) in done {
        assert_eq!(changed, signed_in);
        let expected = if changed { "/profile" } else { "/login" };
        assert_eq!(portal.browser().sign_in("ada", new).await.location(), Some(expected));
    }
}

#[tokio::test]
async fn the_operators_link_lets_one_choose_without_the_present_one_for_ten_minutes() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let token = link.rsplit('/').next().expect("a token").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    browser.get("/change-password").await.says("You came by a link of the operator");
    let late = browser.copy();
    assert_eq!(
        change(&browser, "", OTHER_PASSWORD, OTHER_PASSWORD).await,
        Outcome::Goto("/profile".to_owned())
    );
    assert!(!late.is_signed_in().await);

    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let token = link.rsplit('/').next().expect("a token").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    portal.later(Duration::from_mins(11));
    browser.get("/change-password").await.says("More than ten minutes have passed");
    let outcome = change(&browser, "", "brown kettle window", "brown kettle window").await;
    assert_eq!(outcome, Outcome::Refused(Problem::ProofTooOld.into()));
}

#[tokio::test]
async fn the_link_of_an_approval_is_no_such_proof() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", ada.id).await;
    let token = portal.mail_to("ada").await.link().trim_start_matches("/auto-login/").to_owned();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
    let outcome = change(&browser, "", OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(problem_of(&outcome, Field::CurrentPassword), Some(Problem::CurrentPasswordMissing));
}

#[tokio::test]
async fn tries_are_limited_for_one_account() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    for _ in 0..10 {
        let outcome = change(&browser, "wrong wrong wrong", OTHER_PASSWORD, OTHER_PASSWORD).await;
        assert_eq!(problem_of(&outcome, Field::CurrentPassword), Some(Problem::CurrentPasswordWrong));
    }
    let outcome = change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(outcome, Outcome::Refused(Problem::TooMany(600).into()));
    portal.later(Duration::from_mins(10));
    assert_eq!(
        change(&browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await,
        Outcome::Goto("/profile".to_owned())
    );
}

#[tokio::test]
async fn a_stranger_is_asked_to_sign_in_and_managers_find_the_page() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    assert_eq!(browser.get("/.well-known/change-password").await.location(), Some("/change-password"));
    assert_eq!(browser.get("/change-password").await.location(), Some("/login?next=%2Fchange-password"));
    let reply = browser.post("/do/change_password", &[("new_password", OTHER_PASSWORD)]).await;
    assert_eq!(reply.location(), Some("/login?next=%2Fchange-password"));
}
