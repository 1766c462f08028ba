//! The shape of every answer (ThumbSignIn notes §2): one flat JSON object with scalar members. Anything else is nonsense, and
//! so is a member that comes twice (RFC 8259 §4 leaves open which one counts; S16).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::protocol::json::parse_object;

// Why an answer cannot be read: never in its own words.
const NOT_FLAT: &str = "the answer is not one flat JSON object without repeated members";

fn wrong_type(name: &str) -> String {
    format!("`{name}` is not of the type that it should be")
}

#[derive(Debug)]
pub(super) struct FlatObject(Map<String, Value>);

impl FlatObject {
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let object = parse_object(body).filter(|object| !object.values().any(|value| value.is_array() || value.is_object()));
        object.map(Self).ok_or_else(|| NOT_FLAT.to_owned())
    }

    /// A text; `None` if it is missing or null.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_other) => Err(wrong_type(name)),
        }
    }

    /// Whole seconds, as a number or as its digits; `None` if missing, null or empty. A day at most.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, String> {
        const DAY: u64 = 86_400;
        let count = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::Number(number)) => number.as_u64().ok_or_else(|| wrong_type(name))?,
            Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().unwrap_or(DAY),
            Some(_other) => return Err(wrong_type(name)),
        };
        Ok(Some(Duration::from_secs(count.min(DAY))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<FlatObject, String> {
        FlatObject::parse(body.as_bytes())
    }

    #[test]
    fn scalars_are_read_and_null_counts_as_missing() {
        let object = parse(r#" {"a":"x","b":"","n":null,"t":true,"f":1.5,"i":-1} "#).unwrap();
        assert_eq!(["a", "b", "n", "missing"].map(|name| object.text(name)), [Ok(Some("x")), Ok(Some("")), Ok(None), Ok(None)]);
        for name in ["t", "f", "i"] {
            assert_eq!(object.text(name), Err(wrong_type(name)));
        }
    }

    #[test]
    fn seconds_are_a_number_or_its_digits() {
        let object = parse(r#"{"a":89,"b":"67","c":"","d":0,"e":999999999,"f":"99999999999999999999"}"#).unwrap();
        let seconds = ["a", "b", "c", "d", "e", "f"].map(|name| object.seconds(name).unwrap().map(|time| time.as_secs()));
        assert_eq!(seconds, [Some(89), Some(67), None, Some(0), Some(86_400), Some(86_400)]);
        let junk = parse(r#"{"a":-1,"b":"-1","c":1.5,"d":"89s","e":true,"f":"+9"}"#).unwrap();
        for name in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(junk.seconds(name), Err(wrong_type(name)));
        }
    }

    #[test]
    fn a_member_that_comes_twice_is_nonsense() {
        for body in [r#"{"status":"PENDING","status":"COMPLETED_SUCCESSFUL"}"#, r#"{"a":1,"\u0061":1}"#] {
            assert_eq!(parse(body).unwrap_err(), NOT_FLAT, "{body}");
        }
    }

    #[test]
    fn what_is_not_one_flat_object_is_nonsense() {
        for body in ["", "null", "[]", "\"x\"", "1", "<html>", "{", r#"{"a":1"#, r#"{"a":1}{"#, r#"{"a":{}}"#, r#"{"a":[1]}"#] {
            assert_eq!(parse(body).unwrap_err(), NOT_FLAT, "{body}");
        }
        assert!(FlatObject::parse(b"{\"a\":\"\xff\"}").is_err());
        assert!(FlatObject::parse(b"\xef\xbb\xbf{}").is_err(), "RFC 8259 §8.1: no byte order mark");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(body: Vec<u8>) {
            let _ = FlatObject::parse(&body);
        }
    }
}
