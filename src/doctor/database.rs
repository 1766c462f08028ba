//! What is stored: the database and its schema, the master key that belongs to it, the signing keys, the clients.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::Check;
use crate::app::parts::key_settings;
use crate::config::{Config, Database};
use crate::domain::client::Client;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::domain::signing_key::{KeyState, StoredKey};
use crate::keys::master::MasterKey;
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::KeyRing;
use crate::protocol::client_metadata::{ApplicationType, GrantType, SigningAlgorithm};
use crate::protocol::uri::is_loopback;
use crate::store::{Store, StoreError, clients, instance, signing_keys};

const DATABASE: &str = "database";
const MASTER_KEY: &str = "master key";
const SIGNING_KEYS: &str = "signing keys";
const CLIENTS: &str = "clients";

/// What later checks need of it.
pub(super) struct Stored {
    /// The purpose keys, where the master key is the right one.
    pub(super) purposes: Arc<PurposeKeys>,
}

/// Looks at all of it.
pub(super) async fn examine(config: &Config, env: &Env, checks: &mut Vec<Check>) -> Option<Stored> {
    let store = open(config, env, checks).await;
    let purposes = master_key(config, store.as_ref(), checks).await;
    match (&store, &purposes) {
        (Some(store), Some(purposes)) => signing_keys(config, env, store, purposes, checks).await,
        _missing => checks.push(Check::skipped(SIGNING_KEYS, "they need the database and its master key")),
    }
    match &store {
        Some(store) => registered(store, checks).await,
        None => checks.push(Check::skipped(CLIENTS, "they need the database")),
    }
    if let Some(store) = store {
        store.close().await;
    }
    purposes.map(|purposes| Stored { purposes })
}

/// The database, if it is there and this program's.
async fn open(config: &Config, env: &Env, checks: &mut Vec<Check>) -> Option<Store> {
    let what = match &config.database {
        Database::Sqlite { path, .. } if !path.exists() => {
            let found = format!("{} is not there", path.display());
            let advice = "the first `signbridge serve` makes it; if there was one, restore it from a backup";
            checks.push(Check::warning(DATABASE, found, advice));
            return None;
        }
        Database::Sqlite { path, .. } => {
            readable_by_others(path, checks);
            format!("SQLite, {}", path.display())
        }
        Database::Postgres { .. } => "PostgreSQL".to_owned(),
    };
    let opened = async {
        let store = Store::open(config.database.url().expose(), env.clone()).await?;
        store.check_schema().await?;
        // An empty transaction: it takes the lock to write and leaves nothing.
        store.write((), |_tx, ()| Box::pin(async { Ok(()) })).await?;
        Ok::<Store, StoreError>(store)
    };
    match opened.await {
        Ok(store) => {
            checks.push(Check::ok(DATABASE, format!("{what}: it answers, can be written, and its schema is this program's")));
            Some(store)
        }
        Err(error) => {
            let advice = match &error {
                StoreError::PendingMigrations(_) => "run `signbridge migrate`, or start `signbridge serve`",
                StoreError::NewerSchema(_) => "run the newer program, or restore the backup from before its start",
                StoreError::Setup(_) => "the database is not set up as Signbridge needs it; see the text",
                _unreachable => "check that it runs, that the address, name and password are right, and that there is room",
            };
            checks.push(Check::failed(DATABASE, format!("{what}: {}", chain(&error)), advice));
            None
        }
    }
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

/// The keys derived from the master key, if it is the database's own.
async fn master_key(config: &Config, store: Option<&Store>, checks: &mut Vec<Check>) -> Option<Arc<PurposeKeys>> {
    let path = &config.keys.master_key;
    let remembered = match store {
        Some(store) => instance::find(store.read(), instance::MASTER_KEY).await.ok().flatten(),
        None => None,
    };
    if !path.exists() && remembered.is_none() {
        let found = format!("{} is not there, and no database needs it yet", path.display());
        checks.push(Check::warning(MASTER_KEY, found, "the first `signbridge serve` makes it; keep a copy of it"));
        return None;
    }
    let derived = MasterKey::load(path).map_err(|error| chain(&error)).and_then(|key| {
        let purposes = PurposeKeys::derive(&key).map_err(|error| chain(&error))?;
        Ok((key.fingerprint().map_err(|error| chain(&error))?, purposes))
    });
    let (fingerprint, purposes) = match derived {
        Ok(derived) => derived,
        Err(text) => {
            checks.push(Check::failed(MASTER_KEY, text, "restore the file that this database was started with"));
            return None;
        }
    };
    match remembered {
        Some(remembered) if remembered != fingerprint => {
            let found = format!("{} is not the key of this database", path.display());
            checks.push(Check::failed(MASTER_KEY, found, "restore the file that this database was started with"));
            return None;
        }
        Some(_same) => checks.push(Check::ok(MASTER_KEY, format!("{} is private and the database's own", path.display()))),
        None => checks.push(Check::ok(MASTER_KEY, format!("{} is private; no database to compare it with", path.display()))),
    }
    Some(Arc::new(purposes))
}

async fn signing_keys(config: &Config, env: &Env, store: &Store, purposes: &PurposeKeys, checks: &mut Vec<Check>) {
    let rows = match signing_keys::list(store.read()).await {
        Ok(rows) if rows.is_empty() => {
            checks.push(Check::warning(SIGNING_KEYS, "there are none yet", "the first `signbridge serve` makes them"));
            return;
        }
        Ok(rows) => rows,
        Err(error) => {
            checks.push(Check::failed(SIGNING_KEYS, chain(&error), "restore the database from a backup"));
            return;
        }
    };
    if let Err(error) = KeyRing::check(rows.clone(), purposes, &key_settings(config), env.now()) {
        let advice = "restore the database, or remove the key that is named with `signbridge key rotate --revoke KID`";
        checks.push(Check::failed(SIGNING_KEYS, chain(&error), advice));
        return;
    }
    let has_next = |alg| rows.iter().any(|key: &StoredKey| key.alg == alg && key.state == KeyState::Next);
    let missing: Vec<&str> = SigningAlgorithm::ALL.into_iter().filter(|alg| !has_next(*alg)).map(|alg| alg.as_str()).collect();
    checks.push(if missing.is_empty() {
        Check::ok(SIGNING_KEYS, "each algorithm has a key that signs and a next one that is published")
    } else {
        let found = format!("no next key is published for {}: a rotation would surprise relying parties", missing.join(", "));
        Check::failed(SIGNING_KEYS, found, "restart `signbridge serve`, which makes it")
    });
}

async fn registered(store: &Store, checks: &mut Vec<Check>) {
    let known = match clients::list(store.read()).await {
        Ok(known) => known,
        Err(error) => {
            checks.push(Check::failed(CLIENTS, chain(&error), "restore the database from a backup"));
            return;
        }
    };
    if known.is_empty() {
        checks.push(Check::warning(CLIENTS, "no app is registered", "add one with `signbridge client create`"));
        return;
    }
    let before = checks.len();
    for client in known.iter().filter(|client| !client.disabled) {
        checks.extend(oddity(client).map(|found| {
            let advice = format!("correct it with `signbridge client update {} --redirect-uri …`", client.id);
            Check::warning(CLIENTS, format!("{}: {found}", client.id), advice)
        }));
    }
    if checks.len() == before {
        checks.push(Check::ok(CLIENTS, format!("{} registered, their redirect URIs are plausible", known.len())));
    }
}

/// What is odd about a client's redirect URIs.
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
