//! What is read at a start only: whether a file that is read again says something else about it.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::SECTIONS;
use super::document::Document;
use super::duration;
use super::key::{Kind, Section};

/// A digest of each value, by the name of its key: of all but the lists, which can change while a server runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadAtStart(BTreeMap<String, [u8; 32]>);

impl ReadAtStart {
    pub(super) fn of(document: &Document) -> Self {
        let sections = SECTIONS.iter().filter(|section| !section.is_list());
        let written = sections.flat_map(|section| {
            let entries = document.entries(section, 0).into_iter().flatten();
            entries.map(|(name, entry)| (section.path(0, name), Sha256::digest(meaning(section, name, &entry.value)).into()))
        });
        Self(written.collect())
    }

    /// The keys whose values differ.
    pub fn changed(&self, later: &Self) -> Vec<String> {
        let names = self.0.keys().chain(later.0.keys().filter(|name| !self.0.contains_key(*name)));
        names.filter(|name| self.0.get(*name) != later.0.get(*name)).cloned().collect()
    }
}

/// The value in its one spelling: `60s` and `1m` are the same.
fn meaning(section: &Section, name: &str, value: &toml::Value) -> String {
    let is_span = section.key(name).is_some_and(|key| matches!(key.kind, Kind::Span(..)));
    let span = value.as_str().filter(|_text| is_span).and_then(|text| duration::parse(text).ok());
    span.map_or_else(|| value.to_string(), duration::write)
}
