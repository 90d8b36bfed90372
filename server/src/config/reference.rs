//! The reference of all settings: the tables in docs/reference/settings.md.

/// A row of the reference.
#[derive(Debug)]
pub struct Setting {
    /// The group, which is the heading of its table.
    pub group: &'static str,
    /// The name of the environment variable.
    pub name: &'static str,
    /// The default, in words.
    pub default: &'static str,
    /// The meaning.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($group:literal { $($name:literal, $default:literal, $meaning:literal;)* })*) => {
        &[$($(Setting { group: $group, name: $name, default: $default, meaning: $meaning },)*)*]
    };
}

/// All settings. Those of one group are next to each other.
pub const SETTINGS: &[Setting] = settings! {
    "Required in production" {
        "PUBLIC_URL", "in DEV `http://localhost` and the port of LEPTOS_SITE_ADDR", "Public URL of the portal, for example `https://accounts.example.com`. All links are built from it";
        "SECRET_KEY", "in DEV generated once and stored in `data/secret_key`", "Encryption key for cookies and stored emails, at least 32 random characters. Create one with `openssl rand -base64 32`";
        "MAIL_TRANSPORT", "in DEV `graph` if SENDER_EMAIL and Microsoft are set up, otherwise `file`", "How email is sent: `smtp` (mail server), `graph` (Microsoft Graph) or `file` (one file per email)";
    }
    "Web" {
        "LEPTOS_ENV", "`PROD` in a release build, otherwise `DEV`", "`DEV` needs no configuration. `PROD` requires PUBLIC_URL, SECRET_KEY and MAIL_TRANSPORT";
        "LEPTOS_SITE_ADDR", "`127.0.0.1:3000`", "IP address and port to listen on";
        "LEPTOS_SITE_ROOT", "`site` next to the program or to its folder, otherwise `target/site`", "Folder with the built assets";
        "TRUSTED_PROXIES", "loopback if LEPTOS_SITE_ADDR is loopback, otherwise none", "IP addresses or networks of your reverse proxies, separated by commas, or `none`. Only their X-Forwarded-For headers are used";
        "METRICS_ADDR", "none: no metrics", "IP address and port for Prometheus metrics at `/metrics`, for example `127.0.0.1:9464`. Never expose it to the internet";
        "LOG", "`info`", "Log level (`off`, `error`, `warn`, `info`, `debug` or `trace`), and other levels for single crates, for example `info,server=debug`";
    }
    "Storage" {
        "DATABASE_URL", "`sqlite://data/vestibule.db`", "Database: `sqlite://…` or `postgres://…`. Missing parts come from the standard PG* variables";
        "REDIS_URL", "none: sessions in the database, rate limits in memory", "Redis for sessions and rate limits: `redis://…`, `rediss://…`, `redis-cluster://…` or `redis-sentinel://…`";
        "SECRET_KEY_PREVIOUS", "none", "Previous SECRET_KEY, so that existing cookies and emails stay readable after a key rotation";
    }
    "Sessions" {
        "SESSION_IDLE", "`1d`", "Period without activity after which people are signed out, at least `2m`, for example `12h`. On shared computers always 2 hours";
        "SESSION_LIFETIME", "`14d`", "Period after which people are signed out even if they are active, for example `30d`";
        "SIGN_IN_LINK_LIFETIME", "`1d`", "Period in which the sign-in link of an approval email works, for example `12h`";
    }
    "Email" {
        "SENDER_EMAIL", "`vestibule@` and the host of PUBLIC_URL", "Sender address of all emails. With `MAIL_TRANSPORT=graph`, the mailbox that sends them (required)";
        "ADMIN_EMAIL", "every active administrator", "Email addresses that are notified of new registrations, separated by commas";
        "SMTP_URL", "none", "Mail server: `smtps://user:password@host`, or `smtp://…?tls=required`. Unencrypted connections are allowed to localhost only. A path, for example `/mail.example.com`, sets the name with which the portal greets the mail server (EHLO), instead of the host of PUBLIC_URL";
        "MAIL_DIR", "`data/mail`", "Folder for `MAIL_TRANSPORT=file` (one `.eml` file per email)";
        "MAIL_RATE", "`30/1m`", "Maximum number of attempts to send an email per period, across all replicas, for example `30/1m`";
    }
    "Registration and passwords" {
        "REQUIRE_CONFIRMED_ADDRESS", "`false`", "`true` if people must confirm their email address before they can be approved";
        "REGISTER_QUESTION", "none: no question", "Question that people must answer when they register, one line of at most 200 characters, for example `Which department do you work in?`";
        "PASSWORD_MIN_LENGTH", "`12`", "Minimum password length, 8 to 64 characters";
        "PASSWORD_BLOCKLIST", "none", "Text file with passwords that are not allowed, one per line, in addition to the built-in check";
    }
    "Decisions" {
        "UNDO_WINDOW", "`60s`, in DEV `5s`", "Period in which administrators can undo a decision. Its email is sent afterwards. `0s`: decisions cannot be undone";
        "REMIND_AFTER", "`8h`", "Period after which administrators are reminded of a registration that no one has decided on. `0s`: never";
    }
    "Rate limits" {
        "LIMIT_SIGN_IN", "`100/10m`", "Failed sign-ins per IP address (IPv6: per /64 network) and period";
        "LIMIT_REGISTER", "`20/1h`", "Registrations per IP address and period. Uses of emailed links have a separate limit of the same size";
        "LIMIT_RESET", "`20/1h`", "Requests for a temporary password per IP address and period";
    }
    "Microsoft" {
        "CLIENT_ID", "none: no sign-in with Microsoft", "Application (client) ID from Entra. Set it together with CLIENT_SECRET and TENANT_ID to turn on sign-in with Microsoft";
        "CLIENT_SECRET", "none", "Client secret from Entra: its value, not its ID";
        "CLIENT_SECRET_EXPIRES", "none: no warning", "Expiry date of the client secret, for example `2027-05-31`. Warnings start 28 days before";
        "TENANT_ID", "none", "Directory (tenant) ID from Entra, or `organizations`";
        "MICROSOFT_TENANTS", "TENANT_ID", "Further tenant IDs whose users may sign in, separated by commas. Required if TENANT_ID is `organizations`";
        "MICROSOFT_NEW_USERS", "`active`", "Status of new users who sign in with Microsoft: `active`, or `pending` (an administrator approves them). Guests are always pending";
        "REDIRECT_PATH", "`/auth/redirect`", "Path of the redirect URI registered in Entra";
        "SCOPE", "`User.Read`", "Additional scopes to request, separated by spaces or commas";
        "AUTHORITY", "`https://login.microsoftonline.com/` and TENANT_ID", "Sign-in authority, for national clouds. `{tenant}` stands for TENANT_ID";
        "ENDPOINT", "`https://graph.microsoft.com/v1.0/me`", "URL of the signed-in user's profile, for national clouds";
        "GRAPH_URL", "`https://graph.microsoft.com/v1.0`", "URL of Microsoft Graph for `MAIL_TRANSPORT=graph`, for national clouds";
    }
    "Branding" {
        "PORTAL_NAME", "`Vestibule`", "Name of the portal on pages and in emails, at most 40 characters";
        "PORTAL_ACCENT", "the built-in colour", "Accent colour as `#rrggbb`, dark enough for white text (contrast at least 4.5:1)";
        "PORTAL_LOGO", "the built-in logo", "Logo file (SVG or PNG)";
        "PORTAL_HELP", "none: no \"Help\" link", "Email address or URL behind the \"Help\" link";
    }
};

/// Returns all settings as Markdown: a heading and a table for each group.
pub fn settings_tables() -> String {
    let tables = SETTINGS.chunk_by(|one, next| one.group == next.group).map(|group| {
        let heading = group.first().map_or("", |setting| setting.group);
        let rows = group.iter().map(|s| format!("| `{}` | {} | {} |\n", s.name, s.default, s.meaning));
        let rows: String = rows.collect();
        format!("## {heading}\n\n| name | default | meaning |\n| --- | --- | --- |\n{rows}")
    });
    tables.collect::<Vec<_>>().join("\n")
}
