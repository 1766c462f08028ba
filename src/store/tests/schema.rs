//! Migrations, and whether the entities fit them.

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait, Statement};

use super::File;
use crate::domain::env::Env;
use crate::store::{Engine, Sizes, Store, StoreError, entity, grants, open, schema};

pub(super) async fn execute(store: &Store, sql: &str) {
    match &store.inner.engine {
        Engine::Sqlite { path, .. } => {
            let connection = open::sqlite_writer(path).await.unwrap();
            connection.execute_unprepared(sql).await.unwrap();
            connection.close().await.unwrap();
        }
        Engine::Postgres(server) => drop(server.pool.execute_unprepared(sql).await.unwrap()),
    }
}

/// Takes back so many of the latest migrations, or all.
async fn revert(store: &Store, steps: Option<u32>) {
    match &store.inner.engine {
        Engine::Sqlite { path, .. } => {
            let connection = open::sqlite_writer(path).await.unwrap();
            schema::revert(&connection, steps).await.unwrap();
            connection.close().await.unwrap();
        }
        Engine::Postgres(server) => schema::revert(&server.pool, steps).await.unwrap(),
    }
}

pub(super) async fn up_down_up(store: &Store) {
    store.check_schema().await.unwrap();
    revert(store, None).await;
    let error = store.check_schema().await.unwrap_err();
    assert!(matches!(&error, StoreError::PendingMigrations(names) if *names == signbridge_migrations::known()), "{error}");
    store.migrate().await.unwrap();
    every_entity_selects_on_a_fresh_database(store.clone()).await;
}

async fn select<E: EntityTrait>(store: &Store) {
    E::find().one(store.read()).await.unwrap();
}

pub(super) async fn every_entity_selects_on_a_fresh_database(store: Store) {
    select::<entity::access_pass::Entity>(&store).await;
    select::<entity::access_token::Entity>(&store).await;
    select::<entity::audit_event::Entity>(&store).await;
    select::<entity::audit_tally::Entity>(&store).await;
    select::<entity::authorization::Entity>(&store).await;
    select::<entity::backchannel_logout::Entity>(&store).await;
    select::<entity::client::Entity>(&store).await;
    select::<entity::client_logo::Entity>(&store).await;
    select::<entity::code::Entity>(&store).await;
    select::<entity::commit::Entity>(&store).await;
    select::<entity::consent::Entity>(&store).await;
    select::<entity::decline::Entity>(&store).await;
    select::<entity::device::Entity>(&store).await;
    select::<entity::grant::Entity>(&store).await;
    select::<entity::instance::Entity>(&store).await;
    select::<entity::login::Entity>(&store).await;
    select::<entity::push::Entity>(&store).await;
    select::<entity::push_lock::Entity>(&store).await;
    select::<entity::refresh_token::Entity>(&store).await;
    select::<entity::refused_request::Entity>(&store).await;
    select::<entity::remembered_browser::Entity>(&store).await;
    select::<entity::session::Entity>(&store).await;
    select::<entity::signing_key::Entity>(&store).await;
    select::<entity::slot::Entity>(&store).await;
    select::<entity::user::Entity>(&store).await;
    select::<entity::webhook_event::Entity>(&store).await;
    store.ping().await.unwrap();
}

pub(super) async fn migrating_again_changes_nothing(store: Store) {
    super::samples::populate(&store).await;
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    assert_eq!(crate::store::users::list(store.read()).await.unwrap().len(), 1);
}

pub(super) async fn the_latest_migration_leaves_the_rows_in_order(store: Store) {
    let alice = super::samples::populate(&store).await;
    let family = super::samples::grant(&alice, "g", "openid email");
    revert(&store, Some(1)).await;
    assert!(matches!(store.check_schema().await, Err(StoreError::PendingMigrations(names)) if names.len() == 1));
    store.migrate().await.unwrap();
    let found = grants::find(store.read(), &family.id).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{family:?}"));
    if let Engine::Sqlite { path, .. } = &store.inner.engine {
        let connection = open::sqlite_writer(path).await.unwrap();
        for (pragma, in_order) in [("integrity_check", vec!["ok".to_owned()]), ("foreign_key_check", vec![])] {
            let rows =
                connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {pragma}"))).await.unwrap();
            let found: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
            assert_eq!(found, in_order, "{pragma}");
        }
        connection.close().await.unwrap();
    }
}

pub(super) async fn a_newer_schema_is_refused(store: Store) {
    execute(&store, "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)").await;
    for outcome in [store.check_schema().await, store.migrate().await] {
        let error = outcome.unwrap_err();
        assert!(matches!(&error, StoreError::NewerSchema(names) if names == &["m29990101_000001_future"]), "{error}");
    }
    // Put back, so that what runs after this finds its schema.
    execute(&store, "DELETE FROM seaql_migrations WHERE version = 'm29990101_000001_future'").await;
    store.check_schema().await.unwrap();
}

/// Two releases side by side: the newer one has migrated, and said that the one before can live with it.
pub(super) async fn a_newer_schema_that_serves_this_program_is_lived_with(store: Store) {
    let latest = signbridge_migrations::known().pop().unwrap();
    execute(&store, "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)").await;
    let say = async |since: &str| {
        execute(&store, "DELETE FROM schema_compatibility WHERE migration = 'm29990101_000001_future'").await;
        execute(&store, &format!("INSERT INTO schema_compatibility VALUES ('m29990101_000001_future', '{since}')")).await;
    };
    say(&latest).await;
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
    super::samples::populate(&store).await;
    say("m29990101_000001_future").await;
    assert!(matches!(store.migrate().await, Err(StoreError::NewerSchema(_))), "it contracts: this program is shut out");
    execute(&store, "DELETE FROM seaql_migrations WHERE version = 'm29990101_000001_future'").await;
    execute(&store, "DELETE FROM schema_compatibility WHERE migration = 'm29990101_000001_future'").await;
}

#[tokio::test]
async fn inspecting_makes_no_file() {
    let file = File::new();
    let schema = Store::inspect(&file.url()).await.unwrap();
    assert_eq!(schema.pending, signbridge_migrations::known());
    assert!(!file.path().exists());
    file.migrated().await.close().await;
    Store::inspect(&file.url()).await.unwrap().check().unwrap();
}

#[tokio::test]
async fn where_none_may_be_made_only_a_database_that_is_there_is_opened() {
    let file = File::new();
    let url = file.url();
    let existing = || Store::open_existing(&url, Sizes::default(), Env::system());
    let missing = existing().await.err().unwrap();
    assert!(matches!(&missing, StoreError::Missing(detail) if detail.contains(&*file.path().to_string_lossy())), "{missing}");
    assert!(!file.path().exists());
    std::fs::write(file.path(), "").unwrap();
    let empty = existing().await.err().unwrap();
    assert!(matches!(&empty, StoreError::Missing(_)), "{empty}");
    file.migrated().await.close().await;
    existing().await.unwrap().close().await;
}

#[tokio::test]
async fn migrations_go_up_down_and_up() {
    up_down_up(&File::new().migrated().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_twice_at_once_is_safe() {
    let file = File::new();
    let (one, two) = (file.open().await, Store::open(&file.url(), Env::system()).await.unwrap());
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.unwrap();
    second.unwrap();
    one.check_schema().await.unwrap();
}

/// What distributed engines that speak PostgreSQL lack, and what would tie us to one engine (decision 2.13).
const FORBIDDEN: &[&str] = &[
    "advisory",
    "listen ",
    "notify",
    "serial",
    "autoincrement",
    "nextval",
    "for update",
    "for share",
    "skip locked",
    "lock table",
    "create extension",
    "create function",
    "create trigger",
    "jsonb",
    "ctid",
    "rowid",
    "vacuum",
    "temporary",
    "sequence",
    "identity",
    "currval",
    "lastval",
    "with recursive",
    "merge into",
    "cursor",
    "copy ",
    "exclude using",
    "inherits",
    "partition by",
    "xmin",
    "pg_",
];

/// The same by way of the query builder.
const FORBIDDEN_CALLS: &[&str] = &[
    ".lock_exclusive(",
    ".lock_shared(",
    ".lock(lock",
    ".lock_with_",
    ".auto_increment()",
    "pk_auto(",
    ".json_binary(",
    ".timestamp(",
    ".timestamp_with_time_zone(",
    ".enumeration(",
    ".array(",
    "create_type(",
];

#[test]
fn no_statement_uses_what_other_engines_lack() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src/store", "src/store/authorizations", "src/store/logins", "src/store/entity", "migrations"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap().to_lowercase();
            // Every second piece between quotation marks is a literal.
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            // What begins so is for SQLite alone; a window is no partition of a table.
            let exempt = |literal: &&str| {
                literal.starts_with("pragma")
                    || literal.starts_with("vacuum into")
                    || literal.starts_with("row_number() over (")
            };
            let literals = code.split('"').skip(1).step_by(2).filter(|literal| !exempt(literal));
            let hits = literals.filter(|literal| FORBIDDEN.iter().any(|word| literal.contains(word)));
            let calls = FORBIDDEN_CALLS.iter().copied().filter(|call| code.contains(call));
            found.extend(hits.chain(calls).map(|what| format!("{}: {what}", file.file_name().unwrap().display())));
        }
    }
    assert_eq!(found, ["schema.rs: select pg_advisory_xact_lock(7305809911893846887)"], "the migration lock and nothing else");
}
