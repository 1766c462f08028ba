//! The queue of logout tokens (OIDC Back-Channel Logout 1.0 §2.5): rows are written by the write that ends a session
//! ([`super::sessions`]), sent by the node that holds the row's lease, and deleted once the client was told or given up.

use std::collections::BTreeSet;

use super::entity::backchannel_logout as logout;
use super::prelude::*;
use super::{clients, queue};

/// A logout token that is yet to be delivered: its row, as it is.
pub(crate) use super::entity::backchannel_logout::Model as BackchannelLogout;

const TABLE: &str = "backchannel_logouts";

/// What the clients of a session that another one replaces are to wait for (decision 2.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub authorization: AuthorizationId,
    pub until: Timestamp,
}

impl BackchannelLogout {
    /// A session ends once, so the pair is unique, and a write that is run again makes the same id.
    pub(crate) fn id_for(client: &ClientId, session: &SessionId) -> String {
        SecretDigest::of(format!("{session} {client}").as_bytes()).as_str().to_owned()
    }
}

/// Queues a row for every client that listens. With `hold` they wait for the code of the running authorization (decision 2.16). A
/// client that cannot be read keeps no session from ending: its row is written as well, and judged when it is sent.
pub(super) async fn insert_for_session(
    tx: &Tx,
    session: &BrowserSession,
    hold: Option<&Hold>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for client in clients_of(tx, &session.id).await? {
        let client_id = client.id.clone();
        match clients::read(client) {
            Ok(client) if !hears(&client) => continue,
            Ok(_listens) => {}
            Err(error) => {
                tracing::warn!(client = %client_id, %error, "a client of an ended session cannot be read; its logout is queued");
            }
        }
        let row = BackchannelLogout {
            id: BackchannelLogout::id_for(&client_id, &session.id),
            client_id,
            session_id: session.id.clone(),
            user_id: session.authentication.user_id.clone(),
            held_by: hold.map(|hold| hold.authorization.clone()),
            due_at: hold.map_or(now, |hold| hold.until),
            attempts: 0,
            lease_owner: None,
            lease_until: None,
            created_at: now,
        };
        tx.insert_new(row).await?;
    }
    Ok(())
}

/// Those of [`clients_of`] that listen. What was granted is kept for a while after the session ended.
pub(crate) async fn list_listeners(db: &Db, session: &SessionId) -> Result<Vec<Client>, StoreError> {
    let found = clients_of(db, session).await?.into_iter().map(clients::read);
    Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().filter(hears).collect())
}

/// The rows of the clients that got tokens out of a session, by id.
async fn clients_of(db: &Db, session: &SessionId) -> Result<Vec<client::Model>, StoreError> {
    let of_session = "WHERE id IN (SELECT client_id FROM grants WHERE session_id = $1) ORDER BY id";
    db.rows(client::Entity, of_session, values![session]).await
}

fn hears(client: &Client) -> bool {
    !client.disabled && client.metadata.backchannel_logout_uri.is_some()
}

/// Brings forward what waits for the code of `authorization`, and keeps it waiting: no longer than until the code expires.
/// Returns how many rows wait.
pub(crate) async fn hold_until(tx: &Tx, authorization: &AuthorizationId, until: Timestamp) -> Result<u64, StoreError> {
    tx.changed_rows("UPDATE backchannel_logouts SET due_at = $2 WHERE held_by = $1", values![authorization, until]).await
}

/// Lets go what waits for the code of `authorization`: due at `at`. Returns how many rows waited.
pub(crate) async fn release(tx: &Tx, authorization: &AuthorizationId, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE backchannel_logouts SET due_at = $2, held_by = NULL WHERE held_by = $1";
    tx.changed_rows(sql, values![authorization, at]).await
}

/// What is due at `now` and leased by no node, the longest due first, without the clients in `busy`.
pub(crate) async fn list_due(
    db: &Db,
    busy: &BTreeSet<ClientId>,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<BackchannelLogout>, StoreError> {
    let until = logout::Column::LeaseUntil;
    let free = Condition::any().add(until.is_null()).add(until.lte(now));
    let mut select = logout::Entity::find().filter(logout::Column::DueAt.lte(now)).filter(free);
    if !busy.is_empty() {
        select = select.filter(logout::Column::ClientId.is_not_in(busy.iter().map(ClientId::as_str)));
    }
    Ok(select.order_by_asc(logout::Column::DueAt).order_by_asc(logout::Column::Id).limit(limit).all(db).await?)
}

/// As in [`queue`].
pub(crate) async fn lease(tx: &Tx, id: &str, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    queue::lease(tx, (TABLE, id), owner, until, now).await
}

/// As in [`queue`].
pub(crate) async fn retry(tx: &Tx, id: &str, owner: &str, due_at: Timestamp) -> Result<bool, StoreError> {
    queue::retry(tx, (TABLE, id), owner, due_at).await
}

/// As in [`queue`].
pub(crate) async fn delete(tx: &Tx, id: &str, owner: &str) -> Result<bool, StoreError> {
    queue::delete(tx, (TABLE, id), owner).await
}

#[cfg(test)]
pub(crate) async fn count(db: &Db) -> Result<u64, StoreError> {
    db.count("SELECT COUNT(*) FROM backchannel_logouts", vec![]).await
}
