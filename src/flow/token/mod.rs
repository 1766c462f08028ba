//! The token endpoint (RFC 6749 §3.2, OIDC Core §3.1.3): what all grants have in common.

pub(crate) mod access_token;
mod authorization_code;
pub(in crate::flow) mod family;
mod issue;
mod refresh_token;
mod terms;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use issue::TokenResponse;

use std::sync::Arc;

use super::Op;
use super::audit::PendingEvent;
use super::client_authentication::authenticate;
use super::client_request::ClientRequest;
use super::error::OAuthError;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Client;
use crate::domain::random::RandomError;
use crate::metrics;
use crate::protocol::client_metadata::GrantType;
use crate::protocol::error::ErrorCode;
use access_token::AccessHandle;
use family::{TokenBinding, TokenWrite};

/// What every refused code or refresh token is told: nothing about whether it ever existed (check 34).
const INVALID_GRANT: &str = "the code or token is invalid, expired, revoked, or was issued to another client or request";

/// A request of an authenticated client that may use the grant.
struct TokenRequest<'a> {
    client: &'a Client,
    grant_type: GrantType,
    binding: TokenBinding,
    sent: &'a ClientRequest<'a>,
}

impl TokenRequest<'_> {
    fn write(&self, op: &Op, access: &AccessHandle) -> TokenWrite {
        TokenWrite {
            client: self.client.clone(),
            binding: self.binding,
            settings: Arc::clone(&op.settings),
            now: op.env.now(),
            access: access.digest(),
        }
    }

    fn audit_entry(&self, op: &Op, kind: AuditKind) -> Result<PendingEvent, RandomError> {
        let event = AuditEvent {
            client: Some(self.client.id.as_str().to_owned()),
            origin: self.sent.origin.clone(),
            detail: Some(self.grant_type.as_str().to_owned()),
            ..AuditEvent::new(kind)
        };
        PendingEvent::new(&op.env, event)
    }
}

/// Parameters that no grant knows are ignored (RFC 6749 §3.2).
/// Costs: one read for the client and one write; one signature, two where the client's access tokens are JWTs. The write is
/// one commit; on SQLite its statements need no round trip, on PostgreSQL each is one.
pub(crate) async fn answer(op: &Op, request: &ClientRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "grant_type is missing");
    let named = request.parameters.get("grant_type").ok_or(missing)?;
    let client = authenticate(op, request).await?;
    let unsupported = OAuthError::new(ErrorCode::UnsupportedGrantType, "this grant_type is not supported");
    let grant_type = GrantType::parse(named).ok_or(unsupported)?;
    if !client.metadata.grant_types.contains(&grant_type) {
        // RFC 6749 §5.2: authenticated, but not for this grant.
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the client may not use this grant_type").hint(format!(
            "{}: add {} to its grant_types",
            client.id,
            grant_type.as_str()
        )));
    }
    let request = TokenRequest { client: &client, grant_type, binding: TokenBinding::Bearer, sent: request };
    let issued = match grant_type {
        GrantType::AuthorizationCode => authorization_code::redeem(op, &request).await,
        GrantType::RefreshToken => refresh_token::refresh(op, &request).await,
    }?;
    metrics::TOKENS_ISSUED.add([grant_type.as_str()]);
    Ok(issued)
}

/// `invalid_grant` (RFC 6749 §5.2) with its one description and a reason for the log.
fn invalid_grant(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, INVALID_GRANT).hint(reason)
}
