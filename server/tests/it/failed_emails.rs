//! Tests of failed emails on the admin page: listing, sending again and dismissing them.

use std::time::Duration;

use axum::http::StatusCode;

use crate::support::smtp::smtp_server;
use crate::support::{Browser, PASSWORD, TestPortal};
use backend::entity::outbox::{self, EmailKind, EmailState};
use backend::jobs::cleanup::purge;
use domain::status::{Role, Status};

/// Starts a portal where the approval email to ada has failed. Returns it with the administrator's browser and the email.
async fn with_failed_email() -> (TestPortal, Browser, outbox::Model) {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.apply_action("approve", ada.id).await;
    portal.run_worker(&smtp_server("550 5.1.1 no such mailbox").await).await;
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!(row.state.known(), Some(EmailState::Failed));
    (portal, admin, row)
}

#[tokio::test]
async fn a_refused_email_fails_is_listed_and_can_be_sent_again_with_a_new_link() {
    let (portal, admin, row) = with_failed_email().await;
    let page = admin.get("/admin/mail").await;
    page.assert_contains("no such mailbox");
    page.assert_contains("ada@example.org");
    let account = portal.user("ada").await.id;
    page.assert_contains(&format!("href=\"/admin/users/{account}\""));
    assert!(page.text().contains("Account: ada"), "{}", page.text());
    admin.get("/admin").await.assert_contains("1<span class=\"sr-only\"> failed");
    let id = row.id.to_string();
    assert_eq!(admin.post("/do/resend_mail", &[("id", &id)]).await.location(), Some("/admin/mail"));
    admin.get("/admin/mail").await.assert_contains("We'll try to send this email again.");
    let link = portal.email_to("ada").await.link();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", link.trim_start_matches("/auto-login/"))]).await;
    assert!(browser.is_signed_in().await);
    // Until then, the same request is answered as done.
    portal.advance_time(Duration::from_mins(10));
    admin.post("/do/resend_mail", &[("id", &id)]).await;
    admin.get("/admin/mail").await.assert_contains("This email can no longer be sent again or dismissed.");
}

#[tokio::test]
async fn a_failed_email_that_is_no_longer_needed_is_dropped() {
    let (portal, admin, failed) = with_failed_email().await;
    admin.apply_action("deactivate", portal.user("ada").await.id).await;
    admin.post("/do/resend_mail", &[("id", &failed.id.to_string())]).await;
    admin.get("/admin/mail").await.assert_contains("This email can no longer be sent again or dismissed.");
    let row = portal.outbox().await.into_iter().find(|row| row.id == failed.id).expect("is there");
    assert_eq!(row.state.known(), Some(EmailState::Dropped));
    assert_eq!(row.last_error.as_deref(), Some("no longer needed"));
}

/// Returns the number of failed emails on a page, and the path of the next page.
fn count_failed_emails(page: &str) -> (usize, Option<String>) {
    let next = page.split("href=\"/admin/mail?before=").nth(1).and_then(|rest| rest.split('"').next());
    (
        page.matches("action=\"/do/resend_mail\"").count(),
        next.map(|before| format!("/admin/mail?before={before}")),
    )
}

#[tokio::test]
async fn temporary_failures_are_shown_and_one_button_sends_all_emails_again() {
    for answer in
        ["552 5.2.2 over quota", "535 5.7.8 authentication failed", "550 relay not permitted", "450 not now"]
    {
        let portal = TestPortal::start().await;
        let admin = portal.create_admin("grace").await;
        portal.register("ada").await;
        portal.run_worker(&smtp_server(answer).await).await;
        let rows = portal.outbox().await;
        assert!(rows.iter().all(|row| row.state.known() == Some(EmailState::Pending)), "{answer}");
        let page = admin.get("/admin/mail").await;
        page.assert_contains("2 emails have not been sent yet.");
        page.assert_contains(answer.split_once(' ').expect("words").1);
        assert!(portal.deliver_emails().await.is_empty(), "they wait for their time");
        assert_eq!(admin.post("/do/resend_all_mails", &[]).await.location(), Some("/admin/mail"));
        admin.get("/admin/mail").await.assert_contains("send these emails again.");
        assert_eq!(portal.deliver_emails().await.len(), 2);
        admin.get("/admin/mail").await.assert_not_contains("have not been sent yet");
    }
}

#[tokio::test]
async fn failed_emails_are_counted_and_paged_and_can_be_dismissed() {
    use sea_orm::ConnectionTrait;
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let rows = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120) \
                INSERT INTO outbox (kind, recipient, seal_context, priority, state, created_at, due_at, last_error) \
                SELECT 'reactivated', 'ada@example.org', 'x', 1, 'failed', 0, 0, 'no such mailbox' FROM numbers";
    portal.backend.db.pool().execute_unprepared(rows).await.expect("is written");
    let (mut path, mut seen) = (Some("/admin/mail".to_owned()), Vec::new());
    while let Some(current_path) = path {
        let page = admin.get(&current_path).await;
        page.assert_contains("120<span class=\"sr-only\"> failed");
        let (count, next) = count_failed_emails(&page.body);
        seen.push(count);
        path = next;
    }
    assert_eq!(seen, [50, 50, 20]);
    let id = portal.outbox().await[0].id.to_string();
    assert_eq!(admin.post("/do/dismiss_mail", &[("id", &id)]).await.location(), Some("/admin/mail"));
    let page = admin.get("/admin/mail").await;
    page.assert_contains("119<span class=\"sr-only\"> failed");
    assert!(portal.audit_log().await.iter().any(|row| row.action.as_str() == "email.dismiss"));
    portal.advance_time(Duration::from_mins(10));
    admin.post("/do/dismiss_mail", &[("id", &id)]).await;
    admin.get("/admin/mail").await.assert_contains("This email can no longer be sent again or dismissed.");
    admin.post("/do/resend_all_mails", &[]).await;
    assert!(portal.outbox().await.iter().all(|row| row.state.known() != Some(EmailState::Failed)));
    for before in ["x", "-1", "99999999999999999999", "%00"] {
        assert_eq!(admin.get(&format!("/admin/mail?before={before}")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_failed_notification_does_not_name_deleted_users() {
    for purged in [false, true] {
        let portal = TestPortal::with(&[("ADMIN_EMAIL", "desk@example.org")]).await;
        let admin = portal.create_admin("grace").await;
        portal.register("ada").await;
        portal.deliver_emails().await;
        portal.register("bob").await;
        portal.advance_time(Duration::from_mins(16));
        portal.register("eve").await;
        portal.run_worker(&smtp_server("550 5.1.1 no such mailbox").await).await;
        let kind = Some(EmailKind::PendingRegistrations);
        let failed =
            portal.outbox().await.into_iter().rfind(|row| row.kind.known() == kind).expect("a notice");
        assert_eq!(failed.state.known(), Some(EmailState::Failed));
        let eve = portal.user("eve").await.id;
        admin.apply_action("reject", eve).await;
        portal.advance_time(Duration::from_hours(24 * 31));
        if purged {
            // The cleanup removes both: bob is unconfirmed for too long, and eve was rejected long ago.
            purge(&portal.backend).await.expect("purges");
            assert!(portal.find_user("eve").await.is_none() && portal.find_user("bob").await.is_none());
            let row = portal.outbox().await.into_iter().find(|row| row.id == failed.id).expect("a row");
            assert_eq!((row.state.known(), row.sealed), (Some(EmailState::Dropped), None));
        } else {
            use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
            let deletion = backend::entity::user::Entity::delete_many()
                .filter(backend::entity::user::Column::UsernameKey.eq("eve"));
            deletion.exec(portal.backend.db.pool()).await.expect("deletes");
            admin.sign_in("grace", PASSWORD).await;
            admin.post("/do/resend_mail", &[("id", &failed.id.to_string())]).await;
            let emails = portal.deliver_emails().await;
            let notification = emails.iter().rfind(|email| email.to == "desk@example.org").expect("a notice");
            assert!(
                notification.text.contains("bob") && !notification.text.contains("eve"),
                "{}",
                notification.text
            );
        }
    }
}

#[tokio::test]
async fn a_superseded_change_of_email_address_is_not_sent_again() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let request_change = async |email: &str| {
        let fields = [("email", email), ("current_password", PASSWORD)];
        browser.post("/do/ask_address_change", &fields).await;
    };
    request_change("typo@example.org").await;
    portal.run_worker(&smtp_server("550 5.1.1 no such mailbox").await).await;
    request_change("countess@example.org").await;
    let link = portal.email_to("countess").await.link();
    admin.post("/do/resend_all_mails", &[]).await;
    assert!(portal.deliver_emails().await.iter().all(|email| email.to != "typo@example.org"));
    let token = link.rsplit('/').next().expect("a token");
    assert_eq!(browser.post("/do/change_address", &[("token", token)]).await.location(), Some("/profile"));
}
