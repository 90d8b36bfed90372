//! Withdrawing a registration, and the periods after which registrations and their data are deleted.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::questions::{ANSWER, QUESTION, answer, ask, confirm};
use crate::register_question::registration_of;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Response, TestPortal};
use backend::entity::{decision, question, registration, user};
use backend::jobs::cleanup::purge;
use domain::flash_message::FlashMessage;
use domain::status::{AdminAction, Role, Status};
use domain::time::Timestamp;

async fn withdraw(browser: &Browser, password: &str) -> Response {
    browser.post("/do/withdraw_request", &[("password", password)]).await
}

#[tokio::test]
async fn a_registration_is_withdrawn_with_its_password_and_deleted() {
    for status in [Status::Pending, Status::Held] {
        let portal = TestPortal::start().await;
        let browser = portal.register("ada").await;
        if status == Status::Held {
            ask(&portal, "ada", QUESTION).await;
        }
        for (password, message) in
            [("", "Enter a password."), (OTHER_PASSWORD, "That password is incorrect.")]
        {
            assert_eq!(withdraw(&browser, password).await.location(), Some("/register/status"));
            browser.get("/register/status").await.assert_contains(message);
            assert!(portal.find_user("ada").await.is_some(), "{status:?}");
        }
        assert_eq!(withdraw(&browser, PASSWORD).await.location(), Some("/"));
        browser.get("/").await.assert_contains(&FlashMessage::RequestWithdrawn.message());
        assert!(portal.find_user("ada").await.is_none(), "{status:?}");
        let db = portal.backend.db.pool();
        assert_eq!(registration::Entity::find().count(db).await.expect("counts"), 0);
        assert_eq!(question::Entity::find().count(db).await.expect("counts"), 0);
        assert!(browser.cookie("registered").is_none(), "{status:?}");
        let log = portal.audit_log().await;
        let row = log.last().expect("a row");
        assert_eq!((row.action.as_str(), &row.actor_name, &row.client_ip), ("user.withdraw", &None, &None));
        browser.get("/register/status").await.assert_contains("No registration in this browser");
    }
}

#[tokio::test]
async fn a_withdrawal_that_is_sent_twice_gets_the_first_answer_twice() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    let (_, first, again) = browser.press_twice("/do/withdraw_request", &[("password", PASSWORD)]).await;
    assert_eq!((first.location(), again.location()), (Some("/"), Some("/")));
}

#[tokio::test]
async fn a_withdrawn_username_is_free_again() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    withdraw(&browser, PASSWORD).await;
    let response = browser.register("ada", "ada@example.org", OTHER_PASSWORD).await;
    assert_eq!(response.location(), Some("/login"));
}

#[tokio::test]
async fn passwords_for_a_withdrawal_are_counted_as_sign_ins() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    for _ in 0..5 {
        withdraw(&browser, OTHER_PASSWORD).await;
        portal.browser().sign_in("ada", OTHER_PASSWORD).await;
    }
    withdraw(&browser, PASSWORD).await;
    browser.get("/register/status").await.assert_contains("Too many attempts.");
    assert!(portal.find_user("ada").await.is_some());
    let other = portal.browser();
    other.sign_in("ada", PASSWORD).await;
    other.get("/login").await.assert_contains("Too many attempts.");
    portal.advance_time(Duration::from_mins(10));
    assert_eq!(withdraw(&browser, PASSWORD).await.location(), Some("/"));
}

#[tokio::test]
async fn a_registration_is_not_withdrawn_after_a_decision() {
    for status in [Status::Active, Status::Rejected, Status::Deactivated] {
        let portal = TestPortal::start().await;
        let browser = portal.register("ada").await;
        user::Entity::update_many()
            .col_expr(user::Column::Status, Expr::value(status))
            .filter(user::Column::UsernameKey.eq("ada"))
            .exec(portal.backend.db.pool())
            .await
            .expect("changes");
        withdraw(&browser, PASSWORD).await;
        browser.get("/register/status").await.assert_contains("An administrator has already made a decision");
        assert!(portal.find_user("ada").await.is_some(), "{status:?}");
    }
}

#[tokio::test]
async fn only_the_registration_of_the_browser_is_withdrawn() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let visitor = portal.browser();
    withdraw(&visitor, PASSWORD).await;
    visitor.fetch("/do/withdraw_request", &[("password", PASSWORD)]).await.assert_contains("signed_out");
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn a_pending_registration_needs_the_password_again_after_a_sign_in() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    withdraw(&browser, "").await;
    browser.get("/register/status").await.assert_contains("Enter a password.");
    assert_eq!(withdraw(&browser, PASSWORD).await.location(), Some("/"));
}

#[tokio::test]
async fn the_page_of_a_question_withdraws_with_the_link_or_after_a_sign_in() {
    for with_link in [true, false] {
        let portal = TestPortal::start().await;
        portal.register("ada").await;
        confirm(&portal, "ada").await;
        let token = ask(&portal, "ada", QUESTION).await;
        let browser = portal.browser();
        let token = if with_link { token.as_str() } else { "" };
        if !with_link {
            browser.sign_in("ada", PASSWORD).await;
        }
        let fields = [("token", token), ("answer", ""), ("page", "question")];
        assert_eq!(browser.post("/do/withdraw_request", &fields).await.location(), Some("/"), "{with_link}");
        assert!(portal.find_user("ada").await.is_none());
    }
}

#[tokio::test]
async fn the_browser_that_registered_needs_the_password_to_withdraw_without_a_link() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    ask(&portal, "ada", QUESTION).await;
    browser.get("/register/answer").await.assert_not_contains("Withdraw my request");
    let response = browser.post("/do/withdraw_request", &[("page", "question")]).await;
    assert_eq!(response.location(), Some("/register/status"));
    browser.get("/register/status").await.assert_contains("Enter a password.");
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn an_account_without_a_password_is_withdrawn_only_after_a_sign_in_with_microsoft() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("ada"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let page = browser.get("/register/status").await;
    page.assert_contains("/ms-login?next=%2Fregister%2Fstatus");
    page.assert_not_contains("type=\"password\"");
    withdraw(&browser, "").await;
    withdraw(&browser, PASSWORD).await;
    assert!(portal.find_user("ada").await.is_some());
}

#[tokio::test]
async fn a_registration_on_hold_with_an_unconfirmed_email_address_is_deleted_after_thirty_days() {
    let portal = TestPortal::start().await;
    for name in ["ada", "bert"] {
        portal.register(name).await;
    }
    confirm(&portal, "bert").await;
    portal.advance_time(Duration::from_hours(48));
    for name in ["ada", "bert"] {
        ask(&portal, name, QUESTION).await;
    }
    portal.advance_time(Duration::from_hours(720));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    portal.advance_time(Duration::from_secs(1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
    assert!(portal.find_user("ada").await.is_none());
    assert_eq!(portal.user("bert").await.status, Status::Held);
}

#[tokio::test]
async fn a_registration_that_is_answered_has_seven_days_again() {
    let portal = TestPortal::start().await;
    let browser = portal.register("ada").await;
    portal.advance_time(Duration::from_hours(160));
    let token = ask(&portal, "ada", QUESTION).await;
    portal.advance_time(Duration::from_hours(71));
    assert_eq!(answer(&browser, &token, ANSWER, PASSWORD).await.location(), Some("/login"));
    portal.advance_time(Duration::from_hours(168));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 0);
    portal.advance_time(Duration::from_secs(1));
    assert_eq!(purge(&portal.backend).await.expect("purges"), 1);
}

/// Inserts the row of an approval of this user at this time.
async fn insert_approval(portal: &TestPortal, name: &str, at: Timestamp) {
    let user = portal.user(name).await;
    let row = decision::ActiveModel {
        user_id: ActiveValue::Set(user.id),
        action: ActiveValue::Set(AdminAction::Approve.into()),
        decided_by: ActiveValue::Set(user.id),
        decided_at: ActiveValue::Set(at),
        status_before: ActiveValue::Set(Status::Pending),
        status_since_before: ActiveValue::Set(at),
        role_before: ActiveValue::Set(Role::Member),
        credential_version_after: ActiveValue::Set(1),
        undo_until: ActiveValue::Set(Timestamp::NEVER),
        ..decision::ActiveModel::default()
    };
    decision::Entity::insert(row).exec_without_returning(portal.backend.db.pool()).await.expect("inserts");
}

#[tokio::test]
async fn answers_questions_and_ip_addresses_are_erased_ninety_days_after_the_approval() {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    for name in ["ada", "bert", "carl"] {
        let email = format!("{name}@example.org");
        let fields = [
            ("username", name),
            ("email", email.as_str()),
            ("password", PASSWORD),
            ("confirm_password", PASSWORD),
            ("answer", "I work here."),
        ];
        let browser = portal.browser();
        browser.post_from("/do/register", &fields, Some("192.0.2.7")).await;
        confirm(&portal, name).await;
        let token = ask(&portal, name, QUESTION).await;
        answer(&browser, &token, ANSWER, "").await;
    }
    // Ada has been approved, bert has also been reactivated since then, and carl is pending.
    let approved = portal.backend.now();
    let set_active = async |name: &str| {
        user::Entity::update_many()
            .col_expr(user::Column::Status, Expr::value(Status::Active))
            .col_expr(user::Column::StatusSince, Expr::value(portal.backend.now()))
            .filter(user::Column::UsernameKey.eq(name))
            .exec(portal.backend.db.pool())
            .await
            .expect("changes");
    };
    set_active("ada").await;
    insert_approval(&portal, "bert", approved).await;
    portal.advance_time(Duration::from_hours(2_160));
    set_active("bert").await;
    purge(&portal.backend).await.expect("purges");
    for name in ["ada", "bert", "carl"] {
        assert_eq!(registration_of(&portal, name).await.client_ip.as_deref(), Some("192.0.2.7"), "{name}");
    }
    portal.advance_time(Duration::from_secs(1));
    purge(&portal.backend).await.expect("purges");
    for (name, is_kept) in [("ada", false), ("bert", false), ("carl", true)] {
        let row = registration_of(&portal, name).await;
        let kept = [row.question.is_some(), row.answer.is_some(), row.client_ip.is_some()];
        assert_eq!(kept, [is_kept; 3], "{name}");
        let asked = question::Entity::find()
            .filter(question::Column::UserId.eq(portal.user(name).await.id))
            .one(portal.backend.db.pool())
            .await
            .expect("reads")
            .expect("a question");
        assert_eq!([asked.question.is_some(), asked.answer.is_some()], [is_kept; 2], "{name}");
        assert!(asked.answered_at.is_some(), "{name}");
    }
}
