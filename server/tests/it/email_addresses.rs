//! Tests of the email addresses and names that mail servers see.

use crate::support::smtp::SmtpServer;
use crate::support::{PASSWORD, SECRET_KEY, TestPortal};
use backend::email::transport::Transport;
use backend::entity::outbox::EmailState;
use server::config::{Config, Source};

#[tokio::test]
async fn emails_to_internationalised_domains_need_no_extension_of_the_mail_server() {
    let server = SmtpServer::start("250 fine").await;
    let portal = TestPortal::with(&[
        ("MAIL_TRANSPORT", "smtp"),
        ("SMTP_URL", &server.url),
        ("SENDER_EMAIL", "Portal@b\u{fc}cher.example"),
        ("ADMIN_EMAIL", "desk@stra\u{df}e.example"),
    ])
    .await;
    for (name, email) in [
        ("ada", "Info@m\u{fc}ller.de"),
        ("bob", "bob@\u{ff45}\u{ff58}\u{ff41}\u{ff4d}\u{ff50}\u{ff4c}\u{ff45}\u{3002}org"),
        ("eve", "eve@\u{ff4d}\u{fc}\u{ff4c}\u{ff4c}\u{ff45}\u{ff52}\u{ff0e}\u{ff44}\u{ff45}"),
    ] {
        portal.browser().register(name, email, PASSWORD).await;
        assert_eq!(portal.user(name).await.email, email, "it is kept as typed");
    }
    portal.run_worker(&Transport::new(&portal.backend.settings).expect("a transport")).await;
    let mut recipients = server.lines("RCPT TO");
    recipients.sort();
    let expected =
        ["Info@xn--mller-kva.de", "bob@example.org", "desk@xn--strae-oqa.example", "eve@xn--mller-kva.de"];
    assert_eq!(recipients, expected.map(|email| format!("RCPT TO:<{email}>")));
    for (prefix, domain) in [
        ("MAIL FROM", "<Portal@xn--bcher-kva.example>"),
        ("From: ", "<Portal@xn--bcher-kva.example>"),
        ("Message-ID: ", "@xn--bcher-kva.example>"),
    ] {
        let lines = server.lines(prefix);
        assert!(lines.len() == 4 && lines.iter().all(|line| line.contains(domain)), "{prefix}: {lines:?}");
    }
    assert!(server.lines("To: ").iter().all(|line| line.is_ascii()), "{:?}", server.lines("To: "));
    assert!(portal.outbox().await.iter().all(|row| row.state.known() == Some(EmailState::Sent)));
    let admin = portal.create_admin("grace").await;
    admin.get("/admin").await.assert_contains("Info@m\u{fc}ller.de (xn--mller-kva.de)");
}

#[tokio::test]
async fn a_mail_server_is_greeted_with_the_host_of_the_portal_or_with_the_name_in_its_url() {
    for (public_url, path, greeting) in [
        ("https://accounts.example.com", "", "EHLO accounts.example.com"),
        ("https://accounts.example.com", "/", "EHLO accounts.example.com"),
        ("https://b\u{fc}cher.example:8443", "", "EHLO xn--bcher-kva.example"),
        ("http://192.0.2.7:3000", "", "EHLO [192.0.2.7]"),
        ("http://[2001:db8::7]:3000", "", "EHLO [IPv6:2001:db8::7]"),
        ("http://localhost:3000", "", "EHLO [127.0.0.1]"),
        ("https://accounts", "", "EHLO [127.0.0.1]"),
        ("https://accounts.example.com", "/mail.example.com", "EHLO mail.example.com"),
    ] {
        let server = SmtpServer::start("250 fine").await;
        let url = format!("{}{path}", server.url);
        let settings = Config::read(&Source::of(&[
            ("LEPTOS_ENV", "DEV"),
            ("PUBLIC_URL", public_url),
            ("SECRET_KEY", SECRET_KEY),
            ("DATABASE_URL", "sqlite://data/portal.db"),
            ("MAIL_TRANSPORT", "smtp"),
            ("SMTP_URL", &url),
        ]))
        .expect("the settings are right")
        .settings;
        Transport::new(&settings).expect("a transport").check().await.expect("the server answers");
        assert_eq!(server.lines("EHLO"), [greeting], "{public_url}{path}");
    }
}
