//! `[thumbsignin]`: the ThumbSignIn service.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::address::upstream_url;
use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::secret::Secret;

pub(super) const SECTION: Section = Section {
    name: "thumbsignin",
    shape: Shape::Optional,
    about: "ThumbSignIn: a QR code or a link into the app, then a fingerprint.",
    keys: &[
        Key::new("url", Kind::Text, "The service: https://api.thumbsignin.com. Paths are added to it."),
        Key::new("app_id", Kind::Text, "The app id of your ThumbSignIn application."),
        Key::new("secret", Kind::Secret, "The secret key of your ThumbSignIn application; requests are signed with it."),
        Key::new("ca_file", Kind::Path, "Certificates (PEM) to trust for this service, instead of the usual ones."),
        Key::new(
            "allow_unnamed",
            Kind::Switch,
            "Also offer a QR code without asking for a name: the weakest login, with short tokens and a question on the \
             page after the approval.",
        )
        .default("false"),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: Option<String>,
    app_id: Option<String>,
    secret: Option<String>,
    ca_file: Option<String>,
    allow_unnamed: bool,
}

/// The ThumbSignIn service.
#[derive(Clone, Debug)]
pub struct ThumbSignIn {
    /// Where it is.
    pub url: Url,
    /// Our name there.
    pub app_id: String,
    /// What requests are signed with.
    pub secret: Secret,
    /// Certificates to trust for it.
    pub ca_file: Option<PathBuf>,
    /// Whether it may be asked without naming a person (decision 2.3).
    pub allow_unnamed: bool,
}

impl ThumbSignIn {
    pub(super) fn read(raw: Raw, allow_loopback: bool, reader: &mut Reader) -> Option<Self> {
        let url = reader.required("thumbsignin.url", raw.url, "the address of the ThumbSignIn service");
        let url = url.and_then(|url| reader.check("thumbsignin.url", upstream_url(&url, allow_loopback)));
        let app_id = reader.required("thumbsignin.app_id", raw.app_id, "the app id of your ThumbSignIn application");
        let what = "the secret key of your ThumbSignIn application, or secret_file with the path of a file that holds it";
        let secret = reader.required("thumbsignin.secret", raw.secret, what);
        let ca_file = reader.file("thumbsignin.ca_file", raw.ca_file);
        let allow_unnamed = raw.allow_unnamed;
        Some(Self { url: url?, app_id: app_id?, secret: Secret::new(secret?), ca_file, allow_unnamed })
    }
}
