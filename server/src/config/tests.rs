//! Tests of the settings that are refused, and of the errors.

use secrecy::ExposeSecret;

use super::*;

const PROD: &[(&str, &str)] = &[
    ("LEPTOS_ENV", "PROD"),
    ("PUBLIC_URL", "https://accounts.example.com"),
    ("SECRET_KEY", "WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa"),
    ("MAIL_TRANSPORT", "file"),
    ("DATABASE_URL", "sqlite::memory:"),
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
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite:"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://?mode=rwc"),
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
fn every_setting_in_quotation_marks_or_with_an_invisible_character_in_it_is_refused() {
    for setting in SETTINGS.iter().filter(|setting| setting.name != "SECRET_KEY_PREVIOUS") {
        for (value, problem) in [
            ("\"value\"", "quotation marks"),
            ("'value'", "quotation marks"),
            ("\u{201c}value\u{201d}", "quotation marks"),
            ("val\u{feff}ue", "invisible characters"),
            ("val\u{200b}ue", "invisible characters"),
        ] {
            let line = errors((setting.name, value));
            assert!(line.starts_with(&format!("{}: must not ", setting.name)), "{value:?}: {line}");
            assert!(line.contains(problem), "{value:?}: {line}");
        }
    }
}

#[test]
fn a_key_that_was_used_in_quotation_marks_can_be_the_previous_key() {
    let settings = with(&[("SECRET_KEY_PREVIOUS", "\"WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMb\"")]);
    let previous = Config::read(&Source::of(&settings)).expect("valid").secret_key_previous.expect("a key");
    assert!(previous.expose_secret().starts_with('"'));
}

#[test]
fn invisible_characters_around_a_value_are_no_part_of_it() {
    let plain = Config::read(&Source::of(PROD)).expect("is accepted");
    for mark in ["\u{feff}", "\u{200b}", "\u{2060}", "\u{200e}", "\u{a0}", " ", "\r\n"] {
        let marked: Vec<(&str, String)> =
            PROD.iter().map(|(name, value)| (*name, format!("{mark}{value}{mark}"))).collect();
        let marked: Vec<(&str, &str)> = marked.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = Config::read(&Source::of(&marked)).expect("is accepted");
        assert_eq!(config.settings.public_url, plain.settings.public_url, "{mark:?}");
        assert_eq!(config.secret_key.expose_secret(), plain.secret_key.expose_secret(), "{mark:?}");
        assert_eq!(config.database_url.expose_secret(), plain.database_url.expose_secret(), "{mark:?}");
        // A value of only such characters is empty, and an empty setting is not set.
        let line = errors(("SECRET_KEY", mark));
        assert!(line.starts_with("SECRET_KEY: must be set"), "{mark:?}: {line}");
    }
}

#[test]
fn an_empty_setting_is_not_set() {
    let plain = format!("{:?}", Config::read(&Source::of(PROD)).expect("is accepted"));
    let optional =
        SETTINGS.iter().map(|setting| setting.name).filter(|name| PROD.iter().all(|(set, _)| set != name));
    for name in optional {
        let config = Config::read(&Source::of(&with(&[(name, "")]))).expect(name);
        assert_eq!(format!("{config:?}"), plain, "{name}");
    }
}

#[test]
fn a_secret_from_a_file_is_the_text_without_the_marks_of_editors() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    let path = file.to_str().expect("is text");
    let key = PROD[2].1;
    let read = |content: &[u8]| {
        std::fs::write(&file, content).expect("is written");
        let without: Vec<_> = with(&[("SECRET_KEY_FILE", path)]);
        let without: Vec<_> = without.into_iter().filter(|(name, _)| *name != "SECRET_KEY").collect();
        Config::read(&Source::of(&without)).map(|config| config.secret_key.expose_secret().to_owned())
    };
    for content in [format!("\u{feff}{key}\r\n"), format!("{key}\n\n"), format!(" {key}\u{200b}")] {
        assert_eq!(read(content.as_bytes()).expect("is accepted"), key, "{content:?}");
    }
    // openssl writes a long key in several lines.
    let long = format!("{key}\n{key}WjzF");
    assert_eq!(read(format!("{long}\n").as_bytes()).expect("is accepted"), long);
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(key.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (content, problem) in [
        (b"".as_slice(), "is empty"),
        ("\u{feff}\r\n".as_bytes(), "is empty"),
        (format!("\"{key}\"").as_bytes(), "must not be in quotation marks"),
        (utf16.as_slice(), "must be a readable text file"),
    ] {
        let line = read(content).expect_err("is refused").0;
        assert!(line.starts_with("SECRET_KEY") && line.contains(problem) && !line.contains(key), "{line}");
        assert!(!line.contains('\n'), "{line}");
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

const ID: &str = "11111111-1111-1111-1111-111111111111";
const TENANT: &str = "22222222-2222-2222-2222-222222222222";

fn with_microsoft<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let application = [("CLIENT_ID", ID), ("CLIENT_SECRET", "secret"), ("TENANT_ID", TENANT), PROD[2]];
    let named = |name| more.iter().any(|(other, _)| *other == name);
    application.into_iter().filter(|(name, _)| !named(*name)).chain(more.iter().copied()).collect()
}

#[test]
fn microsoft_is_off_until_all_three_settings_are_set() {
    assert!(Config::read(&Source::of(&[PROD[2]])).expect("right").settings.microsoft.is_none());
    for name in ["CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"] {
        let error = Config::read(&Source::of(&with_microsoft(&[(name, "")]))).expect_err("refused");
        assert!(error.0.starts_with(name), "{name}: {}", error.0);
    }
    let settings = Config::read(&Source::of(&with_microsoft(&[]))).expect("right").settings;
    let microsoft = settings.microsoft.expect("on");
    assert_eq!(microsoft.authority.as_str(), format!("https://login.microsoftonline.com/{TENANT}"));
    assert_eq!(microsoft.tenants, [TENANT]);
    assert_eq!(microsoft.home_tenant().as_deref(), Some(TENANT));
    assert!(microsoft.new_users_active);
}

#[test]
fn the_expiry_of_the_client_secret_is_a_day() {
    let values = with_microsoft(&[("CLIENT_SECRET_EXPIRES", "2027-05-31")]);
    let microsoft = Config::read(&Source::of(&values)).expect("right").settings.microsoft.expect("on");
    let ends = microsoft.secret_expires_at.expect("is set");
    assert_eq!(domain::time::rfc3339(ends), "2027-05-31T00:00:00Z");
    let days = |days: u64| Duration::from_hours(24 * days);
    assert_eq!(microsoft.secret_warning(ends.before(days(29))), None);
    let soon = microsoft.secret_warning(ends.before(days(28))).expect("is said");
    assert!(soon.contains("expires on 31 May 2027"), "{soon}");
    let late = microsoft.secret_warning(ends.after(days(1))).expect("is said");
    assert!(late.contains("expired on 31 May 2027"), "{late}");
}

#[test]
fn a_database_url_that_cannot_be_parsed_is_not_quoted() {
    let line = errors(("DATABASE_URL", "postgres://portal:S3cret/x@db.example.com/portal"));
    assert!(line.starts_with("DATABASE_URL: must be postgres://") && !line.contains("S3cret"), "{line}");
}

#[test]
fn microsoft_settings_that_would_admit_the_wrong_people_are_refused() {
    for (name, value) in [
        ("CLIENT_ID", "portal"),
        ("CLIENT_SECRET", ID),
        ("SCOPE", ","),
        ("TENANT_ID", "organisations"),
        ("TENANT_ID", "Organizations"),
        ("CLIENT_ID", "00000000-0000-0000-0000-000000000000"),
        ("CLIENT_SECRET_EXPIRES", "31.5.2027"),
        ("CLIENT_SECRET_EXPIRES", "2027-02-30"),
        // Anyone can have a personal account.
        ("TENANT_ID", "9188040d-6c67-4c5b-b112-36a304b66dad"),
        ("TENANT_ID", "../common"),
        ("AUTHORITY", "http://login.example.com/tenant"),
        ("ENDPOINT", "http://graph.example.com/me"),
        ("REDIRECT_PATH", "/login"),
        ("REDIRECT_PATH", "/auth/../admin"),
        ("MICROSOFT_TENANTS", "example.com"),
        ("MICROSOFT_NEW_USERS", "yes"),
    ] {
        let error = Config::read(&Source::of(&with_microsoft(&[(name, value)]))).expect_err(value);
        assert!(error.0.starts_with(name), "{name}={value}: {}", error.0);
    }
    // Anyone with a Microsoft account could sign in.
    let error = Config::read(&Source::of(&with_microsoft(&[("TENANT_ID", "common")]))).expect_err("refused");
    assert!(error.0.starts_with("MICROSOFT_TENANTS"), "{}", error.0);
    let listed = with_microsoft(&[("TENANT_ID", "organizations"), ("MICROSOFT_TENANTS", TENANT)]);
    let microsoft = Config::read(&Source::of(&listed)).expect("right").settings.microsoft.expect("on");
    assert_eq!(microsoft.home_tenant(), None, "nobody is at home in a tenant without a number");
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
