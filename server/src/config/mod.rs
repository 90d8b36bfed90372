//! The settings: the only place that reads the environment.
//!
//! Guarantees: a wrong or missing setting stops the start with one line that names it and says what it should be;
//! nothing is half-configured. Secrets may also come as NAME_FILE or from `$CREDENTIALS_DIRECTORY`, and never print.
//! [`table`] is the table of the README; a test holds the two together.

mod microsoft;
mod storage;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::backend::blocklist::Blocklist;
use app::backend::microsoft::is_loopback;
use app::backend::settings::{Environment, MailTransport, Settings};
use app::domain::address::EmailAddress;
use app::domain::time::{Limit, parse_period};
use ipnet::IpNet;
use secrecy::SecretString;
use strsim::damerau_levenshtein;
use url::Url;

use storage::{database_url, redis_url, secret_key, secret_key_previous};
pub use table::{SETTINGS, Setting, settings_table};

use crate::accent::Accent;

/// Long enough that nobody learns from the work that follows whether there is such an account, and no long wait for the mail.
const RESET_DELAY: Duration = Duration::from_secs(6);

/// What keeps the portal from starting, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

fn wrong(name: &str, should: &str) -> ConfigError {
    ConfigError(format!("{name}: {should}."))
}

/// Everything that is set.
#[derive(Clone, Debug)]
pub struct Config {
    /// What use cases and pages need.
    pub settings: Settings,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The folder with the built assets.
    pub site_root: PathBuf,
    /// The database.
    pub database_url: SecretString,
    /// Redis, if it keeps the sessions.
    pub redis_url: Option<SecretString>,
    /// What seals.
    pub secret_key: SecretString,
    /// What sealed before.
    pub secret_key_previous: Option<SecretString>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// What is logged.
    pub log: String,
    /// What looks like a misspelt setting, in words.
    pub slips: Vec<String>,
}

/// Where settings come from: the environment, and `.env` in development.
#[derive(Debug, Default)]
pub struct Source {
    values: HashMap<String, String>,
}

impl Source {
    /// The process's environment; where that or the build says DEV, `.env` fills in what is missing.
    ///
    /// # Errors
    /// `.env` has a line that can't be read.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn process() -> Result<Self, ConfigError> {
        let mut values: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let dev = values.get("LEPTOS_ENV").map_or(cfg!(debug_assertions), |env| env == "DEV");
        if dev && let Ok(file) = dotenvy::from_path_iter(".env") {
            let mut before = "its beginning".to_owned();
            for line in file {
                // The error quotes the line, which may hold a secret.
                let (name, value) = line.map_err(|_| {
                    wrong(
                        ".env",
                        &format!(
                            "the line after {before} must be NAME=value, or NAME='value' where it has spaces"
                        ),
                    )
                })?;
                before.clone_from(&name);
                values.entry(name).or_insert(value);
            }
        }
        Ok(Self { values })
    }

    /// These values and no others.
    pub fn of(values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { values }
    }

    /// What is set, is no setting, and is spelt almost like one that isn't set: nothing else would tell of a slip. Names of
    /// one word are often somebody else's (`LANG`, `XAUTHORITY`).
    fn slips(&self) -> Vec<String> {
        let is_set =
            |name: &str| self.values.contains_key(name) || self.values.contains_key(&format!("{name}_FILE"));
        let meant = |name: &str| {
            let bare = name.strip_suffix("_FILE").unwrap_or(name);
            if !bare.contains('_') || SETTINGS.iter().any(|setting| setting.name == bare) {
                return None;
            }
            SETTINGS.iter().map(|setting| setting.name).find(|setting| {
                // A tenth of the letters, and one in any case.
                let most = 1 + setting.len() / 10;
                !is_set(setting) && damerau_levenshtein(bare, setting) <= most
            })
        };
        let mut slips: Vec<String> = self
            .values
            .keys()
            .filter_map(|name| {
                meant(name).map(|meant| format!("{name} is no setting; {meant} is one, and is not set"))
            })
            .collect();
        slips.sort_unstable();
        slips
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A secret: from NAME, NAME_FILE, or the service manager's credentials.
    fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        if let Some(value) = self.get(name) {
            return Ok(Some(SecretString::from(value.to_owned())));
        }
        // An empty file is no secret, as an empty variable is none.
        let file = format!("{name}_FILE");
        let path = match (self.get(&file), self.get("CREDENTIALS_DIRECTORY")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(folder)) if Path::new(folder).join(name).exists() => Path::new(folder).join(name),
            _ => return Ok(None),
        };
        let text = std::fs::read_to_string(&path).map_err(|e| {
            wrong(&file, &format!("{} must be a file that can be read ({e})", path.display()))
        })?;
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
        self.get(name).map_or(Ok(default), |text| parse(text).ok_or_else(|| wrong(name, should)))
    }

    fn period(&self, name: &str, default: &str) -> Result<Duration, ConfigError> {
        let should = format!("must be a number and s, m, h or d, like {default}");
        let default = parse_period(default).unwrap_or_default();
        self.parsed(name, default, &should, parse_period)
    }

    fn limit(&self, name: &str, default: &str) -> Result<Limit, ConfigError> {
        let should = format!("must be a count, a slash and a period, like {default}");
        let fallback = Limit { count: 1, period: Duration::from_secs(1) };
        self.parsed(name, Limit::parse(default).unwrap_or(fallback), &should, Limit::parse)
    }
}

impl Config {
    /// Reads and checks everything.
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
            "must be an address and a port, like 127.0.0.1:3000",
            |text| text.parse().ok(),
        )?;
        let public_url = public_url(source, environment, listen)?;
        let password_min_length =
            source.parsed("PASSWORD_MIN_LENGTH", 12, "must be a whole number from 8 to 64", |text| {
                text.parse().ok().filter(|least| (8..=64).contains(least))
            })?;
        let settings = Settings {
            environment,
            trusted_proxies: trusted_proxies(source, listen)?,
            admin_emails: addresses(source, "ADMIN_EMAIL")?,
            sender_email: sender(source, &public_url)?,
            mail_transport: mail_transport(source, environment)?,
            mail_rate: source.limit("MAIL_RATE", "30/1m")?,
            password_min_length,
            password_blocklist: password_blocklist(source, password_min_length)?,
            require_confirmed_address: source.parsed(
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
                "must be an address and a port, like 127.0.0.1:9100",
                |text| text.parse().ok().map(Some),
            )?,
            log: source.get("LOG").unwrap_or("info").to_owned(),
            slips: source.slips(),
            settings,
        })
    }
}

/// Beside the program where cargo put both, else below the present folder.
fn default_site_root() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.join("site")));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("target/site"))
}

fn public_url(source: &Source, environment: Environment, listen: SocketAddr) -> Result<Url, ConfigError> {
    let should = "must be scheme and host alone, like https://accounts.example.com";
    let text = match (source.get("PUBLIC_URL"), environment) {
        (Some(text), _) => text.to_owned(),
        (None, Environment::Dev) => format!("http://{listen}"),
        (None, Environment::Prod) => {
            return Err(wrong("PUBLIC_URL", &format!("{should}; it is required in PROD")));
        }
    };
    let url = Url::parse(&text).map_err(|_| wrong("PUBLIC_URL", should))?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if environment == Environment::Prod && url.scheme() == "http" && !is_loopback(&url) {
        return Err(wrong(
            "PUBLIC_URL",
            "must begin with https:// in PROD: passwords would cross the network in the clear",
        ));
    }
    let right =
        bare && url.has_host() && matches!(url.scheme(), "http" | "https") && url.password().is_none();
    if right { Ok(url) } else { Err(wrong("PUBLIC_URL", should)) }
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
                || wrong("TRUSTED_PROXIES", "must be addresses or networks, like 10.0.0.1, 10.1.0.0/16"),
            )
        })
        .collect()
}

fn addresses(source: &Source, name: &str) -> Result<Vec<String>, ConfigError> {
    source
        .get(name)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match EmailAddress::parse(part) {
            Ok(address) => Ok(address.as_str().to_owned()),
            Err(_) => {
                Err(wrong(name, "must be an address like name@example.com, or several with commas between"))
            }
        })
        .collect()
}

fn sender(source: &Source, public_url: &Url) -> Result<String, ConfigError> {
    if let Some(sender) = addresses(source, "SENDER_EMAIL")?.into_iter().next() {
        return Ok(sender);
    }
    let host = public_url.domain().filter(|host| host.contains('.')).unwrap_or("vestibule.invalid");
    Ok(format!("vestibule@{host}"))
}

fn mail_transport(source: &Source, environment: Environment) -> Result<MailTransport, ConfigError> {
    let folder =
        || MailTransport::File(source.get("MAIL_DIR").map_or_else(|| "data/mail".into(), PathBuf::from));
    match (source.get("MAIL_TRANSPORT"), environment) {
        (None, Environment::Dev) if microsoft::may_send(source)? => microsoft::graph(source),
        (Some("file"), _) | (None, Environment::Dev) => Ok(folder()),
        (Some("smtp"), _) => smtp(source),
        (Some("graph"), _) => microsoft::graph(source),
        (Some(_), _) => Err(wrong("MAIL_TRANSPORT", "must be graph, smtp or file")),
        (None, Environment::Prod) => {
            Err(wrong("MAIL_TRANSPORT", "must be graph, smtp or file; it is required in PROD"))
        }
    }
}

/// Credentials and links in mail never cross a network in the clear.
fn smtp(source: &Source) -> Result<MailTransport, ConfigError> {
    use secrecy::ExposeSecret;
    let should =
        "must be smtps://user:password@host, or smtp://host?tls=required; without TLS on loopback alone";
    let secret = source.secret("SMTP_URL")?.ok_or_else(|| wrong("SMTP_URL", should))?;
    let url = Url::parse(secret.expose_secret()).map_err(|_| wrong("SMTP_URL", should))?;
    // Of a scheme it does not know, the library reads every host as a name.
    let host = url.host_str().ok_or_else(|| wrong("SMTP_URL", should))?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    // The library goes by the first.
    let required =
        url.query_pairs().find(|(name, _)| name == "tls").is_some_and(|(_, value)| value == "required");
    let safe = url.scheme() == "smtps" || (url.scheme() == "smtp" && (required || loopback));
    if safe { Ok(MailTransport::Smtp(secret)) } else { Err(wrong("SMTP_URL", should)) }
}

/// A list of which nobody could choose anything is the wrong file.
fn password_blocklist(source: &Source, least: usize) -> Result<Blocklist, ConfigError> {
    let Some(path) = source.get("PASSWORD_BLOCKLIST") else {
        return Ok(Blocklist::default());
    };
    // A pipe would keep the portal from starting, without a word.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(wrong("PASSWORD_BLOCKLIST", &format!("{path} must be a file, with a password a line")));
    }
    let list =
        File::open(path).and_then(|file| Blocklist::read(BufReader::new(file), least)).map_err(|e| {
            wrong(
                "PASSWORD_BLOCKLIST",
                &format!("{path} must be a text that the portal can read, with a password a line ({e})"),
            )
        })?;
    if list.is_empty() {
        let should = format!(
            "{path} must have passwords of {least} characters or more (PASSWORD_MIN_LENGTH), one a line"
        );
        return Err(wrong("PASSWORD_BLOCKLIST", &should));
    }
    Ok(list)
}

fn portal_name(source: &Source) -> Result<String, ConfigError> {
    source.parsed("PORTAL_NAME", "Vestibule".to_owned(), "must be at most 40 characters of text", |text| {
        let fits = text.chars().count() <= 40 && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    })
}

/// It becomes a link, so only what leads to somebody.
fn portal_help(source: &Source) -> Result<Option<String>, ConfigError> {
    source.parsed("PORTAL_HELP", None, "must be a mail address or an http(s) URL", |text| {
        let web = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        (web || EmailAddress::parse(text).is_ok()).then(|| Some(text.to_owned()))
    })
}

fn accent(source: &Source) -> Result<Option<String>, ConfigError> {
    let Some(text) = source.get("PORTAL_ACCENT") else {
        return Ok(None);
    };
    Accent::parse(text)
        .map(|accent| Some(accent.to_string()))
        .map_err(|why| wrong("PORTAL_ACCENT", &format!("must be #rrggbb and {why}")))
}

fn logo(source: &Source) -> Result<Option<PathBuf>, ConfigError> {
    let Some(path) = source.get("PORTAL_LOGO").map(PathBuf::from) else {
        return Ok(None);
    };
    let kind = path.extension().and_then(|end| end.to_str()).is_some_and(|end| matches!(end, "svg" | "png"));
    if kind && path.is_file() {
        Ok(Some(path))
    } else {
        Err(wrong("PORTAL_LOGO", "must be a file that ends in .svg or .png"))
    }
}
