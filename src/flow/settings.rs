//! What the operator decided, in the form in which the flows need it. Built once by `app` from the configuration.

use std::time::Duration;

/// The settings of every flow.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer: an origin or URL without a trailing slash, frozen at first start (decision 2.9).
    pub issuer: String,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often a phone may be asked.
    pub limits: Limits,
    /// Whether ThumbSignIn may be asked without naming a person (decision 2.3).
    pub allow_unnamed: bool,
    /// How long the audit trail is kept.
    pub audit_keep: Duration,
    /// The pause after the first attempt in vain to tell a client of a logout; later ones are longer.
    pub logout_retry: Duration,
}

/// Lifetimes (decision 2.10).
#[derive(Clone, Debug)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: Duration,
    /// An authorization, from the request to the code.
    pub authorization: Duration,
    /// A login, unless the phone service gives it less.
    pub login: Duration,
    /// An opaque access token.
    pub access_token: Duration,
    /// A JWT access token.
    pub access_token_jwt: Duration,
    /// An ID token.
    pub id_token: Duration,
    /// A refresh token since its last use.
    pub refresh_sliding: Duration,
    /// A token family.
    pub refresh_absolute: Duration,
    /// A browser session.
    pub session: Duration,
    /// A browser session that nobody uses.
    pub session_idle: Duration,
    /// How long a rotated refresh token still yields the same successor (decision 2.5).
    pub refresh_grace: Duration,
    /// How long a browser stays known after its last login (experience L3).
    pub remembered_browser: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            code: Duration::from_secs(60),
            authorization: Duration::from_secs(30 * MINUTE),
            login: Duration::from_secs(120),
            access_token: Duration::from_secs(10 * MINUTE),
            access_token_jwt: Duration::from_secs(5 * MINUTE),
            id_token: Duration::from_secs(60 * MINUTE),
            refresh_sliding: Duration::from_secs(30 * DAY),
            refresh_absolute: Duration::from_secs(90 * DAY),
            session: Duration::from_secs(DAY),
            session_idle: Duration::from_secs(60 * MINUTE),
            refresh_grace: Duration::from_secs(10),
            remembered_browser: Duration::from_secs(180 * DAY),
        }
    }
}

/// Limits on asking phones (security bar 134–136). `None` in a field: no limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests to one person by browsers that they never signed in from, in 10 minutes.
    pub push_per_person_10min: Option<u32>,
    /// The same in a day.
    pub push_per_person_day: Option<u32>,
    /// Requests to one person by browsers that they did sign in from, in 10 minutes: a quota of their own, so that a
    /// stranger cannot use it up.
    pub push_per_remembered_person_10min: Option<u32>,
    /// Requests from one source ([`Origin::source`](crate::domain::browser::Origin::source)), in 10 minutes.
    pub push_per_source_10min: Option<u32>,
    /// Requests from one IPv6 network around such sources, in 10 minutes.
    pub push_per_network_10min: Option<u32>,
    /// Requests to all people together by browsers that they never signed in from, in 10 minutes.
    pub push_all_people_10min: Option<u32>,
    /// How long a source must wait after the person declined.
    pub denial_pause: Option<Duration>,
    /// Logins that one browser may have under way.
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
    /// The limits of production.
    pub const fn production() -> Self {
        Self {
            push_per_person_10min: Some(3),
            push_per_person_day: Some(10),
            push_per_remembered_person_10min: Some(10),
            push_per_source_10min: Some(20),
            push_per_network_10min: Some(100),
            push_all_people_10min: Some(600),
            denial_pause: Some(Duration::from_secs(300)),
            pending_per_browser: Some(3),
            authorizations_per_source: Some(200),
            authorizations: Some(5000),
            wrong_secrets_per_source_10min: Some(20),
            streams_per_login: Some(4),
            streams_per_node: Some(2000),
        }
    }

    /// No limits: for a laptop and for tests.
    pub const fn off() -> Self {
        Self {
            push_per_person_10min: None,
            push_per_person_day: None,
            push_per_remembered_person_10min: None,
            push_per_source_10min: None,
            push_per_network_10min: None,
            push_all_people_10min: None,
            denial_pause: None,
            pending_per_browser: None,
            authorizations_per_source: None,
            authorizations: None,
            wrong_secrets_per_source_10min: None,
            streams_per_login: None,
            streams_per_node: None,
        }
    }
}
