//! The token endpoint (RFC 6749 §3.2, OIDC Core §3.1.3): what all grants have in common.

pub(crate) mod access_token;
mod authorization_code;
pub(in crate::flow) mod family;
mod issue;
pub(crate) mod preview;
mod refresh_token;
mod terms;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use issue::TokenResponse;

use super::client_authentication::authenticate;
use super::client_request::ClientRequest;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::GrantType;
use crate::protocol::endpoint::Endpoint;
use family::{Family, TokenBinding, TokenWrite};

/// What every refused code or refresh token is told: nothing about whether it ever existed (check 34).
const INVALID_GRANT: &str = "the code or token is invalid, expired, revoked, or was issued to another client or request";

/// What a write of a token request comes to; a refusal may have changed something as well (a family that was revoked).
type Outcome = Result<Family, OAuthError>;

/// Parameters that no grant knows are ignored (RFC 6749 §3.2).
/// Costs: one read for the client and one write; one signature, two where the client's access tokens are JWTs. The write is
/// one commit; on SQLite its statements need no round trip, on PostgreSQL each is one.
pub(crate) async fn answer(op: &Op, request: &ClientRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "grant_type is missing");
    let named = request.parameters.get("grant_type").ok_or(missing)?;
    let client = authenticate(op, request).await?;
    let id = client.id.clone();
    let issued = grant(op, request, client, named).await;
    if let Err(error) = &issued {
        op.refusals.note_error(&id, Endpoint::Token, error, op.env.now());
    }
    issued
}

/// What a client asks for that has proved who it is.
async fn grant(op: &Op, request: &ClientRequest<'_>, client: Client, named: &str) -> Result<TokenResponse, OAuthError> {
    let unsupported = OAuthError::new(ErrorCode::UnsupportedGrantType, "this grant_type is not supported");
    let grant_type = GrantType::parse(named).ok_or(unsupported)?;
    if !client.metadata.grant_types.contains(&grant_type) {
        // RFC 6749 §5.2: authenticated, but not for this grant.
        let hint = format!("{}: add {} to its grant_types", client.id, grant_type.as_str());
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the client may not use this grant_type").hint(hint));
    }
    let write = TokenWrite {
        client,
        grant_type,
        binding: TokenBinding::Bearer,
        origin: request.origin.clone(),
        settings: Arc::clone(&op.settings),
        now: op.env.now(),
        access: Secret::generate(&op.env)?,
    };
    let issued = match grant_type {
        GrantType::AuthorizationCode => authorization_code::redeem(op, write, request.parameters).await,
        GrantType::RefreshToken => refresh_token::refresh(op, write, request.parameters).await,
    }?;
    metrics::TOKENS_ISSUED.add([grant_type.as_str()]);
    Ok(issued)
}
