//! `[limits]`: how often a phone may be asked (security bar 134–136), and how many may wait for it.

use std::time::Duration;

use serde::Deserialize;

use super::duration::{DAY, MINUTE};
use super::key::{Key, Kind, Section, Shape};

const MOST: u32 = 1_000_000;

pub(super) const SECTION: Section = Section {
    name: "limits",
    shape: Shape::Always,
    about: "How often a phone may be asked, and how many may wait. A limit that is written here holds in either profile; 0 lifts it.",
    keys: &[
        Key::new(
            "profile",
            Kind::Choice(&["production", "off"]),
            "`off` lifts every limit that is not written: for tests only.",
        )
        .default("\"production\""),
        Key::new(
            "push_per_person_10min",
            Kind::Count(MOST),
            "Requests to one person in 10 minutes by browsers that they never signed in from. 3 in production.",
        ),
        Key::new("push_per_person_day", Kind::Count(MOST), "The same in a day. 10 in production."),
        Key::new(
            "push_per_remembered_person_10min",
            Kind::Count(MOST),
            "Requests to one person in 10 minutes by browsers that they did sign in from: a quota that strangers cannot use \
             up. 10 in production.",
        ),
        Key::new("push_per_source_10min", Kind::Count(MOST), "Requests from one address in 10 minutes. 20 in production."),
        Key::new(
            "denial_pause",
            Kind::Span(Duration::ZERO, DAY),
            "How long a source waits after the person declined. \"5m\" in production.",
        ),
        Key::new("pending_per_browser", Kind::Count(MOST), "Logins that one browser may have open. 3 in production."),
        Key::new(
            "streams_per_login",
            Kind::Count(MOST),
            "Pages that may hear of one login by an event stream; a newer one takes the place of the oldest, which comes back \
             later. 4 in production.",
        ),
        Key::new(
            "streams_per_node",
            Kind::Count(MOST),
            "Event streams of login pages that one node holds; a page that gets none asks every two seconds. 2000 in production.",
        ),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    profile: Profile,
    push_per_person_10min: Option<u32>,
    push_per_person_day: Option<u32>,
    push_per_remembered_person_10min: Option<u32>,
    push_per_source_10min: Option<u32>,
    #[serde(default, deserialize_with = "super::duration::deserialize_option")]
    denial_pause: Option<Duration>,
    pending_per_browser: Option<u32>,
    streams_per_login: Option<u32>,
    streams_per_node: Option<u32>,
}

/// What holds where no single limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The limits of production.
    Production,
    /// None: for a laptop and for tests.
    Off,
}

/// How often a phone may be asked. `None`: no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The profile that was written.
    pub profile: Profile,
    /// Requests to one person by browsers that they never signed in from, in 10 minutes.
    pub push_per_person_10min: Option<u32>,
    /// The same in a day.
    pub push_per_person_day: Option<u32>,
    /// Requests to one person by browsers that they did sign in from, in 10 minutes.
    pub push_per_remembered_person_10min: Option<u32>,
    /// Requests from one address, in 10 minutes.
    pub push_per_source_10min: Option<u32>,
    /// How long a source waits after the person declined.
    pub denial_pause: Option<Duration>,
    /// Logins that one browser may have open.
    pub pending_per_browser: Option<u32>,
    /// Event streams of one login.
    pub streams_per_login: Option<u32>,
    /// Event streams of one node.
    pub streams_per_node: Option<u32>,
}

impl Limits {
    pub(super) fn read(raw: &Raw) -> Self {
        let profile = raw.profile;
        let limit = |written: Option<u32>, production: u32| match (written, profile) {
            (Some(0), _) | (None, Profile::Off) => None,
            (Some(written), _) => Some(written),
            (None, Profile::Production) => Some(production),
        };
        let pause = match (raw.denial_pause, profile) {
            (Some(Duration::ZERO), _) | (None, Profile::Off) => None,
            (Some(written), _) => Some(written),
            (None, Profile::Production) => Some(5 * MINUTE),
        };
        Self {
            profile,
            push_per_person_10min: limit(raw.push_per_person_10min, 3),
            push_per_person_day: limit(raw.push_per_person_day, 10),
            push_per_remembered_person_10min: limit(raw.push_per_remembered_person_10min, 10),
            push_per_source_10min: limit(raw.push_per_source_10min, 20),
            denial_pause: pause,
            pending_per_browser: limit(raw.pending_per_browser, 3),
            streams_per_login: limit(raw.streams_per_login, 4),
            streams_per_node: limit(raw.streams_per_node, 2000),
        }
    }
}
