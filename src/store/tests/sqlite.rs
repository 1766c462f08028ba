//! What only the embedded engine promises: files of one's own, one commit for many writes, durability settings.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, sqlx};

use super::File;
use super::samples::{NOW, client, write};
use crate::domain::clock::ManualClock;
use crate::domain::env::Env;
use crate::store::{Sizes, Soundness, Store, StoreError, clients};

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_belong_to_their_owner_alone() {
    let file = File::new();
    let store = file.migrated().await;
    write!(store, client("c"), |tx, client| clients::insert(tx, client));
    let path = file.path().display().to_string();
    for name in [path.clone(), format!("{path}-wal"), format!("{path}-shm")] {
        assert_eq!(mode(&name), 0o600, "{name}");
    }
    // What an operator decided stays.
    store.close().await;
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let store = file.open().await;
    write!(store, client("d"), |tx, client| clients::insert(tx, client));
    assert_eq!((mode(&path), mode(&format!("{path}-wal"))), (0o640, 0o640));
}

#[tokio::test]
async fn a_file_in_a_missing_directory_is_an_error_that_names_it() {
    let error = Store::open("sqlite:/nowhere/at/all.db", Env::system()).await.err().unwrap();
    assert!(error.to_string().contains("/nowhere/at/all.db"), "{error}");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let store = File::new().migrated().await;
    let refused = store.read().execute_unprepared("DELETE FROM clients").await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_repeated_read_parses_nothing() {
    let file = File::new();
    let store = file.migrated().await;
    write!(store, client("c"), |tx, client| clients::insert(tx, client));
    for _ in 0..20 {
        assert!(clients::find(store.read(), &client("c").id).await.unwrap().is_some());
    }
    let pool = store.inner.engine.readers().get_sqlite_connection_pool();
    let mut connections = Vec::new();
    while connections.len() < usize::try_from(pool.options().get_max_connections()).unwrap() {
        connections.push(pool.acquire().await.unwrap());
    }
    let (mut runs, mut parsed_again) = (0, 0);
    for connection in &mut connections {
        let sql = "SELECT IFNULL(SUM(run), 0), IFNULL(SUM(reprep), 0) FROM sqlite_stmt WHERE sql LIKE ?";
        // Bound, so that the statement does not count itself.
        let counts = sqlx::query_as::<sqlx::Sqlite, (i64, i64)>(sql).bind("%LIMIT ?%");
        let (run, reprep) = counts.fetch_one(&mut **connection).await.unwrap();
        (runs, parsed_again) = (runs + run, parsed_again + reprep);
    }
    assert_eq!((runs, parsed_again), (20, 0));
}

#[tokio::test]
async fn waiting_writes_share_a_commit() {
    let file = File::new();
    let store = file.migrated().await;
    let add = |id: String| store.write(id, |tx, id| Box::pin(async move { clients::insert(tx, &client(id)).await }));
    let outcomes = join_all((0..50).map(|number| add(format!("c{number}")))).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap()));
    assert_eq!(clients::list(store.read()).await.unwrap().len(), 50);
    assert!(store.commits() < 50, "{} commits for 50 concurrent writes", store.commits());

    // One after the other there is nothing to share.
    let before = store.commits();
    for number in 50..53 {
        add(format!("c{number}")).await.unwrap();
    }
    assert_eq!(store.commits() - before, 3);
}

#[tokio::test]
async fn with_one_write_per_commit_none_waits_for_others() {
    let file = File::new();
    file.migrated().await.close().await;
    let url = format!("sqlite:{}", file.path().display());
    let sizes = Sizes { writes_per_commit: 1, ..Sizes::default() };
    let store = Store::open_sized(&url, sizes, Env::system()).await.unwrap();
    let add = |id: String| store.write(id, |tx, id| Box::pin(async move { clients::insert(tx, &client(id)).await }));
    let outcomes = join_all((0..50).map(|number| add(format!("c{number}")))).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(store.commits(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_one_file() {
    let file = File::new();
    let (one, two) = (file.migrated().await, file.open().await);
    let writes = (0..40).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        async move { write!(store, client(&format!("c{number}")), |tx, client| clients::insert(tx, client)) }
    });
    assert!(join_all(writes.map(tokio::spawn)).await.into_iter().all(|outcome| outcome.unwrap()));
    assert_eq!(clients::list(two.read()).await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_is_survived() {
    let file = File::new();
    let store = file.migrated().await;
    let add = |id: &'static str, fills: bool| {
        store.write((), move |tx, ()| {
            Box::pin(async move {
                clients::insert(tx, &client(id)).await?;
                if fills {
                    // As large as it is: SQLite answers SQLITE_FULL as it would on a full disk.
                    tx.execute_unprepared("PRAGMA max_page_count = 1").await?;
                    let mut big = client("big");
                    big.metadata.client_name = "x".repeat(1 << 20);
                    clients::insert(tx, &big).await?;
                }
                Ok(())
            })
        })
    };
    let (before, full, after) = tokio::join!(add("before", false), add("full", true), add("after", false));
    let error = full.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("(13)"), "{error}");
    let ids = clients::list(store.read()).await.unwrap();
    for (id, outcome) in [("before", before), ("after", after)] {
        assert_eq!(outcome.is_ok(), ids.iter().any(|client| client.id.as_str() == id), "{id}: acknowledged or absent");
    }
    assert!(!ids.iter().any(|client| client.id.as_str() == "full"));
    // The limit belonged to the connection, which was replaced together with whatever state its transaction was in.
    let mut big = client("later");
    big.metadata.client_name = "x".repeat(1 << 20);
    assert!(write!(store, big, |tx, client| clients::insert(tx, client)));
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let file = File::new();
    let store = file.migrated().await;
    // The transaction is ended behind the writer's back, as SQLite itself does after some errors.
    let ended = store
        .write((), |tx, ()| {
            Box::pin(async move {
                clients::insert(tx, &client("lost")).await?;
                tx.execute_unprepared("ROLLBACK").await?;
                Ok(())
            })
        })
        .await;
    assert!(ended.is_err(), "nothing may be acknowledged that was rolled back");
    assert!(write!(store, client("kept"), |tx, client| clients::insert(tx, client)));
    assert_eq!(clients::list(store.read()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let file = File::new();
    let store = file.migrated().await;
    let add = |id: &'static str| store.write((), move |tx, ()| Box::pin(async move { clients::insert(tx, &client(id)).await }));
    let (queued, ()) = tokio::join!(add("queued"), store.close());
    queued.unwrap();
    let error = add("late").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { transient: false, .. }), "{error}");
    assert!(!fs::exists(format!("{}-wal", file.path().display())).unwrap(), "the last one out writes the log back");
    assert_eq!(clients::list(file.open().await.read()).await.unwrap().len(), 1);
}

/// Puts noise over a page of the file, counted from 1.
fn spoil(path: &std::path::Path, page: u64) {
    use std::os::unix::fs::FileExt as _;
    let mut seed = page.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise = std::iter::repeat_with(|| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_be_bytes()[0]
    });
    let noise: Vec<u8> = noise.take(4096).collect();
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(&noise, (page - 1) * 4096).unwrap();
}

#[tokio::test]
async fn a_page_of_noise_is_found_wherever_it_is_and_no_row_is_read_from_it() {
    let file = File::new();
    let store = file.migrated().await;
    for at in 0..40 {
        let mut many = client(&format!("client-{at}"));
        many.metadata.client_name = "x".repeat(2000);
        write!(store, many, |tx, client| clients::insert(tx, client));
    }
    store.close().await;
    let url = format!("sqlite:{}", file.path().display());
    let patience = std::time::Duration::from_secs(60);
    assert_eq!(Store::examine(&url, patience).await.unwrap(), Soundness::Sound);
    let whole = fs::read(file.path()).unwrap();
    let pages = whole.len() as u64 / 4096;
    for page in 1..=pages {
        fs::write(file.path(), &whole).unwrap();
        spoil(&file.path(), page);
        let found = Store::examine(&url, patience).await.unwrap_err();
        assert!(matches!(found, StoreError::Damaged(_)) && found.to_string().contains("backup"), "page {page}: {found}");
        // Without that look: what is read is what was written, or an error.
        let Ok(store) = Store::open(&url, Env::system()).await else { continue };
        match clients::list(store.read()).await {
            Ok(clients) => {
                let as_written = clients.iter().filter(|client| client.metadata.client_name == "x".repeat(2000)).count();
                assert_eq!(as_written, 40, "page {page}");
            }
            Err(error) => assert!(error.is_unavailable(), "page {page}: {error}"),
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_look_at_the_file_is_over_in_time() {
    let file = File::new();
    let store = file.migrated().await;
    for at in 0..200 {
        let mut many = client(&format!("client-{at}"));
        many.metadata.client_name = "x".repeat(3000);
        write!(store, many, |tx, client| clients::insert(tx, client));
    }
    let url = format!("sqlite:{}", file.path().display());
    assert_eq!(Store::examine(&url, std::time::Duration::ZERO).await.unwrap(), Soundness::Unknown);
    assert_eq!(Store::examine("sqlite:/nonexistent/x.db", std::time::Duration::ZERO).await.unwrap(), Soundness::Sound);
}

fn size(file: &File) -> u64 {
    let log = fs::metadata(format!("{}-wal", file.path().display())).map_or(0, |log| log.len());
    fs::metadata(file.path()).unwrap().len() + log
}

#[tokio::test]
async fn a_file_gives_back_what_deleted_rows_leave() {
    let file = File::new();
    let store = file.migrated().await;
    let before = size(&file);
    fill_and_empty(&store).await;
    assert!(size(&file) > 20 << 20, "the control");
    store.give_back_space().await.unwrap();
    assert!(size(&file) <= before + (2 << 20), "{} after {before}", size(&file));
    assert!(write!(store, client("next"), |tx, client| clients::insert(tx, client)));
}

#[tokio::test]
async fn a_file_of_an_older_program_is_made_to_shrink_once() {
    let file = File::new();
    let store = file.migrated().await;
    write!(store, client("kept"), |tx, client| clients::insert(tx, client));
    // As it was made before.
    super::schema::execute(&store, "PRAGMA auto_vacuum = NONE; VACUUM").await;
    fill_and_empty(&store).await;
    store.give_back_space().await.unwrap();
    assert!(size(&file) > 20 << 20, "the control");
    store.let_it_shrink().await.unwrap();
    store.let_it_shrink().await.unwrap();
    store.give_back_space().await.unwrap();
    assert!(size(&file) < 4 << 20, "{}", size(&file));
    assert_eq!(clients::list(store.read()).await.unwrap().len(), 1);
}

async fn fill_and_empty(store: &Store) {
    let mut big = client("big");
    big.metadata.client_name = "x".repeat(20 << 20);
    write!(store, big, |tx, client| clients::insert(tx, client));
    super::schema::execute(store, "DELETE FROM clients WHERE id = 'big'").await;
}

#[tokio::test]
async fn a_file_that_only_reads_is_not_ready_and_becomes_it_again() {
    let (file, clock) = (File::new(), Arc::new(ManualClock::new(NOW)));
    let store = Store::open(&file.url(), Env::with_clock(clock.clone())).await.unwrap();
    store.migrate().await.unwrap();
    store.writes().await.unwrap();
    let lock = async |how: &'static str| {
        store.write((), move |tx, ()| Box::pin(async move { Ok(tx.execute_unprepared(how).await.map(drop)?) })).await
    };
    lock("PRAGMA query_only = ON").await.unwrap();
    store.writes().await.unwrap();
    clock.advance(Duration::from_secs(6));
    let error = store.writes().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    // The connection was replaced: writes succeed again. It is ready when the failure is some seconds old, and not at once.
    assert!(write!(store, client("next"), |tx, client| clients::insert(tx, client)));
    assert!(store.writes().await.is_err());
    clock.advance(Duration::from_secs(6));
    store.writes().await.unwrap();
}
