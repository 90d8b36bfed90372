//! Changing one's address, and taking that back.

use std::time::Duration;

use app::backend::entity::user;
use app::backend::operator::make_user_link;
use app::domain::answer::Outcome;
use app::domain::problem::{Field, Problem, Refusal};
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{Browser, Mail, OTHER_PASSWORD, PASSWORD, Portal};

async fn ask(browser: &Browser, email: &str) -> Outcome {
    browser
        .script("/do/ask_address_change", &[("email", email), ("current_password", PASSWORD)])
        .await
        .outcome()
}

fn token(mail: &Mail) -> String {
    mail.link().rsplit('/').next().expect("a token").to_owned()
}

async fn mail_to(portal: &Portal, address: &str) -> Mail {
    portal.mails().await.into_iter().rev().find(|mail| mail.to == address).expect("there is mail")
}

/// A portal where ada, signed in, has asked for another address; and the link's token.
async fn asked() -> (Portal, Browser, String) {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    assert_eq!(ask(&browser, "countess@example.org").await, Outcome::Goto("/profile".to_owned()));
    let token = token(&mail_to(&portal, "countess@example.org").await);
    (portal, browser, token)
}

#[tokio::test]
async fn the_new_address_counts_once_its_link_is_used_and_everybody_else_is_signed_out() {
    let (portal, browser, token) = asked().await;
    let elsewhere = portal.signed_in("ada").await;
    let page = browser.get(&format!("/confirm-address/{token}")).await;
    page.says("countess@example.org becomes the address of ada.");
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "looking changes nothing");
    let reply = browser.post("/do/change_address", &[("token", &token)]).await;
    assert_eq!(reply.location(), Some("/profile"));
    browser.get("/profile").await.says("Your address is changed. You are signed out everywhere else.");
    let ada = portal.user("ada").await;
    assert_eq!((ada.email.as_str(), ada.auth_epoch), ("countess@example.org", 1));
    assert!(ada.email_confirmed_at.is_some());
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(portal.browser().sign_in("countess@example.org", PASSWORD).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada@example.org", PASSWORD).await.location(), Some("/login"));
    let again = portal.browser().get(&format!("/confirm-address/{token}")).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_link_alone_gives_a_stranger_nothing() {
    let (portal, _, token) = asked().await;
    let stranger = portal.browser();
    stranger.get(&format!("/confirm-address/{token}")).await.says("The password of ada.");
    for typed in ["", OTHER_PASSWORD] {
        stranger.post("/do/change_address", &[("token", &token), ("password", typed)]).await;
        assert_eq!(portal.user("ada").await.email, "ada@example.org");
    }
    let reply = stranger.post("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(reply.location(), Some("/login"));
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
    assert!(!stranger.is_signed_in().await);
}

#[tokio::test]
async fn somebody_else_who_is_signed_in_has_to_sign_out_first() {
    let (portal, _, token) = asked().await;
    portal.person("bob", Status::Active, Role::Member).await;
    let bob = portal.signed_in("bob").await;
    bob.get(&format!("/confirm-address/{token}")).await.says("This link is for ada");
    let outcome =
        bob.script("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await.outcome();
    assert_eq!(outcome, Outcome::Refused(Problem::SomebodyElse.into()));
}

#[tokio::test]
async fn asking_takes_the_password_and_another_address() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let of = |field, problem| Outcome::Refused(Refusal::of_field(field, problem));
    for (email, password, expected) in [
        ("x", PASSWORD, of(Field::Email, Problem::AddressShape)),
        ("new@example.org", "", of(Field::CurrentPassword, Problem::CurrentPasswordMissing)),
        ("new@example.org", OTHER_PASSWORD, of(Field::CurrentPassword, Problem::CurrentPasswordWrong)),
        ("ADA@Example.org", PASSWORD, of(Field::Email, Problem::AddressUnchanged)),
    ] {
        let fields = [("email", email), ("current_password", password)];
        let outcome = browser.script("/do/ask_address_change", &fields).await.outcome();
        assert_eq!(outcome, expected, "{email}");
    }
}

#[tokio::test]
async fn only_the_last_that_was_asked_for_counts_and_no_link_outlives_a_new_password() {
    let (portal, browser, first) = asked().await;
    ask(&browser, "lovelace@example.org").await;
    let second = token(&mail_to(&portal, "lovelace@example.org").await);
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
async fn an_address_that_has_an_account_gets_the_same_answer_and_its_owner_a_mail() {
    let portal = Portal::start().await;
    for name in ["ada", "bob"] {
        portal.person(name, Status::Active, Role::Member).await;
    }
    let browser = portal.signed_in("ada").await;
    let free = ask(&browser, "free@example.org").await;
    let taken = ask(&browser, "bob@example.org").await;
    assert_eq!(free, taken);
    let mail = portal.mail_to("bob").await;
    assert!(mail.subject.contains("already have an account"), "{mail:?}");
    let sent = portal.sent();
    assert!(!sent.iter().any(|mail| mail.to == "bob@example.org" && mail.text.contains("/confirm-address/")));
}

#[tokio::test]
async fn an_address_that_somebody_has_confirmed_meanwhile_changes_nothing() {
    let (portal, browser, token) = asked().await;
    let other = portal.browser();
    other.register("other", "countess@example.org", PASSWORD).await;
    let confirm =
        mail_to(&portal, "countess@example.org").await.link().trim_start_matches("/confirm/").to_owned();
    other.post("/do/confirm_address", &[("token", &confirm)]).await;
    assert!(portal.user("other").await.email_confirmed_at.is_some());
    let reply = browser.script("/do/change_address", &[("token", &token)]).await;
    assert_eq!(reply.outcome(), Outcome::Refused(Problem::AddressTaken.into()));
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
}

#[tokio::test]
async fn the_old_address_can_take_it_back_for_three_days_and_choose_a_new_password() {
    let (portal, thief, token_of_thief) = asked().await;
    thief.post("/do/change_address", &[("token", &token_of_thief)]).await;
    let mail = mail_to(&portal, "ada@example.org").await;
    assert!(mail.subject.contains("address") && mail.subject.contains("was changed"), "{mail:?}");
    let undo = token(&mail);
    portal.later(Duration::from_hours(71));
    let owner = portal.browser();
    owner.get(&format!("/undo/{undo}")).await.says("ada@example.org becomes the address of ada again");
    let reply = owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(reply.location(), Some("/change-password"));
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert!(!thief.is_signed_in().await);
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().get(&format!("/undo/{undo}")).await.status, StatusCode::NOT_FOUND, "once");
}

#[tokio::test]
async fn taking_it_back_voids_what_the_thief_knows_and_later_links() {
    let (portal, thief, token_of_thief) = asked().await;
    thief.post("/do/change_address", &[("token", &token_of_thief)]).await;
    let undo = token(&mail_to(&portal, "ada@example.org").await);
    ask(&thief, "lair@example.org").await;
    let second = token(&mail_to(&portal, "lair@example.org").await);
    assert_eq!(thief.post("/do/change_address", &[("token", &second)]).await.location(), Some("/profile"));
    let undo_of_thief = token(&mail_to(&portal, "countess@example.org").await);
    let owner = portal.browser();
    owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert_eq!(thief.sign_in("ada", PASSWORD).await.location(), Some("/login"), "the known password is void");
    thief.post("/do/undo_address_change", &[("token", &undo_of_thief)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "a later link takes nothing back");
    // Whoever does not choose at once can still recover by mail.
    owner.post("/do/sign_out", &[]).await;
    owner.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    assert!(portal.mail_to("ada").await.subject.contains("temporary password"));
}

#[tokio::test]
async fn a_thief_gets_no_way_back_when_the_owner_sets_it_right() {
    let (portal, thief, token_of_thief) = asked().await;
    thief.post("/do/change_address", &[("token", &token_of_thief)]).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let owner = portal.browser();
    owner.post("/do/use_sign_in_link", &[("token", link.rsplit('/').next().expect("a token"))]).await;
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    let fields = [("email", "ada@example.org"), ("current_password", OTHER_PASSWORD)];
    owner.post("/do/ask_address_change", &fields).await;
    let back = token(&mail_to(&portal, "ada@example.org").await);
    assert_eq!(owner.post("/do/change_address", &[("token", &back)]).await.location(), Some("/profile"));
    let told = mail_to(&portal, "countess@example.org").await;
    assert!(told.text.contains("tell an administrator") && !told.text.contains("/undo/"), "{}", told.text);
}

#[tokio::test]
async fn what_was_asked_for_before_a_change_of_password_brings_no_link() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    portal.mails().await;
    let thief = portal.signed_in("ada").await;
    let owner = portal.signed_in("ada").await;
    ask(&thief, "lair@example.org").await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    owner.post("/do/change_password", &fields).await;
    assert!(!portal.mails().await.iter().any(|mail| mail.to == "lair@example.org"));
}

#[tokio::test]
async fn what_one_has_typed_is_not_shown_to_the_next() {
    let portal = Portal::start().await;
    for name in ["ada", "bob"] {
        portal.person(name, Status::Active, Role::Member).await;
    }
    let browser = portal.signed_in("ada").await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let fields = [("email", "secret@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    browser.sign_in("bob", PASSWORD).await;
    browser.get("/profile/address").await.does_not_say("secret@example.org");
}

#[tokio::test]
async fn confirming_proves_nothing_anew() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let link = make_user_link(&portal.backend, "ada").await.expect("a link");
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", link.rsplit('/').next().expect("a token"))]).await;
    browser.post("/do/ask_address_change", &[("email", "countess@example.org")]).await;
    let token = token(&mail_to(&portal, "countess@example.org").await);
    portal.later(Duration::from_mins(9));
    assert_eq!(browser.post("/do/change_address", &[("token", &token)]).await.location(), Some("/profile"));
    portal.later(Duration::from_mins(2));
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    let outcome = browser.script("/do/change_password", &new).await.outcome();
    assert_eq!(outcome, Outcome::Refused(Problem::ProofTooOld.into()));
}

#[tokio::test]
async fn a_refused_change_signs_nobody_out() {
    let (portal, browser, token) = asked().await;
    portal.person("other", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailCanonical, Expr::value("countess@example.org"))
        .filter(user::Column::UsernameKey.eq("other"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let reply = browser.script("/do/change_address", &[("token", &token)]).await;
    assert_eq!(reply.outcome(), Outcome::Refused(Problem::AddressTaken.into()));
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn what_was_typed_when_the_session_ended_waits_on_its_page() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    portal.signed_in("ada").await.post("/do/end_other_sessions", &[]).await;
    let fields = [("email", "typed@example.org"), ("current_password", PASSWORD)];
    let reply = browser.post("/do/ask_address_change", &fields).await;
    assert_eq!(reply.location(), Some("/login?next=%2Fprofile%2Faddress"));
    browser.get("/login?next=%2Fprofile%2Faddress").await.says("Your session is over.");
    browser.sign_in("ada", OTHER_PASSWORD).await;
    browser.sign_in("ada", PASSWORD).await;
    let page = browser.get("/profile/address").await;
    assert!(page.body.contains("value=\"typed@example.org\""), "{}", page.text());
    assert!(!page.body.contains(PASSWORD));
    assert!(!browser.get("/profile/address").await.body.contains("typed@example.org"), "once");
}

#[tokio::test]
async fn after_three_days_it_can_not_be_taken_back() {
    let (portal, browser, token_of_change) = asked().await;
    browser.post("/do/change_address", &[("token", &token_of_change)]).await;
    let undo = token(&mail_to(&portal, "ada@example.org").await);
    portal.later(Duration::from_hours(72));
    portal.browser().post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
}

#[tokio::test]
async fn an_old_address_that_was_never_confirmed_gets_no_way_back() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    admin.decide("approve", portal.user("ada").await.id).await;
    let browser = portal.signed_in("ada").await;
    ask(&browser, "countess@example.org").await;
    let token = token(&mail_to(&portal, "countess@example.org").await);
    browser.post("/do/change_address", &[("token", &token)]).await;
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
    assert!(!portal.mails().await.iter().any(|mail| mail.text.contains("/undo/")));
}
