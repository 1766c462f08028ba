//! The signing keys in memory: signs, publishes the JWK set, and keeps up with the database, where every node's rotations arrive.
//!
//! Readers take a snapshot and never wait for the database. A snapshot that cannot be replaced (the database is away, a row
//! is garbled) stays in use and the failure is reported (R26); at the start the same failure ends the process.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use serde::Serialize;

use super::KeysError;
use super::purpose::{PurposeKeys, Sealer};
use super::rotation::{self, KeySettings, Planned, RotationRefused};
use super::signing::{SigningKey, VerifyingKey};
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::domain::signing_key::{KeyRowsError, KeyState, KeyStep, SigningKeyRows, StoredKey};
use crate::metrics;
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::jwk::Jwk;
use crate::protocol::jws::{self, Header, TokenType};

/// How often a change is planned anew after another node was faster.
const ATTEMPTS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RingError {
    #[error("the signing keys cannot be read or written")]
    Rows(#[from] KeyRowsError),
    #[error(transparent)]
    Refused(#[from] RotationRefused),
    #[error("the stored signing key {0} cannot be read: it was altered or is under another master key")]
    Unreadable(String),
    #[error("there is no active {0} key")]
    NoActiveKey(SigningAlgorithm),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("a public key cannot be written")]
    Json(#[from] serde_json::Error),
    #[error("making signing keys was interrupted")]
    Interrupted,
    #[error("other nodes keep changing the signing keys; try again")]
    Conflict,
}

pub(crate) struct KeyRing {
    snapshot: RwLock<Arc<Snapshot>>,
    refreshing: tokio::sync::Mutex<()>,
    rows: Arc<dyn SigningKeyRows>,
    pub(crate) purposes: Arc<PurposeKeys>,
    pub(super) env: Env,
    settings: KeySettings,
}

/// What one state of the database means.
#[derive(Default)]
pub(super) struct Snapshot {
    rows: Vec<StoredKey>,
    signing: HashMap<SigningAlgorithm, SigningKey>,
    pub(super) verifying: HashMap<String, KnownKey>,
    jwks: Bytes,
    /// When the next retired key leaves the JWK set.
    stale_at: Option<Timestamp>,
}

pub(super) struct KnownKey {
    pub(super) alg: SigningAlgorithm,
    pub(super) key: VerifyingKey,
    /// Whether it stands in the JWK set; a key that left it still verifies `id_token_hint`s.
    pub(super) published: bool,
}

impl KeyRing {
    /// Loads the keys; makes those that are missing, for all algorithms in one write: of nodes that start at once, one does.
    pub(crate) async fn start(
        rows: Arc<dyn SigningKeyRows>,
        purposes: Arc<PurposeKeys>,
        env: Env,
        settings: KeySettings,
    ) -> Result<Self, RingError> {
        let ring =
            Self { snapshot: RwLock::default(), refreshing: tokio::sync::Mutex::default(), rows, purposes, env, settings };
        ring.change(|keys, now| Ok(rotation::ensure(keys, now))).await?;
        Ok(ring)
    }

    /// Whether stored keys can be used as they are: each can be read with this master key, and one of each algorithm signs.
    pub(crate) fn check(
        rows: Vec<StoredKey>,
        purposes: &PurposeKeys,
        settings: &KeySettings,
        now: Timestamp,
    ) -> Result<(), RingError> {
        Snapshot::of(rows, &purposes.sealer, settings, now).map(drop)
    }

    /// Reads the database again and says whether anything changed.
    pub(crate) async fn refresh(&self) -> Result<bool, RingError> {
        // One at a time, so that an answer that was slow cannot overwrite a newer one and bring a revoked key back.
        let _turn = self.refreshing.lock().await;
        let rows = self.rows.list_signing_keys().await?;
        let (current, now) = (self.snapshot(), self.env.now());
        if current.rows == rows && current.stale_at.is_none_or(|end| now < end) {
            return Ok(false);
        }
        let made = Snapshot::of(rows, &self.purposes.sealer, &self.settings, now)?;
        *self.snapshot.write() = Arc::new(made);
        Ok(true)
    }

    pub(crate) async fn rotate(&self, only: Option<SigningAlgorithm>) -> Result<Vec<KeyStep>, RingError> {
        self.change(|keys, now| rotation::rotate(keys, only, now, &self.settings)).await
    }

    /// Removes a key at once: from the JWK set, from verification, and from signing (check 71). Other nodes follow
    /// at their next [`KeyRing::refresh`].
    pub(crate) async fn revoke(&self, kid: &str) -> Result<Vec<KeyStep>, RingError> {
        self.change(|keys, now| rotation::revoke(keys, kid, now)).await
    }

    pub(crate) async fn tidy(&self) -> Result<Vec<KeyStep>, RingError> {
        self.change(|keys, now| Ok(rotation::tidy(keys, now, &self.settings))).await
    }

    /// A token signed with the active key of `alg`: a [`Secret`], because whoever has it may use it. Costs about 1 ms for RS256
    /// and PS256, a few hundredths for ES256 and EdDSA: sign after the commit (decision 2.4).
    pub(crate) fn sign(&self, alg: SigningAlgorithm, typ: TokenType, claims: &impl Serialize) -> Result<Secret, KeysError> {
        let snapshot = self.snapshot();
        let key = snapshot.signing.get(&alg).ok_or(KeysError::Sign)?;
        let header = Header { alg, kid: Some(key.public.kid.clone()), typ: Some(typ.as_str().to_owned()) };
        let input = jws::signing_input(&header, claims)?;
        let signature = key.sign(input.as_bytes())?;
        metrics::SIGNATURES.add([alg.as_str()]);
        Ok(Secret::new(jws::compact(&input, &signature)))
    }

    /// The JWK set as JSON (RFC 7517 §5). It may be cached for as long as `key_ahead`.
    pub(crate) fn jwks(&self) -> Bytes {
        self.snapshot().jwks.clone()
    }

    /// The stored keys as this node sees them; the private halves are sealed.
    pub(crate) fn list(&self) -> Vec<StoredKey> {
        self.snapshot().rows.clone()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read())
    }

    /// Plans, makes keys, writes; plans again from the new state where another node was faster.
    async fn change(
        &self,
        plan: impl Fn(&[StoredKey], Timestamp) -> Result<Vec<Planned>, RotationRefused>,
    ) -> Result<Vec<KeyStep>, RingError> {
        for _attempt in 0..ATTEMPTS {
            let stored = self.rows.list_signing_keys().await?;
            let planned = plan(&stored, self.env.now())?;
            if planned.is_empty() {
                self.refresh().await?;
                return Ok(Vec::new());
            }
            let steps = self.prepare(planned).await?;
            if self.rows.apply_key_change(&steps).await? {
                self.refresh().await?;
                return Ok(steps);
            }
        }
        Err(RingError::Conflict)
    }

    async fn prepare(&self, planned: Vec<Planned>) -> Result<Vec<KeyStep>, RingError> {
        let (env, purposes) = (self.env.clone(), Arc::clone(&self.purposes));
        let step = move |planned| match planned {
            Planned::Take(step) => Ok(step),
            Planned::Make(alg, state) => make(alg, state, &env, &purposes.sealer).map(KeyStep::Insert),
        };
        let making = tokio::task::spawn_blocking(move || planned.into_iter().map(step).collect());
        making.await.map_err(|_cancelled_or_panicked| RingError::Interrupted)?
    }
}

fn make(alg: SigningAlgorithm, state: KeyState, env: &Env, sealer: &Sealer) -> Result<StoredKey, RingError> {
    let key = SigningKey::generate(alg)?;
    let kid = key.public.kid.clone();
    let now = env.now();
    Ok(StoredKey {
        alg,
        state,
        public_jwk: serde_json::to_string(&key.public)?,
        sealed_private: sealer.seal(env, &place(&kid), &key.to_pkcs8()?)?,
        created_at: now,
        active_at: (state == KeyState::Active).then_some(now),
        retired_at: None,
        kid,
    })
}

fn place(kid: &str) -> String {
    format!("signing_keys/{kid}")
}

impl Snapshot {
    fn of(rows: Vec<StoredKey>, sealer: &Sealer, settings: &KeySettings, now: Timestamp) -> Result<Self, RingError> {
        let (mut signing, mut verifying, mut published) = (HashMap::new(), HashMap::new(), Vec::new());
        for row in &rows {
            let (jwk, private) = read(row, sealer).ok_or_else(|| RingError::Unreadable(row.kid.clone()))?;
            let is_published = settings.unpublished_at(row).is_none_or(|end| now < end);
            let known = KnownKey { alg: row.alg, key: VerifyingKey::from_jwk(&jwk)?, published: is_published };
            verifying.insert(row.kid.clone(), known);
            if is_published {
                published.push((row.state, row.alg, jwk));
            }
            if let (KeyState::Active, Some(key)) = (row.state, private) {
                signing.insert(row.alg, key);
            }
        }
        if let Some(missing) = SigningAlgorithm::ALL.into_iter().find(|alg| !signing.contains_key(alg)) {
            return Err(RingError::NoActiveKey(missing));
        }
        published.sort_by_key(|(state, alg, _jwk)| (*state, *alg));
        let set = HashMap::from([("keys", published.into_iter().map(|(.., jwk)| jwk).collect::<Vec<_>>())]);
        let stale_at = rows.iter().filter_map(|row| settings.unpublished_at(row)).filter(|end| now < *end).min();
        Ok(Self { signing, verifying, jwks: serde_json::to_vec(&set)?.into(), stale_at, rows })
    }
}

/// The halves of a stored key, checked against each other: a row that was tampered with or mixed up is not used. The private
/// half of a next key is opened too, so that trouble shows before it has to sign.
fn read(row: &StoredKey, sealer: &Sealer) -> Option<(Jwk, Option<SigningKey>)> {
    let jwk: Jwk = serde_json::from_str(&row.public_jwk).ok()?;
    if jwk.alg != row.alg || jwk.kid != row.kid || jwk.numbers.thumbprint() != row.kid {
        return None;
    }
    if row.state == KeyState::Retired {
        return Some((jwk, None));
    }
    let pkcs8 = sealer.open(&place(&row.kid), &row.sealed_private).ok()?;
    let key = SigningKey::from_pkcs8(row.alg, &pkcs8).ok()?;
    (key.public == jwk).then_some((jwk, Some(key)))
}

#[cfg(test)]
pub(super) mod tests;
