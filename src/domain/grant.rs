//! Token families: everything that one authorization code led to lives and dies together (RFC 9700 §4.14.2).

use serde::{Deserialize, Serialize};

use super::browser::{Authentication, BrowserSession};
use super::clock::Timestamp;
use super::id::{ClientId, GrantId};
use super::secret::SecretDigest;
use crate::protocol::scope::Scope;

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub id: GrantId,
    pub client_id: ClientId,
    /// What was granted; tokens may have less, never more.
    pub scope: Scope,
    /// Refreshed ID tokens do not repeat it (OIDC Core §12.2 allows either).
    pub nonce: Option<String>,
    pub authentication: Authentication,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// Whether this family survives the end of its browser session (`offline_access`, OIDC Core §11).
    pub(crate) fn is_offline(&self) -> bool {
        self.scope.contains(crate::protocol::scope::OFFLINE_ACCESS)
    }

    /// Whether this family is over with its browser session, also where that row is long gone. Idleness is the browser's: it
    /// ends single sign-on, and no tokens.
    pub(crate) fn is_over_with(&self, session: Option<&BrowserSession>, now: Timestamp) -> bool {
        let hangs_on_it = self.authentication.session_id.is_some() && !self.is_offline();
        hangs_on_it && !session.is_some_and(|session| session.is_alive(now))
    }

    /// The moment after which nothing of this family is worth anything, if `until` is not sooner.
    pub(crate) fn cap(&self, until: Timestamp, session: Option<&BrowserSession>) -> Timestamp {
        match session {
            Some(session) if !self.is_offline() => until.min(session.expires_at),
            _outlives_it => until,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub digest: SecretDigest,
    pub grant_id: GrantId,
    pub scope: Scope,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a person allowed a client (OIDC Core §3.1.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub scope: Scope,
    pub granted_at: Timestamp,
}
