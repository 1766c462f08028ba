//! The userinfo endpoint (OIDC Core §5.3) and the use of bearer tokens (RFC 6750). Tokens come in the header or
//! in a form body; the query is never looked at (RFC 9700 §4.3.2).

use super::prelude::*;
use super::token::access_token::{dead_because, digest_of_presented};
use super::token::family::TokenBinding;
use crate::protocol::claims::{UserClaims, UserInfo};
use crate::protocol::scope;
use crate::store::access_tokens;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BearerError {
    /// No token came: the challenge then has no error code (RFC 6750 §3.1).
    #[error("no access token was sent")]
    Missing,
    #[error("the access token was sent in more than one way")]
    Malformed,
    /// The reason is for the log.
    #[error("the access token is not valid: {0}")]
    Invalid(&'static str),
    #[error("the access token lacks the scope {0}")]
    Insufficient(&'static str),
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl BearerError {
    /// RFC 6750 §3.1. What of ours failed is answered like everywhere else.
    pub(crate) const fn status_and_code(&self) -> (u16, Option<ErrorCode>) {
        match self {
            Self::Missing => (401, None),
            Self::Malformed => (400, Some(ErrorCode::InvalidRequest)),
            Self::Invalid(_) => (401, Some(ErrorCode::InvalidToken)),
            Self::Insufficient(_) => (403, Some(ErrorCode::InsufficientScope)),
            Self::Internal(_) => (500, None),
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3): the same for every reason for which a token is not valid.
    pub(crate) fn challenge(&self) -> String {
        let scheme = TokenBinding::Bearer.token_type();
        let (_, Some(code)) = self.status_and_code() else { return scheme.to_owned() };
        let (text, scope) = match self {
            Self::Malformed => ("the access token was sent in more than one way", String::new()),
            Self::Insufficient(scope) => ("the access token lacks a scope", format!(", scope=\"{scope}\"")),
            _not_valid => ("the access token is invalid, expired or revoked", String::new()),
        };
        format!("{scheme} error=\"{code}\", error_description=\"{text}\"{scope}")
    }
}

/// RFC 6750 §2.1, §2.2.
pub(crate) fn presented_token<'a>(authorization: Option<&'a str>, form: &'a Parameters) -> Result<&'a str, BearerError> {
    let in_header = authorization.and_then(|header| header.split_once(' '));
    let is_bearer = |scheme: &str| scheme.eq_ignore_ascii_case(TokenBinding::Bearer.token_type());
    let in_header = in_header.filter(|(scheme, _token)| is_bearer(scheme)).map(|(_scheme, token)| token);
    match (in_header, form.get("access_token")) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (Some(_), Some(_)) => Err(BearerError::Malformed),
        (None, None) => Err(BearerError::Missing),
    }
}

/// Costs: one joined read and no write; a verification where the token is a JWT.
pub(crate) async fn answer(op: &Op, presented: &str) -> Result<UserInfo, BearerError> {
    let digest = digest_of_presented(op, presented).ok_or(BearerError::Invalid("not an access token of ours"))?;
    let found = access_tokens::find(op.store.read(), &digest).await.map_err(Internal::from)?;
    let found = found.ok_or(BearerError::Invalid("unknown or revoked alone"))?;
    if let Some(reason) = dead_because(&found, op.env.now()) {
        return Err(BearerError::Invalid(reason));
    }
    // OIDC Core §5.3.1: the token is one of an OpenID Connect authentication request.
    if !found.token.scope.contains(scope::OPENID) {
        return Err(BearerError::Insufficient(scope::OPENID));
    }
    let user = claims_of(&found.user, &found.token.scope);
    Ok(UserInfo { sub: found.user.id.as_str().to_owned(), user })
}

/// The claims about a person that a scope opens (OIDC Core §5.4): what is said in the ID token and at userinfo alike. What is not
/// known is absent; `groups` are a list even when empty, so that relying parties can map them (decision 2.9).
pub(super) fn claims_of(user: &User, scope: &Scope) -> UserClaims {
    UserClaims {
        name: (!user.name.is_empty()).then(|| user.name.clone()),
        preferred_username: Some(user.username.clone()),
        updated_at: Some(user.updated_at.as_seconds()),
        email: user.email.clone(),
        email_verified: Some(user.email_verified),
        groups: Some(user.groups.clone()),
    }
    .limited_to(scope)
}

#[cfg(test)]
mod tests;
