//! Verification of tokens that this provider signed. The key is the ring's own one that the `kid` names, with the algorithm
//! that the ring has for it (RFC 8725 §3.1); nothing else in a header steers anything.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ring::KeyRing;
use crate::protocol::claims::{AccessTokenClaims, IdTokenClaims};
use crate::protocol::jws::{InvalidJws, TokenType, UnverifiedJws};

/// Why a token is not one of ours, or not one that counts here. Nobody is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VerifyError {
    Malformed(InvalidJws),
    UnknownKey,
    /// The key serves another one.
    Algorithm,
    Signature,
    /// RFC 8725 §3.11.
    Type,
    /// Some are missing or of the wrong type.
    Claims,
    /// RFC 7519 §4.1.1.
    Issuer,
    /// RFC 7519 §4.1.3.
    Audience,
    /// RFC 7519 §4.1.4.
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
        let jws = UnverifiedJws::parse(compact).map_err(VerifyError::Malformed)?;
        let snapshot = self.snapshot();
        let known = jws.header.kid.as_deref().and_then(|kid| snapshot.verifying.get(kid));
        let known = known.filter(|known| known.published || also_unpublished).ok_or(VerifyError::UnknownKey)?;
        if known.alg != jws.header.alg {
            return Err(VerifyError::Algorithm);
        }
        if !known.key.verifies(jws.signing_input.as_bytes(), &jws.signature) {
            return Err(VerifyError::Signature);
        }
        if !typ.is_named_by(jws.header.typ.as_deref()) {
            return Err(VerifyError::Type);
        }
        let claims = jws.claims().map_err(VerifyError::Malformed)?;
        serde_json::from_value(Value::Object(claims)).map_err(|_mistyped| VerifyError::Claims)
    }
}

#[cfg(test)]
mod tests;
