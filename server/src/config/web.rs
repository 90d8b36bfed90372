//! The settings of the web server: its URL, the addresses to listen on, and the proxies in front of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use url::{Host, Url};

use crate::config::{ConfigError, Source, invalid};
use backend::microsoft::is_loopback;
use backend::settings::Environment;

pub(super) fn public_url(
    source: &Source,
    environment: Environment,
    listen: SocketAddr,
) -> Result<Url, ConfigError> {
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
    let is_valid = bare
        && has_usable_host(&url)
        && matches!(url.scheme(), "http" | "https")
        && url.port() != Some(0)
        && url.password().is_none();
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

/// Returns true if browsers send the host of a URL as it is written: an IP address, or a name without empty parts, for example a
/// dot at its end, and without a placeholder.
fn has_usable_host(url: &Url) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match url.host() {
        Some(Host::Domain(name)) => name.split('.').all(plain),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

/// Reads an IP address and a port to listen on. With port 0, the system would choose another port at each start.
pub(super) fn listen_address(
    source: &Source,
    name: &str,
    example: &str,
) -> Result<Option<SocketAddr>, ConfigError> {
    let should = format!("must be an IP address and a port, for example {example}");
    source.parsed(name, None, &should, |text| {
        text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0).map(Some)
    })
}

/// Reads METRICS_ADDR, which must leave the port of LEPTOS_SITE_ADDR free.
pub(super) fn metrics_address(
    source: &Source,
    listen: SocketAddr,
) -> Result<Option<SocketAddr>, ConfigError> {
    let metrics = listen_address(source, "METRICS_ADDR", "127.0.0.1:9464")?;
    let overlaps = |address: &SocketAddr| {
        let any = address.ip().is_unspecified() || listen.ip().is_unspecified();
        address.port() == listen.port() && (any || address.ip() == listen.ip())
    };
    if metrics.as_ref().is_some_and(overlaps) {
        let should = "must have another port than LEPTOS_SITE_ADDR, for example 127.0.0.1:9464";
        return Err(invalid("METRICS_ADDR", should));
    }
    Ok(metrics)
}

pub(super) fn trusted_proxies(source: &Source, listen: SocketAddr) -> Result<Vec<IpNet>, ConfigError> {
    let should = "must be IP addresses or networks, for example 10.0.0.1, 10.1.0.0/16, or none";
    let Some(parts) = source.list("TRUSTED_PROXIES", should)? else {
        let loopback = ["127.0.0.0/8", "::1/128"];
        let nets = loopback.iter().filter_map(|net| net.parse().ok());
        return Ok(if listen.ip().is_loopback() { nets.collect() } else { Vec::new() });
    };
    if parts.iter().all(|part| part.eq_ignore_ascii_case("none")) {
        return Ok(Vec::new());
    }
    parts.into_iter().map(|part| trusted_proxy(part, should)).collect()
}

/// Parses an IP address or a network. IPv4 addresses that are written as IPv6 become IPv4, as those of clients do.
fn trusted_proxy(text: &str, should: &str) -> Result<IpNet, ConfigError> {
    let address = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
    let net = address.or_else(|_| text.parse::<IpNet>()).map_err(|_| invalid("TRUSTED_PROXIES", should))?;
    let net = match net {
        IpNet::V6(wide) => match (wide.addr().to_ipv4_mapped(), wide.prefix_len().checked_sub(96)) {
            (Some(v4), Some(prefix)) => Ipv4Net::new(v4, prefix).map_or(net, IpNet::from),
            _ => net,
        },
        IpNet::V4(_) => net,
    };
    if net.addr() != net.network() {
        let (address, network) = (net.addr(), net.trunc());
        let should = format!(
            "must be one IP address or a whole network. Instead of {text}, write {address} or {network}"
        );
        return Err(invalid("TRUSTED_PROXIES", &should));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_proxy_is_recognised_however_its_address_is_written() {
        let read = |text: &str| {
            let source = Source::of(&[("TRUSTED_PROXIES", text)]);
            trusted_proxies(&source, SocketAddr::from(([127, 0, 0, 1], 3000))).expect("is accepted")
        };
        for (text, peer) in [
            ("10.0.0.7", "10.0.0.7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("::ffff:10.0.0.0/104", "10.9.9.9"),
            ("10.0.0.0/8", "10.9.9.9"),
            ("2001:db8::/32", "2001:db8::7"),
            ("192.0.2.1, 10.0.0.7,", "10.0.0.7"),
        ] {
            let peer: IpAddr = peer.parse().expect("an IP address");
            assert!(read(text).iter().any(|net| net.contains(&peer)), "{text}");
        }
        assert!(read("none").is_empty());
    }
}
