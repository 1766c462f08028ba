//! Where a request comes from. Forwarded addresses count only as far as trusted proxies vouch for them (security bar 119).

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

use crate::domain::browser::Origin;

/// The address and user agent of a request.
pub fn of(request: &HttpRequest, trusted_proxies: &[IpNet]) -> Origin {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let address = peer.map(|peer| client_address(peer, &forwarded, trusted_proxies).to_string()).unwrap_or_default();
    let agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Origin { address, user_agent: agent.chars().filter(|c| !c.is_control()).take(200).collect() }
}

/// Walks the forwarded addresses from the nearest: the first that no trusted proxy stands at is the client.
fn client_address(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut client = peer;
    for hop in forwarded.iter().rev() {
        if !is_trusted(client) {
            return client;
        }
        match hop.parse() {
            Ok(address) => client = address,
            Err(_garbage) => return client,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_forged_header_from_outside_changes_nothing() {
        let (outside, proxy): (IpAddr, IpAddr) = ("203.0.113.9".parse().unwrap(), "10.0.0.1".parse().unwrap());
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client_address(outside, &["1.1.1.1"], &trusted), outside);
        assert_eq!(client_address(proxy, &["1.1.1.1", "198.51.100.7"], &trusted).to_string(), "198.51.100.7");
        assert_eq!(client_address(proxy, &["1.1.1.1", "10.0.0.2"], &trusted).to_string(), "1.1.1.1");
        assert_eq!(client_address(proxy, &["junk"], &trusted), proxy);
    }

    proptest! {
        /// What stands before the first address that no trusted proxy vouches for is the sender's invention.
        #[test]
        fn what_a_client_writes_itself_never_counts(
            forged in prop::collection::vec(prop_oneof!["[0-9.]{0,15}", "10\\.0\\.0\\.[0-9]", "\\PC{0,20}"], 0..5), client in any::<[u8; 4]>(), hops in 0_u8..4,
        ) {
            let client = IpAddr::from(client);
            let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
            prop_assume!(!trusted[0].contains(&client));
            let proxies: Vec<String> = (0..hops).map(|hop| format!("10.0.0.{hop}")).collect();
            let client_text = client.to_string();
            let chain: Vec<&str> = forged.iter().chain([&client_text]).chain(&proxies).map(String::as_str).collect();
            prop_assert_eq!(client_address("10.9.9.9".parse().unwrap(), &chain, &trusted), client);
        }
    }
}
