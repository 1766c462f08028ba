//! What is stored: the database and its schema, the issuer and the master key that belong to it, the signing keys, the clients.
//! What fails here keeps `serve` from starting, and the other way round.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::Check;
use crate::app::parts::{RESTORE_KEY, key_settings, sizes};
use crate::config::{Config, DatabaseUrl};
use crate::domain::client::Client;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::domain::refusal::RefusalTally;
use crate::domain::signing_key::{KeyState, StoredKey};
use crate::keys::KeysError;
use crate::keys::master::{MasterKey, MasterKeyError};
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::KeyRing;
use crate::manage::declared;
use crate::protocol::client_metadata::{ApplicationType, GrantType, SigningAlgorithm};
use crate::protocol::error::ErrorCode;
use crate::protocol::uri::is_loopback;
use crate::store::{Soundness, Store, StoreError, clients, instance, refusals, signing_keys};

const EXAMINING: Duration = Duration::from_secs(300);
const DATABASE: &str = "database";
const MASTER_KEY: &str = "master key";
const SIGNING_KEYS: &str = "signing keys";
const CLIENTS: &str = "clients";
const PEOPLE: &str = "declared people";
const REFUSED: &str = "refused requests";
const LATELY: Duration = Duration::from_secs(24 * 3600);
const MOST_REFUSED: i64 = 200;

/// Answers the purpose keys, where the master key is the right one: later checks need them.
pub(super) async fn examine(config: &Config, env: &Env, checks: &mut Vec<Check>) -> Option<Arc<PurposeKeys>> {
    let store = kept(open(config, env, checks).await, checks);
    if let Some(store) = &store {
        checks.extend(other_issuer(config, store).await);
    }
    let purposes = kept(master_key(config, env, store.as_ref()).await, checks);
    checks.push(match (&store, &purposes) {
        (Some(store), Some(purposes)) => signing_keys(config, env, store, purposes).await.unwrap_or_else(|failed| failed),
        _missing => Check::skipped(SIGNING_KEYS, "they need the database and its master key"),
    });
    match &store {
        Some(store) => {
            checks.extend(registered(store).await.unwrap_or_else(|failed| vec![failed]));
            checks.extend(refused(store, env).await.unwrap_or_else(|failed| vec![failed]));
            declared_people(config, store, checks).await;
        }
        None => checks.push(Check::skipped(CLIENTS, "they need the database")),
    }
    if let Some(store) = store {
        store.close().await;
    }
    purposes
}

/// What was found, with its check; or the check alone that says why not.
type Looked<T> = Result<(T, Check), Check>;

fn kept<T>(looked: Looked<T>, checks: &mut Vec<Check>) -> Option<T> {
    let (found, check) = looked.map_or_else(|check| (None, check), |(found, check)| (Some(found), check));
    checks.push(check);
    found
}

async fn open(config: &Config, env: &Env, checks: &mut Vec<Check>) -> Looked<Store> {
    let what = match &config.database.url {
        DatabaseUrl::Sqlite(path) if !path.exists() => return Err(missing(path, env)),
        DatabaseUrl::Sqlite(path) => {
            readable_by_others(path, checks);
            format!("SQLite, {}", path.display())
        }
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let opened = async {
        let looked_through = Store::examine(config.database.url().expose(), EXAMINING).await?;
        let store = Store::open_sized(config.database.url().expose(), sizes(config), env.clone()).await?;
        store.check_schema().await?;
        // An empty transaction: it takes the lock to write and leaves nothing.
        store.write((), |_tx, ()| Box::pin(async { Ok(()) })).await?;
        Ok::<_, StoreError>((store, looked_through))
    };
    let (store, looked_through) = opened.await.map_err(|error| {
        let advice = match &error {
            StoreError::PendingMigrations(_) => "run `signbridge migrate`, or start `signbridge serve`",
            StoreError::NewerSchema(_) => "run the newer program, or restore the backup from before its start",
            StoreError::Damaged(_) => "stop `serve`, and restore the file from a backup (docs/guides/operations.md)",
            StoreError::Setup(_) => "the database is not set up as Signbridge needs it; see the text",
            _unreachable => "check that it runs, that the address, name and password are right, and that there is room",
        };
        Check::failed(DATABASE, format!("{what}: {}", chain(&error)), advice)
    })?;
    let check = match looked_through {
        Soundness::Sound => {
            Check::ok(DATABASE, format!("{what}: it answers, can be written, and its schema is this program's"))
        }
        Soundness::Unknown => {
            let found = format!("{what}: it answers and can be written, and is too large to be looked through in time");
            let advice = "`signbridge backup FILE --verify` looks through a copy of it, for as long as it takes";
            Check::warning(DATABASE, found, advice)
        }
    };
    Ok((store, check))
}

fn readable_by_others(path: &Path, checks: &mut Vec<Check>) {
    let mode = fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        let found = format!("{} has mode {mode:04o}: others on this machine can read it", path.display());
        checks.push(Check::warning(DATABASE, found, format!("chmod 600 {}", path.display())));
    }
}

/// What a first start finds where no database is: a directory in which it can make one, or not.
fn missing(path: &Path, env: &Env) -> Check {
    let found = format!("{} is not there", path.display());
    // A bare name stands in the directory where the program runs.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match can_make_files(directory, env) {
        Ok(()) => {
            let advice = "the first `signbridge serve` makes it; if there was one, restore it from a backup";
            Check::warning(DATABASE, found, advice)
        }
        Err(error) => {
            let found = format!("{found}, and no file can be made in {}: {error}", directory.display());
            Check::failed(DATABASE, found, "make the directory, give it to the user of `serve`, or correct database.url")
        }
    }
}

/// Makes a file there and takes it away again: no mode of a directory tells whether that works.
fn can_make_files(directory: &Path, env: &Env) -> std::io::Result<()> {
    let [random] = env.random_bytes::<1>().unwrap_or_default();
    let file = directory.join(format!(".signbridge-doctor-{}-{random}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(&file)
}

async fn other_issuer(config: &Config, store: &Store) -> Option<Check> {
    let remembered = instance::find(store.read(), instance::ISSUER).await.ok().flatten()?;
    let found = format!("the database belongs to the issuer {remembered}, the file says {}", config.issuer.text());
    let advice = "write the one that relying parties know, or name another database";
    (remembered != config.issuer.text()).then(|| Check::failed(DATABASE, found, advice))
}

async fn master_key(config: &Config, env: &Env, store: Option<&Store>) -> Looked<Arc<PurposeKeys>> {
    let path = &config.keys.master_key;
    let remembered = match store {
        Some(store) => instance::find(store.read(), instance::MASTER_KEY).await.ok().flatten(),
        None => None,
    };
    if !path.exists() && remembered.is_none() && config.keys.is_own() {
        let found = format!("{} is not there, and no database needs it yet", path.display());
        let makes_it = || Check::warning(MASTER_KEY, found, "the first `signbridge serve` makes it; keep a copy of it");
        return Err(no_place_for_a_key(&config.keys.dir, env).unwrap_or_else(makes_it));
    }
    let loaded = if config.keys.is_own() { MasterKey::load_in(&config.keys.dir) } else { MasterKey::load(path) };
    let key = loaded.map_err(|error| Check::failed(MASTER_KEY, chain(&error), advice(&error)))?;
    let underivable = |error: KeysError| Check::failed(MASTER_KEY, chain(&error), RESTORE_KEY);
    let purposes = PurposeKeys::derive(&key).map_err(underivable)?;
    let fingerprint = key.fingerprint().map_err(underivable)?;
    let found = match remembered {
        Some(remembered) if remembered != fingerprint => {
            let found = format!("{} is not the key of this database", path.display());
            return Err(Check::failed(MASTER_KEY, found, RESTORE_KEY));
        }
        Some(_same) => format!("{} is private and the database's own", path.display()),
        None => format!("{} is private; no database to compare it with", path.display()),
    };
    Ok((Arc::new(purposes), Check::ok(MASTER_KEY, found)))
}

/// What to do about a master key that cannot be used. Where the text itself says it, this is why.
const fn advice(error: &MasterKeyError) -> &'static str {
    match error {
        MasterKeyError::Permissions { .. } => "take the rights of others away as the text says; the key itself is still good",
        MasterKeyError::Directory { .. } => {
            "take the rights of others away as the text says, and look whether the key is still yours"
        }
        MasterKeyError::Garbled(_) | MasterKeyError::Io { .. } | MasterKeyError::Random(_) => RESTORE_KEY,
    }
}

fn no_place_for_a_key(dir: &Path, env: &Env) -> Option<Check> {
    let nearest = dir.ancestors().find(|directory| directory.exists())?;
    let error = can_make_files(nearest, env).err()?;
    let found = format!("no key can be made in {}: {error}", dir.display());
    Some(Check::failed(MASTER_KEY, found, "give the directory to the user of `serve`, or correct keys_dir"))
}

async fn signing_keys(config: &Config, env: &Env, store: &Store, purposes: &PurposeKeys) -> Result<Check, Check> {
    let rows = signing_keys::list(store.read()).await.map_err(|error| unreadable(SIGNING_KEYS, &error))?;
    if rows.is_empty() {
        return Ok(Check::warning(SIGNING_KEYS, "there are none yet", "the first `signbridge serve` makes them"));
    }
    KeyRing::check(rows.clone(), purposes, &key_settings(config), env.now()).map_err(|error| {
        let advice = "restore the database, or remove the key that is named with `signbridge key rotate --revoke KID`";
        Check::failed(SIGNING_KEYS, chain(&error), advice)
    })?;
    let has_next = |alg| rows.iter().any(|key: &StoredKey| key.alg == alg && key.state == KeyState::Next);
    let missing: Vec<&str> = SigningAlgorithm::ALL.into_iter().filter(|alg| !has_next(*alg)).map(|alg| alg.as_str()).collect();
    Ok(if missing.is_empty() {
        Check::ok(SIGNING_KEYS, "each algorithm has a key that signs and a next one that is published")
    } else {
        let found = format!("no next key is published for {}: a rotation would surprise relying parties", missing.join(", "));
        Check::failed(SIGNING_KEYS, found, "restart `signbridge serve`, which makes it")
    })
}

async fn registered(store: &Store) -> Result<Vec<Check>, Check> {
    let known = clients::list(store.read()).await.map_err(|error| unreadable(CLIENTS, &error))?;
    if known.is_empty() {
        return Err(Check::warning(CLIENTS, "no app is registered", "add one with `signbridge client create`"));
    }
    let odd = known.iter().filter(|client| !client.disabled).filter_map(|client| {
        let advice = format!("correct it with `signbridge client update {} --redirect-uri …`", client.id);
        Some(Check::warning(CLIENTS, format!("{}: {}", client.id, oddity(client)?), advice))
    });
    let odd: Vec<Check> = odd.collect();
    let plausible = || Check::ok(CLIENTS, format!("{} registered, their redirect URIs are plausible", known.len()));
    Ok(if odd.is_empty() { vec![plausible()] } else { odd })
}

/// Of each client the latest refusal of the last day that a wrong set-up may explain: here, or at the app.
async fn refused(store: &Store, env: &Env) -> Result<Vec<Check>, Check> {
    let since = env.now().minus(LATELY);
    let latest = refusals::list_since(store.read(), since, MOST_REFUSED).await.map_err(|error| unreadable(REFUSED, &error))?;
    let mut told: Vec<RefusalTally> = Vec::new();
    for tally in latest {
        // A code or token that is used again, too late or by somebody else, is nothing that whoever set the client up can mend.
        let of_setup = ["redirect_uri", "code_verifier"].contains(&tally.refusal.field.as_str());
        let can_be_mended = of_setup || tally.refusal.error != ErrorCode::InvalidGrant.as_str();
        if can_be_mended && told.iter().all(|known| known.refusal.client != tally.refusal.client) {
            told.push(tally);
        }
    }
    Ok(told.iter().map(refusal).collect())
}

fn refusal(tally: &RefusalTally) -> Check {
    let refusal = &tally.refusal;
    let hint = refusal.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
    let times = if tally.count == 1 { String::new() } else { format!(" ({} times)", tally.count) };
    let found = format!("{}: {}{hint}{times}", refusal.client, refusal.reason);
    let more = format!("`signbridge client check {}` has more", refusal.client);
    let advice = format!("correct it in the app, or with `signbridge client update`; {more}");
    Check::warning(REFUSED, found, advice)
}

fn unreadable(name: &'static str, error: &StoreError) -> Check {
    Check::failed(name, chain(error), "restore the database from a backup")
}

async fn declared_people(config: &Config, store: &Store, checks: &mut Vec<Check>) {
    let advice =
        "let the file name somebody else, or take the name away from its owner (`signbridge user list`, `device list`)";
    match declared::refused(store.read(), &config.users).await {
        Ok(refused) => checks.extend(refused.iter().map(|error| Check::failed(PEOPLE, chain(error), advice))),
        Err(error) => checks.push(unreadable(PEOPLE, &error)),
    }
}

fn oddity(client: &Client) -> Option<String> {
    let metadata = &client.metadata;
    if metadata.redirect_uris.is_empty() && metadata.grant_types.contains(&GrantType::AuthorizationCode) {
        return Some("it has no redirect URI: nobody can sign in to it".to_owned());
    }
    metadata.redirect_uris.iter().find_map(|uri| {
        let uri = uri.as_str();
        let url = Url::parse(uri).ok()?;
        let host = url.host_str().unwrap_or_default();
        let loopback = is_loopback(&url);
        let example = ["example.com", "example.org", "example.net"].iter().any(|name| is_within(host, name));
        match url.scheme() {
            _any if example => Some(format!("{uri} is an example from the documentation")),
            "http" if !loopback => Some(format!("{uri} is plain http: whoever listens gets the code")),
            "http" | "https" if loopback && metadata.application_type == ApplicationType::Web => {
                Some(format!("{uri} leads to the visitor's own machine, and the client is a web app"))
            }
            _plausible => None,
        }
    })
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
