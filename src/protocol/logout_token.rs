//! Logout tokens (OIDC Back-Channel Logout 1.0 §2.4): what tells a client that a session ended.

use serde::Serialize;
use serde_json::{Map, Value};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token. There is no `nonce`, so that it can never be taken for an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LogoutTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    /// Its unique id; the same when it is sent again.
    pub jti: String,
    pub sid: String,
    pub events: Map<String, Value>,
}

/// The `events` claim: one member, whose value is an empty object.
pub(crate) fn events() -> Map<String, Value> {
    Map::from_iter([(EVENT.to_owned(), Value::Object(Map::new()))])
}
