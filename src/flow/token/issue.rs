//! The answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3), signed after the commit (decision 2.4): a request that
//! lost a race costs no signature, and a failed signature leaves nothing but an unused family.

use std::fmt;

use serde::Serialize;

use super::access_token::AccessHandle;
use super::family::Family;
use crate::domain::assurance::AMR;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::flow::error::OAuthError;
use crate::flow::{Op, claims};
use crate::protocol::client_metadata::{AccessTokenFormat, IdTokenClaimsPolicy};
use crate::protocol::id_token::{AccessTokenClaims, IdTokenClaims, UserClaims, at_hash};
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

pub(super) struct Issuance<'a> {
    pub client: &'a Client,
    pub family: &'a Family,
    pub access: AccessHandle,
    pub refresh: Option<Secret>,
    /// The `nonce` to echo: that of the authorization request for its code, none for a refresh (OIDC Core §12.2).
    pub nonce: Option<String>,
}

impl Issuance<'_> {
    /// One signature, two where the access token is a JWT, none where it is opaque and `openid` was not granted.
    pub(super) fn answer(self, op: &Op) -> Result<TokenResponse, OAuthError> {
        let access_token = match self.access.format {
            AccessTokenFormat::Opaque => self.access.secret.clone(),
            AccessTokenFormat::Jwt => {
                let claims = self.access_token_claims(&op.settings.issuer);
                op.keys.ring.sign(self.client.metadata.id_token_signed_response_alg, TokenType::Access, &claims)?
            }
        };
        let id_token = match self.family.terms.scope.contains(scope::OPENID) {
            true => Some(self.id_token(op, &access_token)?),
            false => None,
        };
        Ok(TokenResponse {
            access_token: access_token.expose().to_owned(),
            token_type: self.family.binding.token_type(),
            expires_in: self.family.access_ends.since(self.family.issued_at).as_secs(),
            refresh_token: self.refresh.as_ref().map(|token| token.expose().to_owned()),
            id_token,
            scope: self.family.terms.scope.to_string(),
        })
    }

    /// RFC 9068 §2.2. The audience is the issuer itself: these tokens open userinfo, and no resource is registered that could
    /// be named instead (RFC 9068 §3).
    fn access_token_claims(&self, issuer: &str) -> AccessTokenClaims {
        let authentication = &self.family.grant.authentication;
        AccessTokenClaims {
            iss: issuer.to_owned(),
            sub: self.family.user.id.as_str().to_owned(),
            aud: issuer.to_owned(),
            client_id: self.client.id.as_str().to_owned(),
            jti: self.access.secret.expose().to_owned(),
            exp: self.family.access_ends.as_seconds(),
            iat: self.family.issued_at.as_seconds(),
            scope: self.family.terms.scope.clone(),
            auth_time: Some(authentication.auth_time.as_seconds()),
            acr: Some(authentication.acr.as_str().to_owned()),
            amr: amr(),
        }
    }

    /// OIDC Core §2, §3.1.3.6; after a refresh §12.2: the same `sub`, `auth_time`, `acr`, `amr` and `sid` as in the first one.
    fn id_token(&self, op: &Op, access_token: &Secret) -> Result<String, OAuthError> {
        let metadata = &self.client.metadata;
        let alg = metadata.id_token_signed_response_alg;
        let authentication = &self.family.grant.authentication;
        let claims = IdTokenClaims {
            iss: op.settings.issuer.clone(),
            sub: self.family.user.id.as_str().to_owned(),
            aud: self.client.id.as_str().to_owned(),
            exp: self.family.issued_at.plus(self.family.terms.id_lifetime).as_seconds(),
            iat: self.family.issued_at.as_seconds(),
            auth_time: authentication.auth_time.as_seconds(),
            nonce: self.nonce.clone(),
            acr: Some(authentication.acr.as_str().to_owned()),
            amr: amr(),
            sid: authentication.session_id.as_ref().map(|session| session.as_str().to_owned()),
            at_hash: Some(at_hash(alg, access_token.expose())),
            user: match metadata.id_token_claims {
                IdTokenClaimsPolicy::Scope => claims::of(&self.family.user, &self.family.terms.scope),
                IdTokenClaimsPolicy::Minimal => UserClaims::default(),
            },
        };
        Ok(op.keys.ring.sign(alg, TokenType::Id, &claims)?.expose().to_owned())
    }
}

fn amr() -> Vec<String> {
    AMR.iter().map(|method| (*method).to_owned()).collect()
}
