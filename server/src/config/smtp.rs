//! The settings of the mail server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use secrecy::ExposeSecret;
use url::Url;

use crate::config::{ConfigError, Source, invalid};
use backend::settings::EmailTransport;

/// Reads SMTP_URL. Without TLS only loopback is allowed: credentials and links in emails never cross a network in clear text.
pub(super) fn smtp(source: &Source) -> Result<EmailTransport, ConfigError> {
    let should = "must be smtps://user:password@host or smtp://host?tls=required. Only localhost may be used without TLS";
    let Some(secret) = source.secret("SMTP_URL")? else {
        let should =
            "must be set for MAIL_TRANSPORT=smtp, for example smtps://user:password@mail.example.com";
        return Err(invalid("SMTP_URL", should));
    };
    let url = Url::parse(secret.expose_secret()).map_err(|_| invalid("SMTP_URL", should))?;
    // For an unknown scheme the library parses every host as a name.
    let host = url.host_str().ok_or_else(|| invalid("SMTP_URL", should))?;
    if host.starts_with('[') {
        // The library would look for a host with this name.
        let should = "must name the mail server, because an IPv6 address cannot be used here, for example smtp://localhost";
        return Err(invalid("SMTP_URL", should));
    }
    let loopback =
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    // The library uses the first `tls` parameter.
    let required =
        url.query_pairs().find(|(name, _)| name == "tls").is_some_and(|(_, value)| value == "required");
    let safe = url.scheme() == "smtps" || (url.scheme() == "smtp" && (required || loopback));
    if !safe {
        return Err(invalid("SMTP_URL", should));
    }
    if !is_client_name(url.path().trim_matches('/')) {
        let should = "must end with the host, or with the host, a slash and the name with which the portal greets the mail \
                      server, for example smtps://user:password@mail.example.com/accounts.example.com";
        return Err(invalid("SMTP_URL", should));
    }
    Ok(EmailTransport::Smtp(secret))
}

/// Returns true if the portal may greet a mail server with this name (EHLO): a host name or an IP address in brackets. It may be
/// empty.
fn is_client_name(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let literal = bare.is_some_and(|ip| match ip.strip_prefix("IPv6:") {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => ip.parse::<Ipv4Addr>().is_ok(),
    });
    let label = |label: &str| {
        let valid = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        valid && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.is_empty() || literal || (name.len() <= 253 && name.split('.').all(label))
}
