//! The reference of every key, made from the descriptions that the reading itself uses: it cannot be out of date.

use serde::Serialize;

use super::SECTIONS;
use super::environment::{RESERVED, variable_name};
use super::key::{Key, Kind, Section, Shape};

const WIDTH: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReferenceEntry {
    /// The key with its section: `listen.address`, `client[].id`.
    pub key: String,
    pub variable: String,
    pub expected: String,
    pub default: Option<&'static str>,
    pub secret: bool,
    pub about: &'static str,
}

pub(crate) fn reference_entries() -> Vec<ReferenceEntry> {
    SECTIONS.iter().flat_map(|section| section.keys.iter().map(|key| entry(section, key))).collect()
}

fn entry(section: &Section, key: &Key) -> ReferenceEntry {
    let (which, name) = match section.shape {
        Shape::List(_) => ("0", format!("{}[].{}", section.name, key.name)),
        _single => ("", section.path(0, key.name)),
    };
    ReferenceEntry {
        key: name,
        variable: variable_name(section, which, key.name),
        expected: key.kind.expected(),
        default: key.default,
        secret: key.kind == Kind::Secret,
        about: key.about,
    }
}

/// The reference as a configuration file: every key is a comment, with its default where it has one.
pub(crate) fn reference() -> String {
    let mut text = String::new();
    comment(&mut text, INTRODUCTION);
    for name in RESERVED {
        text.push_str(&format!("#   {name}\n"));
    }
    for section in SECTIONS {
        text.push('\n');
        comment(&mut text, section.about);
        if !section.name.is_empty() {
            // A section that may be absent is commented out: it exists as soon as its header does.
            let mark = if section.shape == Shape::Always { "" } else { "#" };
            text.push_str(&format!("{mark}{}\n", section.header()));
        }
        for key in section.keys {
            let entry = entry(section, key);
            let file = if entry.secret { ", or a file: _file, _FILE" } else { "" };
            text.push('\n');
            comment(&mut text, entry.about);
            comment(&mut text, &format!("{}: {}{file}", entry.variable, entry.expected));
            text.push_str(&format!("#{} = {}\n", key.name, entry.default.unwrap_or("")));
        }
    }
    text
}

const INTRODUCTION: &str = "Signbridge: every key of the configuration file, with its default. Every key can also be given as a \
    variable of the environment, which then wins; lists are separated by commas there. A secret can be given as a file: add \
    _file to the key or _FILE to the variable. Relative paths start in the directory of this file. Durations are a number and a \
    unit: \"90s\", \"10m\", \"24h\", \"30d\". A variable that begins with SIGNBRIDGE_ and is not known is refused when it names a \
    section of this file or is close to a variable of ours, else it is passed over with a warning; what Kubernetes and container \
    links write is passed over in silence. Three variables stand for no key:";

fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
