//! Tests of the rate at which emails are sent (MAIL_RATE).

use std::time::Duration;

use crate::registration::join_all;
use crate::support::TestPortal;
use crate::support::smtp::smtp_server;
use backend::email::transport::Transport;
use backend::email::worker;
use backend::{Backend, Parts};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_replicas_together_send_no_more_emails_than_the_rate_allows() {
    let portal = TestPortal::with(&[("MAIL_RATE", "10/1m")]).await;
    for number in 0..25 {
        portal.register(&format!("name{number}")).await;
    }
    while worker::write(&portal.backend).await.expect("emails are written").is_zero() {}
    for sent in [10, 20, 25] {
        let replicas = (0..5).map(|_| {
            let replica =
                Backend::new(Parts { email_wakeup: std::sync::Arc::default(), ..(*portal.backend).clone() });
            let transport = Transport::File(portal.email_folder());
            async move { worker::send(&replica, &transport, || false).await.expect("emails are sent") }
        });
        join_all(replicas).await;
        assert_eq!(portal.sent_emails().len(), sent);
        portal.advance_time(MINUTE);
    }
}

#[tokio::test]
async fn the_rate_is_kept_at_every_moment_and_not_only_from_minute_to_minute() {
    let portal = TestPortal::with(&[("MAIL_RATE", "2/1m")]).await;
    let mut sent = Vec::new();
    for name in ["one", "two", "three", "four", "five"] {
        portal.register(name).await;
        sent.push(portal.deliver_emails().await.len());
        portal.advance_time(Duration::from_secs(20));
    }
    assert_eq!(sent, [1, 2, 2, 3, 4], "after 0, 20, 40, 60 and 80 seconds");
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_no_place_for_another_email() {
    let portal = TestPortal::with(&[("MAIL_RATE", "2/1m")]).await;
    for name in ["one", "two", "three"] {
        portal.register(name).await;
    }
    let emails = portal.deliver_emails().await;
    assert_eq!(emails.len(), 2);
    for email in emails {
        let link = email.link();
        let token = link.trim_start_matches("/confirm/");
        portal.browser().post("/do/disown_address", &[("token", token)]).await;
    }
    assert_eq!(portal.deliver_emails().await.len(), 2);
    portal.advance_time(MINUTE);
    assert_eq!(portal.deliver_emails().await.len(), 3);
}

#[tokio::test]
async fn an_attempt_counts_even_if_the_mail_server_refuses_the_email() {
    let portal = TestPortal::with(&[("MAIL_RATE", "2/1m")]).await;
    for name in ["one", "two", "three"] {
        portal.register(name).await;
    }
    portal.run_worker(&smtp_server("451 not now").await).await;
    let attempts: i32 = portal.outbox().await.iter().map(|row| row.attempts).sum();
    assert_eq!(attempts, 2);
}
