//! Signing keys as they are stored, and the changes of a rotation. Per algorithm there is at most one next and one active key at
//! any moment, whatever the number of nodes: the store refuses a change that would break this, or that another node's change has
//! overtaken. What a change should be, `keys` decides.

use async_trait::async_trait;

use super::audit::{AuditEvent, AuditKind};
use super::clock::Timestamp;
use super::named::parsed_enum;
use crate::protocol::client_metadata::SigningAlgorithm;

parsed_enum! {
    /// In the order of the JWK set: some relying parties take the first key that fits, so the one that signs stands first (OIDC
    /// Core §10.1: `kid` decides where it is read).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub(crate) enum KeyState {
        Active = "active",
        /// Published ahead, so that relying parties know it before it signs.
        Next = "next",
        /// Signs no more; its private half is gone. Still verifies what it signed.
        Retired = "retired",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredKey {
    /// Its thumbprint (RFC 7638).
    pub kid: String,
    pub alg: SigningAlgorithm,
    pub state: KeyState,
    pub public_jwk: String,
    /// The private half, encrypted under the master key (decision 2.5); empty once the key is retired.
    pub sealed_private: String,
    pub created_at: Timestamp,
    pub active_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
}

/// One step of a change. A step that does not find what it expects undoes the whole change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyStep {
    /// Adds a key. Expects no other with its `kid`, and no other of its algorithm in its state unless that is retired.
    Insert(StoredKey),
    /// Next → active. Expects the key to be next, and no active one of its algorithm.
    Activate { kid: String, at: Timestamp },
    /// Active → retired; the stored private half becomes empty. Expects the key to be active.
    Retire { kid: String, at: Timestamp },
    /// From then on nothing that it signed is valid. Expects the key to exist.
    Delete { kid: String },
}

impl KeyStep {
    pub(crate) fn audit_event(&self) -> AuditEvent {
        let (kid, what) = match self {
            Self::Insert(key) => (&key.kid, format!("made/{}/{}", key.alg.as_str(), key.state.as_str())),
            Self::Activate { kid, .. } => (kid, "activated".to_owned()),
            Self::Retire { kid, .. } => (kid, "retired".to_owned()),
            Self::Delete { kid } => (kid, "deleted".to_owned()),
        };
        AuditEvent { subject: Some(kid.clone()), detail: Some(what), ..AuditEvent::new(AuditKind::KeyRotated) }
    }
}

/// Why the rows cannot be read or written.
pub(crate) type KeyRowsError = Box<dyn std::error::Error + Send + Sync>;

/// Implemented by the database; a test may keep them in memory.
#[async_trait]
pub(crate) trait SigningKeyRows: Send + Sync {
    /// Every key, in any order. Asked every half second by every node, so one statement without joins.
    async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, KeyRowsError>;

    /// Writes the steps in this order, in one transaction. False: one did not find what it expected, for somebody else was
    /// faster; nothing was written.
    async fn apply_key_change(&self, steps: &[KeyStep]) -> Result<bool, KeyRowsError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_parses_back() {
        for state in KeyState::ALL {
            assert_eq!(KeyState::parse(state.as_str()), Some(state));
        }
        assert_eq!(KeyState::parse("Active"), None);
    }

    #[test]
    fn every_step_leaves_an_audit_event_that_names_its_key() {
        let at = Timestamp::from_seconds(1);
        let steps = [KeyStep::Retire { kid: "old".into(), at }, KeyStep::Activate { kid: "new".into(), at }];
        let events = steps.each_ref().map(KeyStep::audit_event);
        let said: Vec<_> = events.iter().map(|event| (event.subject.as_deref(), event.detail.as_deref())).collect();
        assert_eq!(said, [(Some("old"), Some("retired")), (Some("new"), Some("activated"))]);
    }
}
