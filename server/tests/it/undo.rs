//! Undoing decisions: restored accounts, refusals, and races with the worker.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::support::{Browser, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::email::delivery::SendResult;
use backend::email::outbox::{NextEmail, lease_next, record_result};
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{blocked_identity, outbox, user};
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{AdminAction, Role, Status};

/// Starts a portal in which decisions can be undone for 60 seconds, with an administrator.
async fn start() -> (TestPortal, Browser) {
    let portal = TestPortal::with(&[("UNDO_WINDOW", "60s")]).await;
    portal.backend.clock.tick();
    let admin = portal.create_admin("grace").await;
    (portal, admin)
}

/// Returns the id of the last decision.
async fn last_decision(portal: &TestPortal) -> i64 {
    portal.decisions().await.last().expect("a decision").id
}

/// Undoes the last decision and expects this refusal.
async fn is_refused(portal: &TestPortal, admin: &Browser, code: ErrorCode) {
    let before = (portal.decisions().await, portal.outbox().await.len());
    let id = last_decision(portal).await.to_string();
    let result = admin.fetch("/do/undo_decision", &[("id", &id), ("stay", "yes")]).await.action_result();
    assert_eq!(result, ActionResult::Refused(FormErrors::of(code)));
    assert_eq!((portal.decisions().await, portal.outbox().await.len()), before);
    admin.undo(last_decision(portal).await).await;
    admin.get("/admin").await.assert_contains(&code.message());
}

/// Makes an email due immediately.
async fn make_due(portal: &TestPortal, id: i64) {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::DueAt, Expr::value(portal.backend.now()))
        .filter(outbox::Column::Id.eq(id))
        .exec(portal.backend.db.pool())
        .await
        .expect("is due");
}

async fn state_of_email(portal: &TestPortal, kind: EmailKind) -> Vec<Option<EmailState>> {
    let rows = portal.outbox().await.into_iter().filter(|row| row.kind.known() == Some(kind));
    rows.map(|row| row.state.known()).collect()
}

#[tokio::test]
async fn an_approval_is_undone_at_second_59_and_its_email_never_leaves() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    portal.advance_time(Duration::from_mins(1));
    let sent = portal.sent_emails().len();
    admin.decide("approve", &ada, &[]).await;
    let page = admin.get("/admin").await;
    page.assert_contains("We'll send the email at ");
    page.assert_contains("You approved ada just now.");
    page.assert_contains("the approval of ada");
    portal.advance_time(Duration::from_secs(59));
    portal.deliver_emails().await;
    admin.undo(last_decision(&portal).await).await;
    admin.get("/admin").await.assert_contains("ada: Undone. We will not send the email.");
    let restored = portal.user("ada").await;
    assert_eq!(
        (restored.status, restored.status_since, restored.status_by),
        (Status::Pending, ada.status_since, None)
    );
    assert_eq!(restored.credential_version, ada.credential_version + 2);
    portal.advance_time(Duration::from_mins(10));
    assert_eq!(portal.deliver_emails().await.len(), sent, "no email left");
    assert_eq!(state_of_email(&portal, EmailKind::Approved).await, [Some(EmailState::Dropped)]);
    assert_eq!(portal.decision_log(ada.id).await, ["user.approve", "user.undo_decision"]);
    let detail = portal.audit_log().await.last().and_then(|row| row.detail.clone());
    assert_eq!(detail, Some(format!("decision={} action=approve", last_decision(&portal).await)));
    // The account as it is now can be decided about again.
    admin.decide("approve", &restored, &[]).await;
    assert_eq!(portal.user("ada").await.status, Status::Active);
}

#[tokio::test]
async fn an_approval_cannot_be_undone_at_second_61_and_the_page_says_why() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", &ada, &[]).await;
    portal.advance_time(Duration::from_secs(61));
    is_refused(&portal, &admin, ErrorCode::UndoTooLate).await;
    assert_eq!(portal.email_to("ada").await.subject, "Your account at Vestibule has been approved");
    is_refused(&portal, &admin, ErrorCode::UndoEmailSent).await;
    admin.get("/admin").await.assert_not_contains("Recent decisions");
    assert_eq!(portal.user("ada").await.status, Status::Active);
}

#[tokio::test]
async fn a_decision_whose_email_is_being_sent_cannot_be_undone() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.decide("approve", &ada, &[]).await;
    // The worker's clock runs ahead, so the window is not over yet.
    let email = portal.emails_about(ada.id).await.pop().expect("an email");
    make_due(&portal, email.id).await;
    let NextEmail::Leased(row) = lease_next(&portal.backend).await.expect("leases") else {
        panic!("no email is due")
    };
    assert_eq!(row.id, email.id);
    is_refused(&portal, &admin, ErrorCode::UndoEmailLeaving).await;
    // An attempt that failed may have reached the mailbox.
    let failed = SendResult::TemporaryFailure { reason: "no answer".to_owned(), retry_after: None };
    record_result(&portal.backend, &row, failed).await.expect("records");
    is_refused(&portal, &admin, ErrorCode::UndoEmailLeaving).await;
}

#[tokio::test]
async fn an_approval_cannot_be_undone_after_the_person_has_signed_in() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", &ada, &[]).await;
    portal.advance_time(Duration::from_secs(5));
    let browser = portal.signed_in("ada").await;
    is_refused(&portal, &admin, ErrorCode::UndoSignedIn).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_decision_cannot_be_undone_after_another_change_of_the_account() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", &ada, &[]).await;
    let approval = last_decision(&portal).await;
    portal.advance_time(Duration::from_secs(1));
    zoe.apply_action("make-admin", ada.id).await;
    let result = admin.fetch("/do/undo_decision", &[("id", &approval.to_string()), ("stay", "yes")]).await;
    let changed = FormErrors::of(ErrorCode::UndoAccountChanged);
    assert_eq!(result.action_result(), ActionResult::Refused(changed));
    assert_eq!(portal.user("ada").await.status, Status::Active);
    // A change of role cannot be undone.
    is_refused(&portal, &admin, ErrorCode::UndoTooLate).await;
}

#[tokio::test]
async fn any_administrator_can_undo_and_twice_is_good_news() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("approve", &ada, &[]).await;
    zoe.get("/admin").await.assert_contains("grace approved ada just now.");
    let id = last_decision(&portal).await.to_string();
    for (browser, by) in [(&zoe, "You"), (&zoe, "You"), (&admin, "zoe")] {
        let result =
            browser.fetch("/do/undo_decision", &[("id", &id), ("stay", "yes")]).await.action_result();
        let ActionResult::Done { message, user } = result else { panic!("undone: {result:?}") };
        assert_eq!(message, FlashMessage::Undone { action: AdminAction::Approve, email: true });
        let change = user.and_then(|user| user.last_change).expect("a change");
        let expected = format!("{by} undid the approval of ada just now.");
        assert_eq!(change.message("ada", portal.backend.now()), expected);
    }
    assert_eq!(portal.decision_log(ada.id).await, ["user.approve", "user.undo_decision"]);
    assert_eq!(portal.user("ada").await.credential_version, 2);
    let [row] = &portal.decisions().await[..] else { panic!("one decision") };
    assert_eq!(row.undone_by, Some(portal.user("zoe").await.id));
}

#[tokio::test]
async fn members_and_visitors_cannot_undo() {
    let (portal, admin) = start().await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", &ada, &[]).await;
    let id = last_decision(&portal).await;
    for browser in [portal.browser(), portal.signed_in("bob").await] {
        browser.undo(id).await;
        browser.post("/do/undo_decision", &[("batch", &"0".repeat(32))]).await;
    }
    assert_eq!(portal.user("ada").await.status, Status::Active);
    for (name, value, code) in [
        ("id", "x", ErrorCode::DecisionNotFound),
        ("id", "99999", ErrorCode::DecisionNotFound),
        ("batch", "x", ErrorCode::DecisionNotFound),
        ("batch", "00000000000000000000000000000000", ErrorCode::DecisionNotFound),
    ] {
        let result =
            admin.fetch("/do/undo_decision", &[(name, value), ("stay", "yes")]).await.action_result();
        assert_eq!(result, ActionResult::Refused(FormErrors::of(code)), "{name}={value}");
    }
}

#[tokio::test]
async fn undoing_a_rejection_removes_the_hash_that_it_created() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let hashes =
        || async { blocked_identity::Entity::find().all(portal.backend.db.pool()).await.expect("reads") };
    admin.decide("reject", &ada, &[("silent", "no"), ("reason", "No")]).await;
    assert_eq!(hashes().await.len(), 1);
    admin.undo(last_decision(&portal).await).await;
    assert!(hashes().await.is_empty());
    // An older hash, for example of a deleted account with the same email address, comes back as it was.
    let blocked = &portal.backend.blocked_identities;
    let (db, before) = (portal.backend.db.pool(), portal.backend.now().before(Duration::from_hours(24)));
    let reason = blocked_identity::BlockReason::Deleted;
    blocked.insert(db, "ada@example.org", reason, before).await.expect("inserts");
    let old = hashes().await;
    admin.decide("reject", &portal.user("ada").await, &[("silent", "no")]).await;
    assert_ne!(hashes().await, old);
    admin.undo(last_decision(&portal).await).await;
    assert_eq!(hashes().await, old);
    admin.decide("approve", &portal.user("ada").await, &[]).await;
    assert!(hashes().await.is_empty());
    admin.undo(last_decision(&portal).await).await;
    assert_eq!(hashes().await, old);
    assert!(
        portal
            .deliver_emails()
            .await
            .iter()
            .all(|email| email.to != "ada@example.org" || email.subject.starts_with("Confirm"))
    );
}

#[tokio::test]
async fn undoing_a_question_withdraws_it() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_mins(1));
    admin.decide("ask", &ada, &[("question", "Which team?")]).await;
    admin.undo(last_decision(&portal).await).await;
    let restored = portal.user("ada").await;
    assert_eq!((restored.status, restored.status_since), (Status::Pending, ada.status_since));
    let [question] = &portal.questions().await[..] else { panic!("one question") };
    let [decision] = &portal.decisions().await[..] else { panic!("one decision") };
    assert!(question.withdrawn_at.is_some() && question.withdrawn_at >= decision.undone_at);
    let unused = backend::entity::user_token::Entity::find()
        .filter(backend::entity::user_token::Column::Purpose.eq("answer"))
        .filter(backend::entity::user_token::Column::UsedAt.is_null());
    assert_eq!(unused.count(portal.backend.db.pool()).await.expect("counts"), 0, "the link is void");
    portal.advance_time(Duration::from_mins(2));
    assert!(portal.deliver_emails().await.iter().all(|email| !email.subject.starts_with("A question")));
}

#[tokio::test]
async fn a_question_that_was_answered_cannot_be_undone() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("ask", &ada, &[("question", "Which team?")]).await;
    let db = portal.backend.db.pool();
    portal.advance_time(Duration::from_secs(1));
    backend::entity::question::Entity::update_many()
        .col_expr(backend::entity::question::Column::AnsweredAt, Expr::value(portal.backend.now()))
        .exec(db)
        .await
        .expect("is answered");
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Pending))
        .filter(user::Column::Id.eq(ada.id))
        .exec(db)
        .await
        .expect("is pending again");
    is_refused(&portal, &admin, ErrorCode::UndoAnswered).await;
}

#[tokio::test]
async fn undoing_a_deactivation_keeps_sessions_ended_and_the_page_says_so() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("deactivate", &ada, &[("note", "Left the company")]).await;
    let page = admin.get("/admin").await;
    page.assert_contains("Deactivated and signed out everywhere. You can undo this until ");
    admin.undo(last_decision(&portal).await).await;
    let message = "ada: Undone. The account is active again. They'll have to sign in again.";
    admin.get("/admin").await.assert_contains(message);
    assert_eq!(portal.user("ada").await.status, Status::Active);
    assert!(!browser.is_signed_in().await);
    portal.signed_in("ada").await;
    let blocked = blocked_identity::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(blocked, 0);
}

#[tokio::test]
async fn an_email_that_a_decision_dropped_leaves_after_the_decision_is_undone() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("approve", &ada, &[]).await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("deactivate", &portal.user("ada").await, &[]).await;
    assert_eq!(state_of_email(&portal, EmailKind::Approved).await, [Some(EmailState::Dropped)]);
    admin.undo(last_decision(&portal).await).await;
    let email = portal.email_to("ada").await;
    assert_eq!(email.subject, "Your account at Vestibule has been approved");
    assert_eq!(portal.browser().get(&email.link()).await.status.as_u16(), 200, "its link works");
    // The confirmation email of a new registration.
    portal.register("bob").await;
    while backend::email::worker::write(&portal.backend).await.expect("writes").is_zero() {}
    portal.advance_time(Duration::from_secs(1));
    admin.decide("reject", &portal.user("bob").await, &[]).await;
    admin.undo(last_decision(&portal).await).await;
    assert_eq!(portal.email_to("bob").await.subject, "Confirm your email address for Vestibule");
}

#[tokio::test]
async fn a_question_that_an_approval_dropped_is_asked_again_after_the_approval_is_undone() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("ask", &ada, &[("question", "Which team?")]).await;
    admin.decide("approve", &portal.user("ada").await, &[]).await;
    admin.undo(last_decision(&portal).await).await;
    assert_eq!(portal.user("ada").await.status, Status::Held);
    let email = portal.email_to("ada").await;
    assert_eq!(email.subject, "A question about your request to join Vestibule");
    portal.browser().get(&email.link()).await.assert_contains("Which team?");
}

#[tokio::test]
async fn undoing_a_decision_about_an_account_due_for_deletion_restores_the_request_and_its_link() {
    let (portal, admin) = start().await;
    for (name, action) in [("ada", "reactivate"), ("bob", "deactivate")] {
        portal.create_user(name, Status::Active, Role::Member).await;
        let browser = portal.signed_in(name).await;
        portal.advance_time(Duration::from_secs(1));
        browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
        let link = portal.email_to(name).await.link();
        let due = portal.user(name).await;
        portal.advance_time(Duration::from_secs(1));
        admin.decide(action, &due, &[]).await;
        assert_eq!(portal.user(name).await.deletion_due_at, None, "{name}");
        assert_eq!(portal.browser().get(&link).await.status.as_u16(), 404, "{name}: the link is void");
        admin.undo(last_decision(&portal).await).await;
        let restored = portal.user(name).await;
        assert_eq!(
            (restored.status, restored.status_since),
            (Status::Deactivated, due.status_since),
            "{name}"
        );
        assert_eq!(
            (restored.deletion_due_at, restored.status_by),
            (due.deletion_due_at, due.status_by),
            "{name}"
        );
        portal.browser().get(&link).await.assert_contains("Keep");
        let blocked = blocked_identity::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
        assert!(blocked.iter().any(|row| row.reason.as_str() == "deleted"), "{name}: {blocked:?}");
        blocked_identity::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    }
    // If the owner had not been told yet, they are told again.
    portal.create_user("carl", Status::Active, Role::Member).await;
    let browser = portal.signed_in("carl").await;
    portal.advance_time(Duration::from_secs(1));
    browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("deactivate", &portal.user("carl").await, &[]).await;
    admin.undo(last_decision(&portal).await).await;
    let email = portal.email_to("carl").await;
    assert_eq!(email.subject, "Your account at Vestibule will be deleted");
    portal.browser().get(&email.link()).await.assert_contains("Keep");
}

async fn take_password(portal: &TestPortal, name: &str) {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

#[tokio::test]
async fn undoing_never_ends_the_last_administrator_who_can_sign_in() {
    let (portal, admin) = start().await;
    let zoe = portal.create_user("zoe", Status::Deactivated, Role::Admin).await;
    portal.advance_time(Duration::from_secs(1));
    admin.decide("reactivate", &zoe, &[]).await;
    // Grace can no longer sign in, although her session lasts.
    take_password(&portal, "grace").await;
    is_refused(&portal, &admin, ErrorCode::LastAdmin).await;
    assert_eq!(portal.user("zoe").await.status, Status::Active);
}

#[tokio::test]
async fn of_two_reactivations_that_are_undone_at_once_one_administrator_remains() {
    let (portal, admin) = start().await;
    let other = portal.create_admin("heidi").await;
    let names = ["yan", "zoe"];
    for name in names {
        portal.create_user(name, Status::Deactivated, Role::Admin).await;
    }
    // They can no longer sign in, although their sessions last.
    take_password(&portal, "grace").await;
    take_password(&portal, "heidi").await;
    let mut decisions = [0; 2];
    for _ in 0..20 {
        portal.advance_time(Duration::from_secs(1));
        for (name, decision) in names.iter().zip(&mut decisions) {
            let user = portal.user(name).await;
            if user.status == Status::Deactivated {
                admin.decide("reactivate", &user, &[]).await;
                *decision = last_decision(&portal).await;
            }
        }
        tokio::join!(admin.undo(decisions[0]), other.undo(decisions[1]));
        let (yan, zoe) = (portal.user("yan").await.status, portal.user("zoe").await.status);
        assert_ne!(yan, zoe, "one of the two is undone");
    }
}

#[tokio::test]
async fn a_rejection_cannot_be_undone_if_another_account_has_confirmed_the_email_address() {
    let (portal, admin) = start().await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.decide("reject", &ada, &[]).await;
    let other = portal.create_user("other", Status::Pending, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::EmailCanonical, Expr::value("ada@example.org"))
        .filter(user::Column::Id.eq(other.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    is_refused(&portal, &admin, ErrorCode::UndoIdentityTaken).await;
}

#[tokio::test]
async fn without_a_window_decisions_cannot_be_undone_and_emails_leave_immediately() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.decide("approve", &ada, &[]).await;
    admin.get("/admin").await.assert_not_contains("Recent decisions");
    is_refused(&portal, &admin, ErrorCode::UndoTooLate).await;
    assert_eq!(portal.email_to("ada").await.subject, "Your account at Vestibule has been approved");
}

#[tokio::test]
async fn of_undoing_and_sending_at_the_same_moment_one_wins() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(50, "example.org", "192.0.2.7").await;
    portal.deliver_emails().await;
    for (number, person) in people.iter().enumerate() {
        portal.advance_time(Duration::from_secs(100));
        admin.decide("approve", person, &[]).await;
        let id = last_decision(&portal).await;
        // The worker's clock runs ahead, so that both are possible.
        portal.advance_time(Duration::from_secs(59));
        let email = portal.emails_about(person.id).await.pop().expect("an email");
        make_due(&portal, email.id).await;
        let (undo, lease) = (admin.undo(id), lease_next(&portal.backend));
        let next = if number % 2 == 0 { tokio::join!(undo, lease).1 } else { tokio::join!(lease, undo).0 };
        let is_leased = match next.expect("leases") {
            NextEmail::Leased(row) => {
                assert_eq!(row.id, email.id, "no other email is due");
                record_result(&portal.backend, &row, SendResult::Accepted).await.expect("records");
                true
            }
            _ => false,
        };
        let status = portal.user(&person.username).await.status;
        let log = portal.decision_log(person.id).await;
        if is_leased {
            assert_eq!((status, log), (Status::Active, vec!["user.approve".to_owned()]));
        } else {
            let both = vec!["user.approve".to_owned(), "user.undo_decision".to_owned()];
            assert_eq!((status, log), (Status::Pending, both));
        }
    }
}
