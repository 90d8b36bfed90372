//! Tests of the settings of email.

use super::microsoft::{TENANT, with_microsoft};
use super::*;

#[test]
fn a_mail_server_without_tls_is_refused_unless_on_loopback() {
    let smtp = |url| {
        let values: Vec<(&str, &str)> = PROD
            .iter()
            .copied()
            .filter(|(name, _)| *name != "MAIL_TRANSPORT")
            .chain([("MAIL_TRANSPORT", "smtp"), ("SMTP_URL", url)])
            .collect();
        Config::read(&Source::of(&values))
    };
    assert!(smtp("smtp://mail.example.com").is_err());
    assert!(smtp("smtp://mail.example.com?tls=required").is_ok());
    assert!(smtp("smtp://mail.example.com?tls=opportunistic&tls=required").is_err());
    assert!(smtp("smtps://u:p@mail.example.com").is_ok());
    assert!(smtp("smtp://127.0.0.1:2525").is_ok());
    for url in ["smtp://[::1]", "smtps://u:p@[2001:db8::1]"] {
        let line = smtp(url).expect_err("is refused").0;
        assert!(line.starts_with("SMTP_URL: must name the mail server"), "{line}");
    }
}

#[test]
fn a_missing_mail_server_is_reported_with_what_to_set() {
    let line = errors(("MAIL_TRANSPORT", "smtp"));
    assert!(
        line.starts_with("SMTP_URL: must be set for MAIL_TRANSPORT=smtp, for example smtps://"),
        "{line}"
    );
}

#[test]
fn a_mail_server_can_be_greeted_with_another_name_but_not_with_an_invalid_one() {
    let smtp = |path: &str| {
        let url = format!("smtps://u:p@mail.example.com{path}");
        let values = [PROD[0], PROD[1], PROD[2], PROD[4], ("MAIL_TRANSPORT", "smtp"), ("SMTP_URL", &url)];
        Config::read(&Source::of(&values))
    };
    for path in
        ["", "/", "/accounts.example.com", "/accounts.example.com/", "/[192.0.2.1]", "/[IPv6:2001:db8::1]"]
    {
        assert!(smtp(path).is_ok(), "{path}");
    }
    for path in [
        "/a/b",
        "/a b",
        "/-a",
        "/a..b",
        "/a%0d%0aQUIT",
        "/[a]",
        "/[2001:db8::1]",
        "/m\u{fc}ller.de",
        "/accounts_1.example.com",
    ] {
        let line = smtp(path).expect_err("is refused").to_string();
        assert!(line.starts_with("SMTP_URL: ") && !line.contains("u:p"), "{path}: {line}");
    }
}

#[test]
fn in_development_email_is_sent_through_graph_once_it_is_set_up() {
    let transport = |more: &[(&'static str, &'static str)]| {
        let dev: Vec<_> = with_microsoft(more).into_iter().chain([("LEPTOS_ENV", "DEV")]).collect();
        Config::read(&Source::of(&dev)).expect("right").settings.email_transport
    };
    assert!(matches!(transport(&[]), EmailTransport::File(_)), "nobody to send as");
    assert!(matches!(transport(&[("SENDER_EMAIL", "portal@example.com")]), EmailTransport::Graph(_)));
}

#[test]
fn email_through_graph_needs_the_application_its_tenant_and_a_mailbox() {
    let graph = |more: &[(&'static str, &'static str)]| {
        let settings: Vec<_> = more.iter().copied().chain([("MAIL_TRANSPORT", "graph")]).collect();
        Config::read(&Source::of(&settings)).map(|_| ())
    };
    assert!(graph(&[]).expect_err("refused").0.starts_with("MAIL_TRANSPORT"));
    assert!(graph(&with_microsoft(&[])).expect_err("refused").0.starts_with("SENDER_EMAIL"));
    let sender = ("SENDER_EMAIL", "portal@example.com");
    assert!(graph(&with_microsoft(&[sender])).is_ok());
    let nowhere = [sender, ("TENANT_ID", "organizations"), ("MICROSOFT_TENANTS", TENANT)];
    assert!(graph(&with_microsoft(&nowhere)).expect_err("refused").0.starts_with("TENANT_ID"));
    let clear = [sender, ("GRAPH_URL", "http://graph.example.com/v1.0")];
    assert!(graph(&with_microsoft(&clear)).expect_err("refused").0.starts_with("GRAPH_URL"));
}
