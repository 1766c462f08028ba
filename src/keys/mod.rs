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

use std::sync::Arc;

use purpose::{CannotOpen, CannotSeal, PurposeKeys};
use ring::KeyRing;
use signing::KeyError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("the claims cannot be written")]
    Claims(#[from] serde_json::Error),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// A sealed value could not be opened: another master key, or another row.
    #[error(transparent)]
    Open(#[from] CannotOpen),
}

pub(crate) struct Keys {
    pub ring: KeyRing,
    pub purposes: Arc<PurposeKeys>,
}
