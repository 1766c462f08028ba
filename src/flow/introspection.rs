//! Token introspection (RFC 7662). A confidential client learns about its own tokens; about anything else it learns
//! `{"active":false}` and nothing more (RFC 7662 §2.2, §4).

use serde::Serialize;

use super::client_authentication::{authenticate, refused};
use super::client_request::ClientRequest;
use super::prelude::*;
use super::token::access_token::{dead_because, digest_of_presented, is_opaque};
use super::token::family::TokenBinding;
use crate::domain::grant::Grant;
use crate::store::{access_tokens, refresh_tokens};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Introspection {
    pub active: bool,
    #[serde(flatten)]
    pub description: Option<Description>,
}

/// What is said about a live token (RFC 7662 §2.2; RFC 9470 §6.2 for `acr` and `auth_time`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Description {
    pub scope: String,
    pub client_id: String,
    pub sub: String,
    pub username: String,
    /// `Bearer` for an access token. A refresh token has none: it must not be taken for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    pub exp: i64,
    pub iat: i64,
    pub iss: String,
    /// Whom it is for: the issuer itself, as in the JWT form.
    pub aud: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub acr: &'static str,
    /// When the person approved.
    pub auth_time: i64,
}

/// `token_type_hint` is not needed (RFC 7662 §2.1: the server may ignore it).
/// Costs: one read for the client, one or two for the token; no write.
/// Errors: `invalid_client` for anybody but an authenticated confidential client; `invalid_request` without a token.
pub(crate) async fn answer(op: &Op, request: &ClientRequest<'_>) -> Result<Introspection, OAuthError> {
    let client = authenticate(op, request).await?;
    if client.metadata.is_public() {
        // RFC 7662 §2.1 demands authorization, and a public client's name is none (RFC 6749 §2.1).
        return Err(refused(format!("{}: public clients cannot introspect", client.id)));
    }
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "token is missing");
    let presented = request.parameters.get("token").ok_or(missing)?;
    let description = match described_access_token(op, &client, presented).await? {
        Some(description) => Some(description),
        None => described_refresh_token(op, &client, presented).await?,
    };
    Ok(Introspection { active: description.is_some(), description })
}

async fn described_access_token(op: &Op, client: &Client, presented: &str) -> Result<Option<Description>, OAuthError> {
    let Some(digest) = digest_of_presented(op, presented) else { return Ok(None) };
    let found = access_tokens::find(op.store.read(), &digest).await?;
    let live = found.filter(|found| found.grant.client_id == client.id && dead_because(found, op.env.now()).is_none());
    Ok(live.map(|found| Description {
        token_type: Some(TokenBinding::Bearer.token_type()),
        ..describe(op, &found.grant, &found.user, (&found.token.scope, found.token.issued_at, found.token.expires_at))
    }))
}

async fn described_refresh_token(op: &Op, client: &Client, presented: &str) -> Result<Option<Description>, OAuthError> {
    if !is_opaque(presented) {
        return Ok(None);
    }
    let found = refresh_tokens::find(op.store.read(), &SecretDigest::of(presented.as_bytes())).await?;
    let now = op.env.now();
    let live = found.filter(|found| {
        let token_lives = found.token.rotated_at.is_none() && now < found.token.expires_at;
        let family_lives = found.grant.revoked_at.is_none() && now < found.grant.expires_at && !found.user.locked;
        let session_lives = !found.grant.is_over_with(found.session.as_ref(), now);
        found.grant.client_id == client.id && token_lives && family_lives && session_lives
    });
    Ok(live.map(|found| {
        let ends = found.grant.cap(found.token.expires_at, found.session.as_ref());
        describe(op, &found.grant, &found.user, (&found.grant.scope, found.token.issued_at, ends))
    }))
}

fn describe(op: &Op, grant: &Grant, user: &User, token: (&Scope, Timestamp, Timestamp)) -> Description {
    let (scope, issued_at, expires_at) = token;
    Description {
        scope: scope.to_string(),
        client_id: grant.client_id.as_str().to_owned(),
        sub: user.id.as_str().to_owned(),
        username: user.username.clone(),
        token_type: None,
        exp: expires_at.as_seconds(),
        iat: issued_at.as_seconds(),
        iss: op.settings.issuer.clone(),
        aud: op.settings.issuer.clone(),
        sid: grant.authentication.session_id.as_ref().map(|session| session.as_str().to_owned()),
        acr: grant.authentication.acr.as_str(),
        auth_time: grant.authentication.auth_time.as_seconds(),
    }
}

#[cfg(test)]
mod tests;
