//! The key ring over a real database: nodes that share one.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::env::Env;
use crate::domain::signing_key::KeyState;
use crate::keys::master::MasterKey;
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::{KeyRing, RingError};
use crate::keys::rotation::KeySettings;
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::jws::TokenType;
use crate::store::{Store, audit};
use tempfile::TempDir;

const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A node of its own: connections, master key (from the shared file), ring.
async fn node(dir: &TempDir, clock: &Arc<ManualClock>) -> (Store, Result<KeyRing, RingError>) {
    let env = Env::with_clock(clock.clone());
    let url = format!("sqlite:{}", dir.path().join("signbridge.db").display());
    let store = Store::open(&url, env.clone()).await.unwrap();
    store.migrate().await.unwrap();
    let master = MasterKey::load_or_create(&dir.path().join("keys"), &env).unwrap();
    let purposes = Arc::new(PurposeKeys::derive(&master).unwrap());
    let ring = KeyRing::start(Arc::new(store.clone()), purposes, env, KeySettings::default()).await;
    (store, ring)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_share_a_database_have_one_set_of_keys_through_every_change() {
    let dir = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::new(T0));
    let ((store, one), (_store, other)) = tokio::join!(node(&dir, &clock), node(&dir, &clock));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.list().len(), 8);
    assert_eq!(one.jwks(), other.jwks());

    let claims = serde_json::json!({"sub": "alice"});
    let sign = |ring: &KeyRing| ring.sign(SigningAlgorithm::RS256, TokenType::Id, &claims).unwrap();
    let known = |ring: &KeyRing, token: &str| ring.verify_signature(token, TokenType::Id).is_ok();
    let old = sign(&one);
    assert!(one.rotate(None).await.is_err());
    clock.advance(Duration::from_secs(3600));
    // Both at once: one rotates, the other learns that it was done.
    let (first, second) = tokio::join!(one.rotate(None), other.rotate(None));
    assert!(first.is_ok() != second.is_ok());
    assert!(one.refresh().await.is_ok() && other.refresh().await.is_ok());
    assert_eq!(one.jwks(), other.jwks());
    let new = sign(&other);
    for ring in [&one, &other] {
        assert!(known(ring, old.expose()) && known(ring, new.expose()));
    }
    let retired: Vec<_> = one.list().into_iter().filter(|key| key.state == KeyState::Retired).collect();
    assert!(retired.len() == 4 && retired.iter().all(|key| key.sealed_private.is_empty()));

    let kid = |ring: &KeyRing| {
        let signs =
            |key: &crate::domain::signing_key::StoredKey| key.state == KeyState::Active && key.alg == SigningAlgorithm::RS256;
        ring.list().into_iter().find(signs).unwrap().kid
    };
    one.revoke(&kid(&one)).await.unwrap();
    assert!(other.refresh().await.unwrap());
    assert!(!known(&other, new.expose()) && known(&other, old.expose()));
    assert!(known(&one, sign(&other).expose()));
    // 8 made, 3 a rotated algorithm, 3 for the revocation.
    assert_eq!(audit::list(store.read(), 1000).await.unwrap().len(), 8 + 12 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_master_key_refuses_the_database() {
    let dir = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::new(T0));
    assert!(node(&dir, &clock).await.1.is_ok());
    assert!(node(&dir, &clock).await.1.is_ok());
    std::fs::remove_file(dir.path().join("keys/master.key")).unwrap();
    assert!(matches!(node(&dir, &clock).await.1, Err(RingError::Unreadable(_))));
}
