//! Tests of the settings that are refused, and of the errors.

mod email;
mod microsoft;
mod text;

use super::*;

const PROD: &[(&str, &str)] = &[
    ("LEPTOS_ENV", "PROD"),
    ("PUBLIC_URL", "https://accounts.example.com"),
    ("SECRET_KEY", "WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa"),
    ("MAIL_TRANSPORT", "file"),
    ("DATABASE_URL", "sqlite://data/portal.db"),
];

fn errors(change: (&str, &str)) -> String {
    let values: Vec<(&str, &str)> =
        PROD.iter().copied().filter(|(name, _)| *name != change.0).chain([change]).collect();
    Config::read(&Source::of(&values)).expect_err("is refused").to_string()
}

#[test]
fn production_starts_with_the_required_settings() {
    let config = Config::read(&Source::of(PROD)).expect("is accepted");
    assert!(config.settings.is_https());
    assert_eq!(config.settings.link("/login"), "https://accounts.example.com/login");
    assert_eq!(config.settings.sender_email, "vestibule@accounts.example.com");
}

#[test]
fn an_invalid_or_missing_setting_is_named_in_one_line() {
    for (name, value) in [
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "https://example.com/portal"),
        ("PUBLIC_URL", "ftp://example.com"),
        ("PUBLIC_URL", "https://accounts.example.com."),
        ("PUBLIC_URL", "https://accounts..example.com"),
        ("PUBLIC_URL", "https://*.example.com"),
        ("PUBLIC_URL", "https://accounts.example.com:0"),
        ("PUBLIC_URL", "\u{201c}https://accounts.example.com\u{201d}"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("MAIL_TRANSPORT", ""),
        ("MAIL_TRANSPORT", "pigeon"),
        ("LEPTOS_ENV", "TEST"),
        ("LEPTOS_ENV", "production"),
        ("LEPTOS_SITE_ADDR", "3000"),
        ("LEPTOS_SITE_ADDR", "127.0.0.1:0"),
        ("LEPTOS_SITE_ADDR", "localhost:3000"),
        ("METRICS_ADDR", "127.0.0.1:0"),
        ("METRICS_ADDR", "9100"),
        ("METRICS_ADDR", "127.0.0.1:3000"),
        ("METRICS_ADDR", "0.0.0.0:3000"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite:"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://?mode=rwc"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "sqlite://portal.db?mode=memory"),
        ("DATABASE_URL", "sqlite3://data/vestibule.db"),
        ("REDIS_URL", "http://x"),
        ("SESSION_IDLE", "1w"),
        ("SESSION_IDLE", "10"),
        ("SESSION_IDLE", "60s"),
        ("SESSION_IDLE", "1d 12h"),
        ("LIMIT_SIGN_IN", "100"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PASSWORD_BLOCKLIST", "/nowhere.txt"),
        ("PASSWORD_BLOCKLIST", "/"),
        ("PASSWORD_BLOCKLIST", "/dev/null"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.1 10.0.0.2"),
        ("TRUSTED_PROXIES", "none, 10.0.0.1"),
        ("TRUSTED_PROXIES", ","),
        ("ADMIN_EMAIL", "ada@example.com, nobody"),
        ("ADMIN_EMAIL", "ada@xn--a.example"),
        ("SENDER_EMAIL", "portal@127.0.0.\u{ff11}"),
        ("ADMIN_EMAIL", "ada@example.com; grace@example.com"),
        ("ADMIN_EMAIL", ","),
        ("SENDER_EMAIL", "ada@example.com, grace@example.com"),
        ("SENDER_EMAIL", "Accounts <accounts@example.com>"),
        ("MAIL_DIR", "~/mail"),
        ("MAIL_RATE", "30/m"),
        ("PORTAL_NAME", "'Example'"),
        ("PORTAL_NAME", "Exa\u{200b}mple"),
        ("PORTAL_HELP", "help"),
        ("PORTAL_ACCENT", "#ffff00"),
        ("PORTAL_ACCENT", "teal"),
        ("PORTAL_ACCENT", "#+1+1+1"),
        ("PORTAL_LOGO", "/nowhere.svg"),
        ("REQUIRE_CONFIRMED_ADDRESS", "yes"),
    ] {
        let line = errors((name, value));
        assert!(line.starts_with(name) && !line.contains('\n'), "{name}={value}: {line}");
    }
}

/// Returns settings of PROD with these instead of their own.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = PROD.iter().copied().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    kept.chain(more.iter().copied()).collect()
}

#[test]
fn http_is_refused_in_production_except_on_loopback() {
    for url in [
        "http://accounts.example.com",
        "http://10.0.0.7:3000",
        "http://localhost.example.com",
        "http://127.1.example",
    ] {
        let line = errors(("PUBLIC_URL", url));
        assert!(line.starts_with("PUBLIC_URL") && !line.contains('\n'), "{url}: {line}");
    }
    for url in ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"] {
        let values: Vec<(&str, &str)> = PROD
            .iter()
            .copied()
            .filter(|(name, _)| *name != "PUBLIC_URL")
            .chain([("PUBLIC_URL", url)])
            .collect();
        assert!(Config::read(&Source::of(&values)).is_ok(), "{url}");
    }
    let dev = [("LEPTOS_ENV", "DEV"), ("PUBLIC_URL", "http://accounts.example.com"), PROD[2], PROD[4]];
    assert!(Config::read(&Source::of(&dev)).is_ok(), "a developer's machine may have any address");
}

#[test]
fn the_development_url_names_localhost_when_the_portal_listens_there() {
    for (listen, url) in [
        ("127.0.0.1:3000", "http://localhost:3000/"),
        ("127.0.0.1:4242", "http://localhost:4242/"),
        ("[::1]:4242", "http://localhost:4242/"),
        ("127.0.0.2:3000", "http://127.0.0.2:3000/"),
        ("192.0.2.1:3000", "http://192.0.2.1:3000/"),
    ] {
        let values = [("LEPTOS_ENV", "DEV"), ("LEPTOS_SITE_ADDR", listen), PROD[2], PROD[4]];
        let config = Config::read(&Source::of(&values)).expect("is accepted");
        assert_eq!(config.settings.public_url.as_str(), url, "{listen}");
    }
    let config = Config::read(&Source::of(&[("LEPTOS_ENV", "DEV"), PROD[2], PROD[4]])).expect("is accepted");
    assert_eq!(config.settings.link("/login"), "http://localhost:3000/login");
}

#[test]
fn words_are_accepted_in_any_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let logo = folder.path().join("logo.SVG");
    std::fs::write(&logo, "<svg/>").expect("is written");
    let settings = with(&[
        ("LEPTOS_ENV", "prod"),
        ("MAIL_TRANSPORT", "SMTP"),
        ("SMTP_URL", "smtp://LOCALHOST:2525"),
        ("REQUIRE_CONFIRMED_ADDRESS", "True"),
        ("TRUSTED_PROXIES", "None"),
        ("PORTAL_LOGO", logo.to_str().expect("is text")),
    ]);
    let config = Config::read(&Source::of(&settings)).expect("is accepted");
    assert_eq!(config.settings.environment, Environment::Prod);
    assert!(config.settings.require_confirmed_email && config.settings.trusted_proxies.is_empty());
    assert_eq!(config.settings.portal_logo, Some(logo));
}

#[test]
fn reading_the_settings_creates_no_file() {
    use secrecy::ExposeSecret;

    let without_database = [("LEPTOS_ENV", "DEV"), PROD[2]];
    let config = Config::read(&Source::of(&without_database)).expect("is accepted");
    assert_eq!(config.database_url.expose_secret(), "sqlite://data/vestibule.db");
    assert!(!std::path::Path::new("data").exists(), "the folder of the default database");
}

#[test]
fn secrets_are_never_printed() {
    let config = Config::read(&Source::of(PROD)).expect("is accepted");
    assert!(!format!("{config:?}").contains("WjzFbL1Yq0"));
}

#[test]
fn the_reference_page_has_the_tables_of_settings() {
    let page = include_str!("../../../docs/reference/settings.md");
    let tables = settings_tables();
    assert!(page.contains(&tables), "docs/reference/settings.md should contain:\n{tables}");
}

#[test]
fn a_database_url_that_cannot_be_parsed_is_not_quoted() {
    let line = errors(("DATABASE_URL", "postgres://portal:S3cret/x@db.example.com/portal"));
    assert!(line.starts_with("DATABASE_URL: must be postgres://") && !line.contains("S3cret"), "{line}");
}

#[test]
fn an_unknown_parameter_of_a_database_url_is_named_without_its_value() {
    let line =
        errors(("DATABASE_URL", "postgres://portal@db.example.com/portal?sslmode=require&pasword=S3cret"));
    assert!(line.contains("parameter pasword,") && !line.contains("S3cret"), "{line}");
    let line = errors(("DATABASE_URL", "postgres://portal:12?S3cret@db.example.com/portal"));
    assert!(line.starts_with("DATABASE_URL: must be postgres://") && !line.contains("S3cret"), "{line}");
    let url =
        "postgres://db/portal?sslmode=verify-full&options=-c%20x%3Dy&options[y]=z&application_name=portal";
    assert!(Config::read(&Source::of(&with(&[("DATABASE_URL", url)]))).is_ok());
}

#[test]
fn a_misspelt_setting_is_reported() {
    let misspelt_settings = |more: &[(&'static str, &'static str)]| {
        let values: Vec<_> = PROD.iter().copied().chain(more.iter().copied()).collect();
        Config::read(&Source::of(&values)).expect("right").misspelt_settings
    };
    let others = [
        ("PORTAL_NAME", "Example"),
        ("PATH", "/bin"),
        ("LANG", "C"),
        ("OS", "Linux"),
        ("XAUTHORITY", "x"),
        ("MAILDIR", "x"),
        ("LC_ALL", "C"),
        ("SESSION_MANAGER", "x"),
        ("CLIENT_SECRET_FILE", ""),
    ];
    assert_eq!(misspelt_settings(&others), [""; 0]);
    assert_eq!(
        misspelt_settings(&[("PORTAL_ACENT", "#123456")]),
        ["Unknown setting PORTAL_ACENT. Did you mean PORTAL_ACCENT?"]
    );
    assert_eq!(misspelt_settings(&[("LIMIT_SINGIN", "9/1m")]).len(), 1);
    assert_eq!(
        misspelt_settings(&[("TRUSTED_PROXY", "10.0.0.1")]),
        ["Unknown setting TRUSTED_PROXY. Did you mean TRUSTED_PROXIES?"]
    );
    assert_eq!(
        misspelt_settings(&[("portal_name", "Example")]),
        ["Unknown setting portal_name. Did you mean PORTAL_NAME?"]
    );
    assert_eq!(
        misspelt_settings(&[("PORTAL_NAME_FILE", "/x")]),
        ["Unknown setting PORTAL_NAME_FILE. Did you mean PORTAL_NAME?"],
        "only secrets may come from a file"
    );
    assert_eq!(
        misspelt_settings(&[("SMTP_ULR_FILE", "/x")]),
        ["Unknown setting SMTP_ULR_FILE. Did you mean SMTP_URL?"]
    );
    assert_eq!(
        misspelt_settings(&[("PORTAL_NAMES", "x"), ("PORTAL_NAME", "Example")]),
        [""; 0],
        "what is set is meant"
    );
}
