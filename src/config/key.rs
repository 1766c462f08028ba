//! The sections of the file, and how what is written for a key is checked by its description.

use toml::Value;

use super::{SECTIONS, duration};
use crate::domain::setting::Declared;
pub(super) use crate::domain::setting::{Key, Kind};

/// A section of the file, `[name]`; the first one has no name: its keys stand at the top.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Always there; its defaults hold when it is not written.
    Always,
    /// There only when it is written.
    Optional,
    /// `[[name]]`, any number of times. The key named here is what tells its entries apart.
    List(&'static str),
}

impl Section {
    pub(super) const fn of<T: Declared>(shape: Shape) -> Self {
        Self { name: T::NAME, shape, about: T::ABOUT, keys: T::KEYS }
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().copied().find(|section| section.name == name)
    }

    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name || key.alias == Some(name))
    }

    pub(super) fn key_or_file(&self, name: &str) -> Option<(&'static Key, bool)> {
        let of_file = || self.key(name.strip_suffix("_file")?).filter(|key| key.kind == Kind::Secret).map(|key| (key, true));
        self.key(name).map(|key| (key, false)).or_else(of_file)
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.shape, Shape::List(_))
    }

    pub(super) fn header(&self) -> String {
        if self.is_list() { format!("[[{}]]", self.name) } else { format!("[{}]", self.name) }
    }

    pub(super) fn path(&self, index: usize, key: &str) -> String {
        match (self.name, self.is_list()) {
            ("", _) => key.to_owned(),
            (section, true) => format!("{section}[{index}].{key}"),
            (section, false) => format!("{section}.{key}"),
        }
    }
}

/// What is named in the design and has no effect yet: refused, so that nobody believes to have switched on what does not exist.
/// (section, key); without a key, every key of the section.
pub(super) const LATER: &[(&str, Option<&str>)] = &[("lifetimes", Some("request_uri")), ("registration", None)];

pub(super) const NOT_YET: &str = "not available yet: leave it out; nothing would come of it";

/// Whether `key` of `section` is one of them, also as the path of a file (`pin_password_file`).
pub(super) fn is_later(section: &str, key: &str) -> bool {
    let key = key.strip_suffix("_file").unwrap_or(key);
    LATER.iter().any(|(in_section, later)| *in_section == section && later.is_none_or(|later| later == key))
}

/// What other programs call a key of ours: (section, their name, ours).
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("listen", "port", "address"),
    ("listen", "host", "address"),
    ("listen", "bind", "address"),
    ("listen", "cert", "tls_cert"),
    ("listen", "key", "tls_key"),
    ("database", "path", "url"),
    ("database", "uri", "url"),
    ("database", "dsn", "url"),
];

/// The key that `written` was surely meant to be, though it is spelled otherwise.
pub(super) fn meant(section: &str, written: &str) -> Option<&'static str> {
    OTHERWISE.iter().find(|(in_section, name, _)| *in_section == section && *name == written).map(|(_, _, ours)| *ours)
}

pub(super) fn literal(text: &str) -> Option<Value> {
    text.parse().ok()
}

impl Kind {
    pub(super) fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret => "a string".to_owned(),
            Self::Path => "a path, as a string".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Count(least, most) => format!("a whole number from {least} to {most}"),
            Self::Span(least, most) => {
                format!("a duration from \"{}\" to \"{}\"", duration::write(least), duration::write(most))
            }
            Self::Texts | Self::Words => "a list of strings".to_owned(),
            Self::Choice(choices) => format!("one of \"{}\"", choices.join("\", \"")),
        }
    }

    pub(super) fn read_variable(self, text: &str) -> Value {
        let boolean = match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _other => None,
        };
        match (self, boolean, text.parse::<i64>()) {
            (Self::Switch, Some(boolean), _) => Value::Boolean(boolean),
            (Self::Count(..), _, Ok(number)) => Value::Integer(number),
            _text => Value::String(text.to_owned()),
        }
    }

    /// Gives a written value its one form. The message never repeats it: it may be a secret in the wrong place.
    pub(super) fn check(self, value: Value) -> Result<Value, String> {
        let fits = match (self, &value) {
            (Self::Text | Self::Secret | Self::Path, Value::String(text)) => {
                if text.trim().is_empty() || text.chars().any(char::is_control) {
                    return Err("is empty or has control characters: write it, or leave the key out".to_owned());
                }
                true
            }
            (Self::Switch, Value::Boolean(_)) => true,
            (Self::Count(least, most), Value::Integer(number)) => (least.into()..=most.into()).contains(number),
            (Self::Span(least, most), Value::String(text)) => {
                let duration = duration::parse(text)?;
                (least..=most).contains(&duration)
            }
            (Self::Choice(choices), Value::String(text)) => choices.contains(&text.as_str()),
            (Self::Texts | Self::Words, Value::Array(items)) => items.iter().all(|item| item.as_str().is_some_and(is_item)),
            (Self::Texts | Self::Words, Value::String(text)) => return Ok(self.split(text)),
            _other => false,
        };
        if fits { Ok(value) } else { Err(format!("expected {}", self.expected())) }
    }

    fn split(self, text: &str) -> Value {
        let blanks = matches!(self, Self::Words);
        let items = text.split(|character: char| character == ',' || blanks && character.is_whitespace());
        let items = items.map(str::trim).filter(|item| is_item(item));
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    }
}

fn is_item(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::setting::{HOUR, MINUTE};

    #[test]
    fn a_text_of_the_environment_becomes_a_value_of_its_kind() {
        let list = |items: &[&str]| Value::Array(items.iter().map(|item| Value::from(*item)).collect());
        for (kind, text, value) in [
            (Kind::Switch, "true", Value::Boolean(true)),
            (Kind::Switch, "0", Value::Boolean(false)),
            (Kind::Count(0, 5), "3", Value::Integer(3)),
            (Kind::Text, "3", Value::from("3")),
            (Kind::Texts, "Domain Users, admins", list(&["Domain Users", "admins"])),
            (Kind::Words, "a, b c", list(&["a", "b", "c"])),
            (Kind::Span(Duration::ZERO, HOUR), "5m", Value::from("5m")),
        ] {
            assert_eq!(kind.check(kind.read_variable(text)), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_value_of_another_kind_or_out_of_bounds_is_refused() {
        for (kind, value) in [
            (Kind::Switch, Value::from("maybe")),
            (Kind::Count(0, 5), Value::Integer(6)),
            (Kind::Count(0, 5), Value::Integer(-1)),
            (Kind::Text, Value::Integer(3)),
            (Kind::Text, Value::from(" ")),
            (Kind::Words, Value::Array(vec![Value::Integer(3)])),
            (Kind::Choice(&["a", "b"]), Value::from("c")),
            (Kind::Span(MINUTE, HOUR), Value::from("2h")),
            (Kind::Span(MINUTE, HOUR), Value::from("59s")),
        ] {
            assert!(kind.check(value.clone()).is_err(), "{value}");
        }
    }
}
