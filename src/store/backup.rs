//! Backups of a SQLite file: taken while others write, and put in the place of a database that no program has open.
//! PostgreSQL has tools of its own for both.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::sqlite::SqliteConnection;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};

use super::open::{self, Target, ask};
use super::{Schema, StoreError, Tx, authorizations, clients, codes, grants, instance, logins};
use crate::domain::clock::{Timestamp, rfc3339};

/// What SQLite keeps beside a file while it is in use, or after a crash.
const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What a backup is described by.
const TABLES: [&str; 9] =
    ["users", "devices", "clients", "consents", "sessions", "grants", "refresh_tokens", "signing_keys", "audit_events"];

#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{0}")]
    Refused(String),
    #[error("cannot {what} {path}: {reason}")]
    Io { what: &'static str, path: PathBuf, reason: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The latest migration that it has seen.
    pub migration: String,
    pub issuer: Option<String>,
    /// The fingerprint of the master key that it belongs to.
    pub master_key: Option<String>,
    /// When the latest event of its audit trail happened.
    pub latest_event: Option<Timestamp>,
    /// Tables, and how many rows each has.
    pub rows: Vec<(&'static str, u64)>,
    schema: Schema,
}

impl Contents {
    async fn read(path: &Path) -> Result<Self, StoreError> {
        let db = open::sqlite_readers(path).await?;
        let read = Self::of(&db).await;
        let _closed = db.close().await;
        read
    }

    async fn of(db: &DatabaseConnection) -> Result<Self, StoreError> {
        let schema = Schema::read(db).await?;
        if schema == Schema::missing() {
            return Err(StoreError::Missing("it has no tables".to_owned()));
        }
        let mut rows = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            rows.push((table, ask(db, &format!("SELECT COUNT(*) FROM {table}")).await?.parse().unwrap_or(0)));
        }
        let latest: i64 = ask(db, "SELECT IFNULL(MAX(at), 0) FROM audit_events").await?.parse().unwrap_or(0);
        Ok(Self {
            migration: ask(db, "SELECT IFNULL(MAX(version), '') FROM seaql_migrations").await?,
            issuer: remembered(db, instance::ISSUER).await?,
            master_key: remembered(db, instance::MASTER_KEY).await?,
            latest_event: (latest > 0).then(|| Timestamp::from_millis(latest)),
            rows,
            schema,
        })
    }

    fn belongs_as(&self, other: &Self) -> bool {
        (&self.issuer, &self.master_key, &self.schema) == (&other.issuer, &other.master_key, &other.schema)
    }
}

async fn remembered(db: &DatabaseConnection, key: &str) -> Result<Option<String>, StoreError> {
    let value = ask(db, &format!("SELECT IFNULL((SELECT value FROM instance WHERE key = '{key}'), '')")).await?;
    Ok(Some(value).filter(|value| !value.is_empty()))
}

/// Writes what the database holds at one moment into the new file `to`, which is there whole or not at all. Whoever writes
/// into the database meanwhile waits for nothing.
pub(crate) async fn take(database: &Path, to: &Path, verify: bool) -> Result<Contents, BackupError> {
    if !database.exists() {
        return Err(StoreError::Missing(format!("{} is not there", database.display())).into());
    }
    if to.symlink_metadata().is_ok() {
        return Err(is_there(to));
    }
    let before = Contents::read(database).await?;
    let aside = Aside::make(to, "partial")?;
    let unreadable = || BackupError::Refused(format!("{} is no text: choose another name", to.display()));
    let name = aside.0.to_str().ok_or_else(unreadable)?.to_owned();
    let mut source = open::sqlite(database).connect().await.map_err(StoreError::from)?;
    // Reads in one transaction. The file is empty and has its mode already.
    let written = sqlx::query::<sqlx::Sqlite>("VACUUM INTO ?1").bind(name).execute(&mut source).await;
    let _closed = source.close().await;
    written.map_err(StoreError::from)?;
    if verify {
        open::examine_whole(&aside.0).await.map_err(|error| match error {
            StoreError::Damaged(detail) => {
                BackupError::Refused(format!("what was written is damaged, and was removed: {detail}"))
            }
            other => other.into(),
        })?;
    }
    let contents = Contents::read(&aside.0).await?;
    if verify && !contents.belongs_as(&before) {
        return Err(BackupError::Refused("the database was migrated or replaced meanwhile: take the backup again".to_owned()));
    }
    sync(&aside.0)?;
    aside.move_to_new(to)?;
    Ok(contents)
}

/// A backup on its way into the place of a database. Dropped before [`Restore::finish`], it leaves everything as it was.
pub(crate) struct Restore {
    target: PathBuf,
    copy: Aside,
    /// On what is there now.
    claim: Option<Claim>,
    pub contents: Contents,
}

impl Restore {
    /// Copies `file` beside `target` and looks through the copy, while no other program has `target` open.
    pub(crate) async fn prepare(file: &Path, target: &Path, replace: bool) -> Result<Self, BackupError> {
        check_source(file, target)?;
        if target.exists() && !replace {
            let advice = "--replace keeps it beside, under a name with the time, and puts the backup in its place";
            return Err(BackupError::Refused(format!("{} is there: {advice}", target.display())));
        }
        let claim = if target.exists() { Some(Claim::take(target).await?) } else { None };
        let copy = Aside::make(target, "restore")?;
        copy.fill_from(file)?;
        give_to_owner_of(target, &copy.0)?;
        open::examine_whole(&copy.0).await.map_err(|error| told(error, file))?;
        let contents = Contents::read(&copy.0).await.map_err(|error| told(error, file))?;
        if !contents.schema.unknown.is_empty() {
            return Err(StoreError::NewerSchema(contents.schema.unknown).into());
        }
        Ok(Self { target: target.to_owned(), copy, claim, contents })
    }

    /// The copy, in which is written what has to be different from the backup.
    pub(crate) fn copy(&self) -> &Path {
        &self.copy.0
    }

    /// Puts the copy in place, once nobody has it open. Answers where the former database is kept.
    pub(crate) async fn finish(self, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
        let Self { target, copy, claim, contents: _ } = self;
        let mut whole = Claim::take(&copy.0).await?;
        whole.fold().await?;
        whole.release().await;
        sync(&copy.0)?;
        let kept = beside(&target, &format!(".{}", rfc3339(now).replace(':', "-")));
        let (was_there, held) = (claim.is_some(), folded(claim).await?);
        // A log of another file would be read as this one's.
        for side in SIDES {
            let (old, new) = (beside(&target, side), beside(&kept, side));
            match fs::rename(&old, new) {
                Err(reason) if reason.kind() != ErrorKind::NotFound => return Err(failed("move", &old)(reason)),
                _moved_or_not_there => {}
            }
        }
        if was_there {
            // At every moment there is a database.
            fs::hard_link(&target, &kept).map_err(failed("make", &kept))?;
        }
        fs::rename(&copy.0, &target).map_err(failed("write", &target))?;
        sync(directory_of(&target))?;
        if let Some(claim) = held {
            claim.release().await;
        }
        Ok(was_there.then_some(kept))
    }
}

/// Makes one whole file of the former database, and holds it; one that is damaged is let go of as it is.
async fn folded(claim: Option<Claim>) -> Result<Option<Claim>, BackupError> {
    let Some(mut claim) = claim else { return Ok(None) };
    if claim.damaged {
        claim.release().await;
        return Ok(None);
    }
    claim.fold().await?;
    Ok(Some(claim))
}

/// Nobody else opens the file while this is held.
struct Claim {
    connection: SqliteConnection,
    damaged: bool,
}

impl Claim {
    /// A program that has a file with a log open holds a lock on it, between its transactions as well. This way to open one
    /// wants that lock for itself, before it reads anything: also of a damaged file.
    async fn take(path: &Path) -> Result<Self, BackupError> {
        let mut connection = open::sqlite(path).vfs("unix-excl").connect().await.map_err(StoreError::from)?;
        let read = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut connection).await;
        let damaged = match read.map_err(StoreError::from) {
            Ok(_) => false,
            Err(StoreError::Damaged(_)) => true,
            Err(StoreError::Unavailable { transient: true, .. }) => {
                let advice = "stop `signbridge serve` and every other program that uses it";
                return Err(BackupError::Refused(format!("{} is in use: {advice}", path.display())));
            }
            Err(other) => return Err(other.into()),
        };
        Ok(Self { connection, damaged })
    }

    /// Writes the log back and takes it away.
    async fn fold(&mut self) -> Result<(), BackupError> {
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = DELETE").fetch_one(&mut self.connection).await;
        match mode.map_err(StoreError::from)?.as_str() {
            "delete" => Ok(()),
            other => Err(StoreError::Setup(format!("its journal_mode stays {other}")).into()),
        }
    }

    async fn release(self) {
        let _closed = self.connection.close().await;
    }
}

/// What may be used once and was unused, and is no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unused {
    pub codes: u64,
    pub logins: u64,
    pub authorizations: u64,
    /// Token families of clients whose refresh tokens are used once.
    pub families: u64,
}

/// Ends what may be used once and is unused: nobody knows whether it was used after the backup.
pub(crate) async fn end_unused(tx: &Tx, now: Timestamp) -> Result<Unused, StoreError> {
    let (codes, logins) = (codes::delete_unused(tx).await?, logins::delete_unused(tx).await?);
    let authorizations = authorizations::delete_under_way(tx).await?;
    let mut families = 0;
    for client in clients::list(tx).await?.iter().filter(|client| client.metadata.is_public()) {
        families += grants::revoke_refreshable(tx, &client.id, now).await?;
    }
    Ok(Unused { codes, logins, authorizations, families })
}

/// Where a PostgreSQL database is, for the tools that come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub database: String,
}

impl Server {
    /// Without the password.
    pub(crate) fn of(url: &str) -> Result<Option<Self>, StoreError> {
        let Target::Postgres(options) = Target::parse(url)? else { return Ok(None) };
        let socket = options.get_socket().map(|socket| socket.display().to_string());
        let user = options.get_username().to_owned();
        Ok(Some(Self {
            host: socket.unwrap_or_else(|| options.get_host().to_owned()),
            port: options.get_port(),
            database: options.get_database().map_or_else(|| user.clone(), str::to_owned),
            user,
        }))
    }
}

/// A new file that its owner alone may read, beside one that is to become of it. It goes with whoever holds it.
struct Aside(PathBuf);

impl Aside {
    fn make(future: &Path, kind: &str) -> Result<Self, BackupError> {
        let path = beside(future, &format!(".{kind}-{}", std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        // A umask can take bits away from the mode above.
        let made = made.and_then(|file| file.set_permissions(Permissions::from_mode(0o600)));
        made.map_err(failed("make", &path))?;
        Ok(Self(path))
    }

    fn fill_from(&self, file: &Path) -> Result<(), BackupError> {
        let mut source = File::open(file).map_err(failed("read", file))?;
        let mut copy = OpenOptions::new().write(true).open(&self.0).map_err(failed("write", &self.0))?;
        io::copy(&mut source, &mut copy).map_err(failed("copy", file))?;
        Ok(())
    }

    /// The name is taken first, so that nothing is overwritten; file systems that know no links can do that as well.
    fn move_to_new(self, to: &Path) -> Result<(), BackupError> {
        let taken = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        taken.map_err(|reason| match reason.kind() {
            ErrorKind::AlreadyExists => is_there(to),
            _other => failed("make", to)(reason),
        })?;
        if let Err(reason) = fs::rename(&self.0, to) {
            let _left_behind = fs::remove_file(to);
            return Err(failed("write", to)(reason));
        }
        sync(directory_of(to))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        for side in std::iter::once("").chain(SIDES) {
            let _not_there = fs::remove_file(beside(&self.0, side));
        }
    }
}

fn check_source(file: &Path, target: &Path) -> Result<(), BackupError> {
    let refused = |why: &str| Err(BackupError::Refused(format!("{} {why}", file.display())));
    let found = file.metadata().map_err(failed("read", file))?;
    if !found.is_file() {
        return refused("is no file");
    }
    // Whoever opens and closes a file gives up all locks that the process has on it.
    if target.metadata().is_ok_and(|there| (there.dev(), there.ino()) == (found.dev(), found.ino())) {
        return refused("is the database itself");
    }
    let has = |side: &str| beside(file, side).metadata().is_ok_and(|side| side.len() > 0);
    if has("-wal") || has("-journal") {
        return refused("is not whole: a part of it stands in the log beside it; `signbridge backup` writes all into one file");
    }
    Ok(())
}

/// `root` may restore what belongs to the user that `serve` runs as.
fn give_to_owner_of(target: &Path, copy: &Path) -> Result<(), BackupError> {
    let owner = target.metadata().or_else(|_not_there| directory_of(target).metadata()).map_err(failed("read", target))?;
    let own = copy.metadata().map_err(failed("read", copy))?;
    if own.uid() == owner.uid() {
        return Ok(());
    }
    chown(copy, Some(owner.uid()), Some(owner.gid())).map_err(failed("give to the owner of the database", copy))
}

/// What looking through a backup came to, in words that name it.
fn told(error: StoreError, file: &Path) -> BackupError {
    match error {
        StoreError::Damaged(detail) => {
            BackupError::Refused(format!("{} is damaged ({detail}): do not use it, and look for another one", file.display()))
        }
        StoreError::Missing(detail) => {
            BackupError::Refused(format!("{} is no database of Signbridge: {detail}", file.display()))
        }
        other => other.into(),
    }
}

fn is_there(file: &Path) -> BackupError {
    BackupError::Refused(format!("{} is there already, and no backup is overwritten: choose another name", file.display()))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |reason| BackupError::Io { what, path: path.to_owned(), reason }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn directory_of(file: &Path) -> &Path {
    // A bare name stands in the directory where the program runs.
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("write", path))
}
