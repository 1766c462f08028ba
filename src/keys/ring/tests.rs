//! The ring over rows in memory: the lives of keys, several nodes. What verifies and what does not: `verify_tests`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::domain::clock::ManualClock;
use crate::keys::master::MasterKey;
use crate::keys::verify::VerifyError;
use crate::protocol::claims::{AccessTokenClaims, IdTokenClaims, UserClaims};
use crate::protocol::jws::UnverifiedJws;
use crate::protocol::scope::Scope;

pub(in crate::keys) const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);
pub(in crate::keys) const DAY: Duration = Duration::from_secs(86_400);
pub(in crate::keys) const ISSUER: &str = "https://id.example";

/// A database of one table, with the guards that the trait demands.
#[derive(Default)]
pub(in crate::keys) struct MemoryRows {
    keys: Mutex<Vec<StoredKey>>,
    changes: Mutex<Vec<Vec<KeyStep>>>,
    away: AtomicBool,
    /// Two nodes that read at once wait for each other here, so that both see the same state.
    meeting: Option<tokio::sync::Barrier>,
    met: AtomicBool,
}

impl MemoryRows {
    pub(in crate::keys) fn holding(keys: Vec<StoredKey>) -> Arc<Self> {
        Arc::new(Self { keys: Mutex::new(keys), ..Self::default() })
    }
}

fn step(keys: &mut Vec<StoredKey>, step: &KeyStep) -> Option<()> {
    let at_of = |keys: &[StoredKey], kid: &str| keys.iter().position(|key| key.kid == kid);
    match step {
        KeyStep::Insert(new) => {
            let taken = |key: &StoredKey| key.alg == new.alg && key.state == new.state && new.state != KeyState::Retired;
            if keys.iter().any(|key| key.kid == new.kid || taken(key)) {
                return None;
            }
            keys.push(new.clone());
        }
        KeyStep::Activate { kid, at } => {
            let found = at_of(keys, kid).filter(|found| keys[*found].state == KeyState::Next)?;
            if keys.iter().any(|key| key.alg == keys[found].alg && key.state == KeyState::Active) {
                return None;
            }
            (keys[found].state, keys[found].active_at) = (KeyState::Active, Some(*at));
        }
        KeyStep::Retire { kid, at } => {
            let found = at_of(keys, kid).filter(|found| keys[*found].state == KeyState::Active)?;
            (keys[found].state, keys[found].retired_at) = (KeyState::Retired, Some(*at));
            keys[found].sealed_private.clear();
        }
        KeyStep::Delete { kid } => {
            let found = at_of(keys, kid)?;
            keys.remove(found);
        }
    }
    Some(())
}

#[async_trait]
impl SigningKeyRows for MemoryRows {
    async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, KeyRowsError> {
        if self.away.load(Ordering::SeqCst) {
            return Err("the database is away".into());
        }
        let seen = self.keys.lock().unwrap().clone();
        if let Some(meeting) = &self.meeting
            && !self.met.load(Ordering::SeqCst)
        {
            meeting.wait().await;
            self.met.store(true, Ordering::SeqCst);
        }
        Ok(seen)
    }

    async fn apply_key_change(&self, steps: &[KeyStep]) -> Result<bool, KeyRowsError> {
        let mut keys = self.keys.lock().unwrap();
        let mut changed = keys.clone();
        if steps.iter().any(|one| step(&mut changed, one).is_none()) {
            return Ok(false);
        }
        *keys = changed;
        self.changes.lock().unwrap().push(steps.to_vec());
        Ok(true)
    }
}

pub(in crate::keys) fn purposes(master: u8) -> Arc<PurposeKeys> {
    Arc::new(PurposeKeys::derive(&MasterKey::of_bytes([master; 32])).unwrap())
}

/// Keys that were made once for all tests, at [`T0`] under master key 1.
pub(in crate::keys) static MADE: LazyLock<Vec<StoredKey>> = LazyLock::new(|| {
    let env = Env::with_clock(Arc::new(ManualClock::new(T0)));
    let pair = |alg| [KeyState::Active, KeyState::Next].map(|state| make(alg, state, &env, &purposes(1).sealer).unwrap());
    SigningAlgorithm::ALL.into_iter().flat_map(pair).collect()
});

pub(in crate::keys) struct Node {
    pub(in crate::keys) ring: KeyRing,
    pub(in crate::keys) clock: Arc<ManualClock>,
}

pub(in crate::keys) async fn node(rows: &Arc<MemoryRows>, clock: Arc<ManualClock>) -> Node {
    let env = Env::with_clock(clock.clone());
    let ring = KeyRing::start(rows.clone(), purposes(1), env, KeySettings::default()).await.unwrap();
    Node { ring, clock }
}

pub(in crate::keys) async fn started() -> (Arc<MemoryRows>, Node) {
    let rows = MemoryRows::holding(MADE.clone());
    let node = node(&rows, Arc::new(ManualClock::new(T0))).await;
    (rows, node)
}

pub(in crate::keys) fn id_token() -> IdTokenClaims {
    IdTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: "app".into(),
        exp: T0.plus(HOUR).as_seconds(),
        iat: T0.as_seconds(),
        auth_time: T0.as_seconds(),
        nonce: Some("n".into()),
        acr: Some("urn:signbridge:acr:matched".into()),
        amr: vec!["mca".into()],
        sid: Some("session".into()),
        at_hash: None,
        user: UserClaims::default(),
    }
}

pub(in crate::keys) fn access_token() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: ISSUER.into(),
        client_id: "app".into(),
        jti: "1".into(),
        exp: T0.as_seconds() + 300,
        iat: T0.as_seconds(),
        scope: Scope::parse("openid").unwrap(),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
    }
}

fn kids(jwks: &Bytes) -> Vec<String> {
    let set: Value = serde_json::from_slice(jwks).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

pub(in crate::keys) fn kid_of(token: &Secret) -> String {
    UnverifiedJws::parse(token.expose()).unwrap().header.kid.unwrap()
}

pub(in crate::keys) fn signed(ring: &KeyRing, alg: SigningAlgorithm) -> Secret {
    ring.sign(alg, TokenType::Id, &id_token()).unwrap()
}

#[tokio::test]
async fn the_first_start_makes_every_key_and_publishes_public_halves_only() {
    let rows = MemoryRows::holding(Vec::new());
    let begun = tokio::time::Instant::now();
    let node = node(&rows, Arc::new(ManualClock::new(T0))).await;
    println!("first start took {} ms", begun.elapsed().as_millis());
    assert_eq!(rows.changes.lock().unwrap().len(), 1, "all in one write");
    let set: Value = serde_json::from_slice(&node.ring.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let algs: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(algs, ["RS256", "PS256", "ES256", "EdDSA", "RS256", "PS256", "ES256", "EdDSA"], "those that sign stand first");
    for key in keys {
        let members = key.as_object().unwrap();
        assert_eq!(key["use"], "sig");
        assert!(["d", "p", "q", "dp", "dq", "qi", "k", "oth"].iter().all(|private| !members.contains_key(*private)));
    }
    let distinct: std::collections::HashSet<String> = kids(&node.ring.jwks()).into_iter().collect();
    assert_eq!(distinct.len(), 8);
    for row in rows.keys.lock().unwrap().iter() {
        assert!(row.sealed_private.starts_with("v1.") && !row.sealed_private.contains(&row.public_jwk));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_end_with_one_set_of_keys() {
    let rows = Arc::new(MemoryRows { meeting: Some(tokio::sync::Barrier::new(2)), ..MemoryRows::default() });
    let clock = Arc::new(ManualClock::new(T0));
    let (one, other) = tokio::join!(node(&rows, clock.clone()), node(&rows, clock.clone()));
    assert_eq!(rows.keys.lock().unwrap().len(), 8);
    assert_eq!(rows.changes.lock().unwrap().len(), 1);
    assert_eq!(one.ring.jwks(), other.ring.jwks());
    assert!(other.ring.verify_hint(signed(&one.ring, SigningAlgorithm::ES256).expose(), ISSUER, None).is_ok());
}

#[tokio::test]
async fn every_algorithm_signs_and_is_recognised_again() {
    let (_rows, node) = started().await;
    for alg in SigningAlgorithm::ALL {
        let token = signed(&node.ring, alg);
        assert_eq!(UnverifiedJws::parse(token.expose()).unwrap().header.alg, alg);
        assert!(kids(&node.ring.jwks()).contains(&kid_of(&token)));
        assert_eq!(node.ring.verify_hint(token.expose(), ISSUER, Some("app")).unwrap(), id_token());
        let access = node.ring.sign(alg, TokenType::Access, &access_token()).unwrap();
        assert_eq!(node.ring.verify_access_token(access.expose(), ISSUER).unwrap(), access_token());
    }
}

#[tokio::test]
async fn a_rotation_waits_until_relying_parties_know_the_next_key() {
    let (rows, node) = started().await;
    let before = node.ring.jwks();
    let early = node.ring.rotate(None).await.unwrap_err();
    assert!(matches!(early, RingError::Refused(RotationRefused::TooSoon { .. })), "{early}");
    assert_eq!(node.ring.jwks(), before);
    node.clock.advance(HOUR);
    let old = signed(&node.ring, SigningAlgorithm::ES256);
    node.ring.rotate(Some(SigningAlgorithm::ES256)).await.unwrap();
    let new = signed(&node.ring, SigningAlgorithm::ES256);
    assert_ne!(kid_of(&old), kid_of(&new));
    assert!(kids(&before).contains(&kid_of(&new)), "a verifier with the old JWK set knows the new key");
    assert!(kids(&node.ring.jwks()).contains(&kid_of(&old)), "and one with the new set the old key");
    assert!(node.ring.verify_hint(old.expose(), ISSUER, None).is_ok());
    assert!(node.ring.verify_hint(new.expose(), ISSUER, None).is_ok());
    let retired = rows.keys.lock().unwrap().iter().find(|key| key.kid == kid_of(&old)).cloned().unwrap();
    assert_eq!((retired.state, retired.sealed_private.as_str()), (KeyState::Retired, ""));
    assert!(node.ring.rotate(Some(SigningAlgorithm::ES256)).await.is_err(), "the next one is too fresh");
    assert_eq!(kids(&node.ring.jwks()).len(), 9);
}

#[tokio::test]
async fn another_node_follows_at_its_next_refresh() {
    let (rows, one) = started().await;
    let other = node(&rows, one.clock.clone()).await;
    assert!(!other.ring.refresh().await.unwrap());
    one.clock.advance(HOUR);
    one.ring.rotate(Some(SigningAlgorithm::EdDSA)).await.unwrap();
    let new = signed(&one.ring, SigningAlgorithm::EdDSA);
    assert!(
        other.ring.verify_hint(new.expose(), ISSUER, None).is_ok(),
        "even before it refreshes: the key was published ahead"
    );
    assert!(other.ring.refresh().await.unwrap());
    assert_eq!(other.ring.jwks(), one.ring.jwks());
    assert_eq!(kid_of(&signed(&other.ring, SigningAlgorithm::EdDSA)), kid_of(&new));
}

#[tokio::test]
async fn a_retired_key_leaves_the_jwk_set_and_still_verifies_hints_until_it_is_deleted() {
    let (_rows, node) = started().await;
    let ring = &node.ring;
    node.clock.advance(HOUR);
    let old = signed(ring, SigningAlgorithm::ES256);
    ring.rotate(Some(SigningAlgorithm::ES256)).await.unwrap();
    node.clock.advance(DAY - Duration::from_millis(1));
    assert!(!ring.refresh().await.unwrap());
    assert!(ring.verify_signature(old.expose(), TokenType::Id).is_ok());
    node.clock.advance(Duration::from_millis(1));
    assert!(ring.refresh().await.unwrap());
    assert!(!kids(&ring.jwks()).contains(&kid_of(&old)));
    assert_eq!(ring.verify_signature(old.expose(), TokenType::Id).unwrap_err(), VerifyError::UnknownKey);
    assert!(ring.verify_hint(old.expose(), ISSUER, None).is_ok());
    assert!(ring.tidy().await.unwrap().is_empty());
    node.clock.advance(DAY * 89);
    assert_eq!(ring.tidy().await.unwrap(), [KeyStep::Delete { kid: kid_of(&old) }]);
    assert_eq!(ring.verify_hint(old.expose(), ISSUER, None).unwrap_err(), VerifyError::UnknownKey);
}

#[tokio::test]
async fn a_revoked_key_is_gone_at_once_and_signing_goes_on() {
    let (rows, one) = started().await;
    let other = node(&rows, one.clock.clone()).await;
    let stolen = signed(&one.ring, SigningAlgorithm::ES256);
    one.ring.revoke(&kid_of(&stolen)).await.unwrap();
    other.ring.refresh().await.unwrap();
    for ring in [&one.ring, &other.ring] {
        assert!(!kids(&ring.jwks()).contains(&kid_of(&stolen)));
        assert_eq!(ring.verify_hint(stolen.expose(), ISSUER, None).unwrap_err(), VerifyError::UnknownKey);
        assert!(ring.verify_hint(signed(ring, SigningAlgorithm::ES256).expose(), ISSUER, None).is_ok());
    }
    let unknown = one.ring.revoke(&kid_of(&stolen)).await.unwrap_err();
    assert!(matches!(unknown, RingError::Refused(RotationRefused::UnknownKey)));
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_ring_as_it_was_and_refuses_a_start() {
    let (rows, node) = started().await;
    let jwks = node.ring.jwks();
    rows.away.store(true, Ordering::SeqCst);
    assert!(matches!(node.ring.refresh().await, Err(RingError::Rows(_))));
    rows.away.store(false, Ordering::SeqCst);
    let foreign = MADE[2].public_jwk.clone();
    let garblings: [fn(&mut StoredKey, &str); 4] = [
        |key, _| key.sealed_private = "v1.garbled".into(),
        |key, _| key.public_jwk = "{".into(),
        |key, foreign| key.public_jwk = foreign.into(),
        |key, _| key.kid = "another".into(),
    ];
    for garble in garblings {
        let mut keys = MADE.clone();
        garble(&mut keys[0], &foreign);
        *rows.keys.lock().unwrap() = keys;
        assert!(matches!(node.ring.refresh().await, Err(RingError::Unreadable(_))));
        assert_eq!(node.ring.jwks(), jwks);
        signed(&node.ring, SigningAlgorithm::RS256);
        let start = KeyRing::start(rows.clone(), purposes(1), node.ring.env.clone(), KeySettings::default());
        assert!(matches!(start.await.err(), Some(RingError::Unreadable(_))));
    }
    rows.keys.lock().unwrap().clear();
    assert!(matches!(node.ring.refresh().await, Err(RingError::NoActiveKey(_))));
}

#[tokio::test]
async fn a_node_with_another_master_key_does_not_start() {
    let (rows, node) = started().await;
    let start = KeyRing::start(rows.clone(), purposes(2), node.ring.env.clone(), KeySettings::default());
    assert!(matches!(start.await.err(), Some(RingError::Unreadable(_))));
}
