//! Requests for deletion: the account is deleted after three days, and can be kept until then.

use std::time::Duration;

use app::backend::entity::{audit, outbox, shut_out, user, user_session, user_token};
use app::backend::purge::purge;
use app::domain::answer::{Notice, Outcome};
use app::domain::problem::{Field, Problem, Refusal};
use app::domain::status::{Role, Status};
use app::domain::time::{Timestamp, utc_text};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::registering::join;
use crate::support::{Browser, Mail, OTHER_PASSWORD, PASSWORD, Portal};

const THREE_DAYS: Duration = Duration::from_hours(72);
const ALMOST_THREE_DAYS: Duration = Duration::from_secs(72 * 3_600 - 1);

async fn ask(browser: &Browser) -> Option<String> {
    let reply = browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
    reply.location().map(ToOwned::to_owned)
}

fn token(mail: &Mail) -> String {
    mail.link().rsplit('/').next().expect("a token").to_owned()
}

/// The emails to this address about a deletion, the oldest first.
async fn announced(portal: &Portal, address: &str) -> Vec<Mail> {
    let mails = portal.mails().await.into_iter();
    mails.filter(|mail| mail.to == address && mail.subject.contains("will be deleted")).collect()
}

/// A portal where ada has asked for the deletion of her account; and the token that keeps it.
async fn asked() -> (Portal, Browser, String) {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    let mails = announced(&portal, "ada@example.org").await;
    assert_eq!(mails.len(), 1);
    let token = token(&mails[0]);
    (portal, browser, token)
}

async fn keep(browser: &Browser, token: &str) -> Option<String> {
    let reply = browser.post("/do/keep_account", &[("token", token)]).await;
    reply.location().map(ToOwned::to_owned)
}

#[tokio::test]
async fn requesting_deletion_requires_the_password_and_signs_everyone_out() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let elsewhere = portal.signed_in("ada").await;
    for (typed, problem) in
        [("", Problem::CurrentPasswordMissing), (OTHER_PASSWORD, Problem::CurrentPasswordWrong)]
    {
        let outcome = browser.script("/do/delete_account", &[("current_password", typed)]).await.outcome();
        assert_eq!(outcome, Outcome::Refused(Refusal::of_field(Field::CurrentPassword, problem)));
    }
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    let due = portal.backend.now().after(THREE_DAYS);
    browser.get("/").await.says(&Notice::DeletionAsked(due).words());
    for browser in [browser, elsewhere] {
        assert!(!browser.is_signed_in().await);
    }
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.deletion_due_at), ("deactivated", Some(due.0)));
}

#[tokio::test]
async fn no_one_can_sign_in_to_an_account_due_for_deletion_and_its_names_stay_taken() {
    let (portal, _, _) = asked().await;
    let due = Timestamp(portal.user("ada").await.deletion_due_at.expect("it waits"));
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.says(&format!("This account will be deleted on {}.", utc_text(due)));
    browser.register("ada", "other@example.org", PASSWORD).await;
    browser.get("/register").await.says("That username is already taken.");
    let taken = portal.browser();
    assert_eq!(taken.register("ada-2", "ada@example.org", PASSWORD).await.location(), Some("/login"));
    let told = portal.mail_to("ada").await;
    assert!(told.subject.contains("already have an account") && told.text.contains("asked us to delete it."));
    portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    portal.later(Duration::from_secs(10));
    let told = portal.mail_to("ada").await;
    assert!(told.subject.contains("No temporary password") && told.text.contains("asked us to delete it."));
}

#[tokio::test]
async fn after_three_days_the_account_is_deleted_with_everything_that_names_the_person() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    let fields = [("username", "ada"), ("password", PASSWORD)];
    browser.post_from("/do/sign_in", &fields, Some("192.0.2.7")).await;
    browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    portal.mails().await;
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    portal.mails().await;
    let db = portal.backend.db.pool();
    portal.later(ALMOST_THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    assert!(portal.find_user("ada").await.is_some());
    portal.later(Duration::from_secs(1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    assert!(portal.find_user("ada").await.is_none());
    let tokens = user_token::Entity::find().filter(user_token::Column::UserId.eq(ada.id));
    assert_eq!(tokens.count(db).await.expect("counts"), 0);
    let emails = outbox::Entity::find().filter(outbox::Column::Recipient.eq("ada@example.org"));
    assert_eq!(emails.count(db).await.expect("counts"), 0);
    let rows = portal.audit().await;
    let about: Vec<&audit::Model> = rows.iter().filter(|row| row.subject_id == Some(ada.id)).collect();
    for action in ["user.ask_deletion", "user.delete"] {
        assert!(about.iter().any(|row| row.action == action), "{action}");
    }
    for row in &rows {
        assert!(row.subject_name != "ada" && row.actor_name != "ada" && row.source != "192.0.2.7", "{row:?}");
    }
    let shut = shut_out::Entity::find().all(db).await.expect("reads");
    assert_eq!(shut.len(), 1);
    assert!(shut[0].reason == "deleted" && shut[0].hash.len() == 64 && !shut[0].hash.contains("ada"));
    assert!(portal.backend.shut_outs.contains(db, "ada@example.org").await.expect("looks"));
    portal.register("ada").await;
    assert_ne!(portal.user("ada").await.id, ada.id, "no number is used twice");
}

#[tokio::test]
async fn the_emailed_link_keeps_the_account_once_and_replaces_the_known_password() {
    let (portal, _, token) = asked().await;
    portal.later(ALMOST_THREE_DAYS);
    let owner = portal.browser();
    let page = owner.get(&format!("/keep/{token}")).await;
    page.says("The account ada will be deleted on");
    assert_eq!(portal.user("ada").await.status, "deactivated", "looking changes nothing");
    assert_eq!(keep(&owner, &token).await.as_deref(), Some("/change-password"));
    owner.get("/change-password").await.says(&Notice::AccountKept.words());
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.deletion_due_at), ("active", None));
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/login"), "no longer works");
    assert_eq!(owner.get("/profile").await.location(), Some("/change-password"), "nothing else before");
    let new = [("new_password", OTHER_PASSWORD), ("confirm_password", OTHER_PASSWORD)];
    assert_eq!(owner.post("/do/change_password", &new).await.location(), Some("/profile"));
    owner.get("/profile").await.says("Deletion cancelled");
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND, "once");
    assert_eq!(keep(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    let db = portal.backend.db.pool();
    assert!(!portal.backend.shut_outs.contains(db, "ada@example.org").await.expect("looks"));
    portal.later(Duration::from_hours(200));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
}

#[tokio::test]
async fn the_link_has_expired_when_the_account_is_due() {
    let (portal, _, token) = asked().await;
    portal.later(THREE_DAYS);
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(keep(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    assert_eq!(portal.user("ada").await.status, "deactivated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_is_pressed_many_times_at_once_keeps_the_account_once() {
    let (portal, _, token) = asked().await;
    let browsers: Vec<Browser> = (0..8).map(|_| portal.browser()).collect();
    let presses = browsers.into_iter().map(|browser| {
        let token = token.clone();
        async move { keep(&browser, &token).await }
    });
    let kept = join(presses).await.into_iter().filter(|to| to.as_deref() == Some("/change-password")).count();
    assert_eq!(kept, 1);
    let sessions = user_session::Entity::find().filter(user_session::Column::Kind.eq("restricted"));
    assert_eq!(sessions.count(portal.backend.db.pool()).await.expect("counts"), 1);
}

#[tokio::test]
async fn an_unconfirmed_email_address_keeps_the_account_only_with_the_password() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(ask(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    let token = token(&announced(&portal, "ada@example.org").await[0]);
    let browser = portal.browser();
    for (typed, problem) in [("", Problem::PasswordMissing), (OTHER_PASSWORD, Problem::PasswordWrong)] {
        let fields = [("token", token.as_str()), ("password", typed)];
        let outcome = browser.script("/do/keep_account", &fields).await.outcome();
        assert_eq!(outcome, Outcome::Refused(Refusal::of_field(Field::Password, problem)));
    }
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    assert_eq!(browser.post("/do/keep_account", &fields).await.location(), Some("/change-password"));
    let ada = portal.user("ada").await;
    assert_eq!(ada.status, "active");
    assert!(ada.email_confirmed_at.is_some(), "or a lost session would leave no way in");
}

#[tokio::test]
async fn an_account_that_cannot_be_confirmed_keeps_its_password() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("odin", Status::Active, Role::Member).await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::Email, Expr::value("odin@example.org"))
        .col_expr(user::Column::EmailCanonical, Expr::value("odin@example.org"))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(ask(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    let token = token(&announced(&portal, "odin@example.org").await[0]);
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
async fn an_undo_drops_an_announcement_that_has_not_been_sent() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let undo = change_address(&portal, &browser).await;
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    portal.browser().post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(portal.user("ada").await.status, "active");
    assert!(announced(&portal, "ada@example.org").await.is_empty());
}

#[tokio::test]
async fn an_unconfirmed_email_address_of_an_account_without_a_password_gets_no_link() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<i64>::None))
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    assert!(announced(&portal, "ada@example.org").await.is_empty());
}

/// Changes the email address of ada, who is signed in, to a thief's. Returns the token that undoes it.
async fn change_address(portal: &Portal, browser: &Browser) -> String {
    let fields = [("email", "thief@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    let mails = portal.mails().await;
    let link = mails.iter().rev().find(|mail| mail.to == "thief@example.org").expect("a link");
    browser.post("/do/change_address", &[("token", &token(link))]).await;
    let mails = portal.mails().await;
    token(mails.iter().rev().find(|mail| mail.to == "ada@example.org").expect("an undo link"))
}

#[tokio::test]
async fn asking_again_and_again_sends_one_email_each_time() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let mut browser = portal.signed_in("ada").await;
    change_address(&portal, &browser).await;
    let mut password = PASSWORD;
    for round in 1..=3 {
        let fields = [("current_password", password)];
        assert_eq!(browser.post("/do/delete_account", &fields).await.location(), Some("/"));
        assert_eq!(announced(&portal, "ada@example.org").await.len(), round);
        let keep_token = token(announced(&portal, "thief@example.org").await.last().expect("a link"));
        browser = portal.browser();
        assert_eq!(keep(&browser, &keep_token).await.as_deref(), Some("/change-password"));
        password = if round % 2 == 1 { OTHER_PASSWORD } else { PASSWORD };
        let new = [("new_password", password), ("confirm_password", password)];
        assert_eq!(browser.post("/do/change_password", &new).await.location(), Some("/profile"));
    }
}

#[tokio::test]
async fn a_deletion_that_is_cancelled_leaves_no_more_time_to_undo_a_change() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    change_address(&portal, &browser).await;
    portal.later(Duration::from_hours(12));
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    let undo = token(&announced(&portal, "ada@example.org").await[0]);
    let keep_token = token(&announced(&portal, "thief@example.org").await[0]);
    portal.later(Duration::from_hours(62));
    assert_eq!(portal.browser().get(&format!("/undo/{undo}")).await.status, StatusCode::OK);
    assert_eq!(keep(&portal.browser(), &keep_token).await.as_deref(), Some("/change-password"));
    let late = portal.browser().get(&format!("/undo/{undo}")).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND, "the change is older than three days");
}

#[tokio::test]
async fn links_that_undo_the_same_change_work_once_together() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let first = change_address(&portal, &browser).await;
    assert_eq!(ask(&browser).await.as_deref(), Some("/"));
    let second = token(&announced(&portal, "ada@example.org").await[0]);
    let reply = portal.browser().post("/do/undo_address_change", &[("token", &second)]).await;
    assert_eq!(reply.location(), Some("/change-password"));
    assert_eq!(portal.browser().get(&format!("/undo/{first}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_administrator_can_deactivate_an_account_due_for_deletion_and_no_link_brings_it_back() {
    let (portal, _, token) = asked().await;
    let admin = portal.browser();
    admin.sign_in("grace", PASSWORD).await;
    let id = portal.user("ada").await.id;
    admin.get(&format!("/admin/deactivate/{id}")).await.says("its owner can no longer keep it");
    admin.decide("deactivate", id).await;
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.deletion_due_at), ("deactivated", None));
    assert_eq!(keep(&portal.browser(), &token).await.as_deref(), Some(&*format!("/keep/{token}")));
    assert_eq!(portal.user("ada").await.status, "deactivated");
    portal.later(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
}

#[tokio::test]
async fn no_announcement_is_sent_after_the_deletion_has_been_cancelled() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    portal.mails().await;
    assert_eq!(ask(&portal.signed_in("ada").await).await.as_deref(), Some("/"));
    admin.decide("reactivate", portal.user("ada").await.id).await;
    assert!(announced(&portal, "ada@example.org").await.is_empty());
}

#[tokio::test]
async fn an_account_that_is_overdue_offers_no_link_that_has_expired() {
    let (portal, _, _) = asked().await;
    portal.later(THREE_DAYS);
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.says("This account has been deactivated.");
}

#[tokio::test]
async fn an_account_without_a_password_is_kept_and_signs_in_as_before() {
    let (portal, _, token) = asked().await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let browser = portal.browser();
    assert_eq!(keep(&browser, &token).await.as_deref(), Some("/login"));
    browser.get("/login").await.says(&Notice::AccountKeptSignIn.words());
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.password_hash), ("active", None));
}

#[tokio::test]
async fn a_thief_who_changed_the_email_address_cannot_have_the_account_deleted() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let thief = portal.signed_in("ada").await;
    change_address(&portal, &thief).await;
    portal.later(Duration::from_hours(71));
    assert_eq!(
        ask(&thief.copy()).await,
        Some("/login?next=%2Fprofile%2Fdelete".to_owned()),
        "idle for a day"
    );
    assert_eq!(thief.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    assert_eq!(ask(&thief).await.as_deref(), Some("/"));
    let of_thief = token(&announced(&portal, "thief@example.org").await[0]);
    let mails = announced(&portal, "ada@example.org").await;
    assert!(mails[0].text.contains("will use this email address again"), "{}", mails[0].text);
    let undo = token(&mails[0]);
    // The undo of the change itself has expired by now; the link that was sent with the deletion has not.
    portal.later(ALMOST_THREE_DAYS);
    let owner = portal.browser();
    owner.get(&format!("/undo/{undo}")).await.says("This also cancels the deletion of the account.");
    let reply = owner.post("/do/undo_address_change", &[("token", &undo)]).await;
    assert_eq!(reply.location(), Some("/change-password"));
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.deletion_due_at), ("active", None));
    assert_eq!(ada.email, "ada@example.org");
    assert_eq!(portal.browser().get(&format!("/keep/{of_thief}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(thief.sign_in("ada", PASSWORD).await.location(), Some("/login"));
}

#[tokio::test]
async fn an_administrator_is_warned_before_reactivating_and_keeps_the_account() {
    let (portal, _, token) = asked().await;
    let admin = portal.browser();
    admin.sign_in("grace", PASSWORD).await;
    let ada = portal.user("ada").await;
    admin.get(&format!("/admin/users/{}", ada.id)).await.says("Will be deleted");
    let page = admin.get(&format!("/admin/reactivate/{}", ada.id)).await;
    page.says("because its owner asked us to.");
    admin.decide("reactivate", ada.id).await;
    let ada = portal.user("ada").await;
    assert_eq!((ada.status.as_str(), ada.deletion_due_at), ("active", None));
    assert_eq!(portal.browser().get(&format!("/keep/{token}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(portal.browser().sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    portal.later(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    admin.decide("deactivate", ada.id).await;
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0, "an administrator's deactivation stays");
}

#[tokio::test]
async fn security_emails_are_sent_after_the_account_has_been_deleted() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let thief = portal.signed_in("ada").await;
    let new = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    assert_eq!(thief.post("/do/change_password", &new).await.location(), Some("/profile"));
    thief.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    thief.post("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.status, "deactivated");
    portal.later(THREE_DAYS);
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    let mails = portal.mails().await;
    let to_ada: Vec<&str> =
        mails.iter().filter(|mail| mail.to == "ada@example.org").map(|mail| mail.subject.as_str()).collect();
    assert!(
        matches!(to_ada[..], [subject] if subject.contains("password") && subject.contains("was changed")),
        "{to_ada:?}"
    );
    let rows = portal.outbox().await;
    assert!(rows.iter().all(|row| row.user_id != Some(ada.id)));
}

#[tokio::test]
async fn an_account_that_is_kept_during_a_purge_stays() {
    let (portal, _, _) = asked().await;
    portal.later(THREE_DAYS);
    let keeping = portal.backend.db.begin_write(app::backend::database::Lock::None).await.expect("begins");
    user::Entity::update_many()
        .col_expr(user::Column::DeletionDueAt, Expr::value(Option::<i64>::None))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(&*keeping)
        .await
        .expect("keeps");
    let backend = portal.backend.clone();
    let purged = tokio::spawn(async move { purge(&backend).await });
    portal.wait_for_blocked_statement().await;
    keeping.commit().await.expect("commits");
    assert_eq!(purged.await.expect("ends").expect("purges"), 0);
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn the_last_administrator_cannot_request_deletion() {
    let portal = Portal::start().await;
    let grace = portal.admin("grace").await;
    let outcome = grace.script("/do/delete_account", &[("current_password", PASSWORD)]).await.outcome();
    assert_eq!(outcome, Outcome::Refused(Problem::LastAdminStays.into()));
    assert!(grace.is_signed_in().await);
    portal.admin("alan").await;
    assert_eq!(ask(&grace).await.as_deref(), Some("/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_last_administrators_leaving_at_once_leave_one() {
    for round in 0..10 {
        let portal = Portal::start().await;
        let pair = [portal.admin("grace").await, portal.admin("alan").await];
        let leaving = pair.into_iter().map(|admin| async move {
            ask(&admin).await;
        });
        join(leaving).await;
        assert_eq!(portal.active_admins().await, 1, "round {round}");
    }
}
