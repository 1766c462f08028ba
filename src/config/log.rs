//! `[log]` and `[audit]`: what is recorded.

use std::time::Duration;

use serde::Deserialize;

use super::key::Kind;
use super::values::parse_as_serde_does;
use crate::domain::setting::{DAY, days, settings};

settings! {
    /// The log goes to standard error. The variable SIGNBRIDGE_LOG says what is logged: `info`, `signbridge=debug,warn`.
    [log]
    pub(crate) struct Log {
        /// `auto` is text on a terminal and one JSON object per line elsewhere.
        format: LogFormat = Kind::Choice(&["auto", "text", "json"]), default "auto";
    }
}

settings! {
    /// The audit trail: who signed in, what was changed and by whom.
    [audit]
    pub(crate) struct Audit {
        /// How long its events are kept.
        keep: Duration = Kind::Span(DAY, days(3660)), default "400d";
    }
}

/// What the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

parse_as_serde_does!(LogFormat);
