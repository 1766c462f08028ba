//! The environment: the only place that reads it, and how a variable names a key.
//!
//! `SIGNBRIDGE_` and the path of the key in capitals, two underscores after a section: `SIGNBRIDGE_SECSIGN__URL`. An entry of
//! a list is named by its place from 0, or by its id: `SIGNBRIDGE_CLIENT__GRAFANA__SECRET`. An empty variable counts as
//! missing: that is what compose files make of one that is not set.
//!
//! The environment is not ours alone: Kubernetes and container links describe every neighbour whose name begins like ours
//! (`SIGNBRIDGE_DB_SERVICE_HOST`). That is passed over in silence; any other variable that we do not know is a warning. An error
//! is only what was surely meant for us: it names a section of ours, or is a slip of the pen away from a key.

use super::SECTIONS;
use super::document::{Document, Place};
use super::key::{self, Section, Shape};
use super::problem::{Location, closest};

const PREFIX: &str = "SIGNBRIDGE_";
pub(crate) const CONFIG_VARIABLE: &str = "SIGNBRIDGE_CONFIG";
pub(crate) const LOG_VARIABLE: &str = "SIGNBRIDGE_LOG";
pub(crate) const MASTER_KEY_VARIABLE: &str = "SIGNBRIDGE_MASTER_KEY_FILE";
pub(super) const RESERVED: [&str; 3] = [CONFIG_VARIABLE, LOG_VARIABLE, MASTER_KEY_VARIABLE];

pub(crate) fn variables() -> Vec<(String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

pub(crate) fn variable<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(variable, value)| variable == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// What kind of terminal the environment speaks of (`TERM`).
pub(crate) fn terminal() -> Option<String> {
    std::env::var_os("TERM").map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.is_empty())
}

/// The variable that names `key` of `section`; `which` tells the entries of a list apart.
pub(super) fn variable_name(section: &Section, which: &str, key: &str) -> String {
    let parts = [section.name, which, key];
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_empty()).map(|part| part.to_ascii_uppercase()).collect();
    format!("{PREFIX}{}", parts.join("__"))
}

pub(super) fn overlay(document: &mut Document, variables: &[(String, String)]) {
    let mut variables: Vec<&(String, String)> = variables.iter().collect();
    variables.sort();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if RESERVED.contains(&variable.as_str()) || text.is_empty() {
            continue;
        }
        let neighbours = is_of_a_neighbour(name, text);
        let location = Location::Variable(variable.clone());
        let name = name.to_ascii_lowercase();
        let parts: Vec<&str> = name.split("__").collect();
        match place_of(document, &parts) {
            Ok((place, key)) => {
                let value = place.section.key_or_file(key).map(|(key, from_file)| match from_file {
                    true => toml::Value::String(text.clone()),
                    false => key.kind.read_variable(text),
                });
                document.put(place, key, value, location);
            }
            // Only what is no key of ours: a key may well be named like what neighbours write.
            Err(_) if neighbours => {}
            Err(Some(message)) => document.report_at(Some(location), "", message),
            Err(None) => match judge(variable, &parts) {
                Ok(message) => document.report_at(Some(location), "", message),
                Err(warning) => document.warnings.push(warning),
            },
        }
    }
}

/// Where the key that `parts` name stands. The error is a message, where there is more to say than that it is unknown.
fn place_of<'a>(document: &Document, parts: &[&'a str]) -> Result<(Place, &'a str), Option<String>> {
    let (section, index, key) = match parts {
        [key] => (Section::named(""), 0, *key),
        [name, key] => (Section::named(name).filter(|section| !section.is_list()), 0, *key),
        [name, which, key] => match Section::named(name) {
            Some(list) if list.is_list() => (Some(list), index_of(document, list, which)?, *key),
            _other => (None, 0, *key),
        },
        _other => (None, 0, ""),
    };
    let section = section.filter(|section| section.key_or_file(key).is_some()).ok_or(None)?;
    Ok((Place { section, index }, key))
}

/// The place in a list that `which` names: a number, or the id of an entry with `_` for what a variable cannot hold.
fn index_of(document: &Document, list: &Section, which: &str) -> Result<usize, Option<String>> {
    let count = document.len_of(list);
    if let Ok(index) = which.parse::<usize>() {
        let message = || Some(format!("there is no {} number {count} before it: the numbers start at 0", list.name));
        return if index <= count { Ok(index) } else { Err(message()) };
    }
    let Shape::List(id) = list.shape else { return Err(None) };
    let named = |index: &usize| {
        let value = document.entries(list.name, *index).and_then(|entries| entries.get(id));
        value.and_then(|entry| entry.value.as_str()).is_some_and(|written| as_part(written) == which)
    };
    let message = || Some(format!("the file has no [[{}]] with this {id}", list.name));
    (0..count).find(named).ok_or_else(message)
}

fn as_part(id: &str) -> String {
    id.chars().map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' }).collect()
}

/// Whether Kubernetes or a container link wrote this about a service whose name begins like ours, also behind the rest of that
/// name.
fn is_of_a_neighbour(name: &str, value: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let is_port = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_protocol = |part: &str| ["TCP", "UDP", "SCTP"].contains(&part);
    let described = |at: usize| match parts.get(at..).unwrap_or_default() {
        ["SERVICE", "HOST"] => true,
        ["SERVICE", "PORT", ..] => is_port(value),
        ["PORT"] => value.contains("://"),
        ["PORT", port, protocol] => is_port(port) && is_protocol(protocol),
        ["PORT", port, protocol, "ADDR" | "PORT" | "PROTO"] => is_port(port) && is_protocol(protocol),
        // What a link says about the container's name and environment: `/web/db`.
        ["NAME"] => value.starts_with('/'),
        _other => false,
    };
    (0..parts.len()).any(described)
}

/// How close to a variable of ours a slip of the pen is.
const SLIP: f64 = 0.75;

/// An unknown variable: what is wrong with one that was surely meant for us; the error is a warning about any other.
fn judge(variable: &str, parts: &[&str]) -> Result<String, String> {
    if let [section, key] = parts
        && key::is_later(section, key)
    {
        return Ok(key::NOT_YET.to_owned());
    }
    if let [name, key] = parts
        && let Some((section, meant)) = Section::named(name).zip(key::meant(name, key))
    {
        return Ok(format!("unknown variable; did you mean {}?", variable_name(section, "", meant)));
    }
    let written = variable.trim_start_matches(PREFIX);
    let single = SECTIONS.iter().filter(|section| !section.is_list());
    let known = single.flat_map(|section| section.keys.iter().map(move |key| variable_name(section, "", key.name)));
    let known: Vec<String> = known.chain(RESERVED.map(str::to_owned)).collect();
    let names = || known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    if names().any(|name| written.strip_suffix("_FILE") == Some(name)) {
        return Ok("unknown variable; only a secret can be given as a file".to_owned());
    }
    let near = closest(written, names());
    let advice = match near {
        Some((_, known)) => format!("did you mean {PREFIX}{known}?"),
        None => "`signbridge config reference` lists them all".to_owned(),
    };
    let names_section = parts.len() > 1 && SECTIONS.iter().any(|section| parts.first() == Some(&section.name));
    if names_section || near.is_some_and(|(score, _)| score >= SLIP) {
        return Ok(format!("unknown variable; {advice}"));
    }
    Err(format!("{variable} is no variable of this program and is ignored; {advice}"))
}
