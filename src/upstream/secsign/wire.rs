//! The grammar of the form API's answers (SecSign notes §3.1): `pair *( "&" pair )`, `pair = key "=" value`. Values are
//! raw bytes up to the next `&`: they are *not* percent-encoded, and they may hold `=` (base64 padding). So an echoed text can
//! inject pairs; hence a key that comes twice makes the whole answer nonsense (S16).

use std::collections::BTreeMap;

/// More pairs than any known answer has.
const MAX_PAIRS: usize = 32;
/// Longer than any known key.
const MAX_KEY: usize = 64;
/// Room for an access pass of 64 KiB in base64.
const MAX_VALUE: usize = 96 * 1024;

const NOT_PAIRS: &str = "the answer is not made of key=value pairs";

#[derive(Debug)]
pub(super) struct Pairs<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Pairs<'a> {
    /// One line ending after the last pair is no part of it. An error quotes no value: it could be the request id.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_invalid| "the answer is not UTF-8 text")?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        let mut pairs = BTreeMap::new();
        for piece in text.split('&') {
            let (key, value) = piece.split_once('=').ok_or(NOT_PAIRS)?;
            if !is_key(key) || value.chars().any(char::is_control) {
                return Err(NOT_PAIRS.to_owned());
            }
            if pairs.len() == MAX_PAIRS || key.len() > MAX_KEY || value.len() > MAX_VALUE {
                return Err(format!("the answer has more than {MAX_PAIRS} pairs, or a pair is too long"));
            }
            if pairs.insert(key, value).is_some() {
                return Err(format!("the answer says `{key}` twice"));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied()
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_taken_raw_and_split_at_the_first_equals_sign() {
        let pairs = Pairs::parse(b"servicename=Node.js test&icon=iVBO+/w==&percent=%33&empty=\r\n").unwrap();
        let read = ["servicename", "icon", "percent", "empty"].map(|key| pairs.get(key));
        assert_eq!(read, [Some("Node.js test"), Some("iVBO+/w=="), Some("%33"), Some("")]);
        assert_eq!(pairs.get("missing"), None);
    }

    #[test]
    fn a_key_that_comes_twice_makes_the_answer_nonsense_in_either_order() {
        for body in ["authsessionstate=3&authsessionstate=4", "authsessionstate=4&x=1&authsessionstate=3", "a=1&a=1"] {
            assert!(Pairs::parse(body.as_bytes()).unwrap_err().ends_with("` twice"), "{body}");
        }
    }

    #[test]
    fn what_is_not_pairs_is_nonsense() {
        for body in ["", "\n", "<html><body>502</body></html>", "{\"a\":1}", "a=1&", "&a=1", "a=1&&b=2", "a", "=1", "a b=1"] {
            assert_eq!(Pairs::parse(body.as_bytes()).unwrap_err(), NOT_PAIRS, "{body:?}");
        }
        for body in ["\u{feff}a=1", "a=1\0", "a=1\r\nb=2", "a=1\n\n", "a%3d=1", "a-b=1"] {
            assert_eq!(Pairs::parse(body.as_bytes()).unwrap_err(), NOT_PAIRS, "{body:?}");
        }
        assert_eq!(Pairs::parse(b"a=\xff").unwrap_err(), "the answer is not UTF-8 text");
    }

    #[test]
    fn an_answer_has_a_size() {
        let many: Vec<String> = (0..=MAX_PAIRS).map(|index| format!("k{index}=v")).collect();
        assert!(Pairs::parse(many[..MAX_PAIRS].join("&").as_bytes()).is_ok());
        for large in [many.join("&"), format!("{}=1", "k".repeat(MAX_KEY + 1)), format!("k={}", "v".repeat(MAX_VALUE + 1))] {
            assert!(Pairs::parse(large.as_bytes()).unwrap_err().starts_with("the answer has more than 32 pairs"));
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(body: Vec<u8>) {
            let _ = Pairs::parse(&body);
        }

        #[test]
        fn every_pair_of_a_readable_answer_can_be_asked_for(key in "[a-z]{1,8}", value in "[ -%'-~]{0,40}") {
            let body = format!("{key}={value}");
            prop_assert_eq!(Pairs::parse(body.as_bytes()).unwrap().get(&key), Some(value.as_str()));
        }
    }
}
