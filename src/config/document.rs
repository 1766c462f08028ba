//! What was written: the values of the file and, laid over them, those of the environment, each with its place; and what is wrong
//! with them. Unknown keys, wrong types and values out of bounds are found here, all of them at once, by the descriptions of
//! `key`; the sections report what else they find while they turn what was written into what it means ([`Parse`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Table, Value};

use super::key::{self, Key, Section, Shape, literal};
use super::problem::{Location, Problem, closest};
use super::{SECTIONS, duration};
use crate::domain::secret::Secret;
use crate::domain::setting::Setting;

/// A file that is no TOML at all has a mistake in every line.
const MOST_ERRORS: usize = 10;

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
    /// Where relative paths start.
    base: PathBuf,
    tables: BTreeMap<(&'static str, usize), Entries>,
    /// Where each key was written, also where its value is not good.
    locations: BTreeMap<String, Location>,
    /// In the order of the file.
    pub(super) problems: BTreeSet<Problem>,
    /// What works but should be known.
    pub(super) warnings: Vec<String>,
    /// Whether phone services may be at loopback addresses.
    pub(super) allow_loopback: bool,
}

impl Document {
    pub(super) fn new(base: PathBuf) -> Self {
        Self { base, ..Self::default() }
    }

    /// Reads a file. `None` when it is not TOML: nothing else in it could be trusted.
    pub(super) fn read_file(&mut self, text: &str) -> Option<()> {
        let line_of = |offset| Location::Line(1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count());
        let (table, errors) = DeTable::parse_recoverable(text);
        let place = |error: &toml::de::Error| error.span().map(|span| line_of(span.start));
        for error in errors.iter().take(MOST_ERRORS) {
            self.report_at(place(error), "", format!("not valid TOML: {}", error.message()));
        }
        if let Some(next) = errors.get(MOST_ERRORS) {
            let more = errors.len().saturating_sub(MOST_ERRORS);
            self.report_at(place(next), "", format!("not valid TOML: and {more} places more; is this the right file?"));
        }
        if !errors.is_empty() {
            return None;
        }
        for (name, value) in table.into_inner() {
            self.item(name.get_ref(), line_of(name.span().start), value.into_inner(), &line_of);
        }
        Some(())
    }

    fn item(&mut self, name: &str, location: Location, value: DeValue<'_>, line_of: &impl Fn(usize) -> Location) {
        let named = Section::named(name).filter(|_section| !name.is_empty());
        match (named, value) {
            (Some(section), DeValue::Table(table)) if !section.is_list() => {
                self.table(Place { section, index: 0 }, table, line_of);
            }
            (Some(section), DeValue::Array(items)) if section.is_list() => {
                for (index, item) in items.into_iter().enumerate() {
                    match item.into_inner() {
                        DeValue::Table(table) => self.table(Place { section, index }, table, line_of),
                        _other => self.report_at(Some(location.clone()), name, format!("expected [[{name}]] tables")),
                    }
                }
            }
            (Some(section), _) if section.is_list() => {
                self.report_at(Some(location), name, format!("expected a list: write [[{name}]], with two brackets"));
            }
            (Some(_), _) => self.report_at(Some(location), name, format!("expected a section: write [{name}]")),
            (None, _later) if key::LATER.contains(&(name, None)) => self.report_at(Some(location), name, key::NOT_YET),
            (None, value) => {
                if let Some(section) = Section::named("") {
                    self.put(Place { section, index: 0 }, name, plain(value), location);
                }
            }
        }
    }

    fn table(&mut self, place: Place, table: DeTable<'_>, line_of: &impl Fn(usize) -> Location) {
        self.tables.entry((place.section.name, place.index)).or_default();
        for (name, value) in table {
            self.put(place, name.get_ref(), plain(value.into_inner()), line_of(name.span().start));
        }
    }

    /// A variable of the environment replaces what the file says; the same key twice in one of them (by two names, or as a value
    /// and as a `_file`) is a mistake.
    pub(super) fn put(&mut self, place: Place, name: &str, value: Option<Value>, location: Location) {
        let Some((key, from_file)) = place.section.key_or_file(name) else {
            let path = place.section.path(place.index, name);
            return self.report_at(Some(location), &path, unknown_key(place.section, name));
        };
        let path = place.section.path(place.index, key.name);
        let before = self.entries(place.section.name, place.index).and_then(|entries| entries.get(key.name));
        if before.is_some_and(|entry| std::mem::discriminant(&entry.location) == std::mem::discriminant(&location)) {
            let message = "is written twice, by two names or as a value and as a file: keep one";
            return self.report_at(Some(location), &path, message);
        }
        self.locations.insert(path.clone(), location.clone());
        let value = value.ok_or_else(|| format!("expected {}", key.kind.expected()));
        let value = match (value, from_file) {
            (Ok(Value::String(file)), true) => read_secret(&self.path(file)),
            (Ok(_), true) => Err("expected the path of a file, as a string".to_owned()),
            (value, false) | (value @ Err(_), true) => value,
        };
        if let Some(value) = self.check(&path, value.and_then(|value| key.kind.check(value))) {
            self.tables.entry((place.section.name, place.index)).or_default().insert(key.name, Entry { value, location });
        }
    }

    pub(super) fn len_of(&self, section: &Section) -> usize {
        self.tables.keys().filter(|(name, _)| *name == section.name).count()
    }

    pub(super) fn entries(&self, section: &'static str, index: usize) -> Option<&Entries> {
        self.tables.get(&(section, index))
    }

    pub(super) fn written(&self, section: &'static str, key: &str) -> Option<&Value> {
        self.entries(section, 0).and_then(|entries| entries.get(key)).map(|entry| &entry.value)
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
        let written = |name| self.written(section.name, name);
        let Some(production) = key.production else { return written(key.name).cloned() };
        let is_off = || written("profile").and_then(Value::as_str) == Some("off");
        let limit = written(key.name).cloned().or_else(|| literal(production).filter(|_production| !is_off()))?;
        let lifts = |span: &str| duration::parse(span) == Ok(Duration::ZERO);
        let is_zero = limit.as_integer() == Some(0) || limit.as_str().is_some_and(lifts);
        (!is_zero).then_some(limit)
    }

    /// What the value of a key means. `None` where it is missing or wrong, which has been reported then.
    pub(super) fn take<T: Parse>(&mut self, section: &'static str, key: &str) -> Option<T> {
        let section = Section::named(section)?;
        let key = section.key(key)?;
        let path = section.path(0, key.name);
        match self.value(section, key) {
            Some(value) => {
                let parsed = T::parse(&value, self);
                self.check(&path, parsed)
            }
            None => self.required(&path, None, key.required?),
        }
    }

    pub(super) fn list<T: DeserializeOwned>(&mut self, section: &Section) -> Option<Vec<T>> {
        let entries = self.tables.iter().filter(|((name, _), _)| *name == section.name);
        let entries = entries.map(|(_, entries)| {
            let table: Table = entries.iter().map(|(key, entry)| ((*key).to_owned(), entry.value.clone())).collect();
            // What does not fit was found and left out before; this can only fail when a description is wrong.
            table.try_into().map_err(|error| error.message().to_owned())
        });
        let entries: Result<_, String> = entries.collect();
        self.check(section.name, entries)
    }

    pub(super) fn report(&mut self, key: &str, message: impl Into<String>) {
        let location = self.locations.get(key).cloned();
        self.report_at(location, key, message);
    }

    pub(super) fn report_at(&mut self, location: Option<Location>, key: &str, message: impl Into<String>) {
        self.problems.insert(Problem { location, key: key.to_owned(), message: message.into() });
    }

    /// The value, if it is good; else its error is reported.
    pub(super) fn check<T, E: fmt::Display>(&mut self, key: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|error| self.report(key, error.to_string())).ok()
    }

    pub(super) fn required<T>(&mut self, key: &str, value: Option<T>, what: &str) -> Option<T> {
        // A key that was written but not understood has been reported already.
        if value.is_none() && !self.locations.contains_key(key) {
            self.report(key, format!("missing: write {what}"));
        }
        value
    }

    pub(super) fn path(&self, written: impl AsRef<Path>) -> PathBuf {
        self.base.join(written)
    }
}

fn unknown_key(section: &Section, name: &str) -> String {
    if key::is_later(section.name, name) {
        return key::NOT_YET.to_owned();
    }
    if let Some(meant) = key::meant(section.name, name) {
        return format!("unknown key; did you mean `{meant}`?");
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

fn read_secret(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Value::String(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What a value that fits its [`Kind`](super::key::Kind) means. The error is a sentence that says what is wrong.
pub(super) trait Parse: Sized {
    fn parse(value: &Value, document: &Document) -> Result<Self, String>;
}

impl<T: Parse> Setting<Document> for T {
    fn read(document: &mut Document, section: &'static str, key: &'static str) -> Option<Self> {
        document.take(section, key)
    }
}

impl<T: Parse> Setting<Document> for Option<T> {
    fn read(document: &mut Document, section: &'static str, key: &'static str) -> Option<Self> {
        Some(document.take(section, key))
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

macro_rules! parse_as_serde_does {
    ($($type:ty),+) => {
        $(impl Parse for $type {
            fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
                value.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
            }
        })+
    };
}

parse_as_serde_does!(bool, u32, String, super::LogFormat, crate::domain::settings::Profile);

impl Parse for Duration {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        duration::parse(text(value))
    }
}

impl Parse for Secret {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        Ok(Self::new(text(value)))
    }
}

impl Parse for PathBuf {
    fn parse(value: &Value, document: &Document) -> Result<Self, String> {
        let path = document.path(text(value));
        if path.is_file() { Ok(path) } else { Err(format!("there is no file {}", path.display())) }
    }
}
