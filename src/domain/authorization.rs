//! One request of a relying party, from `/authorize` to the code: what it asked for and how far it got.

use serde::{Deserialize, Serialize};

use super::browser::{Authentication, BrowserKey};
use super::clock::Timestamp;
use super::id::{AuthorizationId, ClientId, UserId};
use crate::protocol::authorization::{CodeChallenge, Prompt, ResponseMode};
use crate::protocol::error::ErrorCode;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;

/// A checked authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.1). Nothing in it changes after the check, so an
/// approval can never serve another request than the one it was given for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub client_id: ClientId,
    /// Where the answer goes; one of the client's registered URIs.
    pub redirect_uri: RedirectUri,
    pub response_mode: ResponseMode,
    /// What is asked for and allowed; unknown and unallowed scopes are dropped (decision 2.9).
    pub scope: Scope,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<CodeChallenge>,
    pub prompt: Prompt,
    /// The oldest acceptable approval, in seconds.
    pub max_age: Option<u64>,
    pub login_hint: Option<String>,
    /// Who must sign in: the subject of the `id_token_hint`.
    pub expected_user: Option<UserId>,
    /// The acceptable `acr` values, as asked (voluntary: OIDC Core §5.5.1.1) or by the client's default.
    pub acr_values: Vec<String>,
    /// The languages the person reads, best first (BCP 47).
    pub ui_locales: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum AuthorizationStage {
    Open,
    Authenticated { authentication: Authentication, consented: bool },
    Issued,
    Failed(ErrorCode),
}

#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub id: AuthorizationId,
    pub browser: BrowserKey,
    pub request: AuthorizationRequest,
    pub stage: AuthorizationStage,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What an authorization code stands for until it is redeemed (RFC 6749 §4.1.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CodeContent {
    pub client_id: ClientId,
    /// The redirect URI that the token request must repeat; `None` where the authorization request named none.
    pub redirect_uri: Option<RedirectUri>,
    pub code_challenge: Option<CodeChallenge>,
    pub scope: Scope,
    pub nonce: Option<String>,
    pub authentication: Authentication,
    /// Whether the end of another session waits for this code (decision 2.16).
    #[serde(default)]
    pub holds_logouts: bool,
}
