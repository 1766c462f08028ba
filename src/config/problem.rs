//! What is wrong with a configuration: every problem at once, each with the place where it was written.

use std::fmt;
use std::path::PathBuf;

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
        let no_file = || "the environment alone: there is no ./signbridge.toml, and no file is named by --config".to_owned();
        let place = self.file.as_ref().map_or_else(no_file, |file| file.display().to_string());
        let lines: Vec<String> = self.problems.iter().map(|problem| format!("{problem}")).collect();
        match lines.as_slice() {
            [only] => format!("the configuration ({place}) cannot be used: {only}"),
            several => format!("the configuration ({place}) cannot be used:\n  {}", several.join("\n  ")),
        }
    }
}

/// The known name that is closest to `written`, and how close: 1 is equal, and less than 0.6 is nothing that was meant.
pub(super) fn closest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<(f64, &'a str)> {
    let scored = known.map(|name| (strsim::normalized_damerau_levenshtein(written, name), name));
    scored.filter(|(score, _)| *score >= 0.6).max_by(|one, other| one.0.total_cmp(&other.0))
}
