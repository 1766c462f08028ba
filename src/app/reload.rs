//! SIGHUP: the configuration file is read again, as daemons do (daemon(7)). What it declares (`[[client]]`, `[[user]]`) is applied
//! as at a start, and the certificate is looked at. Everything else is read at a start only; what differs is named in the log. A
//! file that is wrong changes nothing. Whatever happens, the node goes on.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Running;
use crate::config::{Config, ConfigError};
use crate::domain::error_chain::chain;
use crate::manage::declared;

/// Reads the configuration again.
pub(super) type Read<'a> = &'a dyn Fn() -> Result<Config, ConfigError>;

/// Hears SIGHUP from now on, which would end the process otherwise, also when nobody listens any more.
pub(crate) fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup()).map_err(|error| tracing::warn!(%error, "SIGHUP cannot be heard")).ok()
}

pub(super) async fn at_each(hangups: Option<Signal>, running: &Running, config: &Config, read: Read<'_>) {
    let Some(mut hangups) = hangups else { return std::future::pending().await };
    while hangups.recv().await.is_some() {
        once(running, config, read).await;
    }
}

pub(super) fn warn_of(config: &Config) {
    for warning in config.warnings() {
        tracing::warn!(warning, "the configuration works, but look at it");
    }
}

async fn once(running: &Running, started: &Config, read: Read<'_>) {
    let certificate = match &running.certificates {
        None => "none",
        Some((certificates, _following)) => Arc::clone(certificates).look_aside().await,
    };
    let config = match read() {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(%error, certificate, "SIGHUP: the configuration is wrong; what it declares stays as it was");
            return;
        }
    };
    warn_of(&config);
    let changed = started.read_at_start.changed(&config.read_at_start);
    if !changed.is_empty() {
        tracing::warn!(
            keys = changed.join(", "),
            "SIGHUP: these keys differ and are read at a start only; restart to use them"
        );
    }
    let op = &running.op;
    if let Err(error) = declared::apply(&op.store, &op.env, &config.clients, &config.users).await {
        tracing::warn!(error = chain(&error), certificate, "SIGHUP: what the file declares could not be applied in full");
        return;
    }
    running.branding.follow(&config.clients);
    let (clients, users) = (config.clients.len(), config.users.len());
    tracing::info!(clients, users, certificate, "SIGHUP: what the file declares is in force");
}
