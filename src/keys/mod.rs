//! Keys: the master key, the purpose keys that are derived from it, and the ring of signing keys.
//!
//! - [`master`]: the one file that nodes share.
//! - [`purpose`]: one key per purpose (cookies, form tokens, refresh successors, decoys, encryption at rest).
//! - [`signing`]: one key pair of one algorithm. `aws-lc-rs` does everything that touches a private key (decision 2.12).
//! - [`rotation`]: what a rotation changes, as pure functions of the stored keys.
//! - [`ring`]: the keys in memory: signs, publishes the JWK set, follows the database.
//! - [`verify`]: what this provider signed, recognised again.
//!
//! No SQL here: the ring reads and writes through [`SigningKeyRows`](crate::domain::signing_key::SigningKeyRows).

pub mod master;
pub mod purpose;
pub mod ring;
pub mod rotation;
pub mod signing;
pub mod verify;

mod bundle;

pub use bundle::{Keys, KeysError, doctor_ticket};
