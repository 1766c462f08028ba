//! `[login]`: what happens to people who approve without having an account (decision 2.3).

use toml::Value;

use super::key::Kind;
use super::values::{Parse, Values, text};
use crate::domain::setting::settings;

settings! {
    /// How people sign in.
    [login]
    pub(crate) struct Login {
        /// What happens when a phone approves whose person has no account here: "refuse". "invite" and "create" are not
        /// available yet.
        unknown: UnknownPerson = Kind::Text, default "refuse";
    }
}

/// What happens when a phone approves whose person has no account here.
#[derive(Clone, Copy, Debug)]
pub(super) enum UnknownPerson {
    /// Nobody is signed in.
    Refuse,
}

impl Parse for UnknownPerson {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        match text(value) {
            "refuse" => Ok(Self::Refuse),
            later @ ("invite" | "create") => Err(format!("\"{later}\" is not available yet: write \"refuse\"")),
            _other => Err("expected \"refuse\"".to_owned()),
        }
    }
}
