//! The grammars of the two APIs' answers; both come to names with values. A name that comes twice makes the whole answer nonsense
//! (S16).
//!
//! The form API (SecSign notes §3.1) says `pair *( "&" pair )`, `pair = key "=" value`. Values are raw bytes up to the next `&`:
//! they are *not* percent-encoded, and they may hold `=` (base64 padding). So an echoed text can inject pairs. The REST API
//! (§2.2) says one flat JSON object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::json::parse_object;

/// More pairs than any known answer has.
const MAX_PAIRS: usize = 32;
/// Longer than any known key.
const MAX_KEY: usize = 64;
/// Room for an access pass of 64 KiB in base64.
const MAX_VALUE: usize = 96 * 1024;

const NOT_PAIRS: &str = "the answer is not made of key=value pairs";
const NOT_FLAT: &str = "the answer is not one flat JSON object without repeated members";

#[derive(Debug)]
pub(super) struct Pairs<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Pairs<'a> {
    /// Reads an answer of the form API. One line ending after the last pair is no part of it. An error quotes no value: it could be
    /// the request id.
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
            if pairs.insert(key.into(), value.into()).is_some() {
                return Err(format!("the answer says `{key}` twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// Reads an answer of the REST API. Numbers and truth values count as their texts, `null` as missing; no body at all, which
    /// some successes have, holds nothing.
    pub(super) fn of_json(body: &[u8]) -> Result<Pairs<'static>, String> {
        if body.is_empty() {
            return Ok(Pairs(BTreeMap::new()));
        }
        let mut pairs = BTreeMap::new();
        for (name, value) in parse_object(body).ok_or(NOT_FLAT)? {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Array(_) | Value::Object(_) => return Err(NOT_FLAT.to_owned()),
            };
            pairs.insert(name.into(), text.into());
        }
        Ok(Pairs(pairs))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(AsRef::as_ref)
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

    #[test]
    fn a_flat_object_is_read_as_texts() {
        let body = br#"{"authsessionid":-4453738303638815261,"secsignid":"alice","exist":false,"icon":null,"":1.5}"#;
        let pairs = Pairs::of_json(body).unwrap();
        let read = ["authsessionid", "secsignid", "exist", "icon", ""].map(|name| pairs.get(name));
        assert_eq!(read, [Some("-4453738303638815261"), Some("alice"), Some("false"), None, Some("1.5")]);
        assert_eq!(Pairs::of_json(b"").unwrap().get("authsessionid"), None);
        // A number beyond 64 bits comes as another text, which is no session id.
        assert_ne!(Pairs::of_json(br#"{"a":18446744073709551616}"#).unwrap().get("a"), Some("18446744073709551616"));
    }

    #[test]
    fn what_is_not_one_flat_object_is_nonsense() {
        for body in [
            r#"{"authsessionstate":1,"authsessionstate":3}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"a":{}}"#,
            r#"{"a":[1]}"#,
            "[]",
            "3",
            "<html>",
            "authsessionstate=3",
            " ",
            "{",
        ] {
            assert_eq!(Pairs::of_json(body.as_bytes()).unwrap_err(), NOT_FLAT, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(body: Vec<u8>) {
            let _ = Pairs::parse(&body);
            let _ = Pairs::of_json(&body);
        }

        #[test]
        fn every_pair_of_a_readable_answer_can_be_asked_for(key in "[a-z]{1,8}", value in "[ -%'-~]{0,40}") {
            let body = format!("{key}={value}");
            let pairs = Pairs::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(pairs.get(&key), Some(value.as_str()));
        }
    }
}
