//! The descriptions and what is read know the same keys, and the reference has them all.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::super::key::{Kind, literal};
use super::super::{SECTIONS, declared, reference, reference_entries, sites};
use crate::domain::written::WrittenUser;

/// A value that fits `kind`.
fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Secret | Kind::Path => Value::from("x"),
        Kind::Switch => Value::from(true),
        Kind::Count(_, most) => Value::from(i64::from(most.min(7))),
        Kind::Span(least, _) => Value::from(super::super::duration::write(least.max(Duration::from_secs(1)))),
        Kind::Texts | Kind::Words => Value::Array(vec![Value::from("x")]),
        Kind::Choice(choices) => Value::from(choices[0]),
    }
}

/// The lists, whose entries are read by structs of their own; the other sections are declared together with theirs.
#[derive(Serialize, Deserialize)]
struct Lists {
    client: Vec<declared::Raw>,
    site: Vec<sites::Raw>,
    user: Vec<WrittenUser>,
}

/// Every key of a list that is described, with a value.
fn everything() -> Table {
    let mut whole = Table::new();
    for section in SECTIONS.iter().filter(|section| section.is_list()) {
        let keys: Table = section.keys.iter().map(|key| (key.name.to_owned(), sample(key.kind))).collect();
        whole.insert(section.name.to_owned(), Value::Array(vec![Value::Table(keys)]));
    }
    whole
}

/// The names of all members, those of lists and nested objects included.
fn names(json: &Json, path: &str, found: &mut Vec<String>) {
    match json {
        Json::Object(members) if !members.contains_key("secs") => {
            members.iter().for_each(|(name, member)| names(member, &format!("{path}.{name}"), found));
        }
        Json::Array(items) if items.iter().any(Json::is_object) => items.iter().for_each(|item| names(item, path, found)),
        Json::Null => panic!("{path} is read, but no key describes it"),
        _leaf => found.push(path.to_owned()),
    }
}

#[test]
fn every_described_key_is_read_and_every_key_that_is_read_is_described() {
    let written = everything();
    let raw: Lists = written.clone().try_into().unwrap();
    let (mut read, mut described) = (Vec::new(), Vec::new());
    names(&serde_json::to_value(&raw).unwrap(), "", &mut read);
    names(&serde_json::to_value(&written).unwrap(), "", &mut described);
    read.sort();
    described.sort();
    assert_eq!(read, described);
}

#[test]
fn every_default_is_a_good_value() {
    for section in SECTIONS {
        for key in section.keys.iter().filter(|key| key.default.is_some()) {
            let value = key.default.and_then(literal).unwrap_or_else(|| panic!("{}", section.path(0, key.name)));
            assert!(key.kind.check(value).is_ok(), "{}", section.path(0, key.name));
        }
        for key in section.keys.iter().filter(|key| key.production.is_some()) {
            let value = key.production.and_then(literal).unwrap_or_else(|| panic!("{}", section.path(0, key.name)));
            assert!(key.kind.check(value).is_ok(), "{}", section.path(0, key.name));
        }
    }
}

#[test]
fn the_reference_names_every_key_and_every_variable_and_is_a_file_itself() {
    let text = reference();
    for entry in reference_entries() {
        let name = entry.key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("\n#{name} =")), "{}", entry.key);
        assert!(text.contains(&format!(" {}: ", entry.variable)), "{}", entry.variable);
    }
    assert!(toml::from_str::<Table>(&text).is_ok());
    assert!(text.lines().all(|line| line.len() <= 130), "{text}");
}
