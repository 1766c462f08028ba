//! `[log]`, `[audit]`, and `[login]`: what happens to people who approve without having an account (decision 2.3).

use std::time::Duration;

use serde::Deserialize;
use toml::Value;

use super::key::Kind;
use super::values::{Parse, Values, text};
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Text,
    Json,
}

settings! {
    /// How people sign in.
    [login]
    pub(crate) struct Login {
        /// What happens when a phone approves whose person has no account here: "refuse". "invite" and "create" are not
        /// available yet.
        unknown: RefuseUnknown = Kind::Text, default "refuse";
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RefuseUnknown;

impl Parse for RefuseUnknown {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        match text(value) {
            "refuse" => Ok(Self),
            later @ ("invite" | "create") => Err(format!("\"{later}\" is not available yet: write \"refuse\"")),
            _other => Err("expected \"refuse\"".to_owned()),
        }
    }
}
