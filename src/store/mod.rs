//! The database behind plain functions (decisions 2.4, 2.5, 2.13): SQLite embedded, PostgreSQL where one machine is not
//! enough, the same statements on both.
//!
//! [`Store::read`] gives a handle to read with; [`Store::write`] runs a job in a transaction and answers after its commit.
//! One file of functions per aggregate; what belongs into one commit is called inside one `write`. Rows are private (`entity`)
//! and turn into the types of `domain` or into [`StoreError::Inconsistent`]; a few are used as they are. What a value means, which
//! writes belong together and what is written to the audit trail is the business of `flow` and `manage`.
//!
//! Single use is one conditional statement whose row count decides, and every deadline is compared inside the statement that
//! depends on it, so that a clean-up that does not run can never revive anything.
//!
//! On PostgreSQL two writes run side by side, and neither sees what the other has not committed. Where one must see the other's
//! rows, both lock the same row first, by an update that changes nothing, and read afterwards. Every write locks and changes rows
//! in this order, and rows of one kind by their ids, so that no two wait for each other:
//!
//! person → phone → login → authorization → session → consent → code → grant → token → logout to be told.
//!
//! - finishing a login: the person, then the session that is begun, renewed or replaced;
//! - locking or deleting a person, removing a phone: the person, then every session that has not ended;
//! - redeeming a code: its session, and the consent of a client that asks;
//! - taking a consent back: the consent;
//! - "this was not me": the user, then the login that ends by it, then the sessions from where it began;
//! - ending a session: the session.
//!
//! What is revoked or deleted as a set (a client's grants, a client or a person with all they have) has no order: PostgreSQL
//! refuses one of two that met, and that one runs again.

pub(crate) mod access_passes;
pub(crate) mod access_tokens;
pub(crate) mod audit;
pub(crate) mod authorizations;
pub(crate) mod backchannel_logouts;
pub(crate) mod backup;
pub(crate) mod cleanup;
pub(crate) mod clients;
pub(crate) mod codes;
mod commits;
pub(crate) mod consents;
mod db;
pub(crate) mod declines;
pub(crate) mod devices;
mod entity;
mod error;
pub(crate) mod figures;
pub(crate) mod grants;
mod health;
pub(crate) mod instance;
pub(crate) mod logins;
mod open;
mod postgres;
pub(crate) mod pushes;
mod queue;
pub(crate) mod refresh_tokens;
pub(crate) mod refusals;
pub(crate) mod remembered_browsers;
mod retry;
mod row;
mod schema;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
mod space;
pub(crate) mod users;
pub(crate) mod webhook_events;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

/// What every file of functions uses.
mod prelude {
    pub(super) use std::time::Duration;

    pub(super) use sea_orm::sea_query::Expr;
    pub(super) use sea_orm::{
        ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    };

    pub(super) use super::entity::*;
    pub(super) use super::row::*;
    pub(super) use super::{Db, StoreError, Tx};
    pub(super) use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
    pub(super) use crate::domain::client::Client;
    pub(super) use crate::domain::clock::Timestamp;
    pub(super) use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
    pub(super) use crate::domain::secret::SecretDigest;
    pub(super) use crate::domain::user::{Device, Upstream, User};
}

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::DatabaseConnection;

pub(crate) use db::{Db, Tx};
pub(crate) use error::StoreError;

use crate::domain::audit::AuditKind;
use crate::domain::env::Env;
use open::Target;
use postgres::Postgres;
pub(crate) use schema::Schema;
use writer::{Queue, SqliteWriter};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Connections to PostgreSQL, at most. SQLite has a number of its own.
    pub connections: u32,
    /// Waiting writes that one commit to SQLite gathers, at most. On PostgreSQL each has its own.
    pub writes_per_commit: u32,
}

#[cfg(test)]
/// Of tests: `[database]` has those of the product.
impl Default for Sizes {
    fn default() -> Self {
        Self { connections: 10, writes_per_commit: 64 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// All of it was looked at, and nothing found.
    Sound,
    /// There was not enough time to look at all of it; nothing was found so far.
    Unknown,
}

/// What a job may fail with: errors of the database, and refusals of its own.
pub(crate) trait JobError: From<StoreError> + Send + 'static {
    fn of_database(&self) -> Option<&StoreError>;
}

impl JobError for StoreError {
    fn of_database(&self) -> Option<&StoreError> {
        Some(self)
    }
}

#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
    announced: Arc<[AuditKind]>,
}

struct Inner {
    env: Env,
    reader: Db,
    engine: Engine,
    writes: health::Writes,
    commits: Arc<AtomicU64>,
}

enum Engine {
    Sqlite { path: PathBuf, readers: DatabaseConnection, queue: Queue },
    Postgres(Postgres),
}

impl Store {
    /// Opens `sqlite:PATH` (the file is made when missing, with mode 0600) or `postgres://…`; nothing is migrated yet. Fails with
    /// [`StoreError::Setup`] where the engine is not set up as promised (decision 2.13), or with [`StoreError::Unavailable`].
    pub(crate) async fn open_sized(url: &str, sizes: Sizes, env: Env) -> Result<Self, StoreError> {
        let commits = Arc::new(AtomicU64::new(0));
        let engine = match Target::parse(url)? {
            Target::Sqlite(path) => {
                open::create_file(&path)?;
                let connection = open::sqlite_writer(&path).await?;
                let readers = open::sqlite_readers(&path).await?;
                let (most, counted) = (sizes.writes_per_commit, Arc::clone(&commits));
                let queue = SqliteWriter::start(connection, path.clone(), env.clone(), counted, most);
                Engine::Sqlite { path, readers, queue }
            }
            Target::Postgres(options) => Engine::Postgres(Postgres::open(*options, sizes.connections).await?),
        };
        let reader = Db::of(&engine);
        let inner = Arc::new(Inner { env, reader, engine, writes: health::Writes::default(), commits });
        Ok(Self { inner, announced: Arc::default() })
    }

    /// As this one, but each write that has an audit event of these kinds queues it for the operator's webhook as well.
    #[must_use]
    pub(crate) fn announcing(self, kinds: &[AuditKind]) -> Self {
        Self { announced: Arc::from(kinds), ..self }
    }

    pub(crate) fn announced(&self) -> Arc<[AuditKind]> {
        Arc::clone(&self.announced)
    }

    pub(crate) fn env(&self) -> &Env {
        &self.inner.env
    }

    /// As [`Store::open_sized`], of a database that is there: fails with [`StoreError::Missing`] where there is no file, or nothing
    /// was ever migrated. Makes no file.
    pub(crate) async fn open_existing(url: &str, sizes: Sizes, env: Env) -> Result<Self, StoreError> {
        if let Target::Sqlite(path) = Target::parse(url)?
            && !path.exists()
        {
            return Err(StoreError::Missing(format!("{} is not there", path.display())));
        }
        let store = Self::open_sized(url, sizes, env).await?;
        if Schema::read(store.inner.engine.readers()).await? == Schema::missing() {
            store.close().await;
            return Err(StoreError::Missing("it has no tables".to_owned()));
        }
        Ok(store)
    }

    #[cfg(test)]
    pub(crate) async fn open(url: &str, env: Env) -> Result<Self, StoreError> {
        Self::open_sized(url, Sizes::default(), env).await
    }

    /// Safe to start twice at once. [`StoreError::NewerSchema`]: the database serves only newer programs.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite { path, .. } => {
                let connection = open::sqlite_writer(path).await?;
                let outcome = schema::migrate(&connection).await;
                let _closed = connection.close().await;
                outcome
            }
            Engine::Postgres(server) => schema::migrate(&server.pool).await,
        }
    }

    /// Fails with [`StoreError::PendingMigrations`] or [`StoreError::NewerSchema`].
    pub(crate) async fn check_schema(&self) -> Result<(), StoreError> {
        Schema::read(self.inner.engine.readers()).await?.check()
    }

    /// Looks through the database at `url` for as long as `patience`; a file that is missing is sound, and PostgreSQL looks after
    /// its own. Changes nothing, and makes no file. Fails with [`StoreError::Damaged`], or as opening does.
    pub(crate) async fn examine(url: &str, patience: Duration) -> Result<Soundness, StoreError> {
        match Target::parse(url)? {
            Target::Sqlite(path) if path.exists() => open::examine(&path, patience).await,
            Target::Sqlite(_) | Target::Postgres(_) => Ok(Soundness::Sound),
        }
    }

    /// How the database at `url` and this program fit; changes nothing, and makes no file.
    pub(crate) async fn inspect(url: &str) -> Result<Schema, StoreError> {
        let pool = match Target::parse(url)? {
            Target::Sqlite(path) if !path.exists() => return Ok(Schema::missing()),
            Target::Sqlite(path) => open::sqlite_readers(&path).await?,
            Target::Postgres(options) => Postgres::open(*options, 1).await?.pool,
        };
        let schema = Schema::read(&pool).await;
        let _closed = pool.close().await;
        schema
    }

    /// The handle for reading outside a transaction. On SQLite it cannot write.
    pub(crate) fn read(&self) -> &Db {
        &self.inner.reader
    }

    pub(crate) fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        if let Engine::Postgres(server) = &self.inner.engine
            && server.answers()
        {
            return Ok(());
        }
        instance::find(self.read(), instance::ISSUER).await.map(drop)
    }

    /// Finishes what is queued and closes every connection. Later calls fail with [`StoreError::Unavailable`].
    pub(crate) async fn close(&self) {
        if let Engine::Sqlite { queue, .. } = &self.inner.engine {
            queue.close().await;
        }
        let _closed = self.inner.engine.readers().close_by_ref().await;
    }
}

impl Engine {
    const fn readers(&self) -> &DatabaseConnection {
        match self {
            Self::Sqlite { readers, .. } => readers,
            Self::Postgres(server) => &server.pool,
        }
    }
}
