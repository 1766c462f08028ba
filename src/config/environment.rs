//! The environment: the only place that reads it, and how a variable names a key.
//!
//! `SIGNBRIDGE_` and the path of the key in capitals, two underscores after a section: `SIGNBRIDGE_SECSIGN__URL`. An entry of
//! a list is named by its place from 0, or by its id: `SIGNBRIDGE_CLIENT__GRAFANA__SECRET`. An empty variable counts as
//! missing: that is what compose files make of one that is not set.

use super::SECTIONS;
use super::document::{Document, Place, Written, find_key};
use super::key::{Section, Shape};
use super::problem::{Origin, Reader, suggestion};

const PREFIX: &str = "SIGNBRIDGE_";
/// The path of the configuration file, where no `--config` says otherwise.
pub const CONFIG_VARIABLE: &str = "SIGNBRIDGE_CONFIG";
/// The filter of the log, in the syntax of `tracing_subscriber::EnvFilter`.
pub const LOG_VARIABLE: &str = "SIGNBRIDGE_LOG";
/// The file of the master key, where it does not stand in `keys_dir` (decision 2.5).
pub const MASTER_KEY_VARIABLE: &str = "SIGNBRIDGE_MASTER_KEY_FILE";

/// The product's variables of the environment.
pub fn variables() -> Vec<(String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

/// The variable `name` among `variables`, unless it is empty.
pub fn variable<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(variable, value)| variable == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

/// The variable that names `key` of `section`; `which` tells the entries of a list apart.
pub(super) fn variable_name(section: &Section, which: &str, key: &str) -> String {
    let parts = [section.name, which, key];
    let parts: Vec<String> = parts.iter().filter(|part| !part.is_empty()).map(|part| part.to_ascii_uppercase()).collect();
    format!("{PREFIX}{}", parts.join("__"))
}

/// Lays the environment over what the file says.
pub(super) fn overlay(document: &mut Document, variables: &[(String, String)], reader: &mut Reader) {
    let mut variables: Vec<&(String, String)> = variables.iter().collect();
    variables.sort();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let reserved = [CONFIG_VARIABLE, LOG_VARIABLE, MASTER_KEY_VARIABLE].contains(&variable.as_str());
        if reserved || text.is_empty() || is_from_kubernetes(name) {
            continue;
        }
        let origin = Origin::Environment { variable: variable.clone() };
        let name = name.to_ascii_lowercase();
        let parts: Vec<&str> = name.split("__").collect();
        match place_of(document, &parts) {
            Ok((place, key)) => {
                let value = find_key(place.section, key).map(|(key, from_file)| match from_file {
                    true => toml::Value::String(text.clone()),
                    false => key.kind.read_variable(text),
                });
                document.put(place, Written { name: key, value, origin }, reader);
            }
            Err(Some(message)) => reader.report_at(Some(origin), "", message),
            Err(None) => reader.report_at(Some(origin), "", unknown_variable(variable)),
        }
    }
}

/// Where the key that `parts` name stands. The error is a message, where there is more to say than that it is unknown.
fn place_of<'a>(document: &Document, parts: &[&'a str]) -> Result<(Place, &'a str), Option<String>> {
    let section = |name: &str| SECTIONS.iter().copied().find(|section| section.name == name);
    let (section, index, key) = match parts {
        [key] => (section(""), 0, *key),
        [name, key] => (section(name).filter(|section| !section.is_list()), 0, *key),
        [name, which, key] => match section(name) {
            Some(list) if list.is_list() => (Some(list), index_of(document, list, which)?, *key),
            _other => (None, 0, *key),
        },
        _other => (None, 0, ""),
    };
    let section = section.filter(|section| find_key(section, key).is_some()).ok_or(None)?;
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
        let value = document.entries(list, *index).and_then(|entries| entries.get(id));
        value.and_then(|entry| entry.value.as_str()).is_some_and(|written| as_part(written) == which)
    };
    let message = || Some(format!("the file has no [[{}]] with this {id}", list.name));
    (0..count).find(named).ok_or_else(message)
}

fn as_part(id: &str) -> String {
    id.chars().map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' }).collect()
}

/// Kubernetes gives every container such variables about a service that is called `signbridge`.
fn is_from_kubernetes(name: &str) -> bool {
    name == "PORT" || ["PORT_", "SERVICE_HOST", "SERVICE_PORT"].iter().any(|start| name.starts_with(start))
}

fn unknown_variable(variable: &str) -> String {
    let of_section = |section: &'static Section| section.keys.iter().map(|key| variable_name(section, "", key.name));
    let known: Vec<String> =
        SECTIONS.iter().filter(|section| !section.is_list()).flat_map(|section| of_section(section)).collect();
    let known = known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    match suggestion(variable.trim_start_matches(PREFIX), known) {
        Some(known) => format!("unknown variable; did you mean {PREFIX}{known}?"),
        None => "unknown variable; `signbridge config reference` lists them all".to_owned(),
    }
}
