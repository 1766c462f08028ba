//! `[outbound]`: requests to addresses that clients registered.

use std::path::PathBuf;

use serde::Deserialize;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;

pub(super) const SECTION: Section = Section {
    name: "outbound",
    shape: Shape::Always,
    about: "Requests to addresses that clients registered (back-channel logout and the like).",
    keys: &[
        Key::new("ca_file", Kind::Path, "Certificates (PEM) to trust beside the usual ones."),
        Key::new(
            "allow_private",
            Kind::Switch,
            "Allow private and loopback addresses and plain http. Only where every client is your own.",
        )
        .default("false"),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    ca_file: Option<String>,
    allow_private: bool,
}

/// How addresses that clients registered are called.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Certificates to trust beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// Whether private and loopback addresses and plain http are allowed.
    pub allow_private: bool,
}

impl Outbound {
    pub(super) fn read(raw: Raw, reader: &mut Reader) -> Self {
        Self { ca_file: reader.file("outbound.ca_file", raw.ca_file), allow_private: raw.allow_private }
    }
}
