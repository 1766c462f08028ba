//! Signing keys (decision 2.5): kept here, so that every node sees a rotation; their private halves sealed under the master
//! key by `keys`.

use async_trait::async_trait;

use super::prelude::*;
use super::{Store, audit};
use crate::domain::id;
use crate::domain::signing_key::{KeyRowsError, KeyState, KeyStep, SigningKeyRows, StoredKey};
use crate::metrics;
use crate::protocol::client_metadata::SigningAlgorithm;

/// Every key of an algorithm that this program knows, oldest first.
pub(crate) async fn list(db: &Db) -> Result<Vec<StoredKey>, StoreError> {
    readable(db.rows(signing_key::Entity, "ORDER BY created_at, kid", vec![]).await?, read)
}

/// Unique: of each algorithm there is one active and one next key. Retired keys have no seat.
fn seat(alg: SigningAlgorithm, state: KeyState) -> Option<String> {
    (state != KeyState::Retired).then(|| format!("{}/{}", alg.as_str(), state.as_str()))
}

/// Writes one step of a change. False: it did not find what it expects, so another node was faster.
pub(crate) async fn apply(tx: &Tx, step: &KeyStep) -> Result<bool, StoreError> {
    match step {
        KeyStep::Insert(key) => {
            let StoredKey { kid, alg, state, public_jwk, sealed_private, created_at, active_at, retired_at } = key.clone();
            let (seat, alg, state) = (seat(alg, state), alg.as_str().to_owned(), state.as_str().to_owned());
            let row =
                signing_key::Model { kid, alg, state, seat, public_jwk, sealed_private, created_at, active_at, retired_at };
            tx.insert_new(row).await
        }
        KeyStep::Activate { kid, at } => {
            let found = signing_key::Entity::find_by_id(kid.as_str()).one(tx.db()).await?.map(read).transpose()?;
            let Some(key) = found else { return Ok(false) };
            let taken = seat(key.alg, KeyState::Active);
            if tx.count("SELECT COUNT(*) FROM signing_keys WHERE seat = $1", values![taken.clone()]).await? > 0 {
                return Ok(false);
            }
            let sql = "UPDATE signing_keys SET state = $2, seat = $3, active_at = $4 WHERE kid = $1 AND state = $5";
            let (active, next) = (KeyState::Active.as_str(), KeyState::Next.as_str());
            tx.changes(sql, values![kid, active, taken, *at, next]).await
        }
        KeyStep::Retire { kid, at } => {
            let sql = "UPDATE signing_keys SET state = $2, seat = NULL, sealed_private = '', retired_at = $3 \
                       WHERE kid = $1 AND state = $4";
            tx.changes(sql, values![kid, KeyState::Retired.as_str(), *at, KeyState::Active.as_str()]).await
        }
        KeyStep::Delete { kid } => Ok(signing_key::Entity::delete_by_id(kid.as_str()).exec(tx.db()).await?.rows_affected > 0),
    }
}

#[async_trait]
impl SigningKeyRows for Store {
    async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, KeyRowsError> {
        Ok(list(self.read()).await?)
    }

    async fn apply_key_change(&self, steps: &[KeyStep]) -> Result<bool, KeyRowsError> {
        let env = &self.inner.env;
        let at = env.now();
        let ids = steps.iter().map(|_step| id::time_ordered(env)).collect::<Result<Vec<_>, _>>()?;
        let outcome = self.write((steps.to_vec(), ids, self.announced()), move |tx, (steps, ids, announced)| {
            Box::pin(async move {
                for step in steps {
                    if !apply(tx, step).await? {
                        return Err(StoreError::Conflict { detail: "the signing keys", retry: false });
                    }
                }
                for (step, id) in steps.iter().zip(ids) {
                    audit::insert_announced(tx, announced, &step.audit_event(), id, at).await?;
                }
                Ok(())
            })
        });
        match outcome.await {
            Ok(()) => {
                steps.iter().for_each(|step| metrics::AUDIT_EVENTS.add([step.audit_event().kind.as_str()]));
                Ok(true)
            }
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn read(model: signing_key::Model) -> Result<StoredKey, StoreError> {
    let signing_key::Model { kid, alg, state, public_jwk, sealed_private, created_at, active_at, retired_at, .. } = model;
    let row = Row { table: "signing_keys", key: &kid };
    let alg = row.known("alg", &alg, SigningAlgorithm::parse(&alg))?;
    let state = row.known("state", &state, KeyState::parse(&state))?;
    Ok(StoredKey { kid, alg, state, public_jwk, sealed_private, created_at, active_at, retired_at })
}
