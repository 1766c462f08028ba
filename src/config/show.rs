//! The configuration that is in force, as text: every value with the place where it was written, and no secret. And what of it
//! is read at a start only: whether a file that is read again says something else about that.

use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};
use toml::Value;
use url::Url;

use super::document::{Document, Entries, Entry};
use super::key::{Key, Kind, Section};
use super::sites::SITES;
use super::{SECTIONS, duration};

const SECRET: &str = "(secret)";

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
    let database = entry.value.as_str().filter(|_text| section.name == "database");
    match (key.kind, database) {
        (Kind::Secret, Some(url)) if url.starts_with("sqlite:") => entry.value.clone(),
        (Kind::Secret, Some(url)) => without_password(url).map_or_else(|| Value::from(SECRET), Value::from),
        (Kind::Secret, None) => Value::from(SECRET),
        _plain => entry.value.clone(),
    }
}

/// The address of a server: where it is may be shown, how one gets in may not.
fn without_password(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if url.password().is_some() {
        url.set_password(Some(SECRET)).ok()?;
    }
    if url.query_pairs().any(|(name, _value)| name.contains("pass")) {
        url.set_query(None);
    }
    Some(url.into())
}

/// Every key but those of `[[client]]` and `[[user]]`, which can change while a server runs.
#[derive(Clone, Debug)]
pub(crate) struct ReadAtStart(Vec<Held>);

#[derive(Clone, Debug)]
struct Held {
    key: String,
    digest: Option<[u8; 32]>,
    is_written: bool,
}

impl ReadAtStart {
    pub(super) fn of(document: &Document) -> Self {
        let sections = SECTIONS.iter().filter(|section| !section.is_list());
        let keys = sections.flat_map(|section| section.keys.iter().map(move |key| (section, key)));
        let held = keys.map(|(section, key)| Held {
            key: section.path(0, key.name),
            digest: document.value(section, key).map(|value| Sha256::digest(meaning(key, &value)).into()),
            is_written: document.written(section.name, key.name).is_some(),
        });
        Self(held.chain([sites(document)]).collect())
    }

    /// The keys whose values differ. Of limits that no file writes, only the profile is named.
    pub(crate) fn changed(&self, later: &Self) -> Vec<String> {
        let pairs = self.0.iter().zip(&later.0);
        let differ = pairs.filter(|(old, new)| old.digest != new.digest && (old.is_written || new.is_written));
        differ.map(|(old, _new)| old.key.clone()).collect()
    }
}

/// All of `[[site]]`, as one key.
fn sites(document: &Document) -> Held {
    let entries = (0..document.len_of(&SITES)).filter_map(|index| document.entries(SITES.name, index));
    let written = entries.flatten().map(|(key, entry)| format!("{key} = {}\n", entry.value)).collect::<String>();
    Held { key: SITES.name.to_owned(), digest: Some(Sha256::digest(&written).into()), is_written: !written.is_empty() }
}

/// The value in its one spelling: `60s` and `1m` are the same.
fn meaning(key: &Key, value: &Value) -> String {
    let span = value.as_str().filter(|_text| matches!(key.kind, Kind::Span(..)));
    span.and_then(|text| duration::parse(text).ok()).map_or_else(|| value.to_string(), duration::write)
}
