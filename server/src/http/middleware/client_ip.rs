//! The IP address of the client, from the connection and the X-Forwarded-For headers of trusted proxies.
//!
//! # Guarantees
//!
//! - X-Forwarded-For counts only if a trusted proxy sent it, and is read from the right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;

use axum::extract::{ConnectInfo, Request};

use crate::app_state::AppState;
use backend::settings::Settings;

/// Returns the client IP: the IP address that trusted proxies report, or otherwise the IP address of the peer.
pub fn client_ip(request: &Request, state: &AppState) -> IpAddr {
    let settings = &state.backend.settings;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip().to_canonical());
    // Raw bytes, split into hops: one invalid byte from the client must not hide the hops that our proxy added.
    let headers = request.headers().get_all("x-forwarded-for").iter();
    let hops: Vec<&[u8]> = headers.flat_map(|value| value.as_bytes().split(|b| *b == b',')).collect();
    if !hops.is_empty()
        && !settings.trusts(peer)
        && !state.untrusted_proxy_logged.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            %peer,
            "X-Forwarded-For ignored: its sender is not in TRUSTED_PROXIES. Behind a proxy, all visitors share one rate limit \
             until you set it (logged once)"
        );
    }
    resolve_client_ip(peer, &hops, settings)
}

/// Follows the hops from the right for as long as they come from trusted proxies.
fn resolve_client_ip(peer: IpAddr, hops: &[&[u8]], settings: &Settings) -> IpAddr {
    let mut client_ip = peer;
    for hop in hops.iter().rev() {
        if !settings.trusts(client_ip) {
            break;
        }
        let Some(forwarded_for) = parse_hop(hop) else { break };
        client_ip = forwarded_for;
    }
    client_ip
}

/// Parses an IP address with or without port and brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::parse_hop;

    #[test]
    fn a_hop_is_parsed_in_every_usual_form() {
        for hop in ["192.0.2.1", " 192.0.2.1 ", "192.0.2.1:443", "::ffff:192.0.2.1"] {
            assert_eq!(
                parse_hop(hop.as_bytes()).map(|ip| ip.to_string()).as_deref(),
                Some("192.0.2.1"),
                "{hop}"
            );
        }
        for hop in ["2001:db8::5", "[2001:db8::5]", "[2001:db8::5]:443"] {
            assert_eq!(
                parse_hop(hop.as_bytes()).map(|ip| ip.to_string()).as_deref(),
                Some("2001:db8::5"),
                "{hop}"
            );
        }
        for hop in [&b"unknown"[..], b"\xff", b"", b"192.0.2.1.example"] {
            assert_eq!(parse_hop(hop), None);
        }
    }
}
