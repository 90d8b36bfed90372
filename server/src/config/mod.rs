//! The settings. Only this module reads the environment.
//!
//! Secrets may also come from the file NAME_FILE or from `$CREDENTIALS_DIRECTORY`.
//!
//! # Guarantees
//!
//! - The portal does not start with an invalid or missing setting. One line names the setting and says what it must be.
//! - No secret is printed.
//! - docs/reference/settings.md contains [`settings_tables`].

mod microsoft;
mod period;
mod reference;
mod smtp;
mod source;
mod storage;
#[cfg(test)]
mod tests;
mod text;
mod web;

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::storage::{database_url, redis_url, secret_key, secret_key_previous};
use crate::config::web::{listen_address, metrics_address, public_url, trusted_proxies};
use crate::http::handlers::branding::Accent;
use backend::accounts::email_address::ascii_form;
use backend::auth::password::blocklist::Blocklist;
use backend::settings::{EmailTransport, Environment, Settings};
use domain::email_address::EmailAddress;

pub use crate::config::reference::{SETTINGS, Setting, settings_tables};
pub use crate::config::source::Source;
pub use crate::config::storage::create_database_folder;

/// The maximum random delay before a request for a temporary password is processed. It hides the work that follows, which
/// depends on whether an account exists, and delays the email only briefly.
const RESET_DELAY: Duration = Duration::from_secs(6);

/// The maximum length of REGISTER_QUESTION in characters.
const MAX_REGISTER_QUESTION: usize = 200;
/// The minimum of SESSION_IDLE.
const MIN_SESSION_IDLE: Duration = Duration::from_mins(2);

/// The reason why the portal cannot start, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Returns the error for an invalid setting.
fn invalid(name: &str, should: &str) -> ConfigError {
    ConfigError(format!("{name}: {should}."))
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The settings for use cases and pages.
    pub settings: Settings,
    /// The IP address and port to listen on.
    pub listen: SocketAddr,
    /// The folder with the built assets.
    pub site_root: PathBuf,
    /// The URL of the database.
    pub database_url: SecretString,
    /// The URL of Redis, if Redis stores the sessions.
    pub redis_url: Option<SecretString>,
    /// The key that seals cookies and emails.
    pub secret_key: SecretString,
    /// The previous key, which still opens data that was sealed with it.
    pub secret_key_previous: Option<SecretString>,
    /// The IP address and port of the metrics, if they are served.
    pub metrics: Option<SocketAddr>,
    /// The filter of the log.
    pub log: String,
    /// One message for each environment variable that looks like a misspelt setting.
    pub misspelt_settings: Vec<String>,
}

impl Config {
    /// Reads and checks all settings.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        source.check_texts()?;
        let default = if cfg!(debug_assertions) { Environment::Dev } else { Environment::Prod };
        let environment =
            source.parsed_word("LEPTOS_ENV", default, "must be DEV or PROD", |word| match word {
                "dev" => Some(Environment::Dev),
                "prod" => Some(Environment::Prod),
                _ => None,
            })?;
        let listen = listen_address(source, "LEPTOS_SITE_ADDR", "127.0.0.1:3000")?
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000)));
        let public_url = public_url(source, environment, listen)?;
        let password_min_length = source.parsed(
            "PASSWORD_MIN_LENGTH",
            12,
            "must be a whole number from 8 to 64, for example 12",
            |text| text.parse().ok().filter(|min_length| (8..=64).contains(min_length)),
        )?;
        let settings = Settings {
            environment,
            trusted_proxies: trusted_proxies(source, listen)?,
            admin_emails: email_addresses(source, "ADMIN_EMAIL")?,
            sender_email: sender_email(source, &public_url)?,
            email_transport: email_transport(source, environment)?,
            email_rate: source.limit("MAIL_RATE", "30/1m")?,
            password_min_length,
            password_blocklist: password_blocklist(source, password_min_length)?,
            require_confirmed_email: source.parsed_word(
                "REQUIRE_CONFIRMED_ADDRESS",
                false,
                "must be true or false",
                |word| word.parse().ok(),
            )?,
            register_question: register_question(source)?,
            undo_window: source.period_or_zero("UNDO_WINDOW", undo_window_default(environment))?,
            remind_after: source.period_or_zero("REMIND_AFTER", "8h")?,
            sign_in_link_lifetime: source.period("SIGN_IN_LINK_LIFETIME", "1d")?,
            session_idle: session_idle(source)?,
            session_lifetime: source.period("SESSION_LIFETIME", "14d")?,
            limit_sign_in: source.limit("LIMIT_SIGN_IN", "100/10m")?,
            limit_register: source.limit("LIMIT_REGISTER", "20/1h")?,
            reset_delay: RESET_DELAY,
            limit_reset: source.limit("LIMIT_RESET", "20/1h")?,
            microsoft: microsoft::microsoft(source)?,
            portal_name: portal_name(source)?,
            portal_help: portal_help(source)?,
            portal_accent: accent(source)?,
            portal_logo: logo(source)?,
            public_url,
        };
        Ok(Self {
            listen,
            site_root: source.get("LEPTOS_SITE_ROOT").map_or_else(default_site_root, PathBuf::from),
            database_url: database_url(source)?,
            redis_url: redis_url(source)?,
            secret_key: secret_key(source, environment)?,
            secret_key_previous: secret_key_previous(source)?,
            metrics: metrics_address(source, listen)?,
            log: source.get("LOG").unwrap_or("info").to_owned(),
            misspelt_settings: source.misspelt_settings(),
            settings,
        })
    }
}

/// Returns the folder `site` next to the folder of the program, where cargo puts it, or else `target/site` in the current folder.
fn default_site_root() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let mut sites = program.ancestors().skip(1).take(2).map(|folder| folder.join("site"));
    sites.find(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("target/site"))
}

/// Reads REGISTER_QUESTION.
fn register_question(source: &Source) -> Result<Option<String>, ConfigError> {
    let should = format!("must be one line of at most {MAX_REGISTER_QUESTION} characters");
    let is_valid =
        |text: &str| text.chars().count() <= MAX_REGISTER_QUESTION && !text.contains(char::is_control);
    source.parsed("REGISTER_QUESTION", None, &should, |text| is_valid(text).then(|| Some(text.to_owned())))
}

/// Returns the default of UNDO_WINDOW. Developers do not want to wait a minute for an email.
fn undo_window_default(environment: Environment) -> &'static str {
    match environment {
        Environment::Dev => "5s",
        Environment::Prod => "60s",
    }
}

/// Reads SESSION_IDLE. The last activity is recorded once a minute, so a shorter period would sign active people out.
fn session_idle(source: &Source) -> Result<Duration, ConfigError> {
    let period = source.period("SESSION_IDLE", "1d")?;
    if period < MIN_SESSION_IDLE {
        return Err(invalid("SESSION_IDLE", "must be at least 2m"));
    }
    Ok(period)
}

fn email_addresses(source: &Source, name: &str) -> Result<Vec<String>, ConfigError> {
    let should = "must be an email address, for example name@example.com, or several separated by commas";
    let addresses = source.list(name, should)?.unwrap_or_default();
    addresses.into_iter().map(|text| email_address(text).ok_or_else(|| invalid(name, should))).collect()
}

/// Returns an email address as typed, or `None` if no email can be sent to it.
fn email_address(text: &str) -> Option<String> {
    let address = EmailAddress::parse(text).ok().filter(|address| ascii_form(address).is_some())?;
    Some(address.as_str().to_owned())
}

fn sender_email(source: &Source, public_url: &Url) -> Result<String, ConfigError> {
    if let Some(text) = source.get("SENDER_EMAIL") {
        let should = "must be one email address, for example name@example.com";
        return email_address(text).ok_or_else(|| invalid("SENDER_EMAIL", should));
    }
    let host = public_url.domain().filter(|host| host.contains('.')).unwrap_or("vestibule.invalid");
    Ok(format!("vestibule@{host}"))
}

fn email_transport(source: &Source, environment: Environment) -> Result<EmailTransport, ConfigError> {
    let folder = || {
        let folder = source.get("MAIL_DIR").unwrap_or("data/mail");
        if folder.starts_with('~') {
            return Err(invalid(
                "MAIL_DIR",
                "must be a path that does not begin with ~, for example /var/lib/vestibule/data/mail",
            ));
        }
        Ok(EmailTransport::File(PathBuf::from(folder)))
    };
    match (source.word("MAIL_TRANSPORT").as_deref(), environment) {
        (None, Environment::Dev) if microsoft::can_send_through_graph(source)? => microsoft::graph(source),
        (Some("file"), _) | (None, Environment::Dev) => folder(),
        (Some("smtp"), _) => smtp::smtp(source),
        (Some("graph"), _) => microsoft::graph(source),
        (Some(_), _) => Err(invalid("MAIL_TRANSPORT", "must be smtp, graph or file")),
        (None, Environment::Prod) => {
            Err(invalid("MAIL_TRANSPORT", "must be set in PROD to smtp, graph or file"))
        }
    }
}

/// Reads the list of blocked passwords. An empty list is an error, because the file is probably the wrong one.
fn password_blocklist(source: &Source, min_length: usize) -> Result<Blocklist, ConfigError> {
    let Some(path) = source.get("PASSWORD_BLOCKLIST") else {
        return Ok(Blocklist::default());
    };
    // A pipe would block the start without a message.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let should = format!("{path} must be a text file with one password per line");
        return Err(invalid("PASSWORD_BLOCKLIST", &should));
    }
    let list =
        File::open(path).and_then(|file| Blocklist::read(BufReader::new(file), min_length)).map_err(|e| {
            invalid(
                "PASSWORD_BLOCKLIST",
                &format!("{path} must be a readable UTF-8 text file with one password per line ({e})"),
            )
        })?;
    if list.is_empty() {
        let should = format!(
            "{path} must contain passwords of {min_length} or more characters (PASSWORD_MIN_LENGTH), one per line"
        );
        return Err(invalid("PASSWORD_BLOCKLIST", &should));
    }
    Ok(list)
}

fn portal_name(source: &Source) -> Result<String, ConfigError> {
    source.parsed(
        "PORTAL_NAME",
        "Vestibule".to_owned(),
        "must be at most 40 characters, without control characters",
        |text| {
            let fits = text.chars().count() <= 40 && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
        },
    )
}

/// Reads PORTAL_HELP, which becomes a link, so it must be an email address or an http(s) URL.
fn portal_help(source: &Source) -> Result<Option<String>, ConfigError> {
    source.parsed(
        "PORTAL_HELP",
        None,
        "must be an email address or an http(s) URL, for example help@example.com",
        |text| {
            let web = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            let email = || EmailAddress::parse(text).ok().map(|email| email.as_str().to_owned());
            (if web { Some(text.to_owned()) } else { email() }).map(Some)
        },
    )
}

fn accent(source: &Source) -> Result<Option<String>, ConfigError> {
    let Some(text) = source.get("PORTAL_ACCENT") else {
        return Ok(None);
    };
    Accent::parse(text)
        .map(|accent| Some(accent.to_string()))
        .map_err(|why| invalid("PORTAL_ACCENT", &format!("must be {why}, for example #1d4ed8")))
}

fn logo(source: &Source) -> Result<Option<PathBuf>, ConfigError> {
    let Some(path) = source.get("PORTAL_LOGO").map(PathBuf::from) else {
        return Ok(None);
    };
    let is_image = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("svg") || end.eq_ignore_ascii_case("png"));
    let unreadable =
        |e: std::io::Error| invalid("PORTAL_LOGO", &format!("must be a file that the portal may read ({e})"));
    match path.metadata() {
        Ok(found) if is_image && found.is_file() => File::open(&path).map(|_| Some(path)).map_err(unreadable),
        // A folder on the way is closed to the portal.
        Err(error) if is_image && error.kind() == ErrorKind::PermissionDenied => Err(unreadable(error)),
        _ => Err(invalid("PORTAL_LOGO", "must be an existing .svg or .png file")),
    }
}
