//! Backups: whole, private, of one moment, and back in place without anything lost on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::File;
use super::samples::{NOW, after, client, code_content, digest, grant, login, populate, refresh_token, write};
use crate::domain::env::Env;
use crate::domain::id::{AuthorizationId, ClientId, GrantId, LoginId};
use crate::protocol::client_metadata::AuthMethod;
use crate::store::backup::{self, BackupError, Contents, Restore, Unused};
use crate::store::refresh_tokens::RefreshToken;
use crate::store::{Store, authorizations, clients, codes, grants, instance, logins, refresh_tokens};

fn beside(file: &File, name: &str) -> PathBuf {
    file.path().with_file_name(name)
}

async fn clients_of(path: &Path) -> usize {
    let store = Store::open(&format!("sqlite:{}", path.display()), Env::system()).await.unwrap();
    let count = clients::list(store.read()).await.unwrap().len();
    store.close().await;
    count
}

fn names(file: &File) -> Vec<String> {
    let entries = fs::read_dir(file.path().parent().unwrap()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refused<T>(outcome: Result<T, BackupError>) -> String {
    match outcome.err() {
        Some(BackupError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_while_others_write() {
    let file = File::new();
    let store = file.migrated().await;
    write!(store, (), |tx, _none| instance::insert_once(tx, instance::ISSUER, "https://id.example"));
    write!(store, (), |tx, _none| instance::insert_once(tx, instance::MASTER_KEY, "fingerprint"));
    for number in 0..20 {
        write!(store, client(&format!("before-{number}")), |tx, client| clients::insert(tx, client));
    }
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0.. {
                write!(store, client(&format!("beside-{number}")), |tx, client| clients::insert(tx, client));
            }
        })
    };
    let to = beside(&file, "backup.db");
    let contents = backup::take(&file.path(), &to, true).await.unwrap();
    writing.abort();
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(contents.issuer.as_deref(), Some("https://id.example"));
    assert_eq!(contents.master_key.as_deref(), Some("fingerprint"));
    assert!(contents.migration.starts_with('m') && contents.latest_event.is_none());
    let counted = contents.rows.iter().find(|(table, _)| *table == "clients").unwrap().1;
    assert!(counted >= 20 && clients_of(&to).await as u64 == counted, "{counted}");

    // Nothing is overwritten, and nothing is left of what failed.
    let before = fs::read(&to).unwrap();
    assert!(refused(backup::take(&file.path(), &to, false).await).contains("is there already"));
    assert_eq!(fs::read(&to).unwrap(), before);
    let nowhere = file.path().with_file_name("nowhere").join("backup.db");
    assert!(matches!(backup::take(&file.path(), &nowhere, false).await, Err(BackupError::Io { .. })));
    assert!(backup::take(&beside(&file, "none.db"), &beside(&file, "other.db"), false).await.is_err());
    let left: Vec<String> = names(&file).into_iter().filter(|name| !name.starts_with("signbridge.db")).collect();
    assert_eq!(left, ["backup.db"]);
}

async fn restored(from: &Path, to: &Path, replace: bool) -> Result<(Contents, Option<PathBuf>), BackupError> {
    let prepared = Restore::prepare(from, to, replace).await?;
    let contents = prepared.contents.clone();
    Ok((contents, prepared.finish(NOW).await?))
}

#[tokio::test]
async fn a_restore_keeps_what_was_there_with_what_its_log_held() {
    let file = File::new();
    let store = file.migrated().await;
    write!(store, client("old"), |tx, client| clients::insert(tx, client));
    let to = beside(&file, "backup.db");
    backup::take(&file.path(), &to, false).await.unwrap();
    write!(store, client("new"), |tx, client| clients::insert(tx, client));
    // As after a crash: the latest write stands in the log alone.
    let (crashed, log) = (beside(&file, "crashed.db"), beside(&file, "crashed.db-wal"));
    fs::copy(beside(&file, "signbridge.db-wal"), &log).unwrap();
    fs::copy(file.path(), &crashed).unwrap();
    store.close().await;

    assert!(refused(restored(&to, &crashed, false).await).contains("--replace"));
    assert!(log.exists(), "a refusal changes nothing");
    let (contents, kept) = restored(&to, &crashed, true).await.unwrap();
    let kept = kept.unwrap();
    assert_eq!(kept.file_name().unwrap(), "crashed.db.2027-01-15T08-00-00.000Z");
    assert!(!log.exists());
    assert_eq!((clients_of(&crashed).await, clients_of(&kept).await), (1, 2));
    assert_eq!(contents.rows.iter().find(|(table, _)| *table == "clients").unwrap().1, 1);
    assert_eq!(fs::metadata(&crashed).unwrap().permissions().mode() & 0o777, 0o600);

    // Where there is none, a log that was left behind is not read as the new file's.
    let fresh = beside(&file, "fresh.db");
    fs::write(beside(&file, "fresh.db-wal"), "the log of another file").unwrap();
    assert_eq!(restored(&to, &fresh, false).await.unwrap().1, None);
    assert_eq!(clients_of(&fresh).await, 1);
    assert!(names(&file).iter().all(|name| !name.contains("restore-")), "{:?}", names(&file));
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_nothing_is_changed() {
    let file = File::new();
    let store = file.migrated().await;
    for number in 0..200 {
        write!(store, client(&format!("client-{number}")), |tx, client| clients::insert(tx, client));
    }
    let good = beside(&file, "backup.db");
    backup::take(&file.path(), &good, true).await.unwrap();
    super::execute(&store, "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99991231_000001_later', 0)").await;
    let newer = beside(&file, "newer.db");
    backup::take(&file.path(), &newer, false).await.unwrap();
    store.close().await;
    let whole = fs::read(&good).unwrap();
    let target = beside(&file, "target.db");
    assert!(restored(&good, &target, false).await.unwrap().1.is_none(), "the good one is taken");
    let before = fs::read(&target).unwrap();

    let bad = beside(&file, "bad.db");
    let mut noise = whole.clone();
    let middle = whole.len() / 2 / 4096 * 4096;
    noise[middle..middle + 4096].fill(0x5a);
    for (what, content) in
        [("cut", &whole[..middle]), ("noise", &noise[..]), ("text", &b"no database"[..]), ("empty", &whole[..0])]
    {
        fs::write(&bad, content).unwrap();
        let why = refused(restored(&bad, &target, true).await);
        assert!(why.contains("damaged") || why.contains("no database"), "{what}: {why}");
        assert_eq!(fs::read(&target).unwrap(), before, "{what}");
    }
    fs::write(&bad, &whole).unwrap();
    fs::write(beside(&file, "bad.db-wal"), "more").unwrap();
    assert!(refused(restored(&bad, &target, true).await).contains("not whole"));
    assert!(refused(restored(&target, &target, true).await).contains("itself"));
    let unknown = restored(&newer, &target, true).await.err().unwrap().to_string();
    assert!(unknown.contains("m99991231_000001_later"), "{unknown}");
    assert_eq!(fs::read(&target).unwrap(), before);
    assert!(!names(&file).iter().any(|name| name.starts_with("target.db.")), "{:?}", names(&file));
}

#[tokio::test]
async fn a_damaged_database_is_kept_as_it_is_and_replaced() {
    let file = File::new();
    file.migrated().await.close().await;
    let good = beside(&file, "backup.db");
    backup::take(&file.path(), &good, false).await.unwrap();
    let garbage = "this is no database, and long enough to be seen as none".repeat(100);
    for side in ["", "-wal"] {
        fs::write(beside(&file, &format!("signbridge.db{side}")), &garbage).unwrap();
    }
    let kept = restored(&good, &file.path(), true).await.unwrap().1.unwrap();
    assert_eq!(fs::read_to_string(&kept).unwrap(), garbage);
    assert_eq!(clients_of(&file.path()).await, 0);
}

#[tokio::test]
async fn what_may_be_used_once_is_over_and_the_rest_stays() {
    let file = File::new();
    let store = file.migrated().await;
    let alice = populate(&store).await;
    let mut public = client("native");
    public.metadata.token_endpoint_auth_method = AuthMethod::None;
    write!(store, public, |tx, client| clients::insert(tx, client));
    let mut of_native = grant(&alice, "n", "openid");
    of_native.client_id = ClientId::new("native");
    write!(store, of_native.clone(), |tx, grant| grants::insert(tx, grant));
    of_native.id = GrantId::new("without");
    write!(store, of_native, |tx, grant| grants::insert(tx, grant));
    let of_family = |name: &str, family: &str| RefreshToken { grant_id: GrantId::new(family), ..refresh_token(name) };
    for token in [of_family("kept", "g"), of_family("used-once", "n")] {
        write!(store, token, |tx, token| refresh_tokens::insert(tx, token));
    }
    for name in ["unused", "redeemed"] {
        let input = (digest(name), code_content(&alice));
        write!(store, input, |tx, v| codes::insert(tx, &v.0, &AuthorizationId::new("a"), &v.1, after(60)));
    }
    assert!(write!(store, (), |tx, _none| codes::consume(tx, &digest("redeemed"), &GrantId::new("g"), NOW)));
    write!(store, login("open"), |tx, login| logins::insert(tx, login, None));

    let ended = write!(store, (), |tx, _none| backup::end_unused(tx, NOW.plus(Duration::from_secs(5))));
    assert_eq!(ended, Unused { codes: 1, logins: 1, authorizations: 1, families: 1 });
    let db = store.read();
    assert!(codes::find(db, &digest("unused")).await.unwrap().is_none());
    assert!(logins::find(db, &LoginId::new("open")).await.unwrap().is_none());
    assert!(authorizations::find(db, &AuthorizationId::new("a")).await.unwrap().is_none());
    let revoked = async |id: &str| grants::find(db, &GrantId::new(id)).await.unwrap().unwrap().revoked_at.is_some();
    assert_eq!((revoked("g").await, revoked("n").await, revoked("without").await), (false, true, false));
    let again = write!(store, (), |tx, _none| backup::end_unused(tx, NOW));
    assert_eq!(again, Unused::default());
}
