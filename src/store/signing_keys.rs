//! Signing keys (decision 2.5): kept here, so that every node sees a rotation; their private halves sealed under the master
//! key by `keys`.

use async_trait::async_trait;

use super::prelude::*;
use super::{Store, audit};
use crate::domain::id;
use crate::domain::signing_key::{Applied, KeyChange, KeyRowsError, KeyState, KeyStep, SigningKeyRows, StoredKey};
use crate::metrics;
use crate::protocol::client_metadata::SigningAlgorithm;

/// Every key of an algorithm that this program knows, oldest first.
pub(crate) async fn list(db: &Db) -> Result<Vec<StoredKey>, StoreError> {
    let rows = signing_key::Entity::find()
        .order_by_asc(signing_key::Column::CreatedAt)
        .order_by_asc(signing_key::Column::Kid)
        .all(db)
        .await?;
    readable(rows, read)
}

/// Unique: of each algorithm there is one active and one next key. Retired keys have no seat.
fn seat(alg: SigningAlgorithm, state: KeyState) -> Option<String> {
    (state != KeyState::Retired).then(|| format!("{}/{}", alg.as_str(), state.as_str()))
}

/// Writes one step of a change. False: it did not find what it expects, so another node was faster.
pub(crate) async fn apply(tx: &Tx, step: &KeyStep) -> Result<bool, StoreError> {
    match step {
        KeyStep::Insert(key) => {
            let row = signing_key::Model {
                kid: key.kid.clone(),
                alg: key.alg.as_str().to_owned(),
                state: key.state.as_str().to_owned(),
                seat: seat(key.alg, key.state),
                public_jwk: key.public_jwk.clone(),
                sealed_private: key.sealed_private.clone(),
                created_at: key.created_at.as_millis(),
                active_at: millis(key.active_at),
                retired_at: millis(key.retired_at),
            };
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
        list(self.read()).await.map_err(|error| KeyRowsError(Box::new(error)))
    }

    async fn apply_key_change(&self, change: &KeyChange) -> Result<Applied, KeyRowsError> {
        let env = &self.inner.env;
        let at = env.now();
        let mut events = Vec::new();
        for event in change.audit_events() {
            events.push((id::time_ordered(env).map_err(|error| KeyRowsError(Box::new(error)))?, event));
        }
        let outcome = self.write((change.clone(), events), move |tx, (change, events)| {
            Box::pin(async move {
                for step in &change.steps {
                    if !apply(tx, step).await? {
                        return Err(StoreError::Conflict { detail: "the signing keys", retry: false });
                    }
                }
                for (id, event) in events {
                    audit::insert(tx, event, id, at).await?;
                }
                Ok(())
            })
        });
        match outcome.await {
            Ok(()) => {
                change.audit_events().iter().for_each(|event| metrics::AUDIT_EVENTS.add([event.kind.as_str()]));
                Ok(Applied::Done)
            }
            Err(StoreError::Conflict { .. }) => Ok(Applied::Conflict),
            Err(error) => Err(KeyRowsError(Box::new(error))),
        }
    }
}

fn read(model: signing_key::Model) -> Result<StoredKey, StoreError> {
    let row = Row { table: "signing_keys", key: &model.kid };
    Ok(StoredKey {
        alg: row.known("alg", &model.alg, SigningAlgorithm::parse(&model.alg))?,
        state: row.known("state", &model.state, KeyState::parse(&model.state))?,
        public_jwk: model.public_jwk,
        sealed_private: model.sealed_private,
        created_at: Timestamp::from_millis(model.created_at),
        active_at: moment(model.active_at),
        retired_at: moment(model.retired_at),
        kid: model.kid,
    })
}
