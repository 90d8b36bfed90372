//! Tests of the reminders to administrators about registrations that no one has decided on.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{PASSWORD, ReceivedEmail, TestPortal};
use backend::admin::overdue_emails::overdue_emails;
use backend::email::reminder::remind;
use backend::email::transport::Transport;
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{outbox, registration, user};
use domain::status::{Role, Status, UserId};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Starts a portal with the administrator grace, whose other emails have been sent.
async fn portal_with(settings: &[(&str, &str)]) -> TestPortal {
    let portal = TestPortal::with(settings).await;
    portal.create_admin("grace").await;
    portal
}

/// Looks for overdue registrations, as the portal does every minute, and sends the emails.
async fn reminders(portal: &TestPortal) -> Vec<ReceivedEmail> {
    remind(&portal.backend).await.expect("reminds");
    let emails = portal.deliver_emails().await;
    emails
        .into_iter()
        .filter(|email| email.subject == "Reminder: pending registrations at Vestibule")
        .collect()
}

async fn set_status(portal: &TestPortal, id: UserId, status: Status) {
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(status))
        .filter(user::Column::Id.eq(id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

async fn assign(portal: &TestPortal, id: UserId, admin: UserId) {
    registration::Entity::update_many()
        .col_expr(registration::Column::AssignedTo, Expr::value(admin))
        .col_expr(registration::Column::AssignedAt, Expr::value(portal.backend.now()))
        .filter(registration::Column::UserId.eq(id))
        .exec(portal.backend.db.pool())
        .await
        .expect("is assigned");
}

#[tokio::test]
async fn administrators_are_reminded_once_a_day_of_a_registration_that_no_one_decides_on() {
    let portal = portal_with(&[]).await;
    portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(479 * MINUTE);
    assert!(reminders(&portal).await.is_empty(), "not before");
    portal.advance_time(MINUTE);
    let [email] = &reminders(&portal).await[..] else { panic!("one reminder") };
    assert_eq!(email.to, "grace@example.org");
    assert!(email.text.contains("A registration at Vestibule has been waiting"), "{}", email.text);
    assert_eq!(email.link(), "/admin");
    assert_eq!(reminders(&portal).await.len(), 1, "not again immediately");
    portal.advance_time(1_439 * MINUTE);
    portal.register("bob").await;
    assert_eq!(reminders(&portal).await.len(), 1, "not again within a day");
    portal.advance_time(MINUTE);
    assert_eq!(reminders(&portal).await.len(), 2, "again after a day");
    portal.advance_time(24 * HOUR);
    let emails = reminders(&portal).await;
    assert_eq!(emails.len(), 3);
    assert!(emails[2].text.contains("2 registrations at Vestibule are waiting"), "{}", emails[2].text);
}

#[tokio::test]
async fn replicas_that_look_at_the_same_time_write_one_reminder() {
    let portal = portal_with(&[]).await;
    portal.register("ada").await;
    portal.advance_time(8 * HOUR);
    let backend = &portal.backend;
    let (one, two, three) = tokio::join!(remind(backend), remind(backend), remind(backend));
    one.and(two).and(three).expect("reminds");
    assert_eq!(reminders(&portal).await.len(), 1);
}

#[tokio::test]
async fn there_is_no_reminder_while_administrators_decide_on_other_registrations() {
    let portal = portal_with(&[]).await;
    let admin = portal.signed_in("grace").await;
    portal.register("ada").await;
    let bob = portal.create_user("bob", Status::Pending, Role::Member).await;
    portal.advance_time(7 * HOUR);
    assert_eq!(admin.apply_action("approve", bob.id).await.location(), Some("/admin"));
    portal.advance_time(479 * MINUTE);
    assert!(reminders(&portal).await.is_empty());
    portal.advance_time(MINUTE);
    assert_eq!(reminders(&portal).await.len(), 1, "no one has decided anything for 8 hours");
}

#[tokio::test]
async fn a_decision_before_the_reminder_is_sent_makes_it_unnecessary() {
    let portal = portal_with(&[]).await;
    let admin = portal.signed_in("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    portal.advance_time(8 * HOUR);
    remind(&portal.backend).await.expect("reminds");
    admin.apply_action("approve", ada.id).await;
    assert!(reminders(&portal).await.is_empty());
    let reminder =
        portal.outbox().await.into_iter().find(|row| row.kind.known() == Some(EmailKind::Reminder));
    assert_eq!(reminder.and_then(|row| row.state.known()), Some(EmailState::Dropped));
}

#[tokio::test]
async fn there_is_no_reminder_of_registrations_on_hold_assigned_ones_and_shadows() {
    let portal = portal_with(&[]).await;
    let grace = portal.user("grace").await.id;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let bob = portal.create_user("bob", Status::Held, Role::Member).await.id;
    // Another account has confirmed the email address of a shadow.
    portal.create_user("carl", Status::Active, Role::Member).await;
    portal.browser().register("eve", "carl@example.org", PASSWORD).await;
    assert_eq!(portal.user("eve").await.status, Status::Shadow);
    portal.advance_time(20 * HOUR);
    assign(&portal, ada, grace).await;
    assert!(reminders(&portal).await.is_empty());
    portal.advance_time(Duration::from_secs(15 * 60 - 1));
    assert!(reminders(&portal).await.is_empty(), "still assigned");
    portal.advance_time(Duration::from_secs(1));
    let emails = reminders(&portal).await;
    assert_eq!(emails.len(), 1, "no longer assigned");
    assert!(emails[0].text.contains("A registration at Vestibule"), "only ada's: {}", emails[0].text);
    set_status(&portal, ada, Status::Rejected).await;
    portal.advance_time(24 * HOUR);
    assert_eq!(reminders(&portal).await.len(), 1, "only on hold");
    set_status(&portal, bob, Status::Pending).await;
    assert_eq!(reminders(&portal).await.len(), 2);
}

#[tokio::test]
async fn reminders_go_to_the_recipients_of_notifications_after_the_time_that_is_set() {
    let portal = portal_with(&[("REMIND_AFTER", "30m"), ("ADMIN_EMAIL", "desk@example.org")]).await;
    portal.register("ada").await;
    portal.advance_time(29 * MINUTE);
    assert!(reminders(&portal).await.is_empty());
    portal.advance_time(MINUTE);
    let emails = reminders(&portal).await;
    assert_eq!(emails.iter().map(|email| email.to.as_str()).collect::<Vec<_>>(), ["desk@example.org"]);
}

#[tokio::test]
async fn there_is_never_a_reminder_if_the_setting_is_zero() {
    let portal = portal_with(&[("REMIND_AFTER", "0s")]).await;
    portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(1_000 * HOUR);
    assert!(reminders(&portal).await.is_empty());
}

#[tokio::test]
async fn an_email_is_overdue_when_it_has_been_due_for_15_minutes() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    while backend::email::jobs::process_next(&portal.backend).await.expect("works") {}
    let count = async || overdue_emails(&portal.backend).await.expect("counts");
    portal.advance_time(Duration::from_secs(15 * 60 - 1));
    assert_eq!(count().await, 0);
    portal.advance_time(Duration::from_secs(1));
    assert_eq!(count().await, 1);
    // A failed attempt does not make it less overdue.
    portal.run_worker(&Transport::File("/dev/null/no-folder".into())).await;
    let row = portal.outbox().await.pop().expect("an email");
    assert!(row.due_at > portal.backend.now() && row.attempts == 1, "{row:?}");
    assert_eq!(count().await, 1);
    portal.advance_time(HOUR);
    portal.deliver_emails().await;
    assert_eq!(count().await, 0, "it has been sent");
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Failed))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    assert_eq!(count().await, 0, "failed emails have their own list");
}
