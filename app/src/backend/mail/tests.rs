//! What each mail says, as snapshots: a change of words is seen and accepted on purpose (`cargo insta review`).

use std::time::Duration;

use super::message::{Kind, Message, Waiting};
use super::templates::render;
use crate::backend::blocklist::Blocklist;
use crate::backend::settings::{Environment, MailTransport, Settings};
use crate::domain::status::PublicStatus;
use crate::domain::time::Limit;
use crate::domain::time::Timestamp;

fn settings(help: Option<&str>) -> Settings {
    let often = Limit { count: 100, period: Duration::from_mins(1) };
    Settings {
        environment: Environment::Dev,
        public_url: "https://accounts.example.org".parse().expect("a URL"),
        portal_name: "Example & Sons".to_owned(),
        portal_help: help.map(ToOwned::to_owned),
        portal_accent: None,
        portal_logo: None,
        trusted_proxies: Vec::new(),
        admin_emails: Vec::new(),
        sender_email: "portal@example.org".to_owned(),
        mail_transport: MailTransport::File("mail".into()),
        mail_rate: often,
        password_min_length: 12,
        password_blocklist: Blocklist::default(),
        require_confirmed_address: false,
        sign_in_link_lifetime: Duration::from_hours(24),
        session_idle: Duration::from_hours(24),
        session_lifetime: Duration::from_hours(336),
        limit_sign_in: often,
        limit_register: often,
        reset_delay: Duration::ZERO,
        microsoft: None,
        limit_reset: often,
    }
}

fn waiting(id: i32, username: &str, confirmed: bool) -> Waiting {
    Waiting { id, username: username.to_owned(), email: format!("{username}@example.org"), confirmed }
}

fn messages() -> Vec<(&'static str, Message)> {
    let link = "https://accounts.example.org/auto-login/SECRET".to_owned();
    let (username, desk) = ("ada.lovelace".to_owned(), "https://accounts.example.org/admin".to_owned());
    let day = Duration::from_hours(24);
    let due = Timestamp(1_795_773_420_000_000);
    vec![
        (
            "confirm_address",
            Message::ConfirmAddress { username: username.clone(), link: link.clone(), lifetime: 3 * day },
        ),
        (
            "already_registered",
            Message::AlreadyRegistered { username: username.clone(), link: link.clone(), deletion_due: None },
        ),
        (
            "already_registered_until",
            Message::AlreadyRegistered {
                username: username.clone(),
                link: link.clone(),
                deletion_due: Some(due),
            },
        ),
        (
            "account_deletion",
            Message::AccountDeletion {
                username: username.clone(),
                due,
                link: link.clone(),
                undoes_change: false,
                has_password: true,
                has_identity: true,
            },
        ),
        (
            "account_deletion_without_password",
            Message::AccountDeletion {
                username: username.clone(),
                due,
                link: link.clone(),
                undoes_change: false,
                has_password: false,
                has_identity: true,
            },
        ),
        (
            "account_deletion_of_changed",
            Message::AccountDeletion {
                username: username.clone(),
                due,
                link: link.clone(),
                undoes_change: true,
                has_password: true,
                has_identity: true,
            },
        ),
        (
            "notice_one",
            Message::Notice { people: vec![waiting(7, "ada.lovelace", false)], desk: desk.clone() },
        ),
        (
            "notice_many",
            Message::Notice { people: vec![waiting(7, "ada", true), waiting(8, "<b>bob</b>", false)], desk },
        ),
        (
            "address_disowned",
            Message::AddressDisowned {
                username: username.clone(),
                email: "ada.lovelace@example.org".to_owned(),
                link: link.clone(),
            },
        ),
        (
            "approved",
            Message::Approved {
                username: username.clone(),
                link: link.clone(),
                lifetime: day,
                asks_password: false,
            },
        ),
        (
            "approved_unconfirmed",
            Message::Approved {
                username: username.clone(),
                link: link.clone(),
                lifetime: day,
                asks_password: true,
            },
        ),
        (
            "reactivated",
            Message::Reactivated { username: username.clone(), link: link.clone(), was_due: false },
        ),
        (
            "reactivated_due",
            Message::Reactivated { username: username.clone(), link: link.clone(), was_due: true },
        ),
        (
            "temporary_password",
            Message::TemporaryPassword {
                username: username.clone(),
                password: "SECRE-T0000-00000-00000-000000".to_owned(),
                link: link.clone(),
                lifetime: Duration::from_hours(2),
            },
        ),
        (
            "no_temporary_password",
            Message::NoTemporaryPassword {
                username: username.clone(),
                status: PublicStatus::Deactivated,
                link: link.clone(),
                deletion_due: None,
            },
        ),
        ("no_confirmed_address", Message::NoConfirmedAddress { link: link.clone() }),
        ("password_changed", Message::PasswordChanged { username: username.clone(), link: link.clone() }),
        (
            "change_address",
            Message::ChangeAddress { username: username.clone(), link: link.clone(), lifetime: 3 * day },
        ),
        (
            "address_changed_again",
            Message::AddressChangedAgain { username: username.clone(), link: link.clone() },
        ),
        ("address_changed", Message::AddressChanged { username, link, lifetime: 3 * day }),
    ]
}

#[test]
fn every_mail_reads_as_it_should() {
    for (name, message) in messages() {
        let mail = render(&message, &settings(Some("help@example.org")));
        insta::assert_snapshot!(name, format!("{}\n\n{}\n\n{}", mail.subject, mail.text, mail.html));
    }
}

#[test]
fn both_parts_have_the_link_and_nothing_from_outside_is_markup() {
    for (name, message) in messages() {
        let mail = render(&message, &settings(None));
        if !matches!(message.kind(), Kind::Notice) {
            assert!(
                mail.text.contains("/auto-login/SECRET") && mail.html.contains("/auto-login/SECRET"),
                "{name}"
            );
        }
        assert!(!mail.html.contains("<b>bob"), "{name}");
        assert!(!mail.subject.contains('\n') && mail.html.contains("Example &amp; Sons"), "{name}");
        assert!(!format!("{message:?}").contains("SECRET"), "{name}");
    }
}
