//! Signing keys: a change is written whole or not at all, and of two that cannot both hold, one is.

use futures_util::future::join_all;

use super::samples::{NOW, after};
use crate::domain::signing_key::{KeyState, KeyStep, SigningKeyRows as _, StoredKey};
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::store::{Store, audit};

fn key(kid: &str, alg: SigningAlgorithm, state: KeyState) -> StoredKey {
    StoredKey {
        kid: kid.into(),
        alg,
        state,
        public_jwk: "{}".into(),
        sealed_private: "sealed".into(),
        created_at: NOW,
        active_at: (state == KeyState::Active).then_some(NOW),
        retired_at: None,
    }
}

fn insert(kid: &str, state: KeyState) -> KeyStep {
    KeyStep::Insert(key(kid, SigningAlgorithm::EdDSA, state))
}

fn retire(kid: &str) -> KeyStep {
    KeyStep::Retire { kid: kid.into(), at: after(1) }
}

fn activate(kid: &str) -> KeyStep {
    KeyStep::Activate { kid: kid.into(), at: after(1) }
}

fn delete(kid: &str) -> KeyStep {
    KeyStep::Delete { kid: kid.into() }
}

async fn apply(store: &Store, steps: &[KeyStep]) -> bool {
    store.apply_key_change(steps).await.unwrap()
}

async fn states(store: &Store) -> Vec<(String, KeyState)> {
    let mut listed = store.list_signing_keys().await.unwrap();
    listed.sort_by(|one, other| one.kid.cmp(&other.kid));
    listed.into_iter().map(|key| (key.kid, key.state)).collect()
}

pub(super) async fn a_rotation_is_written_whole(store: Store) {
    let first = [insert("a", KeyState::Active), insert("b", KeyState::Next)];
    assert!(apply(&store, &first).await);
    let rotation = [retire("a"), activate("b"), insert("c", KeyState::Next)];
    assert!(apply(&store, &rotation).await);
    let listed = store.list_signing_keys().await.unwrap();
    let found = |kid: &str| listed.iter().find(|key| key.kid == kid).cloned().unwrap();
    let (a, b, c) = (found("a"), found("b"), found("c"));
    assert_eq!((a.state, a.sealed_private.as_str(), a.retired_at), (KeyState::Retired, "", Some(after(1))));
    assert_eq!((b.state, b.sealed_private.as_str(), b.active_at), (KeyState::Active, "sealed", Some(after(1))));
    assert_eq!(c, key("c", SigningAlgorithm::EdDSA, KeyState::Next));
    assert!(apply(&store, &[delete("a")]).await);
    assert_eq!(states(&store).await, [("b".into(), KeyState::Active), ("c".into(), KeyState::Next)]);
    assert_eq!(audit::list(store.read(), 100).await.unwrap().len(), 6, "one entry a step");
}

pub(super) async fn a_change_that_was_overtaken_leaves_nothing(store: Store) {
    assert!(apply(&store, &[insert("a", KeyState::Active), insert("b", KeyState::Next)]).await);
    let before = states(&store).await;
    let overtaken: [&[KeyStep]; 8] = [
        // Each begins with a step that holds, to be taken back.
        &[delete("b"), insert("x", KeyState::Active)],
        &[delete("b"), insert("a", KeyState::Next)],
        &[retire("a"), insert("x", KeyState::Next)],
        &[delete("a"), activate("a")],
        &[retire("a"), retire("a")],
        &[retire("a"), activate("nobody")],
        &[retire("a"), delete("nobody")],
        &[activate("b")],
    ];
    for steps in overtaken {
        assert!(!apply(&store, steps).await, "{steps:?}");
        assert_eq!(states(&store).await, before, "{steps:?}");
    }
    assert_eq!(audit::list(store.read(), 100).await.unwrap().len(), 2);
    // The same first steps do hold by themselves; other algorithms and retired keys take no seat away.
    let other = KeyStep::Insert(key("x", SigningAlgorithm::ES256, KeyState::Active));
    assert!(apply(&store, &[retire("a"), activate("b"), retire("b"), other]).await);
}

/// Writes twenty changes at once and counts those that were.
async fn written(store: &Store, steps: impl Fn(usize) -> Vec<KeyStep>) -> usize {
    let contend = |number| {
        let (store, steps) = (store.clone(), steps(number));
        tokio::spawn(async move { store.apply_key_change(&steps).await.unwrap() })
    };
    let tasks: Vec<_> = (0..20).map(contend).collect();
    join_all(tasks).await.into_iter().filter(|done| *done.as_ref().unwrap()).count()
}

pub(super) async fn of_many_first_starts_and_rotations_one_is_written(store: Store) {
    let start = |n| vec![insert(&format!("a{n}"), KeyState::Active), insert(&format!("b{n}"), KeyState::Next)];
    assert_eq!(written(&store, start).await, 1);
    let keys = states(&store).await;
    let (active, next) = (&keys[0].0, &keys[1].0);
    assert_eq!(written(&store, |n| vec![retire(active), activate(next), insert(&format!("c{n}"), KeyState::Next)]).await, 1);
    assert_eq!(written(&store, |n| vec![delete(next), insert(&format!("d{n}"), KeyState::Active)]).await, 1);
    assert_eq!(states(&store).await.len(), 3);
}
