//! JSON objects read strictly: every member once, at every depth (RFC 8259 §4 leaves the meaning of a repeated one open,
//! and two readers that differ about it can be played against each other; RFC 7515 §4 demands uniqueness of headers).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Not a JSON object, or one with a repeated member, or one with something behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object whose members each occur once")]
pub struct InvalidObject;

/// Reads one JSON object and nothing behind it.
///
/// # Errors
/// When the bytes are anything else, or a member is repeated at any depth.
pub fn parse_object(json: &[u8]) -> Result<Map<String, Value>, InvalidObject> {
    match serde_json::from_slice::<Unique>(json) {
        Ok(Unique(Value::Object(object))) => Ok(object),
        _other => Err(InvalidObject),
    }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("repeated member"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,3.5,"x",null,true,{"b":{}}],"c":9223372036854775808}"#;
        let object = parse_object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(object), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn repeated_members_are_refused_at_every_depth_and_spelling() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(parse_object(bad.as_bytes()), Err(InvalidObject), "{bad}");
        }
        assert!(parse_object(br#"{"a":{"b":1},"b":2}"#).is_ok());
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        for bad in ["", "[]", "null", "{} {}", "{}x", "{'a':1}", "{\"a\":NaN}", "\u{feff}{}", deep.as_str()] {
            assert_eq!(parse_object(bad.as_bytes()), Err(InvalidObject), "{bad:.20}");
        }
        assert!(parse_object(b" {} \n").is_ok());
    }
}
