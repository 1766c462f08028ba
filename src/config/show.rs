//! The configuration that is in force, as text: every value with the place where it was written, and no secret.

use serde_json::{Map, Value as Json};
use toml::Value;

use super::SECTIONS;
use super::document::{Document, Entry};
use super::key::{Key, Section};

/// What stands in place of a secret.
const REDACTED: &str = "(secret)";

/// A configuration that can be shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    tables: Vec<(&'static str, bool, Vec<ShownEntry>)>,
}

#[derive(Clone, Debug)]
struct ShownEntry {
    key: &'static str,
    value: Value,
    origin: String,
}

impl Shown {
    pub(super) fn new(document: &Document) -> Self {
        let mut tables = Vec::new();
        for section in SECTIONS {
            for index in 0..document.len_of(section) {
                let entries = document.entries(section, index);
                let shown = section.keys.iter().filter_map(|key| Some((key, entries?.get(key.name)?)));
                let shown = shown.map(|(key, entry)| ShownEntry {
                    key: key.name,
                    value: redacted(section, key, entry),
                    origin: entry.origin.to_string(),
                });
                tables.push((section.name, section.is_list(), shown.collect()));
            }
        }
        Self { tables }
    }

    /// As a TOML file, each value with a comment that says where it was written.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (name, list, entries) in &self.tables {
            match (*name, list) {
                ("", _) => {}
                (name, true) => text.push_str(&format!("\n[[{name}]]\n")),
                (name, false) => text.push_str(&format!("\n[{name}]\n")),
            }
            for entry in entries {
                text.push_str(&format!("{} = {}  # {}\n", entry.key, entry.value, entry.origin));
            }
        }
        text
    }

    /// As a JSON object of the same shape, without the places.
    pub fn to_json(&self) -> Json {
        let mut whole = Map::new();
        for (name, list, entries) in &self.tables {
            let values =
                entries.iter().filter_map(|entry| Some((entry.key.to_owned(), serde_json::to_value(&entry.value).ok()?)));
            let values: Map<String, Json> = values.collect();
            match (*name, list) {
                ("", _) => whole.extend(values),
                (name, false) => drop(whole.insert(name.to_owned(), Json::Object(values))),
                (name, true) => {
                    let list = whole.entry(name).or_insert_with(|| Json::Array(Vec::new()));
                    list.as_array_mut().into_iter().for_each(|list| list.push(Json::Object(values.clone())));
                }
            }
        }
        Json::Object(whole)
    }
}

fn redacted(section: &Section, key: &Key, entry: &Entry) -> Value {
    let is_file = section.name == "database" && entry.value.as_str().is_some_and(|url| url.starts_with("sqlite:"));
    match key.kind.is_secret() && !is_file {
        true => Value::from(REDACTED),
        false => entry.value.clone(),
    }
}
