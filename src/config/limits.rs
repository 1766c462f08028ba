//! `[limits]`: how often a phone may be asked (security bar 134–136), how many may wait for it, and what strangers may have us keep
//! (security bar B35).

use std::time::Duration;

use serde::Deserialize;

use super::duration::{DAY, MINUTE};
use super::key::{Key, Kind, Section, Shape};

const MOST: u32 = 1_000_000;

pub(super) const SECTION: Section = Section {
    name: "limits",
    shape: Shape::Always,
    about: "How often a phone may be asked, and what strangers may take. A limit that is written here holds in either profile; 0 lifts it.",
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
        Key::new(
            "push_per_source_10min",
            Kind::Count(MOST),
            "Requests from one source in 10 minutes: an IPv4 address, or a /64 of IPv6. 20 in production.",
        ),
        Key::new(
            "push_per_network_10min",
            Kind::Count(MOST),
            "Requests from one /48 of IPv6 in 10 minutes. 100 in production.",
        ),
        Key::new(
            "push_all_people_10min",
            Kind::Count(MOST),
            "Requests in 10 minutes to all people together by browsers that they never signed in from. When it is reached \
             there is an alarm, and such browsers are told to wait, whatever name they give. 600 in production.",
        ),
        Key::new(
            "denial_pause",
            Kind::Span(Duration::ZERO, DAY),
            "How long a source waits after the person declined. \"5m\" in production.",
        ),
        Key::new("pending_per_browser", Kind::Count(MOST), "Logins that one browser may have open. 3 in production."),
        Key::new(
            "authorizations_per_source",
            Kind::Count(MOST),
            "Requests of apps that one address (IPv6: one /48) may have open while nobody signs in for them; the oldest make room. \
             200 in production.",
        ),
        Key::new("authorizations", Kind::Count(MOST), "The same, of all addresses. 5000 in production."),
        Key::new(
            "wrong_secrets_per_source_10min",
            Kind::Count(MOST),
            "Wrong secrets of one client from one address (IPv6: one /64) in 10 minutes. 20 in production.",
        ),
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
    push_per_network_10min: Option<u32>,
    push_all_people_10min: Option<u32>,
    #[serde(default, deserialize_with = "super::duration::deserialize_option")]
    denial_pause: Option<Duration>,
    pending_per_browser: Option<u32>,
    authorizations_per_source: Option<u32>,
    authorizations: Option<u32>,
    wrong_secrets_per_source_10min: Option<u32>,
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
    /// Requests from one source, in 10 minutes.
    pub push_per_source_10min: Option<u32>,
    /// Requests from one IPv6 network, in 10 minutes.
    pub push_per_network_10min: Option<u32>,
    /// Requests to all people together by browsers that they never signed in from, in 10 minutes.
    pub push_all_people_10min: Option<u32>,
    /// How long a source waits after the person declined.
    pub denial_pause: Option<Duration>,
    /// Logins that one browser may have open.
    pub pending_per_browser: Option<u32>,
    /// Authorizations that one source may have open without a login under way.
    pub authorizations_per_source: Option<u32>,
    /// The same, of all sources.
    pub authorizations: Option<u32>,
    /// Wrong secrets of one client from one source, in 10 minutes.
    pub wrong_secrets_per_source_10min: Option<u32>,
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
            push_per_network_10min: limit(raw.push_per_network_10min, 100),
            push_all_people_10min: limit(raw.push_all_people_10min, 600),
            denial_pause: pause,
            pending_per_browser: limit(raw.pending_per_browser, 3),
            authorizations_per_source: limit(raw.authorizations_per_source, 200),
            authorizations: limit(raw.authorizations, 5000),
            wrong_secrets_per_source_10min: limit(raw.wrong_secrets_per_source_10min, 20),
            streams_per_login: limit(raw.streams_per_login, 4),
            streams_per_node: limit(raw.streams_per_node, 2000),
        }
    }
}
