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
mod storage;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use strsim::damerau_levenshtein;
use url::Url;

use crate::config::period::{parse_limit, parse_period};
use crate::config::storage::{database_url, redis_url, secret_key, secret_key_previous};
use crate::http::handlers::branding::Accent;
use backend::accounts::email_address::ascii_form;
use backend::auth::password::blocklist::Blocklist;
use backend::microsoft::is_loopback;
use backend::settings::{EmailTransport, Environment, Settings};
use domain::email_address::EmailAddress;
use domain::time::Limit;

pub use crate::config::reference::{SETTINGS, Setting, settings_tables};

/// The maximum random delay before a request for a temporary password is processed. It hides the work that follows, which
/// depends on whether an account exists, and delays the email only briefly.
const RESET_DELAY: Duration = Duration::from_secs(6);

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

/// The source of the settings: the environment, and `.env` in development.
#[derive(Debug, Default)]
pub struct Source {
    values: HashMap<String, String>,
}

impl Source {
    /// Reads the environment of the process. In DEV, `.env` adds missing variables.
    ///
    /// # Errors
    /// Returns an error if a line of `.env` cannot be parsed.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn process() -> Result<Self, ConfigError> {
        let mut values: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let dev = values.get("LEPTOS_ENV").map_or(cfg!(debug_assertions), |env| env == "DEV");
        if dev && let Ok(file) = dotenvy::from_path_iter(".env") {
            let mut position = "the first line".to_owned();
            for line in file {
                // The error quotes the line, which may contain a secret.
                let (name, value) = line.map_err(|_| {
                    let fix = "Use NAME=value, or NAME='value' if the value contains spaces";
                    invalid(".env", &format!("{position} is not valid. {fix}"))
                })?;
                position = format!("the line after {name}");
                values.entry(name).or_insert(value);
            }
        }
        Ok(Self { values })
    }

    /// Returns a source with only these values.
    pub fn of(values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { values }
    }

    /// Returns a message for each variable whose name looks like a misspelt name of a setting that is not set: nothing else
    /// reports a misspelling. Names of one word are skipped, because they often belong to other programs (`LANG`,
    /// `XAUTHORITY`).
    fn misspelt_settings(&self) -> Vec<String> {
        let is_set =
            |name: &str| self.values.contains_key(name) || self.values.contains_key(&format!("{name}_FILE"));
        let meant = |name: &str| {
            let bare = name.strip_suffix("_FILE").unwrap_or(name);
            if !bare.contains('_') || SETTINGS.iter().any(|setting| setting.name == bare) {
                return None;
            }
            SETTINGS.iter().map(|setting| setting.name).find(|setting| {
                // One difference, and one more for every ten letters.
                let max_distance = 1 + setting.len() / 10;
                !is_set(setting) && damerau_levenshtein(bare, setting) <= max_distance
            })
        };
        let mut messages: Vec<String> = self
            .values
            .keys()
            .filter_map(|name| {
                meant(name).map(|meant| format!("Unknown setting {name}. Did you mean {meant}?"))
            })
            .collect();
        messages.sort_unstable();
        messages
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns a secret from NAME, from the file NAME_FILE, or from the credentials of the service manager.
    fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        if let Some(value) = self.get(name) {
            return Ok(Some(SecretString::from(value.to_owned())));
        }
        // An empty file counts as not set, like an empty variable.
        let file = format!("{name}_FILE");
        let path = match (self.get(&file), self.get("CREDENTIALS_DIRECTORY")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(folder)) if Path::new(folder).join(name).exists() => Path::new(folder).join(name),
            _ => return Ok(None),
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|e| invalid(&file, &format!("{} must be a readable file ({e})", path.display())))?;
        let text = text.trim();
        Ok((!text.is_empty()).then(|| SecretString::from(text.to_owned())))
    }

    fn parsed<T>(
        &self,
        name: &str,
        default: T,
        should: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        self.get(name).map_or(Ok(default), |text| parse(text).ok_or_else(|| invalid(name, should)))
    }

    fn period(&self, name: &str, default: &str) -> Result<Duration, ConfigError> {
        let should = format!("must be a number and s, m, h or d, for example {default}");
        let default = parse_period(default).unwrap_or_default();
        self.parsed(name, default, &should, parse_period)
    }

    fn limit(&self, name: &str, default: &str) -> Result<Limit, ConfigError> {
        let should = format!("must be a number, a slash and a period, for example {default}");
        let fallback = Limit { count: 1, period: Duration::from_secs(1) };
        self.parsed(name, parse_limit(default).unwrap_or(fallback), &should, parse_limit)
    }
}

impl Config {
    /// Reads and checks all settings.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        let default = if cfg!(debug_assertions) { Environment::Dev } else { Environment::Prod };
        let environment = source.parsed("LEPTOS_ENV", default, "must be DEV or PROD", |text| match text {
            "DEV" => Some(Environment::Dev),
            "PROD" => Some(Environment::Prod),
            _ => None,
        })?;
        let listen: SocketAddr = source.parsed(
            "LEPTOS_SITE_ADDR",
            SocketAddr::from(([127, 0, 0, 1], 3000)),
            "must be an IP address and a port, for example 127.0.0.1:3000",
            |text| text.parse().ok(),
        )?;
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
            require_confirmed_email: source.parsed(
                "REQUIRE_CONFIRMED_ADDRESS",
                false,
                "must be true or false",
                |text| text.parse().ok(),
            )?,
            sign_in_link_lifetime: source.period("SIGN_IN_LINK_LIFETIME", "1d")?,
            session_idle: source.period("SESSION_IDLE", "1d")?,
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
            metrics: source.parsed(
                "METRICS_ADDR",
                None,
                "must be an IP address and a port, for example 127.0.0.1:9100",
                |text| text.parse().ok().map(Some),
            )?,
            log: source.get("LOG").unwrap_or("info").to_owned(),
            misspelt_settings: source.misspelt_settings(),
            settings,
        })
    }
}

/// Returns the folder `site` next to the folder of the program, where cargo puts it, or else `target/site` in the current folder.
fn default_site_root() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("site")));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("target/site"))
}

fn public_url(source: &Source, environment: Environment, listen: SocketAddr) -> Result<Url, ConfigError> {
    let should = "must be a scheme and a host without a path, for example https://accounts.example.com";
    let text = match (source.get("PUBLIC_URL"), environment) {
        (Some(text), _) => text.to_owned(),
        (None, Environment::Dev) => development_url(listen),
        (None, Environment::Prod) => {
            return Err(invalid(
                "PUBLIC_URL",
                "must be set in PROD, for example https://accounts.example.com",
            ));
        }
    };
    let url = Url::parse(&text).map_err(|_| invalid("PUBLIC_URL", should))?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if environment == Environment::Prod && url.scheme() == "http" && !is_loopback(&url) {
        return Err(invalid(
            "PUBLIC_URL",
            "must begin with https:// in PROD, because http would send passwords unencrypted",
        ));
    }
    let is_valid =
        bare && url.has_host() && matches!(url.scheme(), "http" | "https") && url.password().is_none();
    if is_valid { Ok(url) } else { Err(invalid("PUBLIC_URL", should)) }
}

/// Returns the URL at which a browser on this machine reaches the portal. It names `localhost`, because WebAuthn and
/// Microsoft refuse IP addresses.
fn development_url(listen: SocketAddr) -> String {
    if [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].contains(&listen.ip()) {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

fn trusted_proxies(source: &Source, listen: SocketAddr) -> Result<Vec<IpNet>, ConfigError> {
    let Some(text) = source.get("TRUSTED_PROXIES") else {
        let loopback = ["127.0.0.0/8", "::1/128"];
        let nets = loopback.iter().filter_map(|net| net.parse().ok());
        return Ok(if listen.ip().is_loopback() { nets.collect() } else { Vec::new() });
    };
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "none")
        .map(|part| {
            part.parse::<IpNet>().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from)).ok_or_else(
                || {
                    invalid(
                        "TRUSTED_PROXIES",
                        "must be IP addresses or networks, for example 10.0.0.1, 10.1.0.0/16",
                    )
                },
            )
        })
        .collect()
}

fn email_addresses(source: &Source, name: &str) -> Result<Vec<String>, ConfigError> {
    source
        .get(name)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let should =
                "must be an email address, for example name@example.com, or several separated by commas";
            let address = EmailAddress::parse(part).ok().filter(|address| ascii_form(address).is_some());
            address.map(|address| address.as_str().to_owned()).ok_or_else(|| invalid(name, should))
        })
        .collect()
}

fn sender_email(source: &Source, public_url: &Url) -> Result<String, ConfigError> {
    if let Some(sender_email) = email_addresses(source, "SENDER_EMAIL")?.into_iter().next() {
        return Ok(sender_email);
    }
    let host = public_url.domain().filter(|host| host.contains('.')).unwrap_or("vestibule.invalid");
    Ok(format!("vestibule@{host}"))
}

fn email_transport(source: &Source, environment: Environment) -> Result<EmailTransport, ConfigError> {
    let folder =
        || EmailTransport::File(source.get("MAIL_DIR").map_or_else(|| "data/mail".into(), PathBuf::from));
    match (source.get("MAIL_TRANSPORT"), environment) {
        (None, Environment::Dev) if microsoft::can_send_through_graph(source)? => microsoft::graph(source),
        (Some("file"), _) | (None, Environment::Dev) => Ok(folder()),
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
    let kind = path.extension().and_then(|end| end.to_str()).is_some_and(|end| matches!(end, "svg" | "png"));
    if kind && path.is_file() {
        Ok(Some(path))
    } else {
        Err(invalid("PORTAL_LOGO", "must be an existing .svg or .png file"))
    }
}
