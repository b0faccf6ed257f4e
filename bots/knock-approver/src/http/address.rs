//! Who calls, as far as that can be known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Whose calls are counted together: an IPv4 address, or the /64 of an IPv6 address, which is what one customer gets at least.
pub(super) fn network(address: IpAddr) -> IpNet {
    within(address, 32, 64)
}

/// A much larger one, for times when there are too many small ones to be counted apart.
pub(super) fn neighbourhood(address: IpAddr) -> IpNet {
    within(address, 16, 32)
}

fn within(address: IpAddr, v4: u8, v6: u8) -> IpNet {
    match untranslated(address.to_canonical()) {
        IpAddr::V4(address) => Ipv4Net::new(address, v4).map_or_else(|_| IpAddr::V4(address).into(), IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, v6).map_or_else(|_| IpAddr::V6(address).into(), IpNet::V6),
    }
    .trunc()
}

/// The IPv4 address in one that a translator has made of it (RFC 6052): all of IPv4 would be one network otherwise.
fn untranslated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(translated) => match translated.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into(),
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// Who calls: the peer, unless that is a trusted proxy; then whoever the proxies name that no trusted proxy is.
///
/// `X-Forwarded-For` is read from its end, since each proxy adds the one that called it; what stands before the first address that is
/// not a trusted proxy's, or before what is no address, may be forged by whoever called.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|proxies| proxies.contains(address));
    let mut caller = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").into_iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops.map(str::trim).filter(|hop| !hop.is_empty()) {
        if !is_trusted(&caller) {
            break;
        }
        let Some(address) = address(hop) else { break };
        caller = address;
    }
    caller
}

/// An address as proxies write it: with a port or without, in brackets or quotes or neither.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"');
    let bare = match hop.strip_prefix('[').and_then(|hop| hop.split_once(']')) {
        Some((address, port)) if port.is_empty() || is_port(port) => address,
        Some(_) => return None,
        None => hop,
    };
    // The zone of an address tells only the proxy which of its networks is meant.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    let address = bare.parse().ok();
    let address = address.or_else(|| bare.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn caller(peer: &str, forwarded: &[&[u8]]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let headers = forwarded.iter().map(|line| {
            let value = axum::http::HeaderValue::from_bytes(line).unwrap();
            (axum::http::HeaderName::from_static("x-forwarded-for"), value)
        });
        let headers = HeaderMap::from_iter(headers.collect::<Vec<_>>());
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[rstest]
    #[case::direct("192.0.2.9", &[b"203.0.113.5".as_slice()], "192.0.2.9")]
    #[case::behind_a_proxy("10.0.0.1", &[b"203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::a_proxy_on_an_ipv6_socket("::ffff:10.0.0.1", &[b"203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::behind_two("10.0.0.1", &[b"203.0.113.5, 10.9.0.2".as_slice()], "203.0.113.5")]
    #[case::behind_two_in_two_lines("10.0.0.1", &[b"203.0.113.5".as_slice(), b"10.9.0.2"], "203.0.113.5")]
    #[case::forged("10.0.0.1", &[b"198.51.100.1, 203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::forged_as_a_proxy("10.0.0.1", &[b"10.0.0.7, 203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::rubbish_in_front("10.0.0.1", &[b"whoever, , 203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::bytes_in_front("10.0.0.1", &[b"\xff\xfe, 203.0.113.5".as_slice()], "203.0.113.5")]
    #[case::rubbish_behind_a_proxy("10.0.0.1", &[b"203.0.113.5, whoever, 10.0.0.2".as_slice()], "10.0.0.2")]
    #[case::only_rubbish("10.0.0.1", &[b"whoever".as_slice()], "10.0.0.1")]
    #[case::with_a_port("10.0.0.1", &[b"203.0.113.5:4711".as_slice()], "203.0.113.5")]
    #[case::ipv6_in_brackets("fd00::1", &[b"[2001:db8::5]:4711".as_slice()], "2001:db8::5")]
    #[case::ipv6_in_quotes("fd00::1", &[b"\"[2001:db8::5]\"".as_slice()], "2001:db8::5")]
    #[case::ipv6_with_a_zone("fd00::1", &[b"fe80::5%eth0".as_slice()], "fe80::5")]
    #[case::ipv6_with_a_zone_and_a_port("fd00::1", &[b"[fe80::5%25eth0]:80".as_slice()], "fe80::5")]
    #[case::with_a_quoted_port("10.0.0.1", &[b"\"203.0.113.5:4711\"".as_slice()], "203.0.113.5")]
    #[case::only_proxies("10.0.0.1", &[b"10.0.0.3".as_slice()], "10.0.0.3")]
    #[case::no_header("10.0.0.1", &[], "10.0.0.1")]
    fn the_caller_is_whom_trusted_proxies_name(#[case] peer: &str, #[case] forwarded: &[&[u8]], #[case] wanted: &str) {
        assert_eq!(caller(peer, forwarded), wanted);
    }

    #[rstest]
    #[case("192.0.2.7", "192.0.2.7/32")]
    #[case("::ffff:192.0.2.7", "192.0.2.7/32")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    #[case::translated("64:ff9b::192.0.2.7", "192.0.2.7/32")]
    #[case::not_translated("64:ff9b:1::192.0.2.7", "64:ff9b:1::/64")]
    fn calls_are_counted_by_address_or_by_the_network_of_one_customer(#[case] address: &str, #[case] counted: &str) {
        assert_eq!(network(address.parse().unwrap()).to_string(), counted);
    }
}
