//! What is refused, and how it is said.

use super::*;

const PROD: &[(&str, &str)] = &[
    ("LEPTOS_ENV", "PROD"),
    ("PUBLIC_URL", "https://accounts.example.com"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("MAIL_TRANSPORT", "file"),
    ("DATABASE_URL", "sqlite::memory:"),
];

fn refusal(change: (&str, &str)) -> String {
    let values: Vec<(&str, &str)> =
        PROD.iter().copied().filter(|(name, _)| *name != change.0).chain([change]).collect();
    Config::read(&Source::of(&values)).expect_err("is refused").to_string()
}

#[test]
fn production_starts_with_what_it_demands() {
    let config = Config::read(&Source::of(PROD)).expect("is accepted");
    assert!(config.settings.is_https());
    assert_eq!(config.settings.link("/login"), "https://accounts.example.com/login");
    assert_eq!(config.settings.sender_email, "vestibule@accounts.example.com");
}

#[test]
fn a_wrong_or_missing_setting_is_named_in_one_line() {
    for (name, value) in [
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "https://example.com/portal"),
        ("PUBLIC_URL", "ftp://example.com"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", ""),
        ("MAIL_TRANSPORT", ""),
        ("MAIL_TRANSPORT", "pigeon"),
        ("LEPTOS_ENV", "TEST"),
        ("LEPTOS_SITE_ADDR", "3000"),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "http://x"),
        ("SESSION_IDLE", "1w"),
        ("LIMIT_SIGN_IN", "100"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("ADMIN_EMAIL", "ada@example.com, nobody"),
        ("PORTAL_ACCENT", "#ffff00"),
        ("PORTAL_ACCENT", "teal"),
        ("PORTAL_LOGO", "/nowhere.svg"),
        ("REQUIRE_CONFIRMED_ADDRESS", "yes"),
    ] {
        let line = refusal((name, value));
        assert!(line.starts_with(name) && !line.contains('\n'), "{name}={value}: {line}");
    }
}

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
}

#[test]
fn secrets_never_print() {
    let config = Config::read(&Source::of(PROD)).expect("is accepted");
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn the_readme_has_the_table_of_settings() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&settings_table()), "README.md should contain:\n{}", settings_table());
}
