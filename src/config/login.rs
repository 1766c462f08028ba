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
        Kind::Choice(&["refuse", "invite", "create"]),
        "What happens when a phone approves whose person has no account here. Only `refuse` is supported so far.",
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
        if raw.unknown == "refuse" {
            return Some(Self { unknown: UnknownPerson::Refuse });
        }
        reader.report("login.unknown", format!("\"{}\" is not supported yet: write \"refuse\"", raw.unknown));
        None
    }
}
