//! The master key, the keys that are derived from it, and the ring of signing keys. `aws-lc-rs` does everything that touches a
//! private key (decision 2.12).
//!
//! No SQL here: the ring reads and writes through [`SigningKeyRows`](crate::domain::signing_key::SigningKeyRows).

pub(crate) mod master;
pub(crate) mod purpose;
pub(crate) mod ring;
pub(crate) mod rotation;
pub(crate) mod signing;
pub(crate) mod verify;

use crate::domain::env::RandomError;

/// What cannot be done with a key. Says nothing about private material, nor why a sealed text does not open (no oracle).
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// Nothing may be served then (check 165).
    #[error("a key cannot be derived from the master key")]
    Derive,
    #[error("a signing key cannot be generated")]
    Generate,
    #[error("not a private key for its algorithm")]
    Private,
    /// RSA below 2048 bits, a point off the curve.
    #[error("not a public key for its algorithm, or too weak a one")]
    Public,
    #[error("the claims cannot be written")]
    Claims(#[from] serde_json::Error),
    #[error("a signature cannot be made")]
    Sign,
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("a secret cannot be encrypted")]
    Seal,
    #[error("a stored secret cannot be decrypted: it was altered, belongs elsewhere, or is under another master key")]
    Open,
}
