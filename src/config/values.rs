//! The values of one section after another, for the structs that they become.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::document::Document;
use super::duration;
use super::key::{Section, Shape};
use super::problem::Reader;
use crate::domain::secret::Secret;
use crate::domain::setting::{Setting, Settings};

pub(super) struct Values<'d> {
    document: &'d Document,
    pub(super) reader: &'d mut Reader,
    section: Section,
    /// Whether phone services may be at loopback addresses.
    pub(super) allow_loopback: bool,
}

impl<'d> Values<'d> {
    pub(super) fn new(document: &'d Document, reader: &'d mut Reader) -> Self {
        let section = Section { name: "", shape: Shape::Always, about: "", keys: &[] };
        Self { document, reader, section, allow_loopback: false }
    }

    /// The keys of this section are the ones that [`Values::report`] and [`Values::has`] mean from then on.
    pub(super) fn read<T: Settings<Self>>(&mut self) -> Option<T> {
        self.section = Section::of::<T>(Shape::Always);
        T::read(self)
    }

    pub(super) fn read_if_written<T: Settings<Self>>(&mut self) -> Option<T> {
        self.document.entries(T::NAME, 0).and_then(|_written| self.read())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn report(&mut self, key: &str, message: impl Into<String>) {
        self.reader.report(&self.section.path(0, key), message);
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.document.value(&self.section, self.section.key(key)?)
    }

    fn take<T: Parse>(&mut self, key: &str) -> Option<T> {
        let path = self.section.path(0, key);
        match (self.value(key), self.section.key(key)?.required) {
            (Some(value), _) => {
                let parsed = T::parse(&value, self);
                self.reader.check(&path, parsed)
            }
            (None, Some(what)) => self.reader.required(&path, None, what),
            (None, None) => None,
        }
    }
}

/// What a value that fits its [`Kind`](super::key::Kind) means. The error is a sentence that says what is wrong.
pub(super) trait Parse: Sized {
    fn parse(value: &Value, values: &Values<'_>) -> Result<Self, String>;
}

impl<T: Parse> Setting<Values<'_>> for T {
    fn read(values: &mut Values<'_>, key: &'static str) -> Option<Self> {
        values.take(key)
    }
}

impl<T: Parse> Setting<Values<'_>> for Option<T> {
    fn read(values: &mut Values<'_>, key: &'static str) -> Option<Self> {
        Some(values.take(key))
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

macro_rules! parse_as_serde_does {
    ($($type:ty),+) => {
        $(impl Parse for $type {
            fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
                value.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
            }
        })+
    };
}

parse_as_serde_does!(bool, u32, String, super::LogFormat, crate::domain::settings::Profile);

impl Parse for Duration {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        duration::parse(text(value))
    }
}

impl Parse for Secret {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        Ok(Self::new(text(value)))
    }
}

impl Parse for PathBuf {
    fn parse(value: &Value, values: &Values<'_>) -> Result<Self, String> {
        let path = values.reader.path(text(value));
        if path.is_file() { Ok(path) } else { Err(format!("there is no file {}", path.display())) }
    }
}
