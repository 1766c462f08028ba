//! A logout token that is yet to be delivered (OIDC Back-Channel Logout 1.0 §2.5).

use super::clock::Timestamp;
use super::id::{AuthorizationId, ClientId, SessionId, UserId};
use super::secret::SecretDigest;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackchannelLogout {
    /// Its id, and the `jti` of every logout token that is sent for it: a receiver recognises a repetition (§2.6).
    pub id: String,
    pub client_id: ClientId,
    pub session_id: SessionId,
    pub user_id: UserId,
    /// The authorization whose code must be redeemed first (decision 2.16); none: there is nothing to wait for.
    pub held_by: Option<AuthorizationId>,
    /// When it may be sent; while it is held, when it is sent in any case.
    pub due_at: Timestamp,
    pub attempts: u32,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub authorization: AuthorizationId,
    pub until: Timestamp,
}

impl BackchannelLogout {
    /// A session ends once, so the pair is unique, and a write that is run again makes the same id.
    pub(crate) fn id_for(client: &ClientId, session: &SessionId) -> String {
        SecretDigest::of(format!("{session} {client}").as_bytes()).as_str().to_owned()
    }
}
