//! `[secsign]`: the SecSign ID server.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::address::upstream_url;
use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::secret::Secret;

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
        Key::new(
            "mobile_url",
            Kind::Text,
            "The host that phones talk to, for links into the app: id1.secsign.com, or that of a server of your own.",
        ),
        Key::new("ca_file", Kind::Path, "Certificates (PEM) to trust for this service, instead of the usual ones."),
        Key::new("pin_user", Kind::Text, "The name of the PIN account, for servers that demand one."),
        Key::new("pin_password", Kind::Secret, "The password of the PIN account."),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: Option<String>,
    fallback_url: Option<String>,
    mobile_url: Option<String>,
    ca_file: Option<String>,
    pin_user: Option<String>,
    pin_password: Option<String>,
}

/// The SecSign ID server.
#[derive(Clone, Debug)]
pub struct SecSign {
    /// Where it is.
    pub url: Url,
    /// The server to ask when that one cannot be reached.
    pub fallback_url: Option<Url>,
    /// The host that phones talk to, as it was written.
    pub mobile_url: Option<String>,
    /// Certificates to trust for it.
    pub ca_file: Option<PathBuf>,
    /// The PIN account.
    pub pin: Option<PinAccount>,
}

/// The account with which a server is asked that demands one (HTTP Basic).
#[derive(Clone, Debug)]
pub struct PinAccount {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl SecSign {
    pub(super) fn read(raw: Raw, allow_loopback: bool, reader: &mut Reader) -> Option<Self> {
        let url = reader.required("secsign.url", raw.url, "the address of the SecSign ID server");
        let url = url.and_then(|url| reader.check("secsign.url", upstream_url(&url, allow_loopback)));
        let fallback = raw.fallback_url;
        let fallback_url = fallback.and_then(|url| reader.check("secsign.fallback_url", upstream_url(&url, allow_loopback)));
        let ca_file = reader.file("secsign.ca_file", raw.ca_file);
        if raw.pin_user.is_some() != raw.pin_password.is_some() {
            let missing = if raw.pin_user.is_some() { "secsign.pin_password" } else { "secsign.pin_user" };
            reader.required::<()>(missing, None, "both pin_user and pin_password, or neither");
        }
        let pin = raw.pin_user.zip(raw.pin_password);
        let pin = pin.map(|(user, password)| PinAccount { user, password: Secret::new(password) });
        Some(Self { url: url?, fallback_url, mobile_url: raw.mobile_url, ca_file, pin })
    }
}
