//! The parts of a provider, set up in the order in which they need one another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{StartError, setup};
use crate::config::{Config, KeyFiles};
use crate::domain::env::Env;
use crate::domain::settings::WebhookSettings;
use crate::domain::user::Upstream;
use crate::flow::authorization::repeats::Repeats;
use crate::flow::node::Signals;
use crate::flow::node::health::Health;
use crate::flow::node::latency::LatencyModel;
use crate::flow::refusals::Refusals;
use crate::flow::wrong_secrets::WrongSecrets;
use crate::flow::{Op, Settings};
use crate::keys::master::MasterKey;
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::KeyRing;
use crate::keys::rotation::KeySettings;
use crate::outbound::{self, OutboundError};
use crate::store::{Sizes, Soundness, Store, instance};
use crate::upstream::secsign::SecSign;
use crate::upstream::thumbsignin::ThumbSignIn;
use crate::upstream::{PhoneApproval, Upstreams};

/// How long a start looks through the database: docs/guides/operations.md says what that is enough for.
const EXAMINING: Duration = Duration::from_secs(10);
const ISSUER_DIFFERS: &str = "the database belongs to another issuer: write it as `issuer`, or name another database. It is";
pub(crate) const RESTORE_KEY: &str =
    "restore it from the backup, or let keys_dir (or SIGNBRIDGE_MASTER_KEY_FILE) name the place where it is";

pub(crate) async fn assemble(config: &Config, env: Env) -> Result<Op, StartError> {
    // One that is damaged is refused before anything is written to it.
    let found = Store::examine(config.database.url().expose(), EXAMINING).await.map_err(setup)?;
    if found == Soundness::Unknown {
        tracing::warn!("the database was not looked through: it is too large for a start");
    }
    let store = open_store(config, &env).await?;
    if let Err(error) = store.let_it_shrink().await {
        tracing::warn!(%error, "the database file could not be rewritten; it grows to what it needs and keeps it");
    }
    let keys = open_keys(config, &store, &env).await?;
    // Remembered at the first start, and no other ever after.
    let held = hold(&store, instance::ISSUER, config.issuer.text()).await?;
    if held != config.issuer.text() {
        return Err(differs(ISSUER_DIFFERS, &held, config.issuer.text()));
    }
    let upstreams = upstreams(config, &env)?;
    let settings = Arc::new(settings(config));
    let outbound = outbound::guarded(config.outbound.ca_file.as_deref(), config.outbound.allow_private).map_err(setup)?;
    let op = Op {
        store,
        keys: Arc::new(keys),
        upstreams,
        outbound,
        env,
        settings,
        signals: Signals::default(),
        latency: LatencyModel::default(),
        health: Health::default(),
        repeats: Repeats::default(),
        wrong_secrets: WrongSecrets::default(),
        refusals: Refusals::default(),
    };
    crate::manage::declared::apply(&op.store, &op.env, &config.clients, &config.users).await.map_err(setup)?;
    Ok(op)
}

pub(crate) const fn sizes(config: &Config) -> Sizes {
    Sizes { writes_per_commit: config.database.writes_per_commit, connections: config.database.connections }
}

pub(crate) async fn open_store(config: &Config, env: &Env) -> Result<Store, StartError> {
    let store = Store::open_sized(config.database.url().expose(), sizes(config), env.clone()).await.map_err(setup)?;
    store.migrate().await.map_err(setup)?;
    Ok(announcing(store, config))
}

/// The events that the operator's webhook is to hear of are queued by whatever this store writes.
pub(crate) fn announcing(store: Store, config: &Config) -> Store {
    store.announcing(config.webhook.as_ref().map(WebhookSettings::events).unwrap_or_default())
}

/// The keys, with the master key that this database belongs to (decision 2.5).
pub(crate) async fn open_keys(config: &Config, store: &Store, env: &Env) -> Result<KeyRing, StartError> {
    let file = &config.keys.master_key;
    let is_new = config.keys.is_own() && !file.exists();
    let remembered = instance::find(store.read(), instance::MASTER_KEY).await.map_err(setup)?;
    let master = master_key(&config.keys, remembered.as_deref(), env)?;
    let fingerprint = master.fingerprint().map_err(setup)?;
    // Where this fails the database may remember our key all the same: the file stays.
    let held = hold(store, instance::MASTER_KEY, &fingerprint).await?;
    if held != fingerprint {
        if is_new {
            // Another node was faster, with a key of its own: this one opens nothing and would only be backed up.
            remove_key(file, &fingerprint);
        }
        return Err(other_master_key(file, &held, &fingerprint));
    }
    let purposes = Arc::new(PurposeKeys::derive(&master).map_err(setup)?);
    KeyRing::start(Arc::new(store.clone()), purposes, env.clone(), key_settings(config)).await.map_err(setup)
}

/// Whether a database that remembers this issuer and this master key, if any, is one that `config` can serve.
pub(crate) fn check_belongs(
    config: &Config,
    issuer: Option<&str>,
    fingerprint: Option<&str>,
    env: &Env,
) -> Result<(), StartError> {
    if let Some(held) = issuer
        && held != config.issuer.text()
    {
        return Err(differs(ISSUER_DIFFERS, held, config.issuer.text()));
    }
    let Some(held) = fingerprint else { return Ok(()) };
    let present = master_key(&config.keys, Some(held), env)?.fingerprint().map_err(setup)?;
    if present == held { Ok(()) } else { Err(other_master_key(&config.keys.master_key, held, &present)) }
}

fn other_master_key(file: &Path, held: &str, present: &str) -> StartError {
    StartError::Setup(format!(
        "{} (fingerprint {present}) is not the master key of this database (fingerprint {held}): {RESTORE_KEY}",
        file.display()
    ))
}

pub(crate) fn key_settings(config: &Config) -> KeySettings {
    KeySettings { key_ahead: config.lifetimes.key_ahead, retired_keep: config.lifetimes.key_retired, ..KeySettings::default() }
}

/// The master key; made where there is none, unless the database remembers one (`remembered`).
fn master_key(files: &KeyFiles, remembered: Option<&str>, env: &Env) -> Result<MasterKey, StartError> {
    let loaded = match (files.is_own(), remembered) {
        (true, None) => MasterKey::load_or_create(&files.dir, env),
        (true, Some(_)) => MasterKey::load_in(&files.dir),
        (false, _) => MasterKey::load(&files.master_key),
    };
    loaded.map_err(|error| match remembered {
        Some(fingerprint) if error.is_missing() => StartError::Setup(format!(
            "{} is not there, and the database belongs to the master key with the fingerprint {fingerprint}: {RESTORE_KEY}",
            files.master_key.display()
        )),
        _other => setup(error),
    })
}

/// Removes the file of a master key, if it still holds the one with this fingerprint.
fn remove_key(file: &Path, fingerprint: &str) {
    let found = MasterKey::load(file).ok().and_then(|key| key.fingerprint().ok());
    if found.as_deref() == Some(fingerprint) {
        let _left_behind = std::fs::remove_file(file);
    }
}

/// Remembers a value unless there is one already; answers the one that holds. After an error nobody knows which one does.
async fn hold(store: &Store, key: &'static str, value: &str) -> Result<String, StartError> {
    let job = (key, value.to_owned());
    store.write(job, |tx, (key, value)| Box::pin(instance::insert_once(tx, key, value))).await.map_err(setup)
}

fn differs(complaint: &str, held: &str, value: &str) -> StartError {
    StartError::Setup(format!("{complaint} {held}; here it is {value}"))
}

/// The configured phone services.
pub(crate) fn upstreams(config: &Config, env: &Env) -> Result<Upstreams, StartError> {
    let mut upstreams = Upstreams::new();
    for which in Upstream::ALL {
        if let Some(service) = upstream(config, env, which)? {
            upstreams.insert(which, service);
        }
    }
    Ok(upstreams)
}

/// One of them, where it is configured.
pub(crate) fn upstream(config: &Config, env: &Env, which: Upstream) -> Result<Option<Arc<dyn PhoneApproval>>, StartError> {
    fn shared(service: impl PhoneApproval + 'static) -> Arc<dyn PhoneApproval> {
        Arc::new(service)
    }
    Ok(match which {
        Upstream::SecSign => secsign(config).map_err(setup)?.map(shared),
        Upstream::ThumbSignIn => thumbsignin(config, env).map_err(setup)?.map(shared),
    })
}

pub(crate) fn secsign(config: &Config) -> Result<Option<SecSign>, OutboundError> {
    config.secsign.clone().map(SecSign::new).transpose()
}

pub(crate) fn thumbsignin(config: &Config, env: &Env) -> Result<Option<ThumbSignIn>, OutboundError> {
    config.thumbsignin.clone().map(|settings| ThumbSignIn::new(settings, env.clone())).transpose()
}

fn settings(config: &Config) -> Settings {
    Settings {
        issuer: config.issuer.text().to_owned(),
        allow_unnamed: config.thumbsignin.as_ref().is_some_and(|thumbsignin| thumbsignin.allow_unnamed),
        sites: config.sites.clone(),
        audit_keep: config.audit.keep,
        retry: config.outbound.logout_retry,
        webhook: config.webhook.clone(),
        lifetimes: config.lifetimes.clone(),
        limits: config.limits.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_that_was_made_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.key");
        let ours = MasterKey::load_or_create(dir.path(), &Env::system()).unwrap().fingerprint().unwrap();
        remove_key(&file, "another");
        assert!(file.exists());
        remove_key(&file, &ours);
        assert!(!file.exists());
    }
}
