//! JSON objects read strictly: every member once, at every depth (RFC 8259 §4 leaves the meaning of a repeated one open,
//! and two readers that differ about it can be played against each other; RFC 7515 §4 demands uniqueness of headers).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one JSON value and nothing behind it; members of its objects each occur once.
pub(crate) fn parse_value(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok().map(|Unique(value)| value)
}

/// Reads one JSON object whose members each occur once, and nothing behind it.
pub(crate) fn parse_object(json: &[u8]) -> Option<Map<String, Value>> {
    match parse_value(json) {
        Some(Value::Object(object)) => Some(object),
        _other => None,
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
    use proptest::prelude::*;

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,3.5,"x",null,true,{"b":{}}],"c":9223372036854775808}"#;
        let object = parse_object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(object), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn repeated_members_are_refused_at_every_depth_and_spelling() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert_eq!(parse_object(bad.as_bytes()), None, "{bad}");
        }
        assert!(parse_object(br#"{"a":{"b":1},"b":2}"#).is_some());
    }

    #[test]
    fn a_value_of_any_kind_is_read_and_its_objects_are_as_strict() {
        assert_eq!(parse_value(br#" [{"a":1},"x"] "#), Some(serde_json::json!([{ "a": 1 }, "x"])));
        for bad in [r#"[{"a":1,"a":1}]"#, "[] []", "[1,]", ""] {
            assert_eq!(parse_value(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        for bad in ["", "[]", "null", "{} {}", "{}x", "{'a':1}", "{\"a\":NaN}", "\u{feff}{}", deep.as_str()] {
            assert_eq!(parse_object(bad.as_bytes()), None, "{bad:.20}");
        }
        assert!(parse_object(b" {} \n").is_some());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_object_is_read_as_it_was_written(members in prop::collection::btree_map("\\PC{0,6}", any_value(), 0..5)) {
            let object: Map<String, Value> = members.into_iter().collect();
            prop_assert_eq!(parse_object(&serde_json::to_vec(&object).unwrap()), Some(object));
        }

        #[test]
        fn a_member_that_comes_twice_is_refused_below_anything(name in "\\PC{0,6}", first in any_value(), second in any_value(), depth in 0_usize..5) {
            let (name, first, second) = (Value::from(name), first, second);
            let nested = |object: String| (0..depth).fold(object, |inner, level| if level % 2 == 0 { format!("[{inner}]") } else { format!("{{\"a\":{inner}}}") });
            let whole = |object: String| format!("{{\"whole\":{}}}", nested(object));
            let once = whole(format!("{{{name}:{first}}}"));
            prop_assert!(parse_object(once.as_bytes()).is_some(), "{}", once);
            let twice = whole(format!("{{{name}:{first},{name}:{second}}}"));
            prop_assert_eq!(parse_object(twice.as_bytes()), None, "{}", twice);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[\\[\\]{}:,\"a0-9 ]{0,60}") {
            let _refused = parse_object(&bytes);
            // What is accepted is JSON for others too.
            if let Some(object) = parse_object(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Value::Object(object));
            }
        }
    }
}
