//! Addresses and ranges of them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// The address in a text, with or without brackets, a port, or a zone of IPv6.
pub(super) fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.len() == text.len()
        && let Ok(address) = text.parse::<SocketAddr>()
    {
        return Some(address.ip());
    }
    if let (true, Some((address, zone))) = (bare.contains(':'), bare.split_once('%')) {
        let is_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return address.parse::<Ipv6Addr>().ok().filter(|_| is_zone).map(IpAddr::from);
    }
    match bare.parse() {
        // IPv4 has no brackets.
        Ok(IpAddr::V4(_)) if bare.len() < text.len() => None,
        address => address.ok(),
    }
}

/// A range of addresses. A range of IPv4 addresses may be written as IPv6.
pub(super) fn range_of(text: &str) -> Option<IpNet> {
    let range = IpNet::from_str(text).ok()?;
    if let IpNet::V6(v6) = range
        && let Some(address) = v6.addr().to_ipv4_mapped()
        && let Some(length) = v6.prefix_len().checked_sub(96)
    {
        return Ipv4Net::new(address, length).ok().map(IpNet::from);
    }
    Some(range)
}

#[cfg(test)]
mod tests {
    use crate::error::Code;
    use crate::filter::Filter;

    #[test]
    fn addresses_are_found_beside_ports_and_others() {
        for text in [
            "10.0.0.7",
            "10.0.0.0/8",
            "::ffff:10.0.0.7",
            "::ffff:10.0.0.0/104",
            "::ffff:a00:0/104",
            "10.0.0.7:443",
            "[::ffff:10.0.0.7]:443",
            "[::ffff:10.0.0.7]",
            "1.2.3.4, 10.0.0.7",
            "0.0.0.0/0",
            "::ffff:0:0/96",
        ] {
            let filter = Filter::new().ip(text).unwrap();
            assert!(filter.matches_address("10.0.0.7"), "{text}");
            assert!(filter.matches_address("::ffff:10.0.0.7"), "{text}");
            assert!(filter.matches_address(" 1.1.1.1 ,10.0.0.7:1"), "{text}");
            assert!(!filter.matches_address("::1"), "{text}");
            assert!(!filter.matches_address("***"), "{text}");
        }
        let v6 = Filter::new().ip("::/0").unwrap();
        assert!(v6.matches_address("::ffff:10.0.0.7") && !v6.matches_address("10.0.0.7"));
        for text in [
            "",
            "10.0.0",
            "10.0.0.7:",
            "10.0.0.7:65536",
            "[10.0.0.7]",
            "[::1",
            "::1]",
            "10.0.0.7,",
            "10.0.0.1-10.0.0.9",
            "10.0.0.0/33",
            "::ffff:10.0.0.0/129",
            "fe80::1%",
            "10.0.0.7%eth0",
            "10.0.0.7 10.0.0.8",
            "*",
        ] {
            let error = Filter::new().ip(text).unwrap_err();
            assert_eq!(error.code(), Code::InvalidFilter, "{text:?}");
        }
    }
}
