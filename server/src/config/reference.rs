//! The reference of all settings: the table in README.md.

/// A row of the reference.
#[derive(Debug)]
pub struct Setting {
    /// The name of the environment variable.
    pub name: &'static str,
    /// The default, in words.
    pub default: &'static str,
    /// The meaning.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($name:literal, $default:literal, $meaning:literal;)*) => {
        &[$(Setting { name: $name, default: $default, meaning: $meaning }),*]
    };
}

/// All settings.
pub const SETTINGS: &[Setting] = settings! {
    "LEPTOS_ENV", "PROD in a release build, else DEV", "`DEV` works with nothing configured; `PROD` demands PUBLIC_URL, SECRET_KEY and MAIL_TRANSPORT";
    "LEPTOS_SITE_ADDR", "`127.0.0.1:3000`", "where it listens";
    "LEPTOS_SITE_ROOT", "`target/site`", "the folder with the built assets";
    "DATABASE_URL", "a SQLite file under `data/`", "`sqlite://…` or `postgres://…`; the standard PG* variables fill in what it leaves out";
    "REDIS_URL", "none: sessions in the SQL database", "`redis://`, `rediss://`, `redis-cluster://`, `redis-sentinel://`";
    "SECRET_KEY", "in DEV made once and kept under `data/`", "at least 32 characters; seals cookies and mails";
    "SECRET_KEY_PREVIOUS", "none", "still opens what it sealed, after a change of SECRET_KEY";
    "SESSION_IDLE", "`1d`", "how long an unused session lives";
    "SESSION_LIFETIME", "`14d`", "how long any session lives";
    "PUBLIC_URL", "in DEV `http://localhost` and the port of LEPTOS_SITE_ADDR", "scheme and host people reach it by; every link is built from it";
    "TRUSTED_PROXIES", "loopback, when it listens on loopback", "addresses and networks whose X-Forwarded-For counts, separated by commas";
    "ADMIN_EMAIL", "none: every active administrator", "who is told of registrations; may be a list, separated by commas";
    "SENDER_EMAIL", "`vestibule@` and the host of PUBLIC_URL", "whom mail is from";
    "MAIL_TRANSPORT", "in DEV `graph` with SENDER_EMAIL and Microsoft set up, else `file`", "`graph`, `smtp` or `file`";
    "GRAPH_URL", "Microsoft's", "where Graph is, for national clouds";
    "MAIL_DIR", "`data/mail`", "where `file` puts one `.eml` a message";
    "SMTP_URL", "none", "the mail server: `smtps://user:password@host`, or `smtp://…?tls=required`; without TLS on loopback alone";
    "MAIL_RATE", "`30/1m`", "how many mails leave in which time";
    "PASSWORD_MIN_LENGTH", "`12`", "at least 8";
    "PASSWORD_BLOCKLIST", "none", "a file of passwords that nobody may choose, one a line, beside those that would be guessed early";
    "REQUIRE_CONFIRMED_ADDRESS", "`false`", "`true`: approval waits for the confirmed address";
    "SIGN_IN_LINK_LIFETIME", "`1d`", "how long the link in an approval mail is good";
    "CLIENT_ID", "none", "the application's number at Microsoft; with CLIENT_SECRET and TENANT_ID people sign in with Microsoft";
    "CLIENT_SECRET", "none", "its secret";
    "CLIENT_SECRET_EXPIRES", "none", "the day on which it ends, as Entra shows it (`2027-05-31`): the desk and the log tell in time";
    "TENANT_ID", "none", "the organisation's tenant: its number (a GUID), or `organizations`";
    "AUTHORITY", "`https://login.microsoftonline.com/` and TENANT_ID", "where the tenant signs people in, for national clouds";
    "SCOPE", "`User.Read`", "what is asked for beside who somebody is";
    "ENDPOINT", "Graph's `/v1.0/me`", "where people's profiles are";
    "REDIRECT_PATH", "`/auth/redirect`", "the path to which Microsoft sends people back";
    "MICROSOFT_TENANTS", "TENANT_ID", "whose people may come: the numbers of tenants, separated by commas";
    "MICROSOFT_NEW_USERS", "`active`", "`pending`: who comes for the first time waits for an administrator";
    "LIMIT_SIGN_IN", "`100/10m`", "failed sign-ins of one network address";
    "LIMIT_REGISTER", "`20/1h`", "registrations of one network address and, counted apart, confirmations";
    "LIMIT_RESET", "`20/1h`", "requests for a temporary password of one network address";
    "METRICS_ADDR", "none", "where `/metrics` is served for Prometheus, like `127.0.0.1:9100`; never open it to the internet";
    "PORTAL_NAME", "`Vestibule`", "the portal's name in titles, header and mail";
    "PORTAL_ACCENT", "our own", "the colour of buttons and links, as `#rrggbb`, dark enough for white text on it";
    "PORTAL_LOGO", "our own", "an SVG or PNG file";
    "PORTAL_HELP", "none", "whom to ask: an address or a URL";
    "LOG", "`info`", "what is logged, in tracing's filter syntax";
};

/// Returns the table as Markdown.
pub fn settings_table() -> String {
    let rows = SETTINGS.iter().map(|s| format!("| `{}` | {} | {} |\n", s.name, s.default, s.meaning));
    format!("| name | default | meaning |\n| --- | --- | --- |\n{}", rows.collect::<String>())
}
