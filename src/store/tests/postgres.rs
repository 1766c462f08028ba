//! What only PostgreSQL promises: commits in doubt are settled, sessions have limits.

use std::time::Duration;

use sea_orm::{DatabaseConnection, TransactionTrait as _};

use super::samples::NOW;
use crate::store::{Engine, Store, Tx, commits, open};

fn pool(store: &Store) -> &DatabaseConnection {
    match &store.inner.engine {
        Engine::Postgres(server) => &server.pool,
        Engine::Sqlite { .. } => panic!("a case of PostgreSQL"),
    }
}

async fn left(store: &Store, id: &str) -> Tx {
    let tx = Tx::new(pool(store).begin().await.unwrap(), None);
    commits::insert(&tx, id, NOW).await.unwrap();
    tx
}

pub(super) async fn a_commit_in_doubt_is_settled_once_and_for_all(store: &Store) {
    // Under way: whoever asks waits, and hears how it ended.
    for (id, commits) in [("w1", true), ("w2", false)] {
        let tx = left(store, id).await;
        let asking = tokio::spawn({
            let store = store.clone();
            async move { super::super::commits::settle(pool(&store), id, NOW).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!asking.is_finished(), "{id} is not decided");
        if commits {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        assert_eq!(asking.await.unwrap(), commits, "{id}");
    }
    // Asked again, the answer is the same.
    assert!(commits::settle(pool(store), "w1", NOW).await.unwrap());
    assert!(!commits::settle(pool(store), "w2", NOW).await.unwrap());
    // What was settled as not taken cannot take effect later.
    assert!(!commits::settle(pool(store), "w3", NOW).await.unwrap());
    let late = Tx::new(pool(store).begin().await.unwrap(), None);
    assert!(commits::insert(&late, "w3", NOW).await.is_err());
}

pub(super) async fn a_session_keeps_its_limits(store: &Store) {
    for (setting, value) in [
        ("statement_timeout", "3s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("default_transaction_isolation", "read committed"),
    ] {
        assert_eq!(open::ask(pool(store), &format!("SHOW {setting}")).await.unwrap(), value);
    }
}

/// What decision 2.13 leaves out, because engines that speak PostgreSQL lack it or do it otherwise: how many of each there are.
const LEFT_OUT: [(&str, &str); 6] = [
    ("sequences", "pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace"),
    ("triggers", "pg_trigger WHERE NOT tgisinternal"),
    ("functions", "pg_proc WHERE pronamespace = current_schema()::regnamespace"),
    (
        "constraints that are deferred or exclude",
        "pg_constraint WHERE connamespace = current_schema()::regnamespace AND (condeferrable OR contype IN ('x', 't'))",
    ),
    (
        "tables that are not durable, not tables, or in parts",
        "pg_class WHERE relnamespace = current_schema()::regnamespace AND (relpersistence <> 'p' OR relkind NOT IN ('r', 'i', 'S'))",
    ),
    (
        "columns of an unusual type",
        "information_schema.columns WHERE table_schema = current_schema()
         AND data_type NOT IN ('bigint', 'boolean', 'integer', 'text', 'character varying')",
    ),
];

async fn left_out(store: &Store) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (what, from) in LEFT_OUT {
        let count = open::ask(pool(store), &format!("SELECT count(*) FROM {from}")).await.unwrap();
        if count != "0" {
            found.push((what, count));
        }
    }
    found
}

pub(super) async fn the_schema_is_tables_and_indexes_alone(store: &Store) {
    assert_eq!(left_out(store).await, []);
    super::execute(store, "CREATE TABLE odd (id SERIAL PRIMARY KEY DEFERRABLE, at TIMESTAMP)").await;
    super::execute(store, "CREATE FUNCTION one() RETURNS INTEGER LANGUAGE SQL AS 'SELECT 1'").await;
    let noticed: Vec<&str> = left_out(store).await.into_iter().map(|(what, _count)| what).collect();
    assert_eq!(noticed, [LEFT_OUT[0].0, LEFT_OUT[2].0, LEFT_OUT[3].0, LEFT_OUT[5].0]);
}
