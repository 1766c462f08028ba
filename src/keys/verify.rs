//! Verification of tokens that this provider signed. The key is the ring's own one that the `kid` names, with the algorithm
//! that the ring has for it (RFC 8725 §3.1); nothing else in a header steers anything.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ring::KeyRing;
use crate::protocol::id_token::{AccessTokenClaims, IdTokenClaims};
use crate::protocol::jws::{InvalidJws, TokenType, UnverifiedJws};

/// Why a token is not one of ours, or not one that counts here. For logs; callers tell the outside less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error(transparent)]
    Malformed(#[from] InvalidJws),
    #[error("no key of ours has this kid")]
    UnknownKey,
    #[error("the key serves another algorithm")]
    Algorithm,
    #[error("the signature does not verify")]
    Signature,
    /// RFC 8725 §3.11.
    #[error("a token of another type")]
    Type,
    #[error("claims are missing or of the wrong type")]
    Claims,
    /// RFC 7519 §4.1.1.
    #[error("another issuer")]
    Issuer,
    /// RFC 7519 §4.1.3.
    #[error("another audience")]
    Audience,
    /// RFC 7519 §4.1.4.
    #[error("the token has expired")]
    Expired,
}

impl KeyRing {
    /// The claims of a token that a published key signed. Says nothing about issuer, audience and expiry.
    #[cfg(test)]
    pub(crate) fn verify_signature(
        &self,
        compact: &str,
        typ: TokenType,
    ) -> Result<serde_json::Map<String, Value>, VerifyError> {
        self.verify(compact, typ, false)
    }

    /// The claims of an access token that is valid now (RFC 9068 §4). Whether it was revoked, the database knows.
    pub(crate) fn verify_access_token(&self, compact: &str, issuer: &str) -> Result<AccessTokenClaims, VerifyError> {
        let claims: AccessTokenClaims = self.verify(compact, TokenType::Access, false)?;
        if claims.iss != issuer {
            return Err(VerifyError::Issuer);
        }
        // RFC 7519 §4.1.4: on or after this moment it must not be accepted.
        if self.env.now().as_seconds() >= claims.exp {
            return Err(VerifyError::Expired);
        }
        Ok(claims)
    }

    /// The claims of an `id_token_hint`: an ID token that we issued, also an expired one, also one of a key that has left the
    /// JWK set since (OIDC RP-Initiated Logout §2, decision 2.16; OIDC Core §3.1.2.1). With `client`, it must be for that one.
    pub(crate) fn verify_hint(&self, compact: &str, issuer: &str, client: Option<&str>) -> Result<IdTokenClaims, VerifyError> {
        let claims: IdTokenClaims = self.verify(compact, TokenType::Id, true)?;
        if claims.iss != issuer {
            return Err(VerifyError::Issuer);
        }
        if client.is_some_and(|client| claims.aud != client) {
            return Err(VerifyError::Audience);
        }
        Ok(claims)
    }

    fn verify<T: DeserializeOwned>(&self, compact: &str, typ: TokenType, also_unpublished: bool) -> Result<T, VerifyError> {
        let jws = UnverifiedJws::parse(compact)?;
        let snapshot = self.snapshot();
        let kid = jws.header.kid.as_deref().ok_or(VerifyError::UnknownKey)?;
        let known = snapshot.verifying.get(kid).filter(|known| known.published || also_unpublished);
        let known = known.ok_or(VerifyError::UnknownKey)?;
        if known.alg != jws.header.alg {
            return Err(VerifyError::Algorithm);
        }
        if !known.key.verifies(jws.signing_input.as_bytes(), &jws.signature) {
            return Err(VerifyError::Signature);
        }
        if !typ.is_named_by(jws.header.typ.as_deref()) {
            return Err(VerifyError::Type);
        }
        serde_json::from_value(Value::Object(jws.claims()?)).map_err(|_mistyped| VerifyError::Claims)
    }
}

#[cfg(test)]
mod tests;
