//! Hosts with their ports, compared as what they mean: the scheme's own port and none are the same (RFC 9110 §4.2.3, RFC 3986
//! §6.2.3), capitals and the final dot of a full name make no difference (RFC 3986 §3.2.2).

use std::net::Ipv6Addr;

/// The one spelling of `HOST[:PORT]`: small letters, without a final dot, without the port that is the scheme's own. Whatever is
/// written otherwise than an authority stays something that is none of ours.
pub(super) fn canonical(written: &str, https: bool) -> String {
    let lower = written.to_ascii_lowercase();
    let (host, port) = match lower.rfind(':').filter(|colon| lower.rfind(']').is_none_or(|bracket| bracket < *colon)) {
        Some(colon) => lower.split_at(colon),
        None => (lower.as_str(), ""),
    };
    let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).map(str::parse::<Ipv6Addr>) {
        Some(Ok(address)) => format!("[{address}]"),
        _name => host.strip_suffix('.').unwrap_or(host).to_owned(),
    };
    let own = if https { ":443" } else { ":80" };
    // RFC 3986 §3.2.3: a colon without digits says nothing.
    if port == own || port == ":" { host } else { host + port }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_authorities_have_one_spelling() {
        for written in [
            "id.example.com",
            "ID.Example.COM",
            "id.example.com.",
            "id.example.com:443",
            "id.example.com.:443",
            "id.example.com:",
        ] {
            assert_eq!(canonical(written, true), "id.example.com", "{written}");
        }
        assert_eq!(canonical("LOCALHOST:8080", false), "localhost:8080");
        assert_eq!(canonical("localhost.:80", false), "localhost");
        assert_eq!(canonical("[0:0::1]:80", false), "[::1]");
        assert_eq!(canonical("[::1]:8080", false), "[::1]:8080");
    }

    #[test]
    fn different_ones_stay_different() {
        for other in [
            "",
            ":443",
            ".",
            "id.example.com:80",
            "id.example.com:8443",
            "id.example.com:0443",
            "id.example.com:443:443",
            "id.example.com..",
            "id.example.com:443.",
            " id.example.com",
            "u@id.example.com",
            "id.example.com/",
            "id.example.com,id.example.com",
            "[id.example.com]",
            "id\u{2024}example.com",
            "xid.example.com",
            "example.com",
        ] {
            assert_ne!(canonical(other, true), "id.example.com", "{other:?}");
        }
        assert_ne!(canonical("id.example.com:443", false), "id.example.com", "the port of another scheme");
    }

    proptest! {
        /// As the URL standard reads them, where it takes them at all.
        #[test]
        fn two_are_equal_where_browsers_take_them_for_the_same(
            host in "[a-zA-Z][a-zA-Z-]{0,8}(\\.[a-zA-Z][a-z0-9]{0,8}){0,2}|\\[(::|[0-9A-Fa-f]{1,4}:)::?[0-9A-Fa-f]{1,4}\\]", port in "|:|:80|:443|:[1-9][0-9]{0,3}", https: bool,
        ) {
            let scheme = if https { "https" } else { "http" };
            let written = format!("{host}{port}");
            if let Ok(url) = url::Url::parse(&format!("{scheme}://{written}/")) {
                prop_assert_eq!(canonical(&written, https), url.authority());
            }
        }

        #[test]
        fn a_canonical_one_stays_as_it_is(host in "[\\PC&&[^:\\[.]]{1,20}", end in "\\.?(:[0-9]{0,5})?", https: bool) {
            let once = canonical(&format!("{host}{end}"), https);
            prop_assert_eq!(canonical(&once, https), once);
        }
    }
}
