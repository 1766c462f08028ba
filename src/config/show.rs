//! The configuration that is in force, as text: every value with the place where it was written, and no secret.

use serde_json::{Map, Value as Json};
use toml::Value;

use super::SECTIONS;
use super::document::{Document, Entries, Entry};
use super::key::{Key, Section};

#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// A TOML file, each value with a comment that says where it was written.
    pub(crate) toml: String,
    pub(crate) json: Map<String, Json>,
}

impl Shown {
    pub(super) fn new(document: &Document) -> Self {
        let mut shown = Self::default();
        for section in SECTIONS {
            let entries = (0..document.len_of(section)).filter_map(|index| document.entries(section.name, index));
            entries.for_each(|entries| shown.add(section, entries));
        }
        shown
    }

    fn add(&mut self, section: &Section, entries: &Entries) {
        if !section.name.is_empty() {
            self.toml.push_str(&format!("\n{}\n", section.header()));
        }
        let mut members = Map::new();
        for (key, entry) in section.keys.iter().filter_map(|key| Some((key, entries.get(key.name)?))) {
            let value = redacted(section, key, entry);
            self.toml.push_str(&format!("{} = {value}  # {}\n", key.name, entry.location));
            members.insert(key.name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        }
        match section.name {
            "" => self.json.extend(members),
            name if section.is_list() => {
                let list = self.json.entry(name).or_insert_with(|| Json::Array(Vec::new()));
                list.as_array_mut().into_iter().for_each(|list| list.push(Json::Object(std::mem::take(&mut members))));
            }
            name => drop(self.json.insert(name.to_owned(), Json::Object(members))),
        }
    }
}

fn redacted(section: &Section, key: &Key, entry: &Entry) -> Value {
    let is_file = section.name == "database" && entry.value.as_str().is_some_and(|url| url.starts_with("sqlite:"));
    if key.kind.is_secret() && !is_file { Value::from("(secret)") } else { entry.value.clone() }
}
