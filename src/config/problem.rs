//! What is wrong with a configuration: every problem at once, each with the place where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Location {
    Default,
    Line(usize),
    Variable(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Variable(variable) => f.write_str(variable),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Where it was written; `None` when it was not.
    pub location: Option<Location>,
    /// As `client[0].id`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong and what would be right. Never holds a value that could be a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(Location::Default) | None => {}
            Some(location) => write!(f, "{location}: ")?,
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub(crate) struct ConfigError {
    pub file: Option<PathBuf>,
    /// In the order of the file. Never empty.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    fn sentence(&self) -> String {
        let place = self.file.as_ref().map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
        let lines: Vec<String> = self.problems.iter().map(|problem| format!("{problem}")).collect();
        match lines.as_slice() {
            [only] => format!("the configuration ({place}) cannot be used: {only}"),
            several => format!("the configuration ({place}) cannot be used:\n  {}", several.join("\n  ")),
        }
    }
}

/// Collects problems while sections turn what was written into what it means, and knows where each key was written.
pub(super) struct Reader {
    base: PathBuf,
    locations: BTreeMap<String, Location>,
    problems: Vec<Problem>,
    /// What works but should be known.
    pub(super) warnings: Vec<String>,
}

impl Reader {
    pub(super) fn new(base: PathBuf) -> Self {
        Self { base, locations: BTreeMap::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn written(&mut self, key: String, location: Location) {
        self.locations.insert(key, location);
    }

    pub(super) fn report(&mut self, key: &str, message: impl Into<String>) {
        let location = self.locations.get(key).cloned();
        self.report_at(location, key, message);
    }

    pub(super) fn report_at(&mut self, location: Option<Location>, key: &str, message: impl Into<String>) {
        self.problems.push(Problem { location, key: key.to_owned(), message: message.into() });
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

    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems.dedup();
        self.problems
    }
}

/// The known name that is closest to `written`, and how close: 1 is equal, and less than 0.6 is nothing that was meant.
pub(super) fn closest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<(f64, &'a str)> {
    let scored = known.map(|name| (strsim::normalized_damerau_levenshtein(written, name), name));
    scored.filter(|(score, _)| *score >= 0.6).max_by(|one, other| one.0.total_cmp(&other.0))
}
