//! The networks that rate limits count by.

use std::net::{IpAddr, Ipv6Addr};

use crate::auth::rate_limit::counter::Counter;
use domain::time::Limit;

/// The networks around an IPv6 /64 that are counted too, as prefix length and multiple of the limit. One customer of a provider
/// has a /56 or a /48 (RFC 6177), which contain 256 and 65,536 networks: counted by /64 only, one host would have unlimited
/// attempts. An office has such a network too, so it gets more attempts than a single /64.
const WIDER_NETWORKS: [(u32, u32); 2] = [(56, 2), (48, 4)];

/// Returns the IPv4 address, or the IPv6 /64, which is the smallest network of one customer (RFC 6177).
pub fn network_key(client_ip: IpAddr) -> String {
    match client_ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => prefix(v6, 64),
    }
}

/// Returns true if two IP addresses are one client for the rate limits.
pub fn is_same_client(one: IpAddr, other: IpAddr) -> bool {
    network_key(one) == network_key(other)
}

/// Returns the IPv4 address, or the IPv6 /48, which is the largest network of one customer (RFC 6177).
pub(crate) fn site_key(client_ip: IpAddr) -> String {
    match client_ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => prefix(v6, 48),
    }
}

/// Returns the first IP address of the network with a prefix of `length` bits (1 to 128).
fn prefix(address: Ipv6Addr, length: u32) -> String {
    let host = 128 - length;
    Ipv6Addr::from_bits((address.to_bits() >> host) << host).to_string()
}

/// Returns the counters of an action by client IP and `subject`: first that of the network, then those of the networks around it.
pub(super) fn per_network(
    action: &'static str,
    client_ip: IpAddr,
    subject: &str,
    limit: Limit,
) -> Vec<Counter> {
    let mut counters = vec![Counter::new(action, &format!("{} {subject}", network_key(client_ip)), limit)];
    if let IpAddr::V6(v6) = client_ip.to_canonical() {
        counters.extend(WIDER_NETWORKS.map(|(length, times)| {
            let limit = Limit { count: limit.count.saturating_mul(times), ..limit };
            Counter::new(action, &format!("{}/{length} {subject}", prefix(v6, length)), limit)
        }));
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_and_a_mapped_ipv4_address_are_one_client_each() {
        let key = |text: &str| network_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
