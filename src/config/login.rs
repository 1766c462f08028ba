//! `[login]`: what happens to people who approve without having an account (decision 2.3).

use serde::Deserialize;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;

pub(super) const SECTION: Section = Section {
    name: "login",
    shape: Shape::Always,
    about: "How people sign in.",
    keys: &[Key::new(
        "unknown",
        Kind::Text,
        "What happens when a phone approves whose person has no account here: \"refuse\". \"invite\" and \"create\" are not \
         available yet.",
    )
    .default("\"refuse\"")],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    unknown: String,
}

/// What happens when a phone approves whose person has no account here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownPerson {
    /// Nobody is signed in.
    Refuse,
}

/// How people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPolicy {
    /// What happens to people without an account.
    pub unknown: UnknownPerson,
}

impl LoginPolicy {
    pub(super) fn read(raw: &Raw, reader: &mut Reader) -> Option<Self> {
        let unknown = match raw.unknown.as_str() {
            "refuse" => Ok(UnknownPerson::Refuse),
            later @ ("invite" | "create") => Err(format!("\"{later}\" is not available yet: write \"refuse\"")),
            _other => Err("expected \"refuse\"".to_owned()),
        };
        Some(Self { unknown: reader.check("login.unknown", unknown)? })
    }
}
