//! `vestibule doctor`: whether everything that the portal stands on is there, one line each.
//!
//! Guarantees: it changes nothing but what looking needs (it brings no schema up to date and sends no mail); a line says what
//! is wrong and how to mend it, and no line holds a secret.

use std::path::PathBuf;

use app::backend::clock::Clock;
use app::backend::database::{Database, Lock};
use app::backend::error::{Doing, Failure};
use app::backend::mail::graph::{Application, Unread};
use app::backend::mail::transport::{Transport, graph_mail};
use app::backend::queries::mails::read_delayed;
use app::backend::settings::{Environment, MailTransport, MicrosoftSettings, Settings, secret_warning};
use app::domain::time::{utc_date, utc_text};
use fred::error::Error as RedisError;
use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrecy::ExposeSecret;

use crate::config::Config;
use crate::portal::Assets;
use crate::{redis, start};

/// How far our clock and the database's may be apart, in seconds: tokens of Microsoft's allow as much.
const CLOCKS_APART: i64 = 60;

/// As many common passwords should be refused, of those that the shortest length lets pass: OWASP ASVS 5.0, 6.2.4.
const COMMON: usize = 3000;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Good(&'static str, String),
    /// It works, and somebody should know.
    Note(&'static str, String),
    /// It does not work: why, and how to mend it.
    Bad(&'static str, String),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mark, what, text) = match self {
            Self::Good(what, text) => ("ok  ", what, text),
            Self::Note(what, text) => ("note", what, text),
            Self::Bad(what, text) => ("BAD ", what, text),
        };
        write!(f, "{mark}  {what}: {text}")
    }
}

use Finding::{Bad, Good, Note};

/// Looks at everything.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.slips.iter().map(|slip| Note("settings", slip.clone())).collect();
    findings.extend(examine_blocklist(&config.settings));
    findings.extend([
        examine_address(config),
        examine_proxies(config),
        examine_key(config),
        examine_assets(config),
    ]);
    examine_database(config, &mut findings).await;
    examine_redis(config, &mut findings).await;
    examine_mail(&config.settings, &mut findings).await;
    examine_microsoft(config, &mut findings).await;
    findings
}

fn examine_address(config: &Config) -> Finding {
    let url = &config.settings.public_url;
    if config.settings.is_https() {
        Good("PUBLIC_URL", url.to_string())
    } else {
        Note("PUBLIC_URL", format!("{url} is http: for this machine alone"))
    }
}

fn examine_proxies(config: &Config) -> Finding {
    let proxies: Vec<String> = config.settings.trusted_proxies.iter().map(ToString::to_string).collect();
    if proxies.is_empty() && config.settings.is_https() {
        let what = "none is trusted: behind a proxy all visitors count as one; set it to the proxy's address";
        return Note("TRUSTED_PROXIES", what.to_owned());
    }
    if config.settings.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
        let what = "everybody is trusted, so that visitors say who they are; name the proxy's address alone";
        return Bad("TRUSTED_PROXIES", what.to_owned());
    }
    Good("TRUSTED_PROXIES", if proxies.is_empty() { "none".to_owned() } else { proxies.join(", ") })
}

fn examine_key(config: &Config) -> Finding {
    let previous = config.secret_key_previous.is_some();
    if config.settings.environment == Environment::Dev {
        return Note("SECRET_KEY", "of development".to_owned());
    }
    if previous {
        let what = "there is a previous one; remove it a week after the change (docs/operating.md)";
        return Note("SECRET_KEY", what.to_owned());
    }
    Good("SECRET_KEY", "set".to_owned())
}

/// The operator's list of passwords, where there is one.
fn examine_blocklist(settings: &Settings) -> Option<Finding> {
    let (count, least) = (settings.password_blocklist.len(), settings.password_min_length);
    let what = format!("{count} passwords of {least} characters or more");
    match count {
        0 => None,
        COMMON.. => Some(Good("PASSWORD_BLOCKLIST", what)),
        _ => Some(Note(
            "PASSWORD_BLOCKLIST",
            format!("{what}; {COMMON} or more are advised (OWASP ASVS 6.2.4)"),
        )),
    }
}

/// What the pages need of the build beside the program.
fn examine_assets(config: &Config) -> Finding {
    match Assets::find(&config.site_root) {
        Ok(_) => Good("built assets", config.site_root.display().to_string()),
        Err(error) => Bad("built assets", error.0),
    }
}

async fn examine_database(config: &Config, findings: &mut Vec<Finding>) {
    if let Some(missing) = missing_file(config) {
        let how = "run this in the portal's folder; or `vestibule migrate` makes one";
        return findings.push(Bad("database", format!("there is none at {}: {how}", missing.display())));
    }
    let db = match start::database(config).await {
        Ok(db) => db,
        Err(error) => return findings.push(Bad("database", error.0)),
    };
    match Migrator::get_pending_migrations(db.pool()).await {
        Ok(pending) if pending.is_empty() => {
            findings.push(match writes(&db).await {
                Ok(()) => Good("database", "reached, writable and up to date".to_owned()),
                Err(error) => {
                    let how = "its file, its folder and what lies beside it must belong to the portal's user; under PostgreSQL, \
                               it must not be a standby";
                    Bad("database", format!("it can't be written to: {how} ({error})"))
                }
            });
            if let Err(error) = start::check_key(config, &db).await {
                findings.push(Bad("SECRET_KEY", error.0.trim_start_matches("SECRET_KEY: ").to_owned()));
            }
        }
        Ok(pending) => findings.push(Note(
            "database",
            format!(
                "{} steps behind; the next start or `vestibule migrate` brings it up to date",
                pending.len()
            ),
        )),
        Err(error) => {
            findings.push(Bad("database", format!("its schema can't be read; check the rights ({error})")));
        }
    }
    findings.extend(examine_delayed(&db).await);
    if db.is_postgres() {
        findings.push(examine_clock(&db).await);
        findings.push(examine_pooling(&db).await);
    }
}

/// Returns why emails are delayed, if any are. If the database cannot be read, other lines say so.
async fn examine_delayed(db: &Database) -> Option<Finding> {
    let delayed = read_delayed(db.pool()).await.ok()??;
    let (since, reason) = (utc_text(delayed.since), delayed.reason);
    let count = match delayed.count {
        1 => "1 email".to_owned(),
        count => format!("{count} emails"),
    };
    let what = format!(
        "{count} could not be sent yet, the oldest one was written on {since}. Its last error: {reason}. Vestibule tries again \
         automatically. Fix: remove the cause, then press \"Send all emails again\" at /admin/mail"
    );
    Some(Note("delayed emails", what))
}

/// Whether rows can be changed; none is.
async fn writes(db: &Database) -> Result<(), Failure> {
    let txn = db.begin_write(Lock::None).await?;
    txn.execute_unprepared("UPDATE users SET auth_epoch = auth_epoch WHERE id = 0").await.doing("write")?;
    // What is not committed is taken back.
    drop(txn);
    Ok(())
}

/// Where SQLite's file should be and is not: connecting would make one.
fn missing_file(config: &Config) -> Option<PathBuf> {
    let path = config.database_url.expose_secret().strip_prefix("sqlite://")?;
    let path = std::path::absolute(path.split('?').next().unwrap_or_default()).ok()?;
    let named = !config.database_url.expose_secret().contains(":memory:");
    (named && !path.exists()).then_some(path)
}

async fn number(db: &impl ConnectionTrait, query: &str) -> Option<i64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await.ok()??;
    row.try_get_by_index::<i64>(0).ok()
}

async fn examine_clock(db: &Database) -> Finding {
    let theirs = number(db.pool(), "SELECT extract(epoch FROM clock_timestamp())::bigint").await;
    let ours = Clock::System.now().seconds();
    match theirs {
        Some(theirs) if (theirs - ours).abs() <= CLOCKS_APART => {
            Good("clock", "agrees with the database's".to_owned())
        }
        Some(theirs) => {
            Bad("clock", format!("{} seconds from the database's; set both by NTP", (theirs - ours).abs()))
        }
        None => Bad("clock", "the database's can't be read".to_owned()),
    }
}

/// A pooler between may give each statement another connection; what the portal prepares and locks must stay on one.
async fn examine_pooling(db: &Database) -> Finding {
    let pool = db.pool().get_postgres_connection_pool();
    let Ok(mut one) = pool.acquire().await else {
        return Bad("pool mode", "no connection could be had".to_owned());
    };
    let mut others = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let pid: Result<i32, _> =
            sea_orm::sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *one).await;
        match pid {
            Ok(pid) => seen.insert(pid),
            Err(error) => return Bad("pool mode", format!("statements fail on one connection ({error})")),
        };
        others.push(pool.acquire().await);
    }
    if seen.len() == 1 {
        Good("pool mode", "a connection stays with its session".to_owned())
    } else {
        let what = "a pooler gives each statement another connection; set its pool mode to session";
        Bad("pool mode", what.to_owned())
    }
}

async fn examine_redis(config: &Config, findings: &mut Vec<Finding>) {
    let Some(url) = &config.redis_url else {
        return findings.push(Good(
            "Redis",
            "not used: sessions are in the database, limits in this process".to_owned(),
        ));
    };
    let pool = match redis::connect(url.expose_secret()).await {
        Ok(pool) => pool,
        Err(error) => return findings.push(Bad("Redis", error.0)),
    };
    let info: Result<String, _> = pool.next().info(Some(InfoKind::Memory)).await;
    let policy = info.ok().and_then(|info| {
        info.lines()
            .find_map(|line| line.strip_prefix("maxmemory_policy:"))
            .map(|text| text.trim().to_owned())
    });
    findings.push(match policy.as_deref() {
        Some("noeviction") => {
            Good("Redis", "reached; it never forgets a session for want of memory".to_owned())
        }
        Some(policy) => Note(
            "Redis",
            format!(
                "its policy is {policy}: short of memory it signs people out; set maxmemory-policy noeviction"
            ),
        ),
        None => Note("Redis", "reached; its eviction policy can't be read".to_owned()),
    });
    findings.push(match redis::limits(pool.clone()).check(Clock::System.now()).await {
        Ok(()) => Good("limits", "counted in Redis, for all replicas together".to_owned()),
        Err(why) => {
            Bad("limits", format!("Redis does not count ({why}): each replica counts alone{}", advice(&why)))
        }
    });
    let _ = pool.quit().await;
}

/// What to do about an answer of Redis's, where it is about rights.
fn advice(why: &RedisError) -> &'static str {
    if why.details().starts_with("NOPERM") {
        "; allow its account EVALSHA, SCRIPT LOAD, GET, INCR, DECR, DEL and PEXPIRE for the keys {vestibule}:*"
    } else {
        ""
    }
}

async fn examine_mail(settings: &Settings, findings: &mut Vec<Finding>) {
    let transport = match Transport::new(settings) {
        Ok(transport) => transport,
        Err(error) => return findings.push(Bad("mail", error.to_string())),
    };
    findings.push(match transport.check().await {
        Ok(words) => Good("mail", words),
        Err(why) => Bad("mail", format!("{why}; {}", how_to_mend(settings))),
    });
    if matches!(settings.mail_transport, MailTransport::Graph(_)) {
        let what = format!(
            "whether the mailbox {} may be sent from shows with `vestibule mail test --to ADDRESS` alone",
            settings.sender_email
        );
        findings.push(Note("sender", what));
    }
}

/// What to look at when mail could not leave.
fn how_to_mend(settings: &Settings) -> &'static str {
    match settings.mail_transport {
        MailTransport::File(_) => "set MAIL_DIR to a folder that the portal may write to",
        MailTransport::Smtp(_) => "start the mail server, or correct SMTP_URL",
        MailTransport::Graph(_) => "check CLIENT_SECRET, TENANT_ID, AUTHORITY and the way out (HTTPS_PROXY)",
    }
}

async fn examine_microsoft(config: &Config, findings: &mut Vec<Finding>) {
    let Some(microsoft) = &config.settings.microsoft else {
        return findings.push(Good("Microsoft", "not set up".to_owned()));
    };
    let provider = match start::microsoft(config) {
        Ok(Some(provider)) => provider,
        Ok(None) => return,
        Err(error) => return findings.push(Bad("Microsoft", error.0)),
    };
    let checked = provider.check().await;
    let answers = checked.is_ok();
    findings.push(match checked {
        Ok(()) => Good("Microsoft", format!("{} answers", microsoft.authority)),
        Err(error) => {
            Bad("Microsoft", format!("{error}; check AUTHORITY, TENANT_ID and the way out (HTTPS_PROXY)"))
        }
    });
    let registration = match registration(config, microsoft).await {
        Ok(application) => Some(application),
        Err(Unread::NotPermitted) => None,
        Err(Unread::NoToken(why)) => {
            // With mail through Graph, the line about mail says so already.
            if answers && !matches!(config.settings.mail_transport, MailTransport::Graph(_)) {
                let how =
                    "put the secret's value, not its ID, into CLIENT_SECRET, and see that it has not ended";
                findings.push(Bad("CLIENT_SECRET", format!("{why}; {how}")));
                return;
            }
            None
        }
        Err(Unread::Failed(why)) => {
            findings.push(Note("application in Entra", format!("could not be read: {why}")));
            None
        }
    };
    findings.push(examine_redirect(config, microsoft, registration.as_ref()));
    findings.push(examine_way_back(config, registration.as_ref()));
    findings.push(examine_claims(registration.as_ref()));
    findings.push(examine_secret(microsoft, registration.as_ref()));
}

/// How the application is registered in Entra.
async fn registration(config: &Config, microsoft: &MicrosoftSettings) -> Result<Application, Unread> {
    let graph = match &config.settings.mail_transport {
        MailTransport::Graph(graph) => graph.clone(),
        // ENDPOINT is Graph's `/v1.0/me`, unless it was set to something else.
        _ => microsoft.endpoint.join(".").map_err(|error| Unread::Failed(error.to_string()))?,
    };
    let graph = graph_mail(&config.settings, &graph).map_err(|error| Unread::Failed(error.to_string()))?;
    graph.application().await
}

fn examine_redirect(
    config: &Config,
    microsoft: &MicrosoftSettings,
    application: Option<&Application>,
) -> Finding {
    let redirect = config.settings.link(&microsoft.redirect_path);
    match application {
        None => {
            Note("redirect address", format!("{redirect} has to be registered with the application, as Web"))
        }
        Some(application) if application.redirects.contains(&redirect) => {
            Good("redirect address", format!("{redirect} is registered"))
        }
        Some(_) => Bad(
            "redirect address",
            format!("{redirect} is not registered: add it to the application in Entra, as Web"),
        ),
    }
}

/// Microsoft sends nobody to an address that is not registered, and says no word of it: they stay on its page.
fn examine_way_back(config: &Config, application: Option<&Application>) -> Finding {
    let (what, back) = ("after signing out", config.settings.public_url.as_str());
    match application {
        Some(application) if application.redirects.iter().any(|redirect| redirect == back) => {
            Good(what, format!("{back} is registered"))
        }
        Some(_) => Note(
            what,
            format!(
                "{back} is not registered: who signs out at Microsoft stays there; add it to the application, as Web"
            ),
        ),
        None => Note(what, format!("{back} may be registered too, so that people come back from Microsoft")),
    }
}

fn examine_claims(application: Option<&Application>) -> Finding {
    let why = "step-up needs auth_time, and guests show by acct";
    let Some(application) = application else {
        return Note("optional claims", format!("{why}: add both to the ID token, as optional claims"));
    };
    let missing: Vec<&str> = ["auth_time", "acct"]
        .into_iter()
        .filter(|claim| !application.claims.iter().any(|name| name == claim))
        .collect();
    if missing.is_empty() {
        Good("optional claims", "auth_time and acct are in the ID token".to_owned())
    } else {
        Bad("optional claims", format!("{} is missing: {why}; add it to the ID token", missing.join(" and ")))
    }
}

fn examine_secret(microsoft: &MicrosoftSettings, application: Option<&Application>) -> Finding {
    let known = application.and_then(|application| application.secret_ends);
    let Some(ends) = known.or(microsoft.secret_ends) else {
        let how = "nobody knows when it ends; set CLIENT_SECRET_EXPIRES to the day that Entra shows";
        return Note("CLIENT_SECRET", how.to_owned());
    };
    let (now, day) = (Clock::System.now(), utc_date(ends));
    match secret_warning(ends, now) {
        Some(words) if ends <= now => Bad("CLIENT_SECRET", words),
        Some(words) => Note("CLIENT_SECRET", words),
        None if microsoft.secret_ends.is_none_or(|said| utc_date(said) != day) => Note(
            "CLIENT_SECRET",
            format!("ends on {day}; set CLIENT_SECRET_EXPIRES to it, so that the desk tells in time"),
        ),
        None => Good("CLIENT_SECRET", format!("ends on {day}")),
    }
}
