//! The command `vestibule doctor`: checks every dependency and setting, and prints one line for each.
//!
//! # Guarantees
//!
//! - The command does not migrate the database and sends no email.
//! - A failure says what is wrong and how to fix it.
//! - No line contains a secret.

use std::path::PathBuf;

use Finding::{Fail, Pass, Warn};
use fred::error::Error as RedisError;
use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::ExposeSecret;

use crate::assets::Assets;
use crate::config::Config;
use crate::{redis, startup};
use backend::admin::failed_emails::read_delayed_emails;
use backend::email::transport::graph::{AppRegistration, AppRegistrationError};
use backend::email::transport::{Transport, graph_transport};
use backend::error::{ErrorContext, InternalError};
use backend::infra::clock::Clock;
use backend::infra::database::{Database, Lock};
use backend::settings::{EmailTransport, Environment, MicrosoftSettings, Settings, secret_warning};
use domain::time::{utc_date, utc_text};
use migration::{Migrator, MigratorTrait};

/// The maximum difference between our clock and the database's, in seconds. ID tokens of Microsoft allow the same.
const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;

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
            Self::Warn(what, text) => ("note", what, text),
            Self::Fail(what, text) => ("BAD ", what, text),
        };
        write!(f, "{mark}  {what}: {text}")
    }
}

/// Runs all checks.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        config.misspelt_settings.iter().map(|message| Warn("settings", message.clone())).collect();
    findings.extend(check_blocklist(&config.settings));
    findings.extend([
        check_public_url(config),
        check_proxies(config),
        check_key(config),
        check_assets(config),
    ]);
    check_database(config, &mut findings).await;
    check_redis(config, &mut findings).await;
    check_email(&config.settings, &mut findings).await;
    check_microsoft(config, &mut findings).await;
    findings
}

fn check_public_url(config: &Config) -> Finding {
    let url = &config.settings.public_url;
    if config.settings.is_https() {
        Pass("PUBLIC_URL", url.to_string())
    } else {
        Warn("PUBLIC_URL", format!("{url} is http: for this machine alone"))
    }
}

fn check_proxies(config: &Config) -> Finding {
    let proxies: Vec<String> = config.settings.trusted_proxies.iter().map(ToString::to_string).collect();
    if proxies.is_empty() && config.settings.is_https() {
        let what = "none is trusted: behind a proxy all visitors count as one; set it to the proxy's address";
        return Warn("TRUSTED_PROXIES", what.to_owned());
    }
    if config.settings.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
        let what = "everybody is trusted, so that visitors say who they are; name the proxy's address alone";
        return Fail("TRUSTED_PROXIES", what.to_owned());
    }
    Pass("TRUSTED_PROXIES", if proxies.is_empty() { "none".to_owned() } else { proxies.join(", ") })
}

fn check_key(config: &Config) -> Finding {
    let previous = config.secret_key_previous.is_some();
    if config.settings.environment == Environment::Dev {
        return Warn("SECRET_KEY", "of development".to_owned());
    }
    if previous {
        let what = "there is a previous one; remove it a week after the change (docs/operating.md)";
        return Warn("SECRET_KEY", what.to_owned());
    }
    Pass("SECRET_KEY", "set".to_owned())
}

/// Checks the operator's list of blocked passwords, if there is one.
fn check_blocklist(settings: &Settings) -> Option<Finding> {
    let (count, least) = (settings.password_blocklist.len(), settings.password_min_length);
    let what = format!("{count} passwords of {least} characters or more");
    match count {
        0 => None,
        RECOMMENDED_BLOCKLIST_SIZE.. => Some(Pass("PASSWORD_BLOCKLIST", what)),
        _ => Some(Warn(
            "PASSWORD_BLOCKLIST",
            format!("{what}; {RECOMMENDED_BLOCKLIST_SIZE} or more are advised (OWASP ASVS 6.2.4)"),
        )),
    }
}

/// Checks the built assets that the pages need.
fn check_assets(config: &Config) -> Finding {
    match Assets::find(&config.site_root) {
        Ok(_) => Pass("built assets", config.site_root.display().to_string()),
        Err(error) => Fail("built assets", error.0),
    }
}

async fn check_database(config: &Config, findings: &mut Vec<Finding>) {
    if let Some(missing) = missing_file(config) {
        let how = "run this in the portal's folder; or `vestibule migrate` makes one";
        return findings.push(Fail("database", format!("there is none at {}: {how}", missing.display())));
    }
    let db = match startup::database(config).await {
        Ok(db) => db,
        Err(error) => return findings.push(Fail("database", error.0)),
    };
    match Migrator::get_pending_migrations(db.pool()).await {
        Ok(pending) if pending.is_empty() => {
            findings.push(match check_writable(&db).await {
                Ok(()) => Pass("database", "reached, writable and up to date".to_owned()),
                Err(error) => {
                    let how = "its file, its folder and what lies beside it must belong to the portal's user; under PostgreSQL, \
                               it must not be a standby";
                    Fail("database", format!("it can't be written to: {how} ({error})"))
                }
            });
            if let Err(error) = startup::check_key(config, &db).await {
                findings.push(Fail("SECRET_KEY", error.0.trim_start_matches("SECRET_KEY: ").to_owned()));
            }
        }
        Ok(pending) => findings.push(Warn(
            "database",
            format!(
                "{} steps behind; the next start or `vestibule migrate` brings it up to date",
                pending.len()
            ),
        )),
        Err(error) => {
            findings.push(Fail("database", format!("its schema can't be read; check the rights ({error})")));
        }
    }
    findings.extend(check_delayed_emails(&db).await);
    if db.is_postgres() {
        findings.push(check_clock(&db).await);
        findings.push(check_pooling(&db).await);
    }
}

/// Returns a warning if emails are delayed. If the database cannot be read, other lines say so.
async fn check_delayed_emails(db: &Database) -> Option<Finding> {
    let delayed = read_delayed_emails(db.pool()).await.ok()??;
    let (since, reason) = (utc_text(delayed.since), delayed.reason);
    let count = match delayed.count {
        1 => "1 email".to_owned(),
        count => format!("{count} emails"),
    };
    let what = format!(
        "{count} could not be sent yet, the oldest one was written on {since}. Its last error: {reason}. Vestibule tries again \
         automatically. Fix: remove the cause, then press \"Send all emails again\" at /admin/mail"
    );
    Some(Warn("delayed emails", what))
}

/// Checks that rows can be changed, without changing any.
async fn check_writable(db: &Database) -> Result<(), InternalError> {
    let txn = db.begin_write(Lock::None).await?;
    txn.execute_unprepared("UPDATE users SET credential_version = credential_version WHERE id = 0")
        .await
        .context("write")?;
    // Without a commit the transaction is rolled back.
    drop(txn);
    Ok(())
}

/// Returns the path of the SQLite file if it does not exist: connecting would create it.
fn missing_file(config: &Config) -> Option<PathBuf> {
    let path = config.database_url.expose_secret().strip_prefix("sqlite://")?;
    let path = std::path::absolute(path.split('?').next().unwrap_or_default()).ok()?;
    let named = !config.database_url.expose_secret().contains(":memory:");
    (named && !path.exists()).then_some(path)
}

/// Runs a query that returns one number.
async fn query_number(db: &impl ConnectionTrait, query: &str) -> Option<i64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await.ok()??;
    row.try_get_by_index::<i64>(0).ok()
}

async fn check_clock(db: &Database) -> Finding {
    let theirs = query_number(db.pool(), "SELECT extract(epoch FROM clock_timestamp())::bigint").await;
    let ours = Clock::System.now().seconds();
    match theirs {
        Some(theirs) if (theirs - ours).abs() <= MAX_CLOCK_DIFFERENCE_SECONDS => {
            Pass("clock", "agrees with the database's".to_owned())
        }
        Some(theirs) => {
            Fail("clock", format!("{} seconds from the database's; set both by NTP", (theirs - ours).abs()))
        }
        None => Fail("clock", "the database's can't be read".to_owned()),
    }
}

/// Checks that no pooler in between gives each statement another connection: prepared statements and locks must stay on one
/// connection.
async fn check_pooling(db: &Database) -> Finding {
    let pool = db.pool().get_postgres_connection_pool();
    let Ok(mut one) = pool.acquire().await else {
        return Fail("pool mode", "no connection could be had".to_owned());
    };
    let mut others = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let pid: Result<i32, _> =
            sea_orm::sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *one).await;
        match pid {
            Ok(pid) => seen.insert(pid),
            Err(error) => return Fail("pool mode", format!("statements fail on one connection ({error})")),
        };
        others.push(pool.acquire().await);
    }
    if seen.len() == 1 {
        Pass("pool mode", "a connection stays with its session".to_owned())
    } else {
        let what = "a pooler gives each statement another connection; set its pool mode to session";
        Fail("pool mode", what.to_owned())
    }
}

async fn check_redis(config: &Config, findings: &mut Vec<Finding>) {
    let Some(url) = &config.redis_url else {
        return findings.push(Pass(
            "Redis",
            "not used: sessions are in the database, limits in this process".to_owned(),
        ));
    };
    let pool = match redis::connect(url.expose_secret()).await {
        Ok(pool) => pool,
        Err(error) => return findings.push(Fail("Redis", error.0)),
    };
    let info: Result<String, _> = pool.next().info(Some(InfoKind::Memory)).await;
    let policy = info.ok().and_then(|info| {
        info.lines()
            .find_map(|line| line.strip_prefix("maxmemory_policy:"))
            .map(|text| text.trim().to_owned())
    });
    findings.push(match policy.as_deref() {
        Some("noeviction") => {
            Pass("Redis", "reached; it never forgets a session for want of memory".to_owned())
        }
        Some(policy) => Warn(
            "Redis",
            format!(
                "its policy is {policy}: short of memory it signs people out; set maxmemory-policy noeviction"
            ),
        ),
        None => Warn("Redis", "reached; its eviction policy can't be read".to_owned()),
    });
    findings.push(match redis::rate_limiter(pool.clone()).check(Clock::System.now()).await {
        Ok(()) => Pass("limits", "counted in Redis, for all replicas together".to_owned()),
        Err(why) => Fail(
            "limits",
            format!("Redis does not count ({why}): each replica counts alone{}", permission_fix(&why)),
        ),
    });
    let _ = pool.quit().await;
}

/// Returns the fix for an error of Redis about permissions.
fn permission_fix(why: &RedisError) -> &'static str {
    if why.details().starts_with("NOPERM") {
        "; allow its account EVALSHA, SCRIPT LOAD, GET, INCR, DECR, DEL and PEXPIRE for the keys {vestibule}:*"
    } else {
        ""
    }
}

async fn check_email(settings: &Settings, findings: &mut Vec<Finding>) {
    let transport = match Transport::new(settings) {
        Ok(transport) => transport,
        Err(error) => return findings.push(Fail("mail", error.to_string())),
    };
    findings.push(match transport.check().await {
        Ok(message) => Pass("mail", message),
        Err(why) => Fail("mail", format!("{why}; {}", transport_fix(settings))),
    });
    if matches!(settings.email_transport, EmailTransport::Graph(_)) {
        let what = format!(
            "whether the mailbox {} may be sent from shows with `vestibule mail test --to ADDRESS` alone",
            settings.sender_email
        );
        findings.push(Warn("sender", what));
    }
}

/// Returns the fix for a transport that does not work.
fn transport_fix(settings: &Settings) -> &'static str {
    match settings.email_transport {
        EmailTransport::File(_) => "set MAIL_DIR to a folder that the portal may write to",
        EmailTransport::Smtp(_) => "start the mail server, or correct SMTP_URL",
        EmailTransport::Graph(_) => "check CLIENT_SECRET, TENANT_ID, AUTHORITY and the way out (HTTPS_PROXY)",
    }
}

async fn check_microsoft(config: &Config, findings: &mut Vec<Finding>) {
    let Some(microsoft) = &config.settings.microsoft else {
        return findings.push(Pass("Microsoft", "not set up".to_owned()));
    };
    let provider = match startup::microsoft(config) {
        Ok(Some(provider)) => provider,
        Ok(None) => return,
        Err(error) => return findings.push(Fail("Microsoft", error.0)),
    };
    let checked = provider.check().await;
    let answers = checked.is_ok();
    findings.push(match checked {
        Ok(()) => Pass("Microsoft", format!("{} answers", microsoft.authority)),
        Err(error) => {
            Fail("Microsoft", format!("{error}; check AUTHORITY, TENANT_ID and the way out (HTTPS_PROXY)"))
        }
    });
    let registration = match read_app_registration(config, microsoft).await {
        Ok(registration) => Some(registration),
        Err(AppRegistrationError::NotPermitted) => None,
        Err(AppRegistrationError::NoToken(why)) => {
            // For email through Graph, the line about email already says so.
            if answers && !matches!(config.settings.email_transport, EmailTransport::Graph(_)) {
                let how =
                    "put the secret's value, not its ID, into CLIENT_SECRET, and see that it has not ended";
                findings.push(Fail("CLIENT_SECRET", format!("{why}; {how}")));
                return;
            }
            None
        }
        Err(AppRegistrationError::Failed(why)) => {
            findings.push(Warn("application in Entra", format!("could not be read: {why}")));
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
            Warn("redirect address", format!("{redirect} has to be registered with the application, as Web"))
        }
        Some(registration) if registration.redirect_uris.contains(&redirect) => {
            Pass("redirect address", format!("{redirect} is registered"))
        }
        Some(_) => Fail(
            "redirect address",
            format!("{redirect} is not registered: add it to the application in Entra, as Web"),
        ),
    }
}

/// Checks the redirect after sign-out. Microsoft does not redirect to a URL that is not registered and shows no error: people
/// stay on its page.
fn check_sign_out_redirect(config: &Config, registration: Option<&AppRegistration>) -> Finding {
    let (what, back) = ("after signing out", config.settings.public_url.as_str());
    match registration {
        Some(registration) if registration.redirect_uris.iter().any(|redirect| redirect == back) => {
            Pass(what, format!("{back} is registered"))
        }
        Some(_) => Warn(
            what,
            format!(
                "{back} is not registered: who signs out at Microsoft stays there; add it to the application, as Web"
            ),
        ),
        None => Warn(what, format!("{back} may be registered too, so that people come back from Microsoft")),
    }
}

fn check_claims(registration: Option<&AppRegistration>) -> Finding {
    let why = "step-up needs auth_time, and guests show by acct";
    let Some(registration) = registration else {
        return Warn("optional claims", format!("{why}: add both to the ID token, as optional claims"));
    };
    let missing: Vec<&str> = ["auth_time", "acct"]
        .into_iter()
        .filter(|claim| !registration.optional_claims.iter().any(|name| name == claim))
        .collect();
    if missing.is_empty() {
        Pass("optional claims", "auth_time and acct are in the ID token".to_owned())
    } else {
        Fail(
            "optional claims",
            format!("{} is missing: {why}; add it to the ID token", missing.join(" and ")),
        )
    }
}

fn check_secret(microsoft: &MicrosoftSettings, registration: Option<&AppRegistration>) -> Finding {
    let known = registration.and_then(|registration| registration.secret_expires_at);
    let Some(ends) = known.or(microsoft.secret_expires_at) else {
        let how = "nobody knows when it ends; set CLIENT_SECRET_EXPIRES to the day that Entra shows";
        return Warn("CLIENT_SECRET", how.to_owned());
    };
    let (now, day) = (Clock::System.now(), utc_date(ends));
    match secret_warning(ends, now) {
        Some(message) if ends <= now => Fail("CLIENT_SECRET", message),
        Some(message) => Warn("CLIENT_SECRET", message),
        None if microsoft.secret_expires_at.is_none_or(|said| utc_date(said) != day) => Warn(
            "CLIENT_SECRET",
            format!("ends on {day}; set CLIENT_SECRET_EXPIRES to it, so that the desk tells in time"),
        ),
        None => Pass("CLIENT_SECRET", format!("ends on {day}")),
    }
}
