//! Refused requests of clients: of each client the latest few, one row for all that are alike. Whoever knows a client can have its
//! requests refused in ever new ways; that pushes older rows out, and adds none.

use super::prelude::*;
use crate::domain::refusal::{Refusal, RefusalTally};

/// Rows of a client, at most.
pub(crate) const MOST: i64 = 20;

/// Counts what was refused, each in the row of its like. What is told of a client that is gone by now is passed over.
pub(crate) async fn record(tx: &Tx, tallies: &[RefusalTally]) -> Result<(), StoreError> {
    let mut clients: Vec<&ClientId> = tallies.iter().map(|tally| &tally.refusal.client).collect();
    clients.sort_unstable();
    clients.dedup();
    for client in clients {
        if tx.count("SELECT COUNT(*) FROM clients WHERE id = $1", values![client]).await? == 0 {
            continue;
        }
        for tally in tallies.iter().filter(|tally| tally.refusal.client == *client) {
            count(tx, tally).await?;
        }
        let sql = "DELETE FROM refused_requests WHERE client_id = $1 AND key NOT IN \
                   (SELECT key FROM refused_requests WHERE client_id = $1 ORDER BY last_at DESC, key LIMIT $2)";
        tx.changes(sql, values![client, MOST]).await?;
    }
    Ok(())
}

async fn count(tx: &Tx, tally: &RefusalTally) -> Result<(), StoreError> {
    let sql = "INSERT INTO refused_requests (key, client_id, endpoint, error, field, reason, got, registered, count, first_at, \
               last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
               ON CONFLICT (key) DO UPDATE SET count = refused_requests.count + excluded.count, last_at = excluded.last_at";
    let RefusalTally { refusal, count, first_at, last_at } = tally;
    let Refusal { client, endpoint, error, field, reason, got, registered } = refusal;
    let (got, registered) = (got.as_deref(), registered.as_deref());
    let count = i64::try_from(*count).unwrap_or(i64::MAX);
    let key = key(refusal);
    let values = values![key, client, endpoint, error, field, reason, got, registered, count, *first_at, *last_at];
    tx.changes(sql, values).await.map(drop)
}

/// The same for all that are alike. Each part is preceded by its length, so that no two lists share a key.
fn key(refusal: &Refusal) -> SecretDigest {
    let Refusal { client, endpoint, error, field, reason, got, registered } = refusal;
    let named = [client.as_str(), endpoint.as_str(), error.as_str(), field.as_str(), reason.as_str()].map(Some);
    let parts = named.into_iter().chain([got.as_deref(), registered.as_deref()]);
    let part = |part: &str| format!("{}:{part}", part.len());
    let text: String = parts.map(|text| text.map_or_else(|| "-".to_owned(), part)).collect();
    SecretDigest::of(text.as_bytes())
}

/// The latest of a client, the latest first.
pub(crate) async fn list(db: &Db, client: &ClientId, most: i64) -> Result<Vec<RefusalTally>, StoreError> {
    let chosen = "WHERE client_id = $1 ORDER BY last_at DESC, key LIMIT $2";
    Ok(db.rows(refused_request::Entity, chosen, values![client, most]).await?.into_iter().map(read).collect())
}

/// The latest of every client since then, the latest first.
pub(crate) async fn list_since(db: &Db, since: Timestamp, most: i64) -> Result<Vec<RefusalTally>, StoreError> {
    let chosen = "WHERE last_at > $1 ORDER BY last_at DESC, key LIMIT $2";
    Ok(db.rows(refused_request::Entity, chosen, values![since, most]).await?.into_iter().map(read).collect())
}

fn read(model: refused_request::Model) -> RefusalTally {
    let count = u64::try_from(model.count).unwrap_or_default();
    let refusal = Refusal {
        client: model.client_id,
        endpoint: model.endpoint,
        error: model.error,
        field: model.field,
        reason: model.reason,
        got: model.got,
        registered: model.registered,
    };
    RefusalTally { refusal, count, first_at: model.first_at, last_at: model.last_at }
}
