//! Tests of sending failed emails again, and of the messages that promise emails.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use secrecy::SecretString;

use crate::support::smtp::smtp_server;
use crate::support::{Browser, PASSWORD, ReceivedEmail, TestPortal};
use backend::email::worker;
use backend::entity::outbox::{self, EmailKind, EmailState};
use backend::infra::encryption::Keys;
use backend::{Backend, Parts};
use domain::status::{Role, Status};

const HOUR: Duration = Duration::from_hours(1);

/// Runs the worker once with a mail server that rejects every recipient.
async fn reject_emails(portal: &TestPortal) {
    portal.run_worker(&smtp_server("550 5.1.1 no such mailbox").await).await;
}

/// Runs the worker once with a mail server that accepts no email now.
async fn delay_emails(portal: &TestPortal) {
    portal.run_worker(&smtp_server("451 not now").await).await;
}

/// Returns the newest email of this kind.
async fn email(portal: &TestPortal, kind: EmailKind) -> outbox::Model {
    portal.outbox().await.into_iter().rfind(|row| row.kind.known() == Some(kind)).expect("an email")
}

async fn resend(admin: &Browser, email: &outbox::Model) {
    admin.post("/do/resend_mail", &[("id", &email.id.to_string())]).await;
}

async fn emails_to(portal: &TestPortal, address: &str) -> Vec<ReceivedEmail> {
    portal.deliver_emails().await.into_iter().filter(|email| email.to == address).collect()
}

#[tokio::test]
async fn an_administrator_sends_a_confirmation_link_again_whatever_the_limit_of_the_mailbox() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    reject_emails(&portal).await;
    let failed = email(&portal, EmailKind::ConfirmEmail).await;
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    for _ in 0..3 {
        browser.post("/do/ask_confirmation", &[]).await;
    }
    assert_eq!(emails_to(&portal, "ada@example.org").await.len(), 2, "with the failed one, 3 in an hour");
    resend(&admin, &failed).await;
    admin.get("/admin/mail").await.assert_contains("We'll try to send this email again.");
    let emails = emails_to(&portal, "ada@example.org").await;
    assert_eq!(emails.len(), 3);
    let link = emails.last().expect("an email").link();
    let token = link.trim_start_matches("/confirm/");
    portal.browser().post("/do/confirm_address", &[("token", token), ("password", PASSWORD)]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}

#[tokio::test]
async fn an_administrator_sends_the_link_to_a_new_email_address_again_whatever_the_limit_of_the_mailbox() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    reject_emails(&portal).await;
    let failed = email(&portal, EmailKind::ConfirmNewEmail).await;
    for name in ["bob", "eve"] {
        portal.browser().register(name, "new@example.org", PASSWORD).await;
    }
    assert_eq!(emails_to(&portal, "new@example.org").await.len(), 2, "with the failed one, 3 in an hour");
    resend(&admin, &failed).await;
    let emails = emails_to(&portal, "new@example.org").await;
    assert_eq!(emails.len(), 3);
    let link = emails.last().expect("an email").link();
    browser.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    assert_eq!(portal.user("ada").await.email, "new@example.org");
}

#[tokio::test]
async fn an_email_whose_link_expires_while_the_mail_server_is_down_fails_and_can_be_sent_again() {
    let portal = TestPortal::with(&[("SIGN_IN_LINK_LIFETIME", "1h")]).await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.apply_action("approve", ada.id).await;
    for _ in 0..2 {
        delay_emails(&portal).await;
        portal.advance_time(HOUR);
        delay_emails(&portal).await;
        let failed = email(&portal, EmailKind::Approved).await;
        assert_eq!(failed.state.known(), Some(EmailState::Failed));
        admin.get("/admin/mail").await.assert_contains("not now");
        // The mail server is still down: the email comes back.
        resend(&admin, &failed).await;
    }
    let link = portal.email_to("ada").await.link();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", link.trim_start_matches("/auto-login/"))]).await;
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_warning_whose_link_has_expired_is_refused_in_words_and_stays_until_it_is_dismissed() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
    let emails = emails_to(&portal, "new@example.org").await;
    let link = emails.last().expect("an email").link();
    browser.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    reject_emails(&portal).await;
    let failed = email(&portal, EmailKind::EmailChanged).await;
    assert_eq!(failed.state.known(), Some(EmailState::Failed));
    portal.advance_time(73 * HOUR);
    let admin = portal.signed_in("grace").await;
    resend(&admin, &failed).await;
    admin.get("/admin/mail").await.assert_contains("The link in this email has expired");
    admin.post("/do/resend_all_mails", &[]).await;
    portal.deliver_emails().await;
    assert_eq!(email(&portal, EmailKind::EmailChanged).await.state.known(), Some(EmailState::Failed));
    admin.post("/do/dismiss_mail", &[("id", &failed.id.to_string())]).await;
    assert_eq!(email(&portal, EmailKind::EmailChanged).await.state.known(), Some(EmailState::Dropped));
}

#[tokio::test]
async fn a_failed_email_whose_reason_has_gone_is_removed_and_the_administrator_is_told() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.apply_action("approve", ada.id).await;
    reject_emails(&portal).await;
    portal.advance_time(HOUR);
    portal.signed_in("ada").await;
    let failed = email(&portal, EmailKind::Approved).await;
    resend(&admin, &failed).await;
    admin.get("/admin/mail").await.assert_contains("This email is no longer needed.");
    assert_eq!(email(&portal, EmailKind::Approved).await.state.known(), Some(EmailState::Dropped));
}

#[tokio::test]
async fn a_repeated_request_above_the_limit_of_the_mailbox_leaves_the_last_link_valid() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
    for _ in 0..5 {
        browser.post("/do/ask_address_change", &fields).await;
        browser.get("/profile").await.assert_contains("We send at most 3 links an hour.");
        portal.deliver_emails().await;
    }
    let emails = emails_to(&portal, "new@example.org").await;
    assert_eq!(emails.len(), 3);
    let link = emails.last().expect("an email").link();
    browser.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    assert_eq!(portal.user("ada").await.email, "new@example.org");
}

#[tokio::test]
async fn a_request_for_another_email_address_revokes_earlier_links_even_if_it_gets_none() {
    let portal = TestPortal::start().await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    portal.deliver_emails().await;
    let browser = portal.signed_in("ada").await;
    for email in ["typo@example.org", "bob@example.org"] {
        let fields = [("email", email), ("current_password", PASSWORD)];
        browser.post("/do/ask_address_change", &fields).await;
    }
    assert!(emails_to(&portal, "typo@example.org").await.is_empty(), "its job is gone");
}

#[tokio::test]
async fn what_people_are_told_names_the_limits_and_does_not_depend_on_them() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let (ada, visitor) = (portal.browser(), portal.browser());
    ada.sign_in("ada", PASSWORD).await;
    for _ in 0..5 {
        ada.post("/do/ask_confirmation", &[]).await;
        ada.get("/login")
            .await
            .assert_contains("We send at most 3 links an hour and 10 a day, including the first one.");
        visitor.post("/do/ask_reset", &[("email", "bob@example.org")]).await;
        visitor.get("/login").await.assert_contains("We send at most 3 emails an hour.");
        portal.deliver_emails().await;
    }
    assert_eq!(emails_to(&portal, "ada@example.org").await.len(), 3);
    let to_bob = emails_to(&portal, "bob@example.org").await;
    assert_eq!(to_bob.iter().filter(|email| email.subject.contains("temporary password")).count(), 3);
}

#[tokio::test]
async fn all_failed_emails_of_one_kind_to_one_person_are_replaced_by_one_email() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let browser = portal.register("ada").await;
    browser.sign_in("ada", PASSWORD).await;
    reject_emails(&portal).await;
    for _ in 0..2 {
        browser.post("/do/ask_confirmation", &[]).await;
        reject_emails(&portal).await;
    }
    let failed = || async {
        let rows = portal.outbox().await.into_iter();
        let rows = rows.filter(|row| row.kind.known() == Some(EmailKind::ConfirmEmail));
        rows.filter(|row| row.state.known() == Some(EmailState::Failed)).count()
    };
    assert_eq!(failed().await, 3);
    admin.post("/do/resend_all_mails", &[]).await;
    assert_eq!(failed().await, 0);
    let emails = emails_to(&portal, "ada@example.org").await;
    assert_eq!(emails.len(), 1);
    assert_eq!(portal.browser().get(&emails[0].link()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_email_that_another_key_has_encrypted_fails_with_the_fix_once_all_replicas_have_restarted() {
    let mut portal = TestPortal::start().await;
    portal.register("ada").await;
    while worker::write(&portal.backend).await.expect("emails are written").is_zero() {}
    let other = SecretString::from("another key that is long enough, too".to_owned());
    portal.backend =
        Backend::new(Parts { keys: Arc::new(Keys::new(&other, None)), ..(*portal.backend).clone() });
    let transport = smtp_server("250 fine").await;
    for (wait, expected) in [(0, EmailState::Pending), (10, EmailState::Failed)] {
        portal.advance_time(Duration::from_mins(wait));
        worker::send(&portal.backend, &transport, || false).await.expect("the outbox is read");
        let row = email(&portal, EmailKind::ConfirmEmail).await;
        assert_eq!(row.state.known(), Some(expected));
        let reason = row.last_error.expect("a reason");
        assert!(reason.contains("SECRET_KEY_PREVIOUS") && reason.contains("Send it again"), "{reason}");
    }
}
