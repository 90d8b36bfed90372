//! A forgotten password: asking for a temporary one, coming in by it, and choosing another.

use std::time::Duration;

use app::backend::entity::{reset_request, user, user_session, user_token};
use app::backend::mail::transport::Transport;
use app::backend::{mail, reset::ask_reset};
use app::domain::address::EmailAddress;
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::registering::join;
use crate::support::{Browser, Mail, OTHER_PASSWORD, PASSWORD, Portal};

/// Asks for a temporary password for `name`.
async fn ask(portal: &Portal, name: &str) {
    let email = format!("{name}@example.org");
    let browser = portal.browser();
    assert_eq!(browser.post("/do/ask_reset", &[("email", &email)]).await.location(), Some("/login"));
    browser.get("/login").await.says("If an account has that address, a temporary password is on its way.");
}

/// The secret in a mail: the line that is indented.
fn secret(mail: &Mail) -> String {
    let line = mail.text.lines().find(|line| line.starts_with("    ")).expect("the mail has a secret");
    line.trim().to_owned()
}

/// A portal with ada, and a temporary password of hers.
async fn with_temporary() -> (Portal, String) {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    ask(&portal, "ada").await;
    let secret = secret(&portal.mail_to("ada").await);
    (portal, secret)
}

fn new_password(password: &str) -> [(&'static str, &str); 2] {
    [("new_password", password), ("confirm_password", password)]
}

async fn mails_about_recovery(portal: &Portal) -> usize {
    portal.mails().await.iter().filter(|mail| mail.subject.contains("temporary password")).count()
}

#[tokio::test]
async fn asking_changes_nothing_for_the_owner() {
    let portal = Portal::start().await;
    let before = portal.person("ada", Status::Active, Role::Member).await;
    let signed_in = portal.signed_in("ada").await;
    let before = user::Model { last_sign_in_at: portal.user("ada").await.last_sign_in_at, ..before };
    for _ in 0..100 {
        ask(&portal, "ada").await;
    }
    assert_eq!(mails_about_recovery(&portal).await, 1, "asked at once, answered once");
    assert_eq!(portal.user("ada").await, before);
    assert!(signed_in.is_signed_in().await);
    portal.signed_in("ada").await;
}

#[tokio::test]
async fn at_most_three_mails_an_hour_and_always_a_valid_one() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let mut in_this_hour = 0;
    for minute in 0..360 {
        let before = mails_about_recovery(&portal).await;
        ask(&portal, "ada").await;
        let now = mails_about_recovery(&portal).await;
        in_this_hour += now - before;
        if minute % 60 == 59 {
            assert_eq!(in_this_hour, 3, "in the hour before minute {minute}");
            in_this_hour = 0;
        }
        portal.later(Duration::from_mins(1));
        let valid = user_token::Entity::find()
            .filter(user_token::Column::Purpose.eq("temporary_password"))
            .filter(user_token::Column::UsedAt.is_null())
            .filter(user_token::Column::ExpiresAt.gt(portal.backend.now().0))
            .count(portal.backend.db.pool())
            .await
            .expect("counts");
        assert!(valid > 0, "at minute {minute}");
    }
    let newest = secret(&portal.mail_to("ada").await);
    let reply = portal.browser().sign_in("ada", &newest).await;
    assert_eq!(reply.location(), Some("/change-password"));
}

#[tokio::test]
async fn a_temporary_password_opens_a_session_that_can_only_choose_another() {
    let (portal, secret) = with_temporary().await;
    let browser = portal.browser();
    let typed = secret.to_lowercase().replace('-', " ");
    assert_eq!(browser.sign_in("ada", &typed).await.location(), Some("/change-password"));
    browser.get("/change-password").await.says("Choose a new password to go on.");
    let pages = [
        "/",
        "/profile",
        "/profile/data.json",
        "/profile/delete",
        "/admin",
        "/login",
        "/register",
        "/reset-password",
    ];
    for page in pages {
        assert_eq!(browser.get(page).await.location(), Some("/change-password"), "{page}");
    }
    for action in ["end_other_sessions", "delete_account", "ask_address_change", "decide"] {
        browser
            .post(&format!("/do/{action}"), &[("email", "new@example.org"), ("current_password", PASSWORD)])
            .await;
    }
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    let audit = portal.audit().await;
    assert!(!audit.iter().any(|row| row.action == "session.end_others"), "{audit:?}");
    assert_eq!(browser.post("/do/sign_out", &[]).await.location(), Some("/"));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    portal.signed_in("ada").await;
}

#[tokio::test]
async fn choosing_another_ends_everything_else_and_goes_on_here() {
    let (portal, secret) = with_temporary().await;
    let elsewhere = portal.signed_in("ada").await;
    let browser = portal.browser();
    browser.sign_in("ada", &secret).await;
    let before = browser.cookie("session");
    let reply = browser.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(reply.location(), Some("/profile"));
    browser.get("/profile").await.says("Your password is changed. You are signed out everywhere else.");
    assert_ne!(browser.cookie("session"), before, "a new id");
    assert!(browser.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", OTHER_PASSWORD).await.location(), Some("/profile"));
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"), "spent");
    let mail = portal.mail_to("ada").await;
    assert!(mail.subject.contains("was changed"), "{mail:?}");
    assert!(portal.audit().await.iter().any(|row| row.action == "password.reset"));
}

#[tokio::test]
async fn whoever_has_another_session_does_not_keep_the_owner_from_choosing() {
    let (portal, secret) = with_temporary().await;
    let thief = portal.signed_in("ada").await;
    let owner = portal.browser();
    assert_eq!(owner.sign_in("ada", &secret).await.location(), Some("/change-password"));
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let restricted = sessions.iter().find(|row| row.kind == "restricted").expect("is there");
    thief.get("/profile").await.says("It can only choose another password");
    thief.post("/do/end_session", &[("handle", &restricted.handle)]).await;
    thief.post("/do/end_other_sessions", &[]).await;
    for _ in 0..11 {
        let guess = [("current_password", OTHER_PASSWORD), ("new_password", "x"), ("confirm_password", "x")];
        thief.post("/do/change_password", &guess).await;
    }
    for _ in 0..11 {
        thief.post("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    }
    let reply = owner.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(reply.location(), Some("/profile"));
    assert!(owner.is_signed_in().await);
    assert!(!thief.is_signed_in().await);
}

#[tokio::test]
async fn the_first_that_is_used_voids_the_others() {
    let (portal, first) = with_temporary().await;
    ask(&portal, "ada").await;
    let second = secret(&portal.mail_to("ada").await);
    assert_ne!(first, second);
    assert_eq!(portal.browser().sign_in("ada", &first).await.location(), Some("/change-password"));
    assert_eq!(portal.browser().sign_in("ada", &second).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("ada", &first).await.location(), Some("/login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_use_it_once() {
    let (portal, secret) = with_temporary().await;
    let tries = (0..50).map(|number| {
        let (browser, secret) = (portal.browser(), secret.clone());
        let source = format!("192.0.2.{number}");
        async move {
            let fields = [("username", "ada"), ("password", secret.as_str())];
            let reply = browser.post_from("/do/sign_in", &fields, Some(&source)).await;
            reply.location() == Some("/change-password")
        }
    });
    assert_eq!(join(tries).await.into_iter().filter(|entered| *entered).count(), 1);
}

#[tokio::test]
async fn it_is_good_for_two_hours_and_the_session_for_a_quarter_of_one() {
    let (portal, secret) = with_temporary().await;
    portal.later(Duration::from_mins(119));
    let browser = portal.browser();
    assert_eq!(browser.sign_in("ada", &secret).await.location(), Some("/change-password"));
    portal.later(Duration::from_mins(15));
    let reply = browser.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(reply.location(), Some("/login?next=%2Fchange-password"));
    portal.signed_in("ada").await;

    let (portal, late) = with_temporary().await;
    portal.later(Duration::from_hours(2));
    assert_eq!(portal.browser().sign_in("ada", &late).await.location(), Some("/login"));
}

#[tokio::test]
async fn it_signs_in_its_own_account_alone() {
    let (portal, secret) = with_temporary().await;
    portal.person("bob", Status::Active, Role::Member).await;
    assert_eq!(portal.browser().sign_in("bob", &secret).await.location(), Some("/login"));
    assert_eq!(portal.browser().sign_in("nobody", &secret).await.location(), Some("/login"));
    let by_address = portal.browser().sign_in("ada@example.org", &secret).await;
    assert_eq!(by_address.location(), Some("/change-password"));
}

#[tokio::test]
async fn it_is_void_once_the_account_has_changed() {
    let (portal, secret) = with_temporary().await;
    let admin = portal.admin("grace").await;
    let ada = portal.user("ada").await;
    admin.decide("deactivate", ada.id).await;
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"));
    admin.decide("reactivate", ada.id).await;
    assert_eq!(portal.browser().sign_in("ada", &secret).await.location(), Some("/login"));
}

#[tokio::test]
async fn who_can_not_have_one_is_told_why_and_nobody_else_gets_mail() {
    let portal = Portal::start().await;
    for (name, status) in [
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("refused", Status::Rejected),
        ("shutout", Status::Deactivated),
    ] {
        portal.person(name, status, Role::Member).await;
    }
    portal.person("nopass1", Status::Active, Role::Member).await;
    remove_password(&portal, "nopass1").await;
    portal.register("unconfirmed").await;
    let before = portal.mails().await.len();
    for name in ["waiting", "heldone", "refused", "shutout", "nopass1", "unconfirmed", "nobody"] {
        ask(&portal, name).await;
    }
    let mails = portal.mails().await;
    let told: Vec<(&str, &str)> =
        mails[before..].iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect();
    let why = "No temporary password for your account at Vestibule";
    let expected = [
        ("waiting@example.org", why),
        ("heldone@example.org", why),
        ("shutout@example.org", why),
        ("nopass1@example.org", why),
    ];
    assert_eq!(told, expected);
    assert!(mails[before + 2].text.contains("has been deactivated"));
    assert!(mails[before + 3].text.contains("sign in with Microsoft"));
    let left = reset_request::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(left, 0, "what was worked out is forgotten");
}

async fn remove_password(portal: &Portal, name: &str) {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

/// Two active accounts that were registered with one address, which neither has confirmed.
async fn two_unconfirmed(portal: &Portal) -> Browser {
    let admin = portal.admin("grace").await;
    for name in ["ada", "ada2"] {
        portal.browser().register(name, "ada@example.org", PASSWORD).await;
        admin.decide("approve", portal.user(name).await.id).await;
    }
    portal.mails().await;
    admin
}

#[tokio::test]
async fn an_address_that_no_account_has_confirmed_gets_no_username_and_no_password() {
    let portal = Portal::start().await;
    two_unconfirmed(&portal).await;
    let before = portal.mails().await.len();
    for _ in 0..5 {
        ask(&portal, "ada").await;
        portal.mails().await;
    }
    let mails = portal.mails().await;
    assert_eq!(mails.len() - before, 3, "at most three an hour, for both accounts together");
    for mail in &mails[before..] {
        assert_eq!(mail.to, "ada@example.org");
        assert!(mail.text.contains("ask an administrator for help"), "{}", mail.text);
        assert!(!mail.text.replace("ada@example.org", "").contains("ada"), "{}", mail.text);
    }
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::Purpose.eq("temporary_password"))
        .count(portal.backend.db.pool());
    assert_eq!(tokens.await.expect("counts"), 0);
    for name in ["ada", "ada2"] {
        assert!(portal.user(name).await.email_confirmed_at.is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_signed_in_visitor_of_the_page_goes_to_the_profile() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    assert_eq!(portal.signed_in("ada").await.get("/reset-password").await.location(), Some("/profile"));
    portal.browser().get("/reset-password").await.says("Send a temporary password");
}

#[tokio::test]
async fn a_request_writes_one_row_and_no_secret_stays_readable() {
    let (portal, secret) = with_temporary().await;
    let tokens = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    let plain = secret.replace('-', "");
    for token in tokens {
        assert!(token.token_hash.len() == 64 && !token.token_hash.contains(&plain));
    }
    let outbox = portal.outbox().await;
    assert!(outbox.iter().all(|row| row.sealed.is_none()), "wiped once sent");
    portal.browser().sign_in("ada", &secret).await;
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(sessions.iter().filter(|session| session.kind == "restricted").count(), 1);
}

#[tokio::test]
async fn a_flood_of_requests_leaves_one_row_for_each_address_and_holds_up_no_email() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let request = async |name: String| {
        let email = EmailAddress::parse(&format!("{name}@example.org")).expect("an address");
        ask_reset(&portal.backend, &email).await.expect("is written");
    };
    let rows = async || reset_request::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    for _ in 0..5 {
        request("ada".to_owned()).await;
    }
    assert_eq!(rows().await, 1);
    for number in 0..250 {
        request(format!("nobody{number}")).await;
    }
    // The flood is still there when the first email leaves.
    assert!(mail::write(&portal.backend).await.expect("a batch is written").is_zero(), "more is due");
    assert_eq!(rows().await, 251 - 25, "after one batch");
    let transport = Transport::File(portal.mail_folder());
    mail::send(&portal.backend, &transport, || false).await.expect("is sent");
    assert_eq!(portal.sent().iter().filter(|mail| mail.to == "ada@example.org").count(), 1);
    portal.mails().await;
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn whoever_knows_the_password_cannot_get_ahead_of_the_owner() {
    let (portal, secret) = with_temporary().await;
    let thief = portal.signed_in("ada").await;
    let fields = [("email", "thief@example.org"), ("current_password", PASSWORD)];
    thief.post("/do/ask_address_change", &fields).await;
    let begun = portal.mail_to("thief").await.link();
    let token = begun.trim_start_matches("/confirm-address/").to_owned();

    let owner = portal.browser();
    assert_eq!(owner.sign_in("ada", &secret).await.location(), Some("/change-password"));
    for _ in 0..60 {
        assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    }
    let thief = portal.signed_in("ada").await;
    let stolen = [
        ("current_password", PASSWORD),
        ("new_password", "a thief's own password"),
        ("confirm_password", "a thief's own password"),
    ];
    for (action, fields, page) in [
        ("ask_address_change", &fields[..], "/profile/address"),
        ("delete_account", &[("current_password", PASSWORD)][..], "/profile/delete"),
        ("change_password", &stolen[..], "/change-password"),
        ("change_address", &[("token", token.as_str())][..], begun.as_str()),
    ] {
        thief.post(&format!("/do/{action}"), fields).await;
        thief.get(page).await.says("You cannot do this while someone is using a temporary password");
    }
    // Without a session, too: by the password beside the link.
    let elsewhere = portal.browser();
    elsewhere.post("/do/change_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");

    let reply = owner.post("/do/change_password", &new_password(OTHER_PASSWORD)).await;
    assert_eq!(reply.location(), Some("/profile"));
    assert!(!thief.is_signed_in().await);
    elsewhere.post("/do/change_address", &[("token", &token), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org", "what was begun before is void");
}

#[tokio::test]
async fn an_abandoned_recovery_ends_by_itself() {
    let (portal, secret) = with_temporary().await;
    portal.browser().sign_in("ada", &secret).await;
    portal.later(Duration::from_mins(15) + Duration::from_secs(1));
    let browser = portal.signed_in("ada").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    assert_eq!(portal.mails().await.iter().filter(|mail| mail.to == "new@example.org").count(), 1);
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_stops_none_behind_it() {
    let portal = Portal::start().await;
    portal.person("broken1", Status::Active, Role::Member).await;
    portal.person("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value("no status that we know"))
        .filter(user::Column::UsernameKey.eq("broken1"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    ask(&portal, "broken1").await;
    ask(&portal, "ada").await;
    assert_eq!(mails_about_recovery(&portal).await, 1);
    let row = async || reset_request::Entity::find().one(portal.backend.db.pool()).await.expect("reads");
    let broken = row().await.expect("it is tried again");
    assert_eq!((broken.attempts, broken.failed_at), (1, None));
    for _ in 0..7 {
        portal.later(Duration::from_hours(2));
        portal.mails().await;
    }
    assert!(row().await.expect("it is still there").failed_at.is_some());
    // Asked for again, it is begun anew.
    ask(&portal, "broken1").await;
    let begun = row().await.expect("it is there");
    assert_eq!((begun.attempts, begun.failed_at), (0, None));
}
