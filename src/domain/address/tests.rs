//! Addresses as proxies write them, judged by the numbers that they stand for.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| network(text.parse().unwrap()).unwrap()).collect()
}

/// Through one proxy at 10.0.0.1.
fn through(forwarded: &str) -> Route {
    route(ip("10.0.0.1"), &[forwarded.as_bytes()], &nets(&["10.0.0.0/8"]))
}

#[test]
fn the_forms_that_proxies_write_are_read() {
    for (forwarded, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51812", "203.0.113.9"),
        ("\"203.0.113.9\"", "203.0.113.9"),
        ("\"203.0.113.9:80\"", "203.0.113.9"),
        ("203.0.113.9,", "203.0.113.9"),
        (" ,203.0.113.9 ,\t, ", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::FFFF:cb00:7109]:443", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("\"[2001:db8::7]:443\"", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
    ] {
        assert_eq!(through(forwarded), Route { client: ip(client), unreadable: false }, "{forwarded}");
    }
}

#[test]
fn what_is_no_address_is_told_and_the_proxy_counts() {
    for forwarded in [
        "unknown",
        "_hidden",
        "203.0.113",
        "203.0.113.9:",
        "203.0.113.9:x",
        "203.0.113.9:+4",
        "203.0.113.9:65536",
        "203.0.113.9 51812",
        "203.0.113.9%eth0",
        "[2001:db8::7",
        "[2001:db8::7]443",
        "2001:db8::7]",
        "\"203.0.113.9",
        "\"",
        "\"\"",
        "[]",
        "203.0.113.\u{fffd}9",
    ] {
        assert_eq!(through(forwarded), Route { client: ip("10.0.0.1"), unreadable: true }, "{forwarded}");
    }
    for nothing in ["", " ", ",", ", ,"] {
        assert_eq!(through(nothing), Route { client: ip("10.0.0.1"), unreadable: false }, "{nothing:?}");
    }
}

#[test]
fn a_forged_header_from_outside_changes_nothing() {
    let trusted = nets(&["10.0.0.0/8"]);
    let walk = |peer: &str, values: &[&[u8]]| route(ip(peer), values, &trusted).client.to_string();
    assert_eq!(walk("203.0.113.9", &[b"1.1.1.1"]), "203.0.113.9");
    assert_eq!(walk("10.0.0.1", &[b"1.1.1.1, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(walk("10.0.0.1", &[b"1.1.1.1", b"198.51.100.7:4711, 10.0.0.2"]), "198.51.100.7");
    assert_eq!(walk("10.0.0.1", &[b"1.1.1.1, 10.0.0.2"]), "1.1.1.1");
    // Bytes that are no text, and an open quote, end at the comma that the proxy wrote.
    assert_eq!(walk("10.0.0.1", &[b"J\xfcrgen\xff, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(walk("10.0.0.1", &[b"\"1.1.1.1, 198.51.100.7"]), "198.51.100.7");
    // Nobody is told of what a stranger wrote.
    assert!(!route(ip("10.0.0.1"), &[b"junk, 198.51.100.7"], &trusted).unreadable);
    assert!(!route(ip("203.0.113.9"), &[b"junk"], &trusted).unreadable);
}

#[test]
fn a_peer_and_its_network_are_the_same_in_either_spelling() {
    for peer in ["127.0.0.1", "::ffff:127.0.0.1"] {
        for trusted in ["127.0.0.1/32", "::ffff:127.0.0.1/128", "127.0.0.0/8", "::ffff:127.0.0.0/104"] {
            let found = route(ip(peer), &[b"::ffff:203.0.113.9"], &nets(&[trusted]));
            assert_eq!(found.client, ip("203.0.113.9"), "{peer} in {trusted}");
        }
        assert_eq!(route(ip(peer), &[b"203.0.113.9"], &nets(&["::1/128"])).client, ip("127.0.0.1"));
    }
    assert_eq!(alone(ip("::ffff:192.0.2.1")).to_string(), "192.0.2.1/32");
    assert_eq!(alone(ip("192.0.2.1")).to_string(), "192.0.2.1/32");
    assert_eq!(alone(ip("2001:db8::1")).to_string(), "2001:db8::1/128");
}

#[test]
fn a_network_that_holds_every_ipv4_address_is_none() {
    for bad in ["::ffff:127.0.0.1/32", "::ffff:0:0/96", "::ffff:10.0.0.0/95", "::/80", "::/32"] {
        assert_eq!(network(bad.parse().unwrap()), None, "{bad}");
    }
    for (good, spelling) in [
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::1/128", "::1/128"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::fffe:0:0/96", "::fffe:0:0/96"),
    ] {
        assert_eq!(network(good.parse().unwrap()).unwrap().to_string(), spelling);
    }
}

/// An address, the ways of writing it, and the address that it stands for.
fn written() -> impl Strategy<Value = (String, IpAddr)> {
    let v4 = any::<u32>().prop_flat_map(|bits| {
        let plain = Ipv4Addr::from(bits);
        let mapped = format!("::ffff:{plain}");
        let hexadecimal = format!("0:0:0:0:0:FFFF:{:x}:{:04X}", bits >> 16, bits & 0xFFFF);
        let port = any::<u16>();
        (
            prop::sample::select(vec![
                plain.to_string(),
                format!("[{mapped}]"),
                mapped,
                format!("[{hexadecimal}]"),
                hexadecimal,
            ]),
            port,
            0..2,
        )
            .prop_map(move |(text, port, with_port)| {
                let takes_port = text.contains(']') || !text.contains(':');
                (if with_port == 1 && takes_port { format!("{text}:{port}") } else { text }, IpAddr::V4(plain))
            })
    });
    let v6 = (any::<[u16; 8]>(), any::<u16>(), 0..4_u8).prop_filter_map("another kind", |(groups, port, form)| {
        let address = Ipv6Addr::from(groups);
        let long = groups.map(|group| format!("{group:04X}")).join(":");
        let text = match form {
            0 => address.to_string(),
            1 => long,
            2 => format!("[{long}]:{port}"),
            _brackets => format!("[{address}%3]"),
        };
        (groups[..5] != [0; 5]).then_some((text, IpAddr::V6(address)))
    });
    let dressed = (prop_oneof![v4, v6], any::<bool>(), "[ \t]{0,2}", "[ \t]{0,2}");
    dressed.prop_map(|((text, address), quoted, before, after)| {
        let text = if quoted { format!("\"{text}\"") } else { text };
        (format!("{before}{text}{after}"), address)
    })
}

proptest! {
    #[test]
    fn every_spelling_of_an_address_is_that_address((text, address) in written(), forged in "[ -~]{0,20}") {
        prop_assume!(!Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), 8).unwrap().contains(&match address { IpAddr::V4(v4) => v4, IpAddr::V6(_) => Ipv4Addr::LOCALHOST }));
        prop_assert_eq!(through(&text), Route { client: address, unreadable: false });
        prop_assert_eq!(through(&format!("{forged},{text}")), Route { client: address, unreadable: false });
    }

    /// What stands before the first address that no trusted proxy vouches for is the sender's invention.
    #[test]
    fn what_a_client_writes_itself_never_counts(
        forged in prop::collection::vec(any::<u8>(), 0..40), (client_text, client) in written(), hops in 0_u8..4,
    ) {
        prop_assume!(!ip("10.0.0.0").eq(&client) && !matches!(client, IpAddr::V4(v4) if v4.octets()[0] == 10));
        let mut value = forged;
        value.extend(format!(",{client_text}").bytes());
        (0..hops).for_each(|hop| value.extend(format!(", 10.0.0.{hop}").bytes()));
        let found = route(ip("10.9.9.9"), &[&value], &nets(&["10.0.0.0/8"]));
        prop_assert_eq!(found, Route { client, unreadable: false });
    }

    /// By the bits of the numbers, not by the parser of networks.
    #[test]
    fn a_network_holds_the_same_addresses_in_either_spelling(base: u32, length in 1_u8..=32, near: u32, keep in 0_u8..=32) {
        let mask = |length: u8| u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let other = base & mask(keep) | near & !mask(keep);
        let inside = base & mask(length) == other & mask(length);
        let net = Ipv4Addr::from(base);
        let spellings = nets(&[&format!("{net}/{length}"), &format!("::ffff:{net}/{}", 96 + length)]);
        prop_assert_eq!(spellings[0], spellings[1]);
        for trusted in spellings {
            for peer in [IpAddr::from(Ipv4Addr::from(other)), IpAddr::from(Ipv4Addr::from(other).to_ipv6_mapped())] {
                let client = route(peer, &[b"2001:db8::7"], &[trusted]).client;
                prop_assert_eq!(client == ip("2001:db8::7"), inside, "{} {}", peer, trusted);
            }
        }
    }

    #[test]
    fn nothing_that_is_written_is_more_than_unreadable(forwarded in prop::collection::vec(any::<u8>(), 0..60)) {
        let found = route(ip("10.0.0.1"), &[&forwarded], &nets(&["10.0.0.0/8"]));
        prop_assert_eq!(found.client.to_canonical(), found.client);
    }
}
