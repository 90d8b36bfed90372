//! Tests of the outbox: sending, retries, failed emails and notifications to administrators.

use std::time::Duration;

use lettre::{AsyncSmtpTransport, Tokio1Executor};

use crate::support::smtp::smtp_server;
use crate::support::{PASSWORD, TestPortal};
use backend::email::outbox::{NextEmail, lease_next, open};
use backend::email::transport::Transport;
use backend::entity::outbox::{EmailKind, EmailState};
use backend::jobs::cleanup::purge;
use domain::status::{Role, Status};

#[tokio::test]
async fn more_notifications_than_a_statement_can_list_are_all_processed() {
    use sea_orm::ConnectionTrait;
    let portal = TestPortal::with(&[("ADMIN_EMAIL", "desk@example.org")]).await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let jobs = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 33000) \
         INSERT INTO email_jobs (kind, user_id, created_at, due_at) SELECT 'pending_registration', {}, 0, 0 FROM numbers",
        ada.id
    );
    portal.backend.db.pool().execute_unprepared(&jobs).await.expect("is written");
    // The notifications of 15 minutes are combined.
    for _ in 0..2 {
        portal.deliver_emails().await;
        portal.advance_time(Duration::from_mins(16));
    }
    assert!(portal.email_jobs().await.is_empty());
    let notifications = portal
        .outbox()
        .await
        .into_iter()
        .filter(|row| row.kind.known() == Some(EmailKind::PendingRegistrations))
        .count();
    assert!(notifications >= 1);
}

#[tokio::test]
async fn an_email_is_encrypted_in_the_database_and_wiped_once_it_is_sent() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.apply_action("approve", ada.id).await;
    let row = portal.outbox().await.pop().expect("a mail");
    assert_eq!(row.kind.known(), Some(EmailKind::Approved));
    assert_eq!(row.state.known(), Some(EmailState::Pending));
    let sealed = row.sealed.expect("content");
    assert!(!sealed.contains("auto-login"));
    let token = portal.email_to("ada").await.link();
    assert!(!sealed.contains(token.trim_start_matches("/auto-login/")));
    let row = portal.outbox().await.pop().expect("a mail");
    assert_eq!((row.state.known(), row.sealed), (Some(EmailState::Sent), None));
}

#[tokio::test]
async fn an_email_whose_worker_was_killed_after_sending_is_sent_again_with_the_same_link() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let transport = Transport::File(portal.email_folder());
    while backend::email::jobs::process_next(&portal.backend).await.expect("works") {}
    // The worker's steps until it is killed.
    let NextEmail::Leased(leased) = lease_next(&portal.backend).await.expect("works") else {
        panic!("an email is due");
    };
    let message = open(&portal.backend, &leased).expect("opens");
    let rendered = backend::email::templates::render(&message, &portal.backend.settings);
    transport.send(&portal.backend.settings, &leased, rendered).await;
    // Another worker does not send the email while the lease lasts.
    portal.run_worker(&transport).await;
    assert_eq!(portal.sent_emails().len(), 1);
    portal.advance_time(Duration::from_mins(2));
    portal.run_worker(&transport).await;
    let sent = portal.sent_emails();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].link(), sent[1].link());
    let id = |email: &crate::support::ReceivedEmail| {
        let content = std::fs::read_to_string(&email.file).expect("reads");
        content.lines().find(|line| line.starts_with("Message-ID")).expect("an id").to_owned()
    };
    assert_eq!(id(&sent[0]), id(&sent[1]));
}

#[tokio::test]
async fn email_files_are_readable_only_by_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let email = portal.email_to("ada").await;
    let mode = std::fs::metadata(&email.file).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let content = std::fs::read_to_string(&email.file).expect("reads");
    assert!(content.contains("Auto-Submitted: auto-generated"));
    assert!(content.contains("X-Auto-Response-Suppress: All"));
}

#[tokio::test]
async fn the_check_of_the_email_folder_creates_it_for_its_owner_only_and_leaves_no_file() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("data/mail");
    for _ in 0..2 {
        Transport::File(folder.clone()).check().await.expect("files can be written");
        for path in [folder.as_path(), folder.parent().expect("a parent")] {
            let mode = std::fs::metadata(path).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&folder).expect("reads").count(), 0);
    }
    std::fs::write(parent.path().join("file"), "").expect("writes");
    let error = Transport::File(parent.path().join("file/mail")).check().await.expect_err("is no folder");
    assert!(error.starts_with("could not write to "), "{error}");
}

#[tokio::test]
async fn an_email_with_an_expired_link_is_dropped() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    while backend::email::jobs::process_next(&portal.backend).await.expect("works") {}
    portal.advance_time(Duration::from_hours(73));
    assert!(portal.deliver_emails().await.is_empty());
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!((row.state.known(), row.sealed), (Some(EmailState::Dropped), None));
}

#[tokio::test]
async fn no_more_emails_are_sent_than_the_rate_allows() {
    let portal = TestPortal::with(&[("MAIL_RATE", "2/1m")]).await;
    for name in ["one", "two", "three", "four", "five"] {
        portal.register(name).await;
    }
    assert_eq!(portal.deliver_emails().await.len(), 2);
    portal.advance_time(Duration::from_mins(1));
    assert_eq!(portal.deliver_emails().await.len(), 4);
    portal.advance_time(Duration::from_mins(1));
    assert_eq!(portal.deliver_emails().await.len(), 5);
}

#[tokio::test]
async fn the_first_notification_is_sent_immediately_and_the_next_ones_are_combined() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    portal.register("ada").await;
    let notifications = |emails: Vec<crate::support::ReceivedEmail>| -> Vec<String> {
        emails
            .into_iter()
            .filter(|email| email.to == "grace@example.org")
            .map(|email| email.subject)
            .collect()
    };
    assert_eq!(notifications(portal.deliver_emails().await), ["ada has asked to join Vestibule"]);
    portal.register("bob").await;
    portal.register("eve").await;
    assert_eq!(notifications(portal.deliver_emails().await).len(), 1);
    portal.advance_time(Duration::from_mins(15));
    assert_eq!(
        notifications(portal.deliver_emails().await).last().map(String::as_str),
        Some("2 people have asked to join Vestibule")
    );
    assert!(portal.email_jobs().await.is_empty());
}

#[tokio::test]
async fn notifications_go_to_admin_email_if_it_is_set() {
    let portal = TestPortal::with(&[("ADMIN_EMAIL", "desk@example.org, second@example.org")]).await;
    portal.create_admin("grace").await;
    portal.register("ada.lovelace").await;
    let emails = portal.deliver_emails().await;
    let to: Vec<&str> = emails
        .iter()
        .filter(|email| email.subject.contains("has asked"))
        .map(|email| email.to.as_str())
        .collect();
    assert_eq!(to, ["desk@example.org", "second@example.org"]);
    let notification = emails.iter().find(|email| email.to == "desk@example.org").expect("a notice");
    assert!(notification.text.contains("ada.\u{2060}lovelace"), "no program makes a link of a name");
    assert!(notification.text.contains("(email address not confirmed yet)"));
}

#[tokio::test]
async fn an_email_is_sent_over_smtp() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.run_worker(&smtp_server("250 fine").await).await;
    assert_eq!(portal.outbox().await.pop().expect("a row").state.known(), Some(EmailState::Sent));
}

#[tokio::test]
async fn an_email_that_is_never_accepted_is_retried_less_and_less_often_and_fails_after_a_day() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let transport = smtp_server("451 not now").await;
    let mut waits = Vec::new();
    for _ in 0..14 {
        portal.run_worker(&transport).await;
        let row = portal.outbox().await.pop().expect("a row");
        if row.state.known() == Some(EmailState::Pending) {
            let wait = row.due_at.since(portal.backend.now());
            waits.push(wait.as_secs());
            portal.advance_time(wait);
        }
    }
    assert!((30..=46).contains(&waits[0]) && (60..=91).contains(&waits[1]), "{waits:?}");
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!((row.state.known(), row.attempts), (Some(EmailState::Failed), 14));
    let last_error = row.last_error.expect("an error");
    assert!(last_error.contains("not now"), "{last_error}");
    assert!((20 * 3_600..31 * 3_600).contains(&waits.iter().sum::<u64>()), "{waits:?}");
}

#[tokio::test]
async fn an_unreachable_mail_server_loses_no_email() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let url = "smtp://127.0.0.1:9";
    let transport =
        Transport::Smtp(AsyncSmtpTransport::<Tokio1Executor>::from_url(url).expect("an address").build());
    portal.run_worker(&transport).await;
    assert_eq!(portal.outbox().await.pop().expect("a row").state.known(), Some(EmailState::Pending));
    portal.advance_time(Duration::from_mins(1));
    assert_eq!(portal.email_to("ada").await.subject, "Confirm your email address for Vestibule");
}

#[tokio::test]
async fn cleanup_removes_a_deleted_username_from_the_sqlite_files() {
    let portal = TestPortal::start().await;
    if portal.backend.db.is_postgres() {
        return;
    }
    let browser = portal.browser();
    browser.register("zanzibar-ada", "zanzibar-ada@example.org", PASSWORD).await;
    portal.deliver_emails().await;
    browser.sign_in("zanzibar-ada", PASSWORD).await;
    let contains = || {
        let files =
            std::fs::read_dir(portal.email_folder().parent().expect("a folder")).expect("reads").flatten();
        let database = files.filter(|file| file.file_name().to_string_lossy().starts_with("portal.db"));
        let mut all = database.map(|file| std::fs::read(file.path()).expect("reads"));
        all.any(|bytes| bytes.windows(8).any(|part| part == b"zanzibar"))
    };
    assert!(contains(), "as long as the account is there");
    portal.advance_time(Duration::from_hours(24 * 8));
    purge(&portal.backend).await.expect("purges");
    assert!(portal.find_user("zanzibar-ada").await.is_none());
    assert!(!contains(), "nor in what was freed");
}

#[tokio::test]
async fn a_notification_is_not_sent_to_a_former_administrator() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_admin("alan").await;
    portal.deliver_emails().await;
    portal.register("ada").await;
    portal.run_worker(&smtp_server("450 not now").await).await;
    admin.apply_action("remove-admin", portal.user("alan").await.id).await;
    admin.post("/do/resend_all_mails", &[]).await;
    let recipients: Vec<String> = portal
        .deliver_emails()
        .await
        .into_iter()
        .filter(|m| m.subject.contains("has asked to join"))
        .map(|m| m.to)
        .collect();
    assert_eq!(recipients, ["grace@example.org"]);
}
