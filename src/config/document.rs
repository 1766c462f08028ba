//! What was written: the values of the file and, laid over them, those of the environment, each with its place. Unknown keys,
//! wrong types and values out of bounds are found here, all of them at once, by the descriptions of `key`.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Table, Value};

use super::key::{Key, Section, Shape, literal};
use super::problem::{Location, Reader, closest};
use super::{SECTIONS, duration, not_yet};

pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) location: Location,
}

pub(super) type Entries = BTreeMap<&'static str, Entry>;

#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) section: &'static Section,
    pub(super) index: usize,
}

#[derive(Default)]
pub(super) struct Document {
    tables: BTreeMap<(&'static str, usize), Entries>,
}

struct File<'f> {
    text: &'f str,
    document: Document,
    reader: &'f mut Reader,
}

impl File<'_> {
    fn location(&self, offset: usize) -> Location {
        Location::Line(1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count())
    }

    fn item(&mut self, name: &str, location: Location, value: DeValue<'_>) {
        let top = SECTIONS.iter().copied().find(|section| section.name.is_empty());
        let named = SECTIONS.iter().copied().find(|section| !name.is_empty() && section.name == name);
        match (named, value) {
            (Some(section), DeValue::Table(table)) if !section.is_list() => self.table(Place { section, index: 0 }, table),
            (Some(section), DeValue::Array(items)) if section.is_list() => {
                for (index, item) in items.into_iter().enumerate() {
                    match item.into_inner() {
                        DeValue::Table(table) => self.table(Place { section, index }, table),
                        _other => self.reader.report_at(Some(location.clone()), name, format!("expected [[{name}]] tables")),
                    }
                }
            }
            (Some(section), _) if section.is_list() => {
                self.reader.report_at(Some(location), name, format!("expected a list: write [[{name}]], with two brackets"));
            }
            (Some(_), _) => self.reader.report_at(Some(location), name, format!("expected a section: write [{name}]")),
            (None, _later) if not_yet::is_section(name) => self.reader.report_at(Some(location), name, not_yet::MESSAGE),
            (None, value) => {
                if let Some(section) = top {
                    self.document.put(Place { section, index: 0 }, name, (plain(value), location), self.reader);
                }
            }
        }
    }

    fn table(&mut self, place: Place, table: DeTable<'_>) {
        self.document.tables.entry((place.section.name, place.index)).or_default();
        for (name, value) in table {
            let location = self.location(name.span().start);
            self.document.put(place, name.get_ref(), (plain(value.into_inner()), location), self.reader);
        }
    }
}

impl Document {
    /// Reads a file. `None` when it is not TOML: nothing else in it could be trusted.
    pub(super) fn read(text: &str, reader: &mut Reader) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut file = File { text, document: Self::default(), reader };
        for error in &errors {
            let location = error.span().map(|span| file.location(span.start));
            file.reader.report_at(location, "", format!("not valid TOML: {}", error.message()));
        }
        if !errors.is_empty() {
            return None;
        }
        for (name, value) in table.into_inner() {
            let location = file.location(name.span().start);
            file.item(name.get_ref(), location, value.into_inner());
        }
        Some(file.document)
    }

    /// A variable of the environment replaces what the file says; the same key twice in one of them (by two names, or as a value
    /// and as a `_file`) is a mistake.
    pub(super) fn put(&mut self, place: Place, name: &str, written: (Option<Value>, Location), reader: &mut Reader) {
        let (value, location) = written;
        let Some((key, from_file)) = place.section.key_or_file(name) else {
            let path = place.section.path(place.index, name);
            return reader.report_at(Some(location), &path, unknown_key(place.section, name));
        };
        let path = place.section.path(place.index, key.name);
        let before = self.tables.get(&(place.section.name, place.index)).and_then(|entries| entries.get(key.name));
        if before.is_some_and(|entry| std::mem::discriminant(&entry.location) == std::mem::discriminant(&location)) {
            return reader.report_at(
                Some(location),
                &path,
                "is written twice, by two names or as a value and as a file: keep one",
            );
        }
        reader.written(path.clone(), location.clone());
        let value = value.ok_or_else(|| format!("expected {}", key.kind.expected()));
        let value = match (value, from_file) {
            (Ok(Value::String(file)), true) => read_secret(&file, reader),
            (Ok(_), true) => Err("expected the path of a file in quotes".to_owned()),
            (value, false) | (value @ Err(_), true) => value,
        };
        if let Some(value) = reader.check(&path, value.and_then(|value| key.kind.check(value))) {
            self.tables.entry((place.section.name, place.index)).or_default().insert(key.name, Entry { value, location });
        }
    }

    pub(super) fn len_of(&self, section: &Section) -> usize {
        self.tables.keys().filter(|(name, _)| *name == section.name).count()
    }

    pub(super) fn entries(&self, section: &'static str, index: usize) -> Option<&Entries> {
        self.tables.get(&(section, index))
    }

    /// Adds the defaults of what was not written. A section that may be absent gets them only when it is there.
    pub(super) fn fill_defaults(&mut self) {
        for section in SECTIONS {
            if section.shape == Shape::Always {
                self.tables.entry((section.name, 0)).or_default();
            }
            for (_, entries) in self.tables.iter_mut().filter(|((name, _), _)| *name == section.name) {
                for key in section.keys {
                    if let Some(value) = key.default.and_then(literal) {
                        entries.entry(key.name).or_insert(Entry { value, location: Location::Default });
                    }
                }
            }
        }
    }

    /// The value that holds for a key. A limit that is not written is the one of the profile; one of 0 is none.
    pub(super) fn value(&self, section: &Section, key: &Key) -> Option<Value> {
        let entries = self.entries(section.name, 0);
        let written = |name| entries.and_then(|entries| entries.get(name)).map(|entry: &Entry| entry.value.clone());
        let Some(production) = key.production else { return written(key.name) };
        let is_off = || written("profile").is_some_and(|profile| profile.as_str() == Some("off"));
        let limit = written(key.name).or_else(|| literal(production).filter(|_production| !is_off()))?;
        let is_zero = limit.as_integer() == Some(0) || limit.as_str().is_some_and(duration::is_zero);
        (!is_zero).then_some(limit)
    }

    pub(super) fn list<T: DeserializeOwned>(&self, section: &Section, reader: &mut Reader) -> Option<Vec<T>> {
        let entries = self.tables.iter().filter(|((name, _), _)| *name == section.name);
        let entries = entries.map(|(_, entries)| {
            let table: Table = entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.value.clone())).collect();
            // What does not fit was found and left out before; this can only fail when a description is wrong.
            table.try_into().map_err(|error| error.message().to_owned())
        });
        let entries: Result<_, String> = entries.collect();
        reader.check(section.name, entries)
    }
}

fn unknown_key(section: &Section, name: &str) -> String {
    if not_yet::is_key(section.name, name) {
        return not_yet::MESSAGE.to_owned();
    }
    let sections = SECTIONS.iter().map(|other| other.name).filter(|other| section.name.is_empty() && !other.is_empty());
    let known = section.keys.iter().map(|key| key.name).chain(sections);
    if let Some((_, known)) = closest(name, known) {
        return format!("unknown key; did you mean `{known}`?");
    }
    match SECTIONS.iter().find(|other| other.key(name).is_some()) {
        Some(other) if other.name.is_empty() => "this key stands at the top of the file, before the first section".to_owned(),
        Some(other) => format!("unknown key here; it belongs under [{}]", other.name),
        None => "unknown key; `signbridge config reference` lists them all".to_owned(),
    }
}

/// The value without its place in the file. `None` for what no key takes.
fn plain(value: DeValue<'_>) -> Option<Value> {
    Value::deserialize(ValueDeserializer::from(Spanned::new(0..0, value))).ok()
}

fn read_secret(file: &str, reader: &Reader) -> Result<Value, String> {
    let path = reader.path(file);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Value::String(text.trim_end_matches(['\r', '\n']).to_owned()))
}
