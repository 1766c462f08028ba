//! `[lifetimes]`: how long things live (decision 2.10), within the bounds of the specifications.

use std::time::Duration;

use serde::Deserialize;

use super::duration::{self, DAY, HOUR, MINUTE};
use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;

const SECOND: Duration = Duration::from_secs(1);

const fn up_to(most: Duration) -> Kind {
    Kind::Span(SECOND, most)
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * MINUTE.as_secs())
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY.as_secs())
}

pub(super) const SECTION: Section = Section {
    name: "lifetimes",
    shape: Shape::Always,
    about: "How long things live.",
    keys: &[
        Key::new("code", up_to(MINUTE), "An authorization code (RFC 6749 §4.1.2).").default("\"60s\""),
        Key::new("authorization", up_to(DAY), "An authorization, from the request to the code.").default("\"30m\""),
        Key::new("login", up_to(minutes(2)), "A login, unless the phone service gives it less.").default("\"120s\""),
        Key::new("access_token", up_to(minutes(10)), "An opaque access token.").default("\"10m\""),
        Key::new("access_token_jwt", up_to(minutes(10)), "An access token that is a JWT: nothing can end it sooner.")
            .default("\"5m\""),
        Key::new("id_token", up_to(DAY), "An ID token (OIDC Core §2).").default("\"1h\""),
        Key::new("refresh_sliding", up_to(days(365)), "A refresh token since it was last used.").default("\"30d\""),
        Key::new("refresh_absolute", up_to(days(365)), "All refresh tokens of one login.").default("\"90d\""),
        Key::new(
            "refresh_grace",
            Kind::Span(Duration::ZERO, MINUTE),
            "How long a lost answer to a refresh can be asked for again.",
        )
        .default("\"10s\""),
        Key::new(
            "session",
            up_to(DAY),
            "A signed-in browser, and every token that was not granted to outlive it (offline_access).",
        )
        .default("\"24h\""),
        Key::new(
            "session_idle",
            up_to(HOUR),
            "A signed-in browser that nobody uses: it ends single sign-on there, and no tokens.",
        )
        .default("\"1h\""),
        Key::new(
            "remembered_browser",
            up_to(days(365)),
            "How long a browser stays known after its last login, here and by its cookie.",
        )
        .default("\"180d\""),
        Key::new("key_ahead", up_to(days(30)), "How long a new signing key is published before it signs.").default("\"1h\""),
        Key::new("key_retired", Kind::Span(DAY, days(365)), "How long a key that no longer signs stays published.")
            .default("\"24h\""),
    ],
};

/// How long things live. Written and meant alike.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    /// An authorization code (RFC 6749 §4.1.2).
    #[serde(deserialize_with = "duration::deserialize")]
    pub code: Duration,
    /// An authorization, from the request to the code.
    #[serde(deserialize_with = "duration::deserialize")]
    pub authorization: Duration,
    /// A login, unless the phone service gives it less.
    #[serde(deserialize_with = "duration::deserialize")]
    pub login: Duration,
    /// An opaque access token.
    #[serde(deserialize_with = "duration::deserialize")]
    pub access_token: Duration,
    /// A JWT access token.
    #[serde(deserialize_with = "duration::deserialize")]
    pub access_token_jwt: Duration,
    /// An ID token.
    #[serde(deserialize_with = "duration::deserialize")]
    pub id_token: Duration,
    /// A refresh token since its last use.
    #[serde(deserialize_with = "duration::deserialize")]
    pub refresh_sliding: Duration,
    /// A token family.
    #[serde(deserialize_with = "duration::deserialize")]
    pub refresh_absolute: Duration,
    /// How long a rotated refresh token still yields the same successor (decision 2.5).
    #[serde(deserialize_with = "duration::deserialize")]
    pub refresh_grace: Duration,
    /// A browser session.
    #[serde(deserialize_with = "duration::deserialize")]
    pub session: Duration,
    /// A browser session that nobody uses.
    #[serde(deserialize_with = "duration::deserialize")]
    pub session_idle: Duration,
    /// How long a browser stays known after its last login.
    #[serde(deserialize_with = "duration::deserialize")]
    pub remembered_browser: Duration,
    /// How long a signing key is published before it signs.
    #[serde(deserialize_with = "duration::deserialize")]
    pub key_ahead: Duration,
    /// How long a retired signing key stays published.
    #[serde(deserialize_with = "duration::deserialize")]
    pub key_retired: Duration,
}

impl Lifetimes {
    /// Checks the lifetimes against one another.
    pub(super) fn check(&self, reader: &mut Reader) {
        let mut at_most = |key: &str, value: Duration, other: &str, most: Duration| {
            if value > most {
                reader.report(&format!("lifetimes.{key}"), format!("is longer than {other} ({})", duration::write(most)));
            }
        };
        at_most("refresh_sliding", self.refresh_sliding, "refresh_absolute", self.refresh_absolute);
        at_most("session_idle", self.session_idle, "session", self.session);
        at_most("login", self.login, "authorization", self.authorization);
        // A signature must be checkable for as long as what it signs is valid (OIDC Core §10.1.1).
        at_most("id_token", self.id_token, "key_retired", self.key_retired);
    }
}
