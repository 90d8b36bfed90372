//! Rows that only a later version understands: replicas of two versions run next to each other during an upgrade.

use axum::http::StatusCode;
use sea_orm::ConnectionTrait;

use crate::support::TestPortal;
use backend::email::outbox::FORMAT;
use backend::entity::outbox::EmailState;
use backend::jobs::cleanup::purge;
use domain::status::{Role, Status};

/// Changes the database as a later version would.
async fn execute(portal: &TestPortal, sql: &str) {
    portal.backend.db.pool().execute_unprepared(sql).await.expect("is executed");
}

#[tokio::test]
async fn a_session_of_an_unknown_kind_is_no_session() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let (first, second) = (portal.signed_in("ada").await, portal.signed_in("ada").await);
    assert!(first.is_signed_in().await && second.is_signed_in().await);
    let oldest = "UPDATE user_sessions SET kind = 'second_factor_pending' \
                  WHERE created_at = (SELECT min(created_at) FROM user_sessions) AND public_id = \
                  (SELECT min(public_id) FROM user_sessions)";
    execute(&portal, oldest).await;
    let signed_in = [first.is_signed_in().await, second.is_signed_in().await];
    assert_eq!(signed_in.iter().filter(|is| **is).count(), 1, "{signed_in:?}");
    let (visitor, user) = if signed_in[0] { (second, first) } else { (first, second) };
    // Not even one that may choose a new password.
    assert_eq!(visitor.get("/change-password").await.status, StatusCode::FOUND);
    let page = user.get("/profile").await;
    assert!(!page.text().contains("Sign out everywhere else"), "the other session is not listed");
}

#[tokio::test]
async fn an_email_of_an_unknown_kind_waits_and_delays_no_other() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.register("bert").await;
    // The worker writes the emails, and sends them in the same run: so the job of ada is changed before.
    execute(
        &portal,
        "UPDATE email_jobs SET kind = 'passkey_added' WHERE id = (SELECT min(id) FROM email_jobs)",
    )
    .await;
    let emails = portal.deliver_emails().await;
    assert_eq!(emails.len(), 1, "only bert's");
    let jobs = portal.email_jobs().await;
    let waiting = jobs.iter().find(|job| job.kind.known().is_none()).expect("the job waits");
    assert_eq!((waiting.attempts, waiting.failed_at), (0, None));
    execute(
        &portal,
        "UPDATE outbox SET kind = 'passkey_added', state = 'pending', sealed = 'x', due_at = 0, finished_at = 0, \
         leased_until = 0, attempts = 0, last_error = NULL",
    )
    .await;
    portal.register("carl").await;
    assert_eq!(portal.deliver_emails().await.len(), 2, "bert's and carl's, but not the unknown one again");
    let unknown = portal.outbox().await.into_iter().find(|row| row.kind.known().is_none());
    let unknown = unknown.expect("the email waits");
    assert_eq!((unknown.state.known(), unknown.attempts), (Some(EmailState::Pending), 0));
    assert_eq!(
        (unknown.due_at.0, unknown.leased_until.0, unknown.last_error),
        (0, 0, None),
        "no worker leased it"
    );
}

#[tokio::test]
async fn an_email_of_a_later_format_waits_and_delays_no_other() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    while backend::email::jobs::process_next(&portal.backend).await.expect("works") {}
    let later = FORMAT + 1;
    execute(&portal, &format!("UPDATE outbox SET format = {later}")).await;
    portal.register("bert").await;
    let emails = portal.deliver_emails().await;
    assert_eq!(emails.iter().map(|email| email.to.as_str()).collect::<Vec<_>>(), ["bert@example.org"]);
    let waiting = portal.outbox().await.into_iter().find(|row| row.format == later).expect("it waits");
    assert_eq!((waiting.state.known(), waiting.attempts), (Some(EmailState::Pending), 0));
    assert!(waiting.sealed.is_some());
    // The worker of the later version sends it.
    execute(&portal, &format!("UPDATE outbox SET format = {FORMAT}")).await;
    assert_eq!(portal.deliver_emails().await.len(), 2);
}

#[tokio::test]
async fn the_cleanup_does_not_rewrite_a_notification_of_a_later_format() {
    let portal = TestPortal::with(&[("ADMIN_EMAIL", "desk@example.org")]).await;
    for name in ["ada", "bert"] {
        portal.create_user(name, Status::Pending, Role::Member).await;
    }
    while backend::email::jobs::process_next(&portal.backend).await.expect("works") {}
    execute(&portal, "UPDATE users SET status = 'active' WHERE username_key = 'ada'").await;
    let notification = async || {
        let row = portal.outbox().await.into_iter().find(|row| row.recipient == "desk@example.org");
        row.expect("a notification").sealed
    };
    let before = notification().await;
    execute(&portal, &format!("UPDATE outbox SET format = {}", FORMAT + 1)).await;
    purge(&portal.backend).await.expect("purges");
    assert_eq!(notification().await, before);
    execute(&portal, &format!("UPDATE outbox SET format = {FORMAT}")).await;
    purge(&portal.backend).await.expect("purges");
    assert_ne!(notification().await, before, "ada has been removed from it");
}

#[tokio::test]
async fn a_failed_email_of_an_unknown_kind_is_listed_and_not_sent_again() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    portal.deliver_emails().await;
    execute(&portal, "UPDATE outbox SET kind = 'passkey_added', state = 'failed', last_error = 'no'").await;
    let page = admin.get("/admin/mail").await;
    page.assert_contains("Unknown");
    let id = portal.outbox().await.first().expect("an email").id.to_string();
    admin.post("/do/resend_mail", &[("id", &id)]).await;
    admin.post("/do/resend_all_mails", &[]).await;
    let states: Vec<_> = portal.outbox().await.into_iter().map(|row| row.state.known()).collect();
    assert!(states.iter().all(|state| *state == Some(EmailState::Failed)), "{states:?}");
}
