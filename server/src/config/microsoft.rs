//! The settings of Microsoft sign-in and of email through Graph.
//!
//! # Guarantees
//!
//! - Without CLIENT_ID, CLIENT_SECRET and TENANT_ID, Microsoft sign-in is off. With only some of them, the portal does not start.
//! - Every allowed tenant is listed by its id.
//! - Every URL is https, except for loopback.

use secrecy::ExposeSecret;
use time::{Date, Month};
use url::Url;

use crate::config::{ConfigError, Source, invalid};
use backend::microsoft::{is_secure_url, parse_guid};
use backend::settings::{EmailTransport, MicrosoftSettings};
use domain::time::Timestamp;

/// Returns the settings of the application at Microsoft, if they are set.
pub fn microsoft(source: &Source) -> Result<Option<MicrosoftSettings>, ConfigError> {
    let secret = source.secret("CLIENT_SECRET")?;
    let (id, tenant) = (source.get("CLIENT_ID").map(bare_id), source.word("TENANT_ID"));
    let tenant = tenant.as_deref().map(bare_id);
    let (client_id, client_secret, tenant) = match (id, secret, tenant) {
        (None, None, None) => return Ok(None),
        (Some(id), Some(secret), Some(tenant)) => (id, secret, tenant),
        (None, ..) => return Err(missing("CLIENT_ID")),
        (_, None, _) => return Err(missing("CLIENT_SECRET")),
        (_, _, None) => return Err(missing("TENANT_ID")),
    };
    if parse_guid(client_id).is_none_or(|id| id.bytes().all(|b| matches!(b, b'0' | b'-'))) {
        return Err(invalid("CLIENT_ID", "must be the application (client) ID from Entra, a GUID"));
    }
    if !is_tenant(tenant) {
        return Err(invalid(
            "TENANT_ID",
            "must be the directory (tenant) ID from Entra (a GUID), or organizations",
        ));
    }
    let authority = source.get("AUTHORITY").map_or_else(
        || format!("https://login.microsoftonline.com/{tenant}"),
        |text| text.replace("{tenant}", tenant),
    );
    let microsoft = MicrosoftSettings {
        client_id: client_id.to_owned(),
        tenants: tenants(source, tenant)?,
        tenant: tenant.to_owned(),
        authority: https_url("AUTHORITY", &authority)?,
        scope: scope(source)?,
        endpoint: https_url(
            "ENDPOINT",
            source.get("ENDPOINT").unwrap_or("https://graph.microsoft.com/v1.0/me"),
        )?,
        redirect_path: redirect_path(source)?,
        new_users_active: source.parsed_word(
            "MICROSOFT_NEW_USERS",
            true,
            "must be active or pending",
            |word| match word {
                "active" => Some(true),
                "pending" => Some(false),
                _ => None,
            },
        )?,
        secret_expires_at: source
            .get("CLIENT_SECRET_EXPIRES")
            .map(|text| {
                parse_day(text)
                    .ok_or_else(|| invalid("CLIENT_SECRET_EXPIRES", "must be a date, for example 2027-05-31"))
            })
            .transpose()?,
        client_secret,
    };
    let secret = microsoft.client_secret.expose_secret();
    // Next to the value, Entra shows the ID of the secret, which is a GUID.
    if secret.len() > 512 || parse_guid(secret).is_some() {
        return Err(invalid(
            "CLIENT_SECRET",
            "must be the value of the client secret, which Entra shows only once, and not its ID",
        ));
    }
    Ok(Some(microsoft))
}

/// Returns an ID without the braces in which registries and scripts show it.
fn bare_id(text: &str) -> &str {
    text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text)
}

/// Returns true for the ID of a tenant, the name of a domain, and the names of Entra for several tenants. Any other word is a
/// mistake that only Microsoft would notice, at each sign-in. `consumers` is refused too, because personal accounts cannot sign in.
fn is_tenant(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let several = ["organizations", "common"];
    parse_guid(text).is_some() || several.contains(&text) || (text.contains('.') && text.chars().all(plain))
}

/// Reads SCOPE: names separated by spaces or commas.
fn scope(source: &Source) -> Result<Vec<String>, ConfigError> {
    let text = source.get("SCOPE").unwrap_or("User.Read");
    let scope: Vec<String> =
        text.split([' ', ',']).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect();
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-:/".contains(c));
    if scope.is_empty() || !scope.iter().all(is_name) {
        return Err(invalid("SCOPE", "must be names separated by spaces or commas, for example User.Read"));
    }
    Ok(scope)
}

/// Parses a date like `2027-05-31`. Returns the beginning of that day in UTC.
fn parse_day(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let seconds = date.midnight().assume_utc().unix_timestamp();
    parts.next().is_none().then(|| Timestamp(seconds.saturating_mul(1_000_000)))
}

/// Returns the error if one of the three settings is not set.
fn missing(name: &str) -> ConfigError {
    invalid(name, "must be set, because CLIENT_ID, CLIENT_SECRET and TENANT_ID are needed together")
}

/// The tenant of all personal Microsoft accounts ("ID token claims reference", claim `tid`).
const PERSONAL_ACCOUNTS_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Returns the tenants whose users may sign in: TENANT_ID and MICROSOFT_TENANTS.
fn tenants(source: &Source, tenant: &str) -> Result<Vec<String>, ConfigError> {
    let listed =
        source.get("MICROSOFT_TENANTS").unwrap_or_default().split(',').map(|part| bare_id(part.trim()));
    let home = parse_guid(tenant).is_some().then_some(tenant);
    let tenants: Vec<String> =
        home.into_iter().chain(listed.filter(|part| !part.is_empty())).map(str::to_ascii_lowercase).collect();
    if tenants.iter().any(|tenant| tenant == PERSONAL_ACCOUNTS_TENANT) {
        return Err(invalid(
            "TENANT_ID",
            "must not be the tenant of personal accounts (9188040d-…), because anyone can create one",
        ));
    }
    if tenants.is_empty() || !tenants.iter().all(|tenant| parse_guid(tenant).is_some()) {
        return Err(invalid(
            "MICROSOFT_TENANTS",
            "must be tenant IDs (GUIDs) separated by commas. It is required if TENANT_ID is not a GUID",
        ));
    }
    Ok(tenants)
}

/// Parses a URL that must be https, or http on loopback.
fn https_url(name: &str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).ok().filter(|url| {
        is_secure_url(url) && url.has_host() && url.username().is_empty() && url.password().is_none()
    });
    url.ok_or_else(|| invalid(name, "must be a URL that begins with https://"))
}

/// Reads REDIRECT_PATH. Its prefixes keep it apart from the portal's pages.
fn redirect_path(source: &Source) -> Result<String, ConfigError> {
    source.parsed(
        "REDIRECT_PATH",
        "/auth/redirect".to_owned(),
        "must be a path under /auth/ or /signin without special characters, for example /auth/redirect",
        |text| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
            let own =
                text.starts_with("/auth/") || text.starts_with("/signin") || text.starts_with("/getAToken");
            (own && text.chars().all(plain) && !text.contains("//") && !text.ends_with('/'))
                .then(|| text.to_owned())
        },
    )
}

/// Returns true if every setting that email through Graph needs is set.
pub fn can_send_through_graph(source: &Source) -> Result<bool, ConfigError> {
    let one_tenant = microsoft(source)?.is_some_and(|microsoft| parse_guid(&microsoft.tenant).is_some());
    Ok(one_tenant && source.get("SENDER_EMAIL").is_some())
}

/// Returns the transport for email through Graph, which needs the application at Microsoft.
pub fn graph(source: &Source) -> Result<EmailTransport, ConfigError> {
    let Some(microsoft) = microsoft(source)? else {
        return Err(invalid(
            "MAIL_TRANSPORT",
            "must not be graph without CLIENT_ID, CLIENT_SECRET and TENANT_ID",
        ));
    };
    if parse_guid(&microsoft.tenant).is_none() {
        return Err(invalid(
            "TENANT_ID",
            "must be the directory (tenant) ID from Entra (a GUID) if email is sent through Microsoft Graph",
        ));
    }
    if source.get("SENDER_EMAIL").is_none() {
        let should =
            "must be the mailbox that sends email through Microsoft Graph, for example accounts@example.com";
        return Err(invalid("SENDER_EMAIL", should));
    }
    let url = source.get("GRAPH_URL").unwrap_or("https://graph.microsoft.com/v1.0");
    Ok(EmailTransport::Graph(https_url("GRAPH_URL", url)?))
}
