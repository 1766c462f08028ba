//! `[log]`: what the log looks like. What it says is the business of the variable `SIGNBRIDGE_LOG`.

use serde::Deserialize;

use super::key::{Key, Kind, Section, Shape};

pub(super) const SECTION: Section = Section {
    name: "log",
    shape: Shape::Always,
    about: "The log goes to standard error. The variable SIGNBRIDGE_LOG says what is logged: `info`, `signbridge=debug,warn`.",
    keys: &[Key::new(
        "format",
        Kind::Choice(&["auto", "text", "json"]),
        "`auto` is text on a terminal and one JSON object per line elsewhere.",
    )
    .default("\"auto\"")],
};

/// What the log looks like. Written and meant alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The log.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What it looks like.
    pub format: LogFormat,
}
