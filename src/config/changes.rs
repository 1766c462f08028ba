//! What is read at a start only: whether a file that is read again says something else about it.

use sha2::{Digest as _, Sha256};
use toml::Value;

use super::SECTIONS;
use super::document::Document;
use super::duration;
use super::key::{Key, Kind};

/// Every key but those of the lists, which can change while a server runs.
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
            is_written: document.entries(section.name, 0).is_some_and(|entries| entries.contains_key(key.name)),
        });
        Self(held.collect())
    }

    /// The keys whose values differ. Of limits that no file writes, only the profile is named.
    pub(crate) fn changed(&self, later: &Self) -> Vec<String> {
        let pairs = self.0.iter().zip(&later.0);
        let differ = pairs.filter(|(old, new)| old.digest != new.digest && (old.is_written || new.is_written));
        differ.map(|(old, _new)| old.key.clone()).collect()
    }
}

/// The value in its one spelling: `60s` and `1m` are the same.
fn meaning(key: &Key, value: &Value) -> String {
    let span = value.as_str().filter(|_text| matches!(key.kind, Kind::Span(..)));
    span.and_then(|text| duration::parse(text).ok()).map_or_else(|| value.to_string(), duration::write)
}
