//! The keys as the flows use them: the purpose keys and the ring, with one method for each thing that they are for, so that no
//! flow can take a key for another purpose than its own.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::purpose::{CannotOpen, CannotSeal, PurposeKeys};
use super::ring::{KeyRing, RingError, SignError};
use super::verify::VerifyError;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::id_token::IdTokenClaims;
use crate::protocol::jws::TokenType;

/// A key could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A token could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The ring could not follow the database.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// A value could not be sealed.
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// A sealed value could not be opened: another master key, or another row.
    #[error(transparent)]
    Open(#[from] CannotOpen),
}

/// What lets `doctor` ask the running provider how its request looked from inside: nobody makes it without the master key.
/// `at` is the moment of asking in seconds.
pub fn doctor_ticket(purposes: &PurposeKeys, at: i64) -> Secret {
    // Form tokens begin with a browser's digest, which is never this word.
    let mac = purposes.form_tokens.mac(&[b"doctor", at.to_string().as_bytes()]);
    Secret::new(URL_SAFE_NO_PAD.encode(mac))
}

/// All keys of a running provider.
pub struct Keys {
    purposes: Arc<PurposeKeys>,
    ring: KeyRing,
}

impl Keys {
    /// Bundles what was derived from the master key with the ring.
    pub const fn new(purposes: Arc<PurposeKeys>, ring: KeyRing) -> Self {
        Self { purposes, ring }
    }

    /// The signing keys.
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// A signed token; see [`KeyRing::sign`]. One signature.
    ///
    /// # Errors
    /// When there is no key of that algorithm, or the library fails.
    pub fn sign(&self, alg: SigningAlgorithm, typ: TokenType, claims: &impl Serialize) -> Result<Secret, KeysError> {
        Ok(self.ring.sign(alg, typ, claims)?)
    }

    /// The JWK set (RFC 7517 §5).
    pub fn jwks(&self) -> Bytes {
        self.ring.jwks()
    }

    /// Follows the database; see [`KeyRing::refresh`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh(&self) -> Result<bool, KeysError> {
        Ok(self.ring.refresh().await?)
    }

    /// The claims of an ID token of ours, expired or not (OIDC Core §3.1.2.1 `id_token_hint`), for `client` where one is
    /// named.
    ///
    /// # Errors
    /// When we did not sign it, or not for that client.
    pub fn verify_id_token_hint(&self, token: &str, issuer: &str, client: Option<&str>) -> Result<IdTokenClaims, VerifyError> {
        self.ring.verify_hint(token, issuer, client)
    }

    /// See [`doctor_ticket`].
    pub fn doctor_ticket(&self, at: i64) -> Secret {
        doctor_ticket(&self.purposes, at)
    }

    /// The MAC of a form token.
    pub fn form_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.purposes.form_tokens.mac(parts)
    }

    /// The MAC that chooses what a decoy shows.
    pub fn decoy_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.purposes.decoys.mac(parts)
    }

    /// The one successor of a refresh token (decision 2.5).
    pub fn refresh_successor(&self, presented: &Secret) -> Secret {
        self.purposes.refresh.successor_of(presented)
    }

    /// Seals the handle of a login's session at the phone service: readable only with the master key and for that login.
    ///
    /// # Errors
    /// When the random number generator or the library fails.
    pub fn seal_login_handle(&self, env: &Env, login: &str, handle: &str) -> Result<Secret, KeysError> {
        Ok(Secret::new(self.purposes.sealer.seal(env, &handle_context(login), handle.as_bytes())?))
    }

    /// Seals `value` until `until` for an address of the kind `place`: nobody else can read, change or make it.
    ///
    /// # Errors
    /// When the random number generator or the library fails.
    pub fn seal_address(&self, env: &Env, place: &str, value: &impl Serialize, until: Timestamp) -> Result<String, KeysError> {
        let json = serde_json::to_vec(&(until, value)).map_err(|_not_json| CannotSeal::Cipher)?;
        Ok(self.purposes.addresses.seal(env, place, &json)?)
    }

    /// Opens what [`Keys::seal_address`] sealed for `place`, until its end.
    pub fn open_address<T: DeserializeOwned>(&self, place: &str, sealed: &str, now: Timestamp) -> Option<T> {
        let json = self.purposes.addresses.open(place, sealed).ok()?;
        let (until, value): (Timestamp, T) = serde_json::from_slice(&json).ok()?;
        (now < until).then_some(value)
    }

    /// Opens what [`Keys::seal_login_handle`] sealed.
    ///
    /// # Errors
    /// When it was sealed under another master key, for another login, or changed.
    pub fn open_login_handle(&self, login: &str, sealed: &str) -> Result<Secret, KeysError> {
        let opened = self.purposes.sealer.open(&handle_context(login), sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_not_ours| CannotOpen)?;
        Ok(Secret::new(text))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

fn handle_context(login: &str) -> String {
    format!("login/{login}/handle")
}
