//! The userinfo endpoint (OIDC Core §5.3) and the use of bearer tokens (RFC 6750). Tokens come in the header or
//! in a form body; the query is never looked at (RFC 9700 §4.3.2).

use super::Op;
use super::claims;
use super::error::Internal;
use super::token::access_token::{dead_because, digest_of_presented};
use super::token::family::TokenBinding;
use crate::protocol::error::ErrorCode;
use crate::protocol::id_token::UserInfo;
use crate::protocol::parameters::Parameters;
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
    pub(crate) const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Missing | Self::Internal(_) => None,
            Self::Malformed => Some(ErrorCode::InvalidRequest),
            Self::Invalid(_) => Some(ErrorCode::InvalidToken),
            Self::Insufficient(_) => Some(ErrorCode::InsufficientScope),
        }
    }

    /// RFC 6750 §3.1; `None` where something of ours failed, which is answered like everywhere else.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self {
            Self::Missing | Self::Invalid(_) => Some(401),
            Self::Malformed => Some(400),
            Self::Insufficient(_) => Some(403),
            Self::Internal(_) => None,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3): the same for every reason for which a token is not valid.
    pub(crate) fn challenge(&self) -> String {
        let scheme = TokenBinding::Bearer.token_type();
        let Some(code) = self.code() else { return scheme.to_owned() };
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
    let user = claims::of(&found.user, &found.token.scope);
    Ok(UserInfo { sub: found.user.id.as_str().to_owned(), user })
}

#[cfg(test)]
mod tests;
