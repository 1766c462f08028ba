//! URIs that are nearly right: what is taken must hold what its type promises, judged by other means than the parser's own.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::slip_tests::slipped;
use crate::protocol::uri::{LogoutUri, WebOrigin};

/// What parsers trip over: delimiters, blanks, control and invisible characters, other scripts' look-alikes, other spellings.
fn trips() -> Vec<&'static str> {
    let seen = r#"/ // \ : @ # ? & = ; , % %00 %2F %40 .. /../ * ' " < [ ] + - _ . 0 1 a A ſ 。 ／ ä 😀 http:// HTTPS:// javascript:
        localhost 127.0.0.1 [::1] 0x7f.1 evil.example"#;
    let unseen = [" ", "\t", "\r\n", "\0", "\u{7f}", "\u{202e}", "\u{feff}"];
    seen.split_ascii_whitespace().chain(unseen).collect()
}

/// One of `samples` with up to four places changed, or, now and then, any text at all.
fn nearly(samples: &'static [&'static str]) -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, select(trips())), 0..=4);
    let changed = (select(samples), edits).prop_map(|(sample, edits)| slipped(sample, &edits));
    prop_oneof![9 => changed, 1 => "\\PC{0,60}"]
}

const URIS: &[&str] = &[
    "https://app.example/callback",
    "https://app.example:8443/cb?tenant=1&x=%20",
    "https://app.example",
    "http://127.0.0.1/callback",
    "http://[::1]:8080/",
    "http://localhost:3000/cb",
    "com.example.app:/callback",
    "SampleApp://callback",
];

/// By the text of the host, which the parser has brought into its usual form.
fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        matches!(host, "localhost" | "[::1]") || host.starts_with("127.") && host.parse::<Ipv4Addr>().is_ok()
    })
}

/// What holds for every URI that may be registered, whatever for.
fn is_plain_uri(text: &str) -> Result<Url, TestCaseError> {
    prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#'), "{text:?}");
    let url = Url::parse(text).map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
    prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text:?}");
    Ok(url)
}

/// The same URI without its port, for the comparison that RFC 8252 §7.3 allows.
fn without_port(url: &Url) -> Option<Url> {
    let mut url = url.clone();
    url.set_port(None).ok()?;
    Some(url)
}

proptest! {
    #[test]
    fn a_registered_redirect_uri_leads_where_its_text_says(text in nearly(URIS)) {
        let Ok(uri) = RedirectUri::parse(&text) else { return Ok(()) };
        prop_assert_eq!(uri.as_str(), &text);
        let url = is_plain_uri(&text)?;
        prop_assert!(url.scheme() != "http" || is_loopback(&url), "{text:?}");
        prop_assert!(!matches!(url.scheme(), "javascript" | "data" | "file" | "blob" | "about" | "vbscript"), "{text:?}");
        if matches!(url.scheme(), "http" | "https") {
            // As the text stands, not as a lenient reader mends it.
            let host = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://")).unwrap_or("/");
            prop_assert!(!host.starts_with(['/', '?']), "{text:?}");
        }
        // It becomes a source of a Content Security Policy, between blanks, commas and semicolons that mean something.
        let source = uri.csp_source();
        prop_assert!(source.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:/[]_".contains(&byte)), "{source:?}");
    }

    #[test]
    fn only_the_port_of_a_loopback_uri_may_differ(registered in nearly(URIS), requested in nearly(URIS)) {
        let Ok(uri) = RedirectUri::parse(&registered) else { return Ok(()) };
        prop_assert!(uri.allows(&registered, false));
        prop_assert_eq!(uri.allows(&requested, false), requested == registered);
        if uri.allows(&requested, true) && requested != registered {
            let (one, other) = (is_plain_uri(&registered)?, is_plain_uri(&requested)?);
            prop_assert!(one.scheme() == "http" && is_loopback(&one), "{registered:?} {requested:?}");
            prop_assert_eq!(without_port(&one), without_port(&other));
        }
    }

    #[test]
    fn a_registered_logout_uri_is_one_that_can_be_called(text in nearly(URIS)) {
        let Ok(uri) = LogoutUri::parse(&text) else { return Ok(()) };
        prop_assert_eq!(uri.as_str(), &text);
        let url = is_plain_uri(&text)?;
        prop_assert!(matches!(url.scheme(), "http" | "https") && url.host().is_some(), "{text:?}");
        prop_assert_eq!(uri.is_plain_http(), url.scheme() == "http" && !is_loopback(&url));
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port(text in nearly(&["https://app.example", "http://localhost:3000", "https://[::1]:8443"])) {
        let Ok(origin) = WebOrigin::parse(&text) else { return Ok(()) };
        prop_assert_eq!(origin.as_str(), &text);
        let url = is_plain_uri(&text)?;
        prop_assert!(text.matches('/').count() == 2 && !text.contains(['?', '*']) && url.path() == "/" && url.query().is_none(), "{text:?}");
        prop_assert!(url.scheme() == "https" || is_loopback(&url), "{text:?}");
    }
}
