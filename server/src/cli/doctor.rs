//! The command `vestibule doctor`: checks every dependency and setting, and prints one line for each.
//!
//! # Guarantees
//!
//! - The command does not migrate the database and sends no email.
//! - A failure says what is wrong and how to fix it.
//! - No line contains a secret.

mod database;
mod pooling;
mod redis;

use Finding::{Fail, Pass, Warn};

use crate::assets::Assets;
use crate::cli::doctor::database::check_database;
use crate::cli::doctor::redis::check_redis;
use crate::config::{Config, ConfigError, SETTINGS};
use crate::startup;
use backend::email::transport::graph::{AppRegistration, AppRegistrationError};
use backend::email::transport::{Transport, graph_transport};
use backend::infra::clock::Clock;
use backend::settings::{EmailTransport, Environment, MicrosoftSettings, Settings, secret_warning};
use domain::time::utc_date;

/// The number of common passwords that should be refused, not counting those below the minimum length (OWASP ASVS 5.0, 6.2.4).
const RECOMMENDED_BLOCKLIST_SIZE: usize = 3000;

/// The result of one check.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// The check passed.
    Pass(&'static str, String),
    /// The check found a problem that does not stop the portal.
    Warn(&'static str, String),
    /// The check failed. The text has the cause and the fix.
    Fail(&'static str, String),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mark, what, text) = match self {
            Self::Pass(what, text) => ("ok  ", what, text),
            Self::Warn(what, text) => ("warn", what, text),
            Self::Fail(what, text) => ("fail", what, text),
        };
        write!(f, "{mark}  {what}: {text}")
    }
}

/// Runs all checks.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let misspelt = |message: &String| format!("{message} Fix: correct the name, or remove the variable");
    let mut findings: Vec<Finding> =
        config.misspelt_settings.iter().map(|message| Warn("settings", misspelt(message))).collect();
    findings.extend(check_blocklist(&config.settings));
    findings.extend([
        check_public_url(config),
        check_proxies(config),
        check_key(config),
        check_assets(config),
    ]);
    let db = check_database(config, &mut findings).await;
    check_redis(config, db.as_ref(), &mut findings).await;
    check_email(&config.settings, &mut findings).await;
    check_microsoft(config, &mut findings).await;
    findings
}

/// Returns the failure for a setting with which no other check can run.
pub fn invalid_setting(error: ConfigError) -> Finding {
    let text = describe(error);
    let fix = "correct the setting, then run vestibule doctor again";
    let found = SETTINGS.iter().find_map(|setting| {
        let problem = text.strip_prefix(setting.name)?.strip_prefix(": ")?;
        Some(Fail(setting.name, format!("{problem}. Fix: {fix}")))
    });
    found.unwrap_or_else(|| Fail("settings", format!("{text}. Fix: {fix}")))
}

fn check_public_url(config: &Config) -> Finding {
    let url = &config.settings.public_url;
    if config.settings.is_https() {
        Pass("PUBLIC_URL", url.to_string())
    } else {
        let fix = "set an https:// URL before anyone uses the portal from another machine";
        Warn("PUBLIC_URL", format!("{url} does not use https. Fix: {fix}"))
    }
}

fn check_proxies(config: &Config) -> Finding {
    let proxies: Vec<String> = config.settings.trusted_proxies.iter().map(ToString::to_string).collect();
    if proxies.is_empty() && config.settings.is_https() {
        let text = "no proxy is trusted. Behind a proxy, all visitors share one rate limit. Fix: set it to your proxy's IP address";
        return Warn("TRUSTED_PROXIES", text.to_owned());
    }
    if config.settings.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
        let text = "every IP address is trusted, so visitors can forge theirs. Fix: list only your proxy's IP address";
        return Fail("TRUSTED_PROXIES", text.to_owned());
    }
    Pass("TRUSTED_PROXIES", if proxies.is_empty() { "none".to_owned() } else { proxies.join(", ") })
}

fn check_key(config: &Config) -> Finding {
    let previous = config.secret_key_previous.is_some();
    if config.settings.environment == Environment::Dev {
        let text = "LEPTOS_ENV is DEV, where a missing key is generated. Fix: in production, set LEPTOS_ENV=PROD and SECRET_KEY";
        return Warn("SECRET_KEY", text.to_owned());
    }
    if previous {
        let text = "still set. Fix: remove it a week after the rotation (docs/operate/rotate-keys.md)";
        return Warn("SECRET_KEY_PREVIOUS", text.to_owned());
    }
    Pass("SECRET_KEY", "set".to_owned())
}

/// Checks the operator's list of blocked passwords, if there is one.
fn check_blocklist(settings: &Settings) -> Option<Finding> {
    let (count, least) = (settings.password_blocklist.len(), settings.password_min_length);
    let noun = if count == 1 { "password" } else { "passwords" };
    let size = format!("{count} {noun} of {least} or more characters");
    let fix = format!("use a list of at least {RECOMMENDED_BLOCKLIST_SIZE} (OWASP ASVS 6.2.4)");
    match count {
        0 => None,
        RECOMMENDED_BLOCKLIST_SIZE.. => Some(Pass("PASSWORD_BLOCKLIST", size)),
        _ => Some(Warn("PASSWORD_BLOCKLIST", format!("only {size}. Fix: {fix}"))),
    }
}

/// Returns the text of an error without its full stop, for the end of a line.
fn describe(error: ConfigError) -> String {
    let mut text = error.0;
    if text.ends_with('.') {
        text.pop();
    }
    text
}

/// Checks the built assets that the pages need.
fn check_assets(config: &Config) -> Finding {
    match Assets::find(&config.site_root) {
        Ok(_) => Pass("built assets", config.site_root.display().to_string()),
        Err(error) => Fail("built assets", describe(error)),
    }
}

async fn check_email(settings: &Settings, findings: &mut Vec<Finding>) {
    let transport = match Transport::new(settings) {
        Ok(transport) => transport,
        Err(error) => return findings.push(Fail("email", error.to_string())),
    };
    findings.push(match transport.check().await {
        Ok(message) => Pass("email", message),
        Err(why) => Fail("email", format!("{why}. Fix: {}", transport_fix(settings))),
    });
    if matches!(settings.email_transport, EmailTransport::Graph(_)) {
        let text = format!(
            "cannot check whether {} may send. Fix: run vestibule mail test --to you@example.com",
            settings.sender_email
        );
        findings.push(Warn("sender", text));
    }
}

/// Returns the fix for a transport that does not work.
fn transport_fix(settings: &Settings) -> &'static str {
    match settings.email_transport {
        EmailTransport::File(_) => "set MAIL_DIR to a folder that the portal may write to",
        EmailTransport::Smtp(_) => "start the mail server or correct SMTP_URL",
        EmailTransport::Graph(_) => "check CLIENT_SECRET, TENANT_ID, AUTHORITY and your proxy (HTTPS_PROXY)",
    }
}

async fn check_microsoft(config: &Config, findings: &mut Vec<Finding>) {
    let Some(microsoft) = &config.settings.microsoft else {
        return findings.push(Pass("Microsoft", "not configured".to_owned()));
    };
    let provider = match startup::microsoft(config) {
        Ok(Some(provider)) => provider,
        Ok(None) => return,
        Err(error) => {
            let text = describe(error);
            return findings.push(Fail("Microsoft", text.trim_start_matches("Microsoft: ").to_owned()));
        }
    };
    let checked = provider.check().await;
    let answers = checked.is_ok();
    findings.push(match checked {
        Ok(()) => Pass("Microsoft", format!("{} responds", microsoft.authority)),
        Err(error) => {
            let fix = "check AUTHORITY, TENANT_ID and your proxy (HTTPS_PROXY)";
            Fail("Microsoft", format!("{error}. Fix: {fix}"))
        }
    });
    let registration = match read_app_registration(config, microsoft).await {
        Ok(registration) => Some(registration),
        Err(AppRegistrationError::NotPermitted) => None,
        Err(AppRegistrationError::NoToken(why)) => {
            // For email through Graph, the line about email already says so.
            if answers && !matches!(config.settings.email_transport, EmailTransport::Graph(_)) {
                let fix =
                    "set it to the secret's value, not its ID, and check that the secret has not expired";
                findings.push(Fail("CLIENT_SECRET", format!("{why}. Fix: {fix}")));
                return;
            }
            None
        }
        Err(AppRegistrationError::Failed(why)) => {
            let fix = "check ENDPOINT and GRAPH_URL, then run vestibule doctor again";
            findings.push(Warn("app registration", format!("cannot be read ({why}). Fix: {fix}")));
            None
        }
    };
    findings.push(check_redirect_url(config, microsoft, registration.as_ref()));
    findings.push(check_sign_out_redirect(config, registration.as_ref()));
    findings.push(check_claims(registration.as_ref()));
    findings.push(check_secret(microsoft, registration.as_ref()));
}

/// Reads the registration of the application in Entra.
async fn read_app_registration(
    config: &Config,
    microsoft: &MicrosoftSettings,
) -> Result<AppRegistration, AppRegistrationError> {
    let graph = match &config.settings.email_transport {
        EmailTransport::Graph(graph) => graph.clone(),
        // ENDPOINT is `/v1.0/me` of Graph, unless it was set to something else.
        _ => microsoft.endpoint.join(".").map_err(|error| AppRegistrationError::Failed(error.to_string()))?,
    };
    let graph = graph_transport(&config.settings, &graph)
        .map_err(|error| AppRegistrationError::Failed(error.to_string()))?;
    graph.app_registration().await
}

fn check_redirect_url(
    config: &Config,
    microsoft: &MicrosoftSettings,
    registration: Option<&AppRegistration>,
) -> Finding {
    let redirect = config.settings.link(&microsoft.redirect_path);
    match registration {
        None => {
            let text = format!("cannot check {redirect}. Fix: register it in Entra as a Web redirect URI");
            Warn("redirect URI", text)
        }
        Some(registration) if registration.redirect_uris.contains(&redirect) => {
            Pass("redirect URI", format!("{redirect} is registered"))
        }
        Some(_) => Fail(
            "redirect URI",
            format!("{redirect} is not registered in Entra. Fix: add it as a Web redirect URI"),
        ),
    }
}

/// Checks the redirect after sign-out. Microsoft does not redirect to a URL that is not registered and shows no error: people
/// stay on its page.
fn check_sign_out_redirect(config: &Config, registration: Option<&AppRegistration>) -> Finding {
    let (what, back) = ("sign-out redirect", config.settings.public_url.as_str());
    match registration {
        Some(registration) if registration.redirect_uris.iter().any(|redirect| redirect == back) => {
            Pass(what, format!("{back} is registered"))
        }
        Some(_) => Warn(
            what,
            format!(
                "{back} is not registered in Entra, so people stay on Microsoft's page after signing out. Fix: add it as a Web \
                 redirect URI"
            ),
        ),
        None => {
            Warn(what, format!("cannot check {back}. Fix: register it in Entra as another Web redirect URI"))
        }
    }
}

fn check_claims(registration: Option<&AppRegistration>) -> Finding {
    let why = "auth_time is needed to re-authenticate, acct to recognise guests";
    let place = "under Token configuration in Entra";
    let Some(registration) = registration else {
        let text = format!("cannot check the ID token ({why}). Fix: add auth_time and acct {place}");
        return Warn("optional claims", text);
    };
    let missing: Vec<&str> = ["auth_time", "acct"]
        .into_iter()
        .filter(|claim| !registration.optional_claims.iter().any(|name| name == claim))
        .collect();
    if missing.is_empty() {
        Pass("optional claims", "auth_time and acct are in the ID token".to_owned())
    } else {
        let (claims, verb) = (missing.join(" and "), if missing.len() == 1 { "is" } else { "are" });
        let text = format!("{claims} {verb} missing from the ID token ({why}). Fix: add {claims} {place}");
        Fail("optional claims", text)
    }
}

fn check_secret(microsoft: &MicrosoftSettings, registration: Option<&AppRegistration>) -> Finding {
    let known = registration.and_then(|registration| registration.secret_expires_at);
    let Some(ends) = known.or(microsoft.secret_expires_at) else {
        let text = "its expiry date is unknown. Fix: set CLIENT_SECRET_EXPIRES to the date that Entra shows";
        return Warn("CLIENT_SECRET", text.to_owned());
    };
    let (now, day) = (Clock::System.now(), utc_date(ends));
    let fix =
        "create a new secret in Entra, set CLIENT_SECRET and CLIENT_SECRET_EXPIRES, then restart the portal";
    match secret_warning(ends, now) {
        Some(_) if ends <= now => Fail("CLIENT_SECRET", format!("expired on {day}. Fix: {fix}")),
        Some(_) => Warn("CLIENT_SECRET", format!("expires on {day}. Fix: {fix}")),
        None if microsoft.secret_expires_at.is_none_or(|said| utc_date(said) != day) => Warn(
            "CLIENT_SECRET",
            format!(
                "expires on {day}. Fix: set CLIENT_SECRET_EXPIRES to this date, to be warned 28 days before"
            ),
        ),
        None => Pass("CLIENT_SECRET", format!("expires on {day}")),
    }
}
