//! The answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3), signed after the commit (decision 2.4): a request that
//! lost a race costs no signature, and a failed signature leaves nothing but an unused family.

use std::fmt;

use serde::Serialize;

use super::family::Family;
use crate::domain::assurance::AMR;
use crate::flow::prelude::*;
use crate::flow::userinfo::claims_of;
use crate::protocol::claims::{AccessTokenClaims, IdTokenClaims, UserClaims, at_hash};
use crate::protocol::client_metadata::{AccessTokenFormat, IdTokenClaimsPolicy};
use crate::protocol::jws::TokenType;
use crate::protocol::scope;

/// Answered with `Cache-Control: no-store`.
#[derive(Clone, Serialize)]
pub(crate) struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    /// In seconds.
    pub expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Where `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What the access token allows; said even where it is what was asked (decision 2.9).
    pub scope: String,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Family {
    /// One signature, two where the access token is a JWT, none where it is opaque and `openid` was not granted. `nonce` is that
    /// of the authorization request for its code, none for a refresh (OIDC Core §12.2).
    pub(super) fn answer(&self, op: &Op, refresh: Option<&Secret>, nonce: Option<&str>) -> Result<TokenResponse, OAuthError> {
        let metadata = &self.client.metadata;
        let access_token = match metadata.access_token_format {
            AccessTokenFormat::Opaque => self.access.clone(),
            AccessTokenFormat::Jwt => {
                let claims = self.access_token_claims(&op.settings.issuer);
                op.keys.sign(metadata.id_token_signed_response_alg, TokenType::Access, &claims)?
            }
        };
        let id_token = match self.terms.scope.contains(scope::OPENID) {
            true => Some(self.id_token(op, nonce, &access_token)?),
            false => None,
        };
        Ok(TokenResponse {
            access_token: access_token.expose().to_owned(),
            token_type: self.binding.token_type(),
            expires_in: self.access_ends.since(self.issued_at).as_secs(),
            refresh_token: refresh.map(|token| token.expose().to_owned()),
            id_token,
            scope: self.terms.scope.to_string(),
        })
    }

    /// RFC 9068 §2.2. The audience is the issuer itself: these tokens open userinfo, and no resource is registered that could
    /// be named instead (RFC 9068 §3).
    pub(super) fn access_token_claims(&self, issuer: &str) -> AccessTokenClaims {
        let authentication = &self.grant.authentication;
        AccessTokenClaims {
            iss: issuer.to_owned(),
            sub: self.user.id.as_str().to_owned(),
            aud: issuer.to_owned(),
            client_id: self.client.id.as_str().to_owned(),
            jti: self.access.expose().to_owned(),
            exp: self.access_ends.as_seconds(),
            iat: self.issued_at.as_seconds(),
            scope: self.terms.scope.clone(),
            auth_time: Some(authentication.auth_time.as_seconds()),
            acr: Some(authentication.acr.as_str().to_owned()),
            amr: amr(),
        }
    }

    /// OIDC Core §3.1.3.6.
    fn id_token(&self, op: &Op, nonce: Option<&str>, access_token: &Secret) -> Result<String, OAuthError> {
        let alg = self.client.metadata.id_token_signed_response_alg;
        let at_hash = Some(at_hash(alg, access_token.expose()));
        let claims = IdTokenClaims { at_hash, ..self.id_token_claims(&op.settings.issuer, nonce) };
        Ok(op.keys.sign(alg, TokenType::Id, &claims)?.expose().to_owned())
    }

    /// OIDC Core §2; after a refresh §12.2: the same `sub`, `auth_time`, `acr`, `amr` and `sid` as in the first one. Without
    /// `at_hash`.
    pub(super) fn id_token_claims(&self, issuer: &str, nonce: Option<&str>) -> IdTokenClaims {
        let authentication = &self.grant.authentication;
        IdTokenClaims {
            iss: issuer.to_owned(),
            sub: self.user.id.as_str().to_owned(),
            aud: self.client.id.as_str().to_owned(),
            exp: self.issued_at.plus(self.terms.id_lifetime).as_seconds(),
            iat: self.issued_at.as_seconds(),
            auth_time: authentication.auth_time.as_seconds(),
            nonce: nonce.map(str::to_owned),
            acr: Some(authentication.acr.as_str().to_owned()),
            amr: amr(),
            sid: authentication.session_id.as_ref().map(|session| session.as_str().to_owned()),
            at_hash: None,
            user: match self.client.metadata.id_token_claims {
                IdTokenClaimsPolicy::Scope => claims_of(&self.user, &self.terms.scope),
                IdTokenClaimsPolicy::Minimal => UserClaims::default(),
            },
        }
    }
}

fn amr() -> Vec<String> {
    AMR.iter().map(|method| (*method).to_owned()).collect()
}
