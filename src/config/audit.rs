//! `[audit]`: the audit trail.

use std::time::Duration;

use serde::Deserialize;

use super::duration::DAY;
use super::key::{Key, Kind, Section, Shape};

const MOST: Duration = Duration::from_secs(3660 * DAY.as_secs());

pub(super) const SECTION: Section = Section {
    name: "audit",
    shape: Shape::Always,
    about: "The audit trail: who signed in, what was changed and by whom.",
    keys: &[Key::new("keep", Kind::Span(DAY, MOST), "How long its events are kept.").default("\"400d\"")],
};

/// The audit trail. Written and meant alike.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// How long its events are kept.
    #[serde(deserialize_with = "super::duration::deserialize")]
    pub keep: Duration,
}
