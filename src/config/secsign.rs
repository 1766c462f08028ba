//! `[secsign]`: the SecSign ID server.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::address::upstream_url;
use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;

pub(super) const SECTION: Section = Section {
    name: "secsign",
    shape: Shape::Optional,
    about: "SecSign ID: a push, then the person picks the symbol that the page shows.",
    keys: &[
        Key::new(
            "url",
            Kind::Text,
            "The SecSign ID server: https://httpapi.secsign.com, or one of your own. Paths are added to it.",
        ),
        Key::new("fallback_url", Kind::Text, "A second server, asked when the first one cannot be reached."),
        Key::new("ca_file", Kind::Path, "Certificates (PEM) to trust for this service, instead of the usual ones."),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: Option<String>,
    fallback_url: Option<String>,
    ca_file: Option<String>,
}

/// The SecSign ID server.
#[derive(Clone, Debug)]
pub struct SecSign {
    /// Where it is.
    pub url: Url,
    /// The server to ask when that one cannot be reached.
    pub fallback_url: Option<Url>,
    /// Certificates to trust for it.
    pub ca_file: Option<PathBuf>,
}

impl SecSign {
    pub(super) fn read(raw: Raw, allow_loopback: bool, reader: &mut Reader) -> Option<Self> {
        let url = reader.required("secsign.url", raw.url, "the address of the SecSign ID server");
        let url = url.and_then(|url| reader.check("secsign.url", upstream_url(&url, allow_loopback)));
        let fallback = raw.fallback_url;
        let fallback_url = fallback.and_then(|url| reader.check("secsign.fallback_url", upstream_url(&url, allow_loopback)));
        let ca_file = reader.file("secsign.ca_file", raw.ca_file);
        Some(Self { url: url?, fallback_url, ca_file })
    }
}
