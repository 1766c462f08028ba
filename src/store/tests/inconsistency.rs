//! Rows that this program cannot have written.

use super::samples::{digest, login, populate, write};
use super::schema::execute;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, LoginId, UserId};
use crate::store::{Store, StoreError, authorizations, clients, codes, devices, logins, refresh_tokens, users};

/// The error of reading must name the table and the key, and show no content of JSON documents.
fn assert_names<T: std::fmt::Debug>(outcome: Result<T, StoreError>, expected_table: &str, expected_key: &str, word: &str) {
    match outcome.unwrap_err() {
        StoreError::Inconsistent { table, key, detail } | StoreError::Unknown { table, key, detail } => {
            assert_eq!((table, key.as_str()), (expected_table, expected_key));
            assert!(detail.contains(word) && !detail.contains("hush"), "{detail}");
        }
        other => panic!("{other}"),
    }
}

pub(super) async fn a_row_that_means_nothing_names_itself(store: Store) {
    let alice = populate(&store).await;
    write!(store, login("l"), |tx, login| logins::insert(tx, login, None));
    let db = store.read();
    assert!(users::find(db, &alice.id).await.unwrap().is_some(), "before it was spoiled, the row is read");

    execute(&store, "UPDATE users SET source = 'nowhere', group_names = '[\"hush'").await;
    assert_names(users::find(db, &UserId::new("user-alice")).await, "users", "user-alice", "group_names");
    execute(&store, "UPDATE users SET group_names = '[]'").await;

    execute(&store, "UPDATE clients SET metadata = '{\"hush\"'").await;
    assert_names(clients::find(db, &ClientId::new("c")).await, "clients", "c", "metadata");
    execute(&store, "UPDATE devices SET upstream = 'pigeon'").await;
    assert_names(devices::find(db, &DeviceId::new("device-alice-phone")).await, "devices", "device-alice-phone", "pigeon");
    execute(&store, "UPDATE authorizations SET stage = 'authenticated'").await;
    assert_names(authorizations::find(db, &AuthorizationId::new("a")).await, "authorizations", "a", "user_id is missing");
    execute(&store, "UPDATE authorizations SET stage = 'failed', error = 'bad_luck'").await;
    assert_names(authorizations::find(db, &AuthorizationId::new("a")).await, "authorizations", "a", "error is `bad_luck`");
    execute(&store, "UPDATE logins SET stage = 'pending'").await;
    assert_names(logins::find(db, &LoginId::new("l")).await, "logins", "l", "sealed_handle is missing");
    execute(&store, "UPDATE logins SET stage = 'failed'").await;
    assert_names(logins::find(db, &LoginId::new("l")).await, "logins", "l", "reason is missing");
    assert!(codes::find(db, &digest("nothing")).await.unwrap().is_none());
    assert!(refresh_tokens::find(db, &digest("nothing")).await.unwrap().is_none());
    assert!(!write!(store, (), |tx, _none| logins::mark_fetched(tx, &LoginId::new("l"))));
}
