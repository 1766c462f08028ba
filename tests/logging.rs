//! The catalogue of the log: every record that `src` can write stands in `docs/logging.md`, with its level and its fields.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A row of the catalogue: message, level, fields in the order of the alphabet.
fn row(level: &str, fields: &BTreeSet<String>, message: &str) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
    let fields = if fields.is_empty() { "–".to_owned() } else { fields.join(", ") };
    format!("| `{message}` | {} | {fields} |", level.to_uppercase())
}

/// The arguments of a macro call that begins behind its opening bracket: split at commas that stand in no bracket or text.
fn arguments(source: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut parts = vec![String::new()];
    for character in source.chars() {
        match character {
            _any if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _other => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The rows that a source text makes.
fn rows_of(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut rows = Vec::new();
    for level in LEVELS {
        for (at, call) in production.match_indices(&format!("tracing::{level}!(")) {
            let arguments = arguments(&production[at + call.len()..]);
            let (last, fields) = arguments.split_last().unwrap();
            let message = last.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            // Found in no catalogue: a record ends in its message, which is constant.
            let message = message.unwrap_or("no constant message");
            let name = |field: &String| {
                let name = field.split(" = ").next().unwrap();
                name.trim_start_matches(['%', '?']).rsplit('.').next().unwrap().to_owned()
            };
            rows.push(row(level, &fields.iter().map(name).collect(), message));
        }
    }
    // Records that are made without the subscriber, in `src/telemetry.rs`.
    let call = "plainly(Level::";
    for (at, _) in production.match_indices(call) {
        if let [level, message, field, _value] = arguments(&production[at + call.len()..]).as_slice() {
            let (message, field) = (message.trim_matches('"'), field.trim_matches('"').to_owned());
            rows.push(row(level, &BTreeSet::from([field]), message));
        }
    }
    rows
}

fn rows_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            rows_below(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.extend(rows_of(&fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_catalogue_is_what_the_source_can_log() {
    let mut written = BTreeSet::new();
    rows_below(&root().join("src"), &mut written);
    let page = fs::read_to_string(root().join("docs/logging.md")).unwrap();
    // A row of the page has a fourth cell, which says what the record means.
    let named: BTreeSet<String> = page
        .lines()
        .filter(|line| LEVELS.iter().any(|level| line.contains(&format!("| {} |", level.to_uppercase()))))
        .map(|line| {
            line.trim_end_matches('|').rsplit_once('|').map_or(line, |(row, _meaning)| row).trim_end().to_owned() + " |"
        })
        .collect();
    let missing: Vec<&String> = written.difference(&named).collect();
    let stale: Vec<&String> = named.difference(&written).collect();
    assert!(missing.is_empty() && stale.is_empty(), "docs/logging.md lacks {missing:#?} and should not have {stale:#?}");
}

#[test]
fn a_record_that_is_not_in_the_catalogue_would_be_noticed() {
    let source = "tracing::warn!(login = %login.id, %error, kind = ?f(a, \")\"), status, %login.upstream, \"it, failed\");";
    assert_eq!(rows_of(source), ["| `it, failed` | WARN | `error`, `kind`, `login`, `status`, `upstream` |"]);
    assert_eq!(rows_of("tracing::info!(\"stopped\")"), ["| `stopped` | INFO | – |"]);
    assert_eq!(rows_of("plainly(Level::WARN, \"lost\", \"count\", Value::from(n))"), ["| `lost` | WARN | `count` |"]);
}

#[test]
fn no_field_has_a_name_that_every_record_has() {
    let mut written = BTreeSet::new();
    rows_below(&root().join("src"), &mut written);
    for row in written {
        for taken in ["timestamp", "level", "message", "target", "request_id"] {
            assert!(!row.contains(&format!("`{taken}`")), "{row}");
        }
    }
}
