//! Secrets and their digests. A secret exists in clear text only between its making and the answer that carries it; the
//! database keeps its SHA-256 (decision 2.5). 256 random bits need no slow hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::env::{Env, RandomError};

/// A text that must not be logged, echoed or stored: codes, tokens, client secrets, cookies. Wiped when dropped.
/// Deliberately without `PartialEq`, `Display` and `Serialize`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A new secret of 256 random bits as 43 characters of base64url (RFC 4648 §5): only characters that no
    /// encoding touches (RFC 3986 §2.3).
    pub fn generate(env: &Env) -> Result<Self, RandomError> {
        let bytes: [u8; 32] = env.random_bytes()?;
        Ok(Self::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.0.as_bytes())
    }

    /// Compares in time that depends on the length only.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretDigest(String);

impl SecretDigest {
    pub fn of(secret: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(secret)))
    }

    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, secret: &Secret) -> bool {
        self.0.as_bytes().ct_eq(secret.digest().0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn a_digest_matches_its_secret_and_no_prefix_of_it() {
        let secret = Secret::generate(&Env::system()).unwrap();
        assert_eq!(secret.expose().len(), 43);
        assert!(secret.digest().matches(&secret));
        assert!(!secret.digest().matches(&Secret::new(&secret.expose()[..42])));
    }
}
