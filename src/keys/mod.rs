//! Keys: the master key, the purpose keys that are derived from it, and the ring of signing keys.
//!
//! - [`master`]: the one file that nodes share.
//! - [`purpose`]: one key per purpose (form tokens, refresh successors, decoys, encryption at rest).
//! - [`signing`]: one key pair of one algorithm. `aws-lc-rs` does everything that touches a private key (decision 2.12).
//! - [`rotation`]: what a rotation changes, as pure functions of the stored keys.
//! - [`ring`]: the keys in memory: signs, publishes the JWK set, follows the database.
//! - [`verify`]: what this provider signed, recognised again.
//!
//! No SQL here: the ring reads and writes through [`SigningKeyRows`](crate::domain::signing_key::SigningKeyRows).

pub(crate) mod master;
pub(crate) mod purpose;
pub(crate) mod ring;
pub(crate) mod rotation;
pub(crate) mod signing;
pub(crate) mod verify;

use std::sync::Arc;

use purpose::{CannotOpen, CannotSeal, PurposeKeys};
use ring::KeyRing;
use signing::KeyError;

/// A key could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The claims of a token cannot be written as JSON.
    #[error("the claims cannot be written")]
    Claims(#[from] serde_json::Error),
    /// There is no key to sign with, or it fails.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A value could not be sealed.
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// A sealed value could not be opened: another master key, or another row.
    #[error(transparent)]
    Open(#[from] CannotOpen),
}

/// All keys of a running provider.
pub(crate) struct Keys {
    pub ring: KeyRing,
    /// What was derived from the master key.
    pub purposes: Arc<PurposeKeys>,
}
