//! `[registration]`: what holds for clients that register themselves (RFC 7591).

use serde::Deserialize;

use super::key::{Key, Kind, Section, Shape};

pub(super) const SECTION: Section = Section {
    name: "registration",
    shape: Shape::Always,
    about: "What holds for clients that register themselves.",
    keys: &[Key::new(
        "require_pkce",
        Kind::Switch,
        "Whether confidential ones must use PKCE (RFC 7636). Public clients always must.",
    )
    .default("true")],
};

/// What holds for clients that register themselves. Written and meant alike.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Whether confidential ones must use PKCE.
    pub require_pkce: bool,
}
