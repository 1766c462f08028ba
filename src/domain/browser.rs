//! Browsers, known by a cookie from their first visit on (decision 2.2), and the sessions in them, whose own cookie is new at
//! every login.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::address;
use super::assurance::Acr;
use super::clock::Timestamp;
use super::id::{DeviceId, SessionId, UserId};
use super::secret::SecretDigest;

/// The digest of a browser's cookie: what its authorizations and logins are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BrowserKey(pub SecretDigest);

/// Where a request came from, for limits, the audit trail and the list of sessions; the address after trusted proxies were taken
/// off, the `User-Agent` shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestSource {
    pub address: String,
    pub user_agent: String,
}

impl RequestSource {
    /// What limits count as one source ([`address::source`]). What is no address is a source of its own.
    pub(crate) fn source(&self) -> String {
        match self.ip().map(address::source) {
            Some(IpAddr::V6(network)) => format!("{network}/64"),
            Some(address) => address.to_string(),
            None => self.address.clone(),
        }
    }

    /// The network around an IPv6 source, within which whoever is there has many of them: its /48.
    pub(crate) fn network(&self) -> Option<String> {
        match self.ip()? {
            IpAddr::V6(address) => Some(format!("{}/48", address::prefix(address, 48))),
            IpAddr::V4(_) => None,
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok().map(|address: IpAddr| address.to_canonical())
    }
}

/// What tokens say about a login. Copied from the login to the session, and from the session to each grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authentication {
    pub user_id: UserId,
    /// The browser session (`sid`); `None` where the user signed in without a browser of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// When the phone approved (OIDC Core §2).
    pub auth_time: Timestamp,
    pub acr: Acr,
    /// The registration that approved; gone when the approval was for an account without one.
    pub device_id: Option<DeviceId>,
    /// Whether the login named nobody beforehand: tokens are shorter (decision 2.3).
    pub unnamed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct BrowserSession {
    pub id: SessionId,
    pub authentication: Authentication,
    pub browser: BrowserKey,
    pub origin: RequestSource,
    pub created_at: Timestamp,
    /// When it was last used; polling pages do not count.
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl BrowserSession {
    /// Whether it has neither ended nor expired at `now`. Idleness is judged where the cookie is read.
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_what_somebody_has_to_pay_for() {
        let of = |address: &str| {
            let origin = RequestSource { address: address.to_owned(), user_agent: String::new() };
            (origin.source(), origin.network())
        };
        let net = |text: &str| Some(text.to_owned());
        assert_eq!(of("203.0.113.6"), ("203.0.113.6".to_owned(), None));
        assert_eq!(of("::ffff:203.0.113.6"), of("203.0.113.6"), "one host, written in two ways");
        assert_eq!(of("2001:db8:1:2::1"), ("2001:db8:1:2::/64".to_owned(), net("2001:db8:1::/48")));
        assert_eq!(of("2001:db8:1:2:ffff:ffff:ffff:ffff"), of("2001:db8:1:2::1"), "one /64");
        assert_ne!(of("2001:db8:1:3::1").0, of("2001:db8:1:2::1").0, "another /64");
        assert_eq!(of("2001:db8:1:3::1").1, of("2001:db8:1:2::1").1, "of one /48");
        assert_eq!(of("::1"), ("::/64".to_owned(), net("::/48")));
        assert_eq!(of(""), (String::new(), None));
        assert_eq!(of("unix:"), ("unix:".to_owned(), None));
    }
}
