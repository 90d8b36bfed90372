//! Snapshots of the emails. `cargo insta review` accepts a change of a text.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::auth::password::blocklist::Blocklist;
use crate::email::message::{Message, PendingUser};
use crate::email::templates::render;
use crate::entity::outbox::EmailKind;
use crate::settings::{EmailTransport, Environment, Settings};
use domain::status::{PublicStatus, UserId};
use domain::time::{Limit, Timestamp};

fn settings(help: Option<&str>) -> Settings {
    let limit = Limit { count: 100, period: Duration::from_mins(1) };
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
        email_transport: EmailTransport::File("mail".into()),
        email_rate: limit,
        password_min_length: 12,
        password_blocklist: Blocklist::default(),
        require_confirmed_email: false,
        sign_in_link_lifetime: Duration::from_hours(24),
        register_question: None,
        undo_window: Duration::ZERO,
        remind_after: Duration::ZERO,
        session_idle: Duration::from_hours(24),
        session_lifetime: Duration::from_hours(336),
        limit_sign_in: limit,
        limit_register: limit,
        reset_delay: Duration::ZERO,
        microsoft: None,
        limit_reset: limit,
    }
}

fn pending_user(id: i32, username: &str, confirmed: bool) -> PendingUser {
    PendingUser {
        id: UserId(id),
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        confirmed,
        answered: false,
    }
}

fn messages() -> Vec<(&'static str, Message)> {
    let url = "https://accounts.example.org/auto-login/SECRET".to_owned();
    let (username, admin_url) = ("ada.lovelace".to_owned(), "https://accounts.example.org/admin".to_owned());
    let day = Duration::from_hours(24);
    let due = Timestamp(1_795_773_420_000_000);
    vec![
        (
            "confirm_email",
            Message::ConfirmEmail { username: username.clone(), url: url.clone(), lifetime: 3 * day },
        ),
        (
            "already_registered",
            Message::AlreadyRegistered { username: username.clone(), url: url.clone(), deletion_due: None },
        ),
        (
            "already_registered_deletion_due",
            Message::AlreadyRegistered {
                username: username.clone(),
                url: url.clone(),
                deletion_due: Some(due),
            },
        ),
        (
            "account_deletion",
            Message::AccountDeletion {
                username: username.clone(),
                due,
                url: url.clone(),
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
                url: url.clone(),
                undoes_change: false,
                has_password: false,
                has_identity: true,
            },
        ),
        (
            "account_deletion_after_email_change",
            Message::AccountDeletion {
                username: username.clone(),
                due,
                url: url.clone(),
                undoes_change: true,
                has_password: true,
                has_identity: true,
            },
        ),
        (
            "pending_registrations_one",
            Message::PendingRegistrations {
                users: vec![pending_user(7, "ada.lovelace", false)],
                admin_url: admin_url.clone(),
            },
        ),
        (
            "pending_registrations_many",
            Message::PendingRegistrations {
                users: vec![pending_user(7, "ada", true), pending_user(8, "<b>bob</b>", false)],
                admin_url: admin_url.clone(),
            },
        ),
        (
            "pending_registrations_answer",
            Message::PendingRegistrations {
                users: vec![PendingUser { answered: true, ..pending_user(7, "ada.lovelace", true) }],
                admin_url: admin_url.clone(),
            },
        ),
        (
            "pending_registrations_with_answers",
            Message::PendingRegistrations {
                users: vec![
                    PendingUser { answered: true, ..pending_user(7, "ada", true) },
                    pending_user(8, "<b>bob</b>", false),
                ],
                admin_url,
            },
        ),
        (
            "registration_disputed",
            Message::RegistrationDisputed {
                username: username.clone(),
                email: "ada.lovelace@example.org".to_owned(),
                url: url.clone(),
            },
        ),
        (
            "approved",
            Message::Approved {
                username: username.clone(),
                url: url.clone(),
                lifetime: day,
                asks_password: false,
            },
        ),
        (
            "approved_unconfirmed",
            Message::Approved {
                username: username.clone(),
                url: url.clone(),
                lifetime: day,
                asks_password: true,
            },
        ),
        ("approved_microsoft", Message::ApprovedMicrosoft { username: username.clone(), url: url.clone() }),
        (
            "reactivated",
            Message::Reactivated { username: username.clone(), url: url.clone(), deletion_cancelled: false },
        ),
        (
            "reactivated_deletion_cancelled",
            Message::Reactivated { username: username.clone(), url: url.clone(), deletion_cancelled: true },
        ),
        (
            "temporary_password",
            Message::TemporaryPassword {
                username: username.clone(),
                password: "SECRE-T0000-00000-00000-000000".to_owned(),
                url: url.clone(),
                lifetime: Duration::from_hours(2),
            },
        ),
        (
            "no_temporary_password",
            Message::NoTemporaryPassword {
                username: username.clone(),
                status: PublicStatus::Deactivated,
                url: url.clone(),
                deletion_due: None,
            },
        ),
        ("no_confirmed_email", Message::NoConfirmedEmail { url: url.clone() }),
        ("password_changed", Message::PasswordChanged { username: username.clone(), url: url.clone() }),
        (
            "confirm_new_email",
            Message::ConfirmNewEmail { username: username.clone(), url: url.clone(), lifetime: 3 * day },
        ),
        ("microsoft_linked", Message::MicrosoftLinked { username: username.clone(), url: url.clone() }),
        ("microsoft_unlinked", Message::MicrosoftUnlinked { username: username.clone(), url: url.clone() }),
        ("test", Message::Test { url: url.clone() }),
        ("reminder_one", Message::Reminder { count: 1, oldest: due, url: url.clone() }),
        ("reminder_many", Message::Reminder { count: 12, oldest: due, url: url.clone() }),
        ("email_changed_again", Message::EmailChangedAgain { username: username.clone(), url: url.clone() }),
        ("rejected", Message::Rejected { username: username.clone(), reason: None, url: url.clone() }),
        (
            "rejected_with_reason",
            Message::Rejected {
                username: username.clone(),
                reason: Some("Your <b>bob</b> badge was missing.\n\nAsk at office.example.org.".to_owned()),
                url: url.clone(),
            },
        ),
        (
            "question",
            Message::Question {
                username: username.clone(),
                question: "Which team are you in?\n<b>bob</b> does not know you.".to_owned(),
                url: url.clone(),
                lifetime: 3 * day,
                disputable: true,
            },
        ),
        (
            "question_to_a_confirmed_address",
            Message::Question {
                username: username.clone(),
                question: "Which team are you in?".to_owned(),
                url: url.clone(),
                lifetime: 3 * day,
                disputable: false,
            },
        ),
        ("email_changed", Message::EmailChanged { username, url, lifetime: 3 * day }),
    ]
}

#[test]
fn every_email_matches_its_snapshot() {
    for (name, message) in messages() {
        let rendered = render(&message, &settings(Some("help@example.org")));
        insta::assert_snapshot!(
            name,
            format!("{}\n\n{}\n\n{}", rendered.subject, rendered.text, rendered.html)
        );
    }
}

#[test]
fn the_reference_lists_the_subject_of_every_email() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/emails.md");
    let page = std::fs::read_to_string(path).expect("docs/reference/emails.md");
    // The second column of each row is a subject in backticks.
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix('|')?.split('|').nth(1)?.trim().strip_prefix('`')?.strip_suffix('`')
        })
        .map(ToOwned::to_owned)
        .collect();
    let sent: BTreeSet<String> = messages()
        .iter()
        .map(|(_, message)| {
            render(message, &settings(None))
                .subject
                .replace("Example & Sons", "{portal}")
                .replace("ada.lovelace", "{username}")
                .replace("2 people", "{number} people")
        })
        .collect();
    assert_eq!(listed, sent);
}

#[test]
fn both_parts_contain_the_url_and_no_value_is_markup() {
    for (name, message) in messages() {
        let rendered = render(&message, &settings(None));
        if !matches!(message.kind(), EmailKind::PendingRegistrations) {
            assert!(
                rendered.text.contains("/auto-login/SECRET") && rendered.html.contains("/auto-login/SECRET"),
                "{name}"
            );
        }
        assert!(!rendered.html.contains("<b>bob"), "{name}");
        assert!(!rendered.subject.contains('\n') && rendered.html.contains("Example &amp; Sons"), "{name}");
        assert!(!format!("{message:?}").contains("SECRET"), "{name}");
    }
}
