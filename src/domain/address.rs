//! Network addresses in their one spelling: an IPv4 address that is written as an IPv6 one (RFC 4291 §2.5.5.2) is the IPv4
//! address, for peers, forwarded addresses and networks alike. And who the client is, by what trusted proxies say of it.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

const MAPPED: (Ipv6Addr, u8) = (Ipv6Addr::new(0, 0, 0, 0, 0, 0xFFFF, 0, 0), 96);

/// A network in its one spelling, without host bits: `::ffff:10.0.0.0/104` is `10.0.0.0/8`. `None` where it would hold every
/// IPv4 address, as `::ffff:127.0.0.1/32` does.
pub(crate) fn network(written: IpNet) -> Option<IpNet> {
    let IpNet::V6(wide) = written else { return Some(written.trunc()) };
    match (wide.addr().to_ipv4_mapped(), wide.prefix_len().checked_sub(MAPPED.1)) {
        (Some(address), Some(length)) if length > 0 => Some(IpNet::V4(Ipv4Net::new(address, length).ok()?.trunc())),
        _other if wide.contains(&MAPPED.0) => None,
        _other => Some(written.trunc()),
    }
}

pub(crate) fn alone(address: IpAddr) -> IpNet {
    IpNet::from(address.to_canonical())
}

/// What counts as one source: an IPv4 address, however it is written; of an IPv6 one the /64, within which everybody has as many
/// addresses as they like.
pub(crate) fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(prefix(address, 64)),
        address => address,
    }
}

pub(crate) fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or_default();
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The nearest address that no trusted proxy stands at; the farthest that is known where all of them are trusted.
    pub client: IpAddr,
    /// Whether a trusted proxy wrote something that is no address: what is known ends there.
    pub unreadable: bool,
}

/// Walks the forwarded addresses (the values of `X-Forwarded-For`, as they came) from the nearest: each is believed as far as
/// a trusted proxy wrote it (check 119). Elements without content say nothing (RFC 9110 §5.6.1.2).
pub(crate) fn route(peer: IpAddr, forwarded: &[&[u8]], trusted: &[IpNet]) -> Route {
    let mut client = peer.to_canonical();
    let nodes = forwarded.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    for written in nodes.filter(|written| !written.is_empty()) {
        if !trusted.iter().any(|network| network.contains(&client)) {
            break;
        }
        match node(written) {
            Some(address) => client = address,
            None => return Route { client, unreadable: true },
        }
    }
    Route { client, unreadable: false }
}

/// One forwarded address as proxies write it, in the forms of RFC 7239 §6: with a port, an IPv6 address in brackets, in quotes;
/// an IPv6 address also with the zone of the machine that saw it, which says nothing here (RFC 4007 §11.2).
fn node(written: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(written).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim_ascii();
    let (address, port) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => match text.find(':') {
            // With a second one it is an IPv6 address.
            Some(colon) if text.rfind(':') == Some(colon) => text.split_at(colon),
            _none_or_several => (text, ""),
        },
    };
    let digits = port.strip_prefix(':').unwrap_or("0");
    if !port.is_empty() && !port.starts_with(':') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u16>().ok()?;
    let address: IpAddr = match address.split_once('%') {
        Some((address, _zone)) => address.parse::<Ipv6Addr>().ok()?.into(),
        None => address.parse().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
