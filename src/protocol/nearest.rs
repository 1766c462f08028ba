//! A redirect URI that is not registered: what may be shown of it, and which registered one was probably meant (RFC 9700 §2.1 has
//! them compared as strings, and most apps that are refused differ by one character).

use std::cmp::Reverse;

use super::redirect_uri::RedirectUri;

/// As much of a text from outside as a record, a row or a line of a terminal has.
const LONGEST: usize = 200;
const HIDDEN: &str = "***";

/// A text from outside: printable ASCII, anything else escaped, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() >= LONGEST {
            shown.push_str("...");
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            other => shown.extend(other.escape_default()),
        }
    }
    shown
}

/// A URI from outside, without what could be secret: user information, and the values of its query and its fragment.
pub(crate) fn shown_uri(uri: &str) -> String {
    let (head, tail) = uri.split_at(uri.find(['?', '#']).unwrap_or(uri.len()));
    shown(&format!("{}{}", without_user(head), without_values(tail)))
}

fn without_user(head: &str) -> String {
    let (before, authority, path) = match head.split_once("//") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (format!("{scheme}//"), authority, path)
        }
        // However it is meant to be read.
        None => (String::new(), head, ""),
    };
    let authority = authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_user, host)| format!("{HIDDEN}@{host}"));
    format!("{before}{authority}{path}")
}

fn without_values(tail: &str) -> String {
    let mut shown = String::new();
    let mut is_value = false;
    for character in tail.chars() {
        match character {
            '&' | '#' => is_value = false,
            '=' if !is_value => {
                shown.push('=');
                shown.push_str(HIDDEN);
                is_value = true;
            }
            _other => {}
        }
        if !is_value {
            shown.push(character);
        }
    }
    shown
}

/// The one of `registered` that shares most with what was sent.
pub(crate) fn nearest<'r>(registered: &'r [RedirectUri], sent: &str) -> Option<&'r RedirectUri> {
    let likeness = |uri: &&RedirectUri| {
        let uri = uri.as_str().as_bytes();
        (alike(uri, sent.as_bytes()), Reverse(uri.len().abs_diff(sent.len())))
    };
    registered.iter().max_by_key(likeness)
}

/// How many bytes two texts share at their beginning and, beyond that, at their end. Takes no longer than to read them: anybody may
/// have it done.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let begin = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let rest = one.len().min(other.len()).saturating_sub(begin);
    let pairs = one.iter().rev().zip(other.iter().rev()).take(rest);
    begin + pairs.take_while(|(one, other)| one == other).count()
}

/// What makes two URIs different, where it is one thing, as they are shown.
pub(crate) fn difference(sent: &str, registered: &str) -> Option<&'static str> {
    if sent == registered {
        return Some("what is hidden here");
    }
    if sent.trim_end_matches('/') == registered.trim_end_matches('/') {
        return Some("the slash at the end");
    }
    if sent.eq_ignore_ascii_case(registered) {
        return Some("capital and small letters");
    }
    let (scheme, rest) = sent.split_once("://")?;
    let (other_scheme, other_rest) = registered.split_once("://")?;
    let parts = |rest: &str| {
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        (authority.to_owned(), path.to_owned())
    };
    let ((authority, path), (other_authority, other_path)) = (parts(rest), parts(other_rest));
    match (scheme == other_scheme, authority == other_authority, path == other_path) {
        (false, true, true) => Some("the scheme"),
        (true, false, true) if host(&authority) == host(&other_authority) => Some("the port"),
        (true, false, true) => Some("the host"),
        (true, true, false) if before_query(&path) == before_query(&other_path) => Some("the query"),
        (true, true, false) => Some("the path"),
        _several => None,
    }
}

fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _no_port => authority,
    }
}

fn before_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_has_no_secret_and_moves_no_cursor() {
        for (uri, shown) in [
            ("https://app.example/cb", "https://app.example/cb"),
            ("https://app.example/cb/?a=1&b=secret#x=secret", "https://app.example/cb/?a=***&b=***#x=***"),
            ("https://app.example/cb?x=a=secret&y", "https://app.example/cb?x=***&y"),
            ("https://ann:secret@app.example/cb", "https://***@app.example/cb"),
            ("https://ann:se@cret@app.example/@me", "https://***@app.example/@me"),
            ("ann:secret@app.example", "***@app.example"),
            ("https://app.example/\r\n\u{1b}[2J\u{202e}", "https://app.example/\\r\\n\\u{1b}[2J\\u{202e}"),
        ] {
            assert_eq!(shown_uri(uri), shown, "{uri}");
        }
        let long = shown(&"\u{1f600}".repeat(1000));
        assert!(long.len() < LONGEST + 20 && long.ends_with("..."), "{long}");
    }

    fn registered(uris: &[&str]) -> Vec<RedirectUri> {
        uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect()
    }

    #[test]
    fn the_one_that_was_meant_is_found_among_several() {
        let uris = registered(&[
            "https://old.example/cb",
            "https://app.example/callback",
            "https://app.example/silent",
            "com.app:/cb",
        ]);
        for (sent, meant) in [
            ("https://app.example/callback/", "https://app.example/callback"),
            ("http://app.example/callback", "https://app.example/callback"),
            ("https://app.example/silent-renew", "https://app.example/silent"),
            ("https://old.example:8443/cb", "https://old.example/cb"),
            ("com.app:/cb/", "com.app:/cb"),
        ] {
            assert_eq!(nearest(&uris, sent).unwrap().as_str(), meant, "{sent}");
        }
        assert!(nearest(&[], "https://app.example/cb").is_none());
    }

    #[test]
    fn one_difference_has_a_name() {
        let uri = "https://app.example/callback";
        for (sent, what) in [
            ("https://app.example/callback/", Some("the slash at the end")),
            ("https://app.example/Callback", Some("capital and small letters")),
            ("http://app.example/callback", Some("the scheme")),
            ("https://app.example:8443/callback", Some("the port")),
            ("https://www.app.example/callback", Some("the host")),
            ("https://app.example/callback?x=***", Some("the query")),
            ("https://app.example/cb", Some("the path")),
            ("https://app.example/callback", Some("what is hidden here")),
            ("http://www.app.example/callback", None),
            ("nonsense", None),
        ] {
            assert_eq!(difference(sent, uri), what, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_too_odd_to_be_shown(text in "\\PC{0,300}", other in "\\PC{0,300}") {
            let text = shown_uri(&text);
            prop_assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
            prop_assert!(text.len() <= LONGEST + 16);
            prop_assert!(alike(text.as_bytes(), other.as_bytes()) <= text.len().min(other.len()));
            let _named = difference(&text, &other);
        }

        #[test]
        fn a_value_is_never_shown(value in "[a-z0-9]{12}", name in "[a-z]{1,8}", more in "[a-z/=?]{0,10}") {
            let (queried, signed) =
                (format!("https://a.example/cb?{name}={more}{value}"), format!("https://{name}:{value}@a.example/{more}"));
            prop_assert!(!shown_uri(&queried).contains(&value));
            prop_assert!(!shown_uri(&signed).contains(&value));
        }
    }
}
