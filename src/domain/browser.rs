//! Browsers and the sessions in them. A browser is known by a cookie from its first visit on (decision 2.2); a session
//! exists after a login and has a cookie of its own, new at every login.

use serde::{Deserialize, Serialize};

use super::assurance::Acr;
use super::clock::Timestamp;
use super::id::{DeviceId, SessionId, UserId};
use super::secret::SecretDigest;

/// The digest of a browser's cookie: what its authorizations and logins are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrowserKey(pub SecretDigest);

/// Where a request came from, for limits, the audit trail and the list of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client address, after trusted proxies were taken off.
    pub address: String,
    /// The `User-Agent`, shortened.
    pub user_agent: String,
}

/// Who signed in, when and how: what tokens say about a login. Copied from the login to the session, and from the session to
/// each grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// The person.
    pub user_id: UserId,
    /// The browser session (`sid`).
    pub session_id: SessionId,
    /// When the phone approved (`auth_time`, OIDC Core §2).
    pub auth_time: Timestamp,
    /// How strong it was.
    pub acr: Acr,
    /// The registration that approved; gone when the approval was for an account without one.
    pub device_id: Option<DeviceId>,
    /// Whether the login named nobody beforehand: tokens are shorter (decision 2.3).
    pub unnamed: bool,
}

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// The session's id (`sid`).
    pub id: SessionId,
    /// Its login.
    pub authentication: Authentication,
    /// The browser that it lives in.
    pub browser: BrowserKey,
    /// Where it began.
    pub origin: Origin,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; polling pages do not count.
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// When it was ended: by a logout, another account, an operator.
    pub ended_at: Option<Timestamp>,
}

impl BrowserSession {
    /// Whether it has neither ended nor expired at `now`. Idleness is judged where the cookie is read.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}
