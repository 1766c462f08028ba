//! Space that deleted rows leave: a SQLite file gives it back to the file system; PostgreSQL's own clean-up uses it again.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use super::{Engine, Store, StoreError, open};

/// Free pages (of 4 KiB) that a file keeps for what comes next.
const SPARE: u64 = 256;
const STEP: u64 = 512;
/// A log of SQLite that is longer than this (in bytes) is written back and cut: usually it has 4 MiB.
const LONG_LOG: u64 = 8 * 1024 * 1024;
/// A file of up to so many pages (1 GiB) is rewritten at a start, once, so that it can shrink from then on.
const MOST_REWRITTEN: u64 = 262_144;

impl Store {
    /// Gives back what is free beyond a little. Does nothing on PostgreSQL, and on a file that cannot shrink.
    pub(crate) async fn give_back_space(&self) -> Result<(), StoreError> {
        let Engine::Sqlite { path, readers, .. } = &self.inner.engine else { return Ok(()) };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = std::fs::metadata(log).map_or(0, |log| log.len());
        let free = number(readers, "PRAGMA freelist_count").await?;
        if free <= SPARE && log <= LONG_LOG {
            return Ok(());
        }
        let connection = open::sqlite_writer(path).await?;
        let outcome = give_back(&connection, free).await;
        let _closed = connection.close().await;
        outcome
    }

    /// Sees to it that a file of an older program can shrink: it is rewritten, once. A file that is too large for that at a
    /// start is left as it is, and so is one with no room beside it.
    pub(crate) async fn let_it_shrink(&self) -> Result<(), StoreError> {
        let Engine::Sqlite { path, .. } = &self.inner.engine else { return Ok(()) };
        let connection = open::sqlite_writer(path).await?;
        let outcome = rewrite(&connection).await;
        let _closed = connection.close().await;
        outcome
    }
}

async fn rewrite(connection: &DatabaseConnection) -> Result<(), StoreError> {
    if shrinks(connection).await? {
        return Ok(());
    }
    let pages = number(connection, "PRAGMA page_count").await?;
    if pages > MOST_REWRITTEN {
        tracing::warn!(pages, "the database file cannot shrink, and is too large to be rewritten at a start");
        return Ok(());
    }
    tracing::info!(pages, "the database file is rewritten, once, so that it can shrink");
    connection.execute_unprepared("PRAGMA auto_vacuum = INCREMENTAL; VACUUM").await?;
    // The file is cut when the log was written back.
    open::ask(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    Ok(())
}

/// Whether free pages can be given back one by one (`auto_vacuum` is incremental). A connection says what it knew when it last
/// read: it must be a new one, and reads first.
async fn shrinks(fresh: &DatabaseConnection) -> Result<bool, StoreError> {
    open::ask(fresh, "SELECT COUNT(*) FROM sqlite_master").await?;
    Ok(open::ask(fresh, "PRAGMA auto_vacuum").await? == "2")
}

async fn number(db: &DatabaseConnection, sql: &str) -> Result<u64, StoreError> {
    Ok(open::ask(db, sql).await?.parse().unwrap_or(0))
}

async fn give_back(connection: &DatabaseConnection, free: u64) -> Result<(), StoreError> {
    let mut left = if shrinks(connection).await? { free.saturating_sub(SPARE) } else { 0 };
    while left > 0 {
        let step = left.min(STEP);
        // Every page is a row of the answer, and given back when that is asked for.
        let sql = format!("PRAGMA incremental_vacuum({step})");
        connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await?;
        left -= step;
    }
    // What a reader still needs stays in the log until the next time.
    open::ask(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    Ok(())
}
