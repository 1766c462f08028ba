//! `[outbound]`: requests to addresses that clients registered.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::duration::{self, MINUTE};
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
        Key::new(
            "logout_retry",
            Kind::Span(Duration::from_secs(1), MINUTE),
            "The pause after a logout token could not be delivered; each later one is four times as long. Five attempts are \
             made.",
        )
        .default("\"5s\""),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    ca_file: Option<String>,
    allow_private: bool,
    #[serde(deserialize_with = "duration::deserialize")]
    logout_retry: Duration,
}

/// How addresses that clients registered are called.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Certificates to trust beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// Whether private and loopback addresses and plain http are allowed.
    pub allow_private: bool,
    /// The pause after the first attempt in vain to deliver a logout token.
    pub logout_retry: Duration,
}

impl Outbound {
    pub(super) fn read(raw: Raw, reader: &mut Reader) -> Self {
        Self {
            ca_file: reader.file("outbound.ca_file", raw.ca_file),
            allow_private: raw.allow_private,
            logout_retry: raw.logout_retry,
        }
    }
}
