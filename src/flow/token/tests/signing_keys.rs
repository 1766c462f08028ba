//! Signing keys, made once for all tests: finding primes takes long.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::T0;
use crate::domain::clock::ManualClock;
use crate::domain::env::Env;
use crate::domain::signing_key::{KeyRowsError, KeyStep, SigningKeyRows, StoredKey};
use crate::keys::master::MasterKey;
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::KeyRing;
use crate::keys::rotation::KeySettings;

/// Rows of signing keys in memory.
struct Rows(Mutex<Vec<StoredKey>>);

#[async_trait]
impl SigningKeyRows for Rows {
    async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, KeyRowsError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn apply_key_change(&self, steps: &[KeyStep]) -> Result<bool, KeyRowsError> {
        for step in steps {
            match step {
                KeyStep::Insert(key) => self.0.lock().unwrap().push(key.clone()),
                other => panic!("{other:?}"),
            }
        }
        Ok(true)
    }
}

/// Two sets of keys: those of the provider and those of somebody else.
pub(super) struct Made {
    pub(super) purposes: Arc<PurposeKeys>,
    pub(super) own: Vec<StoredKey>,
    pub(super) foreign: Vec<StoredKey>,
}

pub(super) async fn made() -> &'static Made {
    static MADE: OnceCell<Made> = OnceCell::const_new();
    MADE.get_or_init(|| async {
        let dir = TempDir::new().unwrap();
        let env = Env::with_clock(Arc::new(ManualClock::new(T0)));
        let purposes = Arc::new(PurposeKeys::derive(&MasterKey::load_or_create(dir.path(), &env).unwrap()).unwrap());
        let (own, foreign) = (ring(&purposes, Vec::new(), &env).await.list(), ring(&purposes, Vec::new(), &env).await.list());
        Made { purposes, own, foreign }
    })
    .await
}

pub(super) async fn ring(purposes: &Arc<PurposeKeys>, keys: Vec<StoredKey>, env: &Env) -> KeyRing {
    let rows = Arc::new(Rows(Mutex::new(keys)));
    KeyRing::start(rows, Arc::clone(purposes), env.clone(), KeySettings::default()).await.unwrap()
}
