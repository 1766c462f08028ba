//! The composition root: from a configuration to a running provider, and back to silence.
//! Order of a start ([`parts`]): database, master key (matched with the database), signing keys, declared clients and people;
//! then jobs, and the listeners last: whoever can connect finds everything in place. Order of a stop: not ready, streams end,
//! a pause for the proxy to notice, requests under way finish, jobs, database.

pub(crate) mod certificates;
mod connections;
mod management;
pub(crate) mod parts;
mod reload;
mod requests;
mod server;
mod stream;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::flow::Op;
use crate::flow::browser_origins::BrowserOrigins;
use crate::jobs::Jobs;
use crate::web::branding::Branding;
use crate::web::{Site, Surface};
use certificates::Certificates;
use connections::{Bounds, Connections};
pub(crate) use reload::hangups;
use server::{Door, Server};

/// How long after the begin of a stop the jobs are ended where they are, and the database is left as it is.
const JOBS: Duration = Duration::from_millis(8500);
const STOPPED: Duration = Duration::from_millis(9500);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}")]
    Setup(String),
    #[error("cannot listen on {address} ({key}): {source}; {}", remedy(.source))]
    Listen { key: &'static str, address: SocketAddr, source: std::io::Error },
}

/// What to do where an address cannot be listened on.
pub(crate) fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "another program has this port: stop it, or choose another port",
        ErrorKind::PermissionDenied => "choose a port from 1024 on, or give the program the right to lower ones",
        ErrorKind::AddrNotAvailable => "this machine has no such address: choose one that it has, or 0.0.0.0",
        _other => "choose another address and port",
    }
}

fn setup(error: impl std::error::Error) -> StartError {
    StartError::Setup(chain(&error))
}

/// Bound before anything else, so that a demo knows its ports.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub public: TcpListener,
    pub management: TcpListener,
}

impl Listeners {
    pub(crate) fn bind(public: SocketAddr, management: SocketAddr) -> Result<Self, StartError> {
        let bind = |key, address| TcpListener::bind(address).map_err(|source| StartError::Listen { key, address, source });
        Ok(Self { public: bind("listen.address", public)?, management: bind("listen.management", management)? })
    }
}

pub(crate) struct Running {
    pub(crate) op: Op,
    branding: Arc<Branding>,
    ready: Arc<AtomicBool>,
    stop: CancellationToken,
    drain: Duration,
    public: Server,
    management: Server,
    certificates: Option<(Arc<Certificates>, JoinHandle<()>)>,
    jobs: Jobs,
}

pub(crate) async fn start(config: &Config) -> Result<Running, StartError> {
    let listeners = Listeners::bind(config.listen.address, config.listen.management)?;
    start_on(config, listeners, Env::system()).await
}

pub(crate) async fn start_on(config: &Config, listeners: Listeners, env: Env) -> Result<Running, StartError> {
    let descriptors = server::raise_descriptors();
    let certificates = config.listen.tls().map(|files| Certificates::load(&files, &env)).transpose()?;
    let op = parts::assemble(config, env).await?;
    let stop = CancellationToken::new();
    let jobs = Jobs::start(&op).map_err(setup)?;
    let ready = Arc::new(AtomicBool::new(true));
    let branding = Arc::new(Branding::new(&config.brand, &config.clients));
    let surface = Surface {
        op: op.clone(),
        branding: Arc::clone(&branding),
        site: Arc::new(Site::new(config.issuer.text(), config.trusted_proxies.clone(), config.hsts.as_deref())),
        browser_origins: BrowserOrigins::default(),
        stop: stop.clone(),
    };
    let connections = |most, trusted| Connections::new(Bounds { most, request: config.listen.request_time, trusted });
    let door = Door { connections: connections(server::MANAGEMENT, Vec::new()), tls: None };
    let management = management::serve(listeners.management, door, op.clone(), Arc::clone(&ready))?;
    let most = server::most_public(descriptors, &config.database);
    let tls = certificates.as_ref().map(Certificates::acceptor);
    let door = Door { connections: connections(most, config.trusted_proxies.clone()), tls };
    let drain = config.listen.drain;
    let public = server::serve(listeners.public, door, surface, drain)?;
    let certificates = certificates.map(|followed| (Arc::clone(&followed), tokio::spawn(followed.follow())));
    tracing::info!(issuer = config.issuer.text(), "ready");
    Ok(Running { op, branding, ready, stop, drain, public, management, certificates, jobs })
}

impl Running {
    /// Stops. At once: not ready, event streams end, every answer closes its connection. After `[listen] drain`: new requests
    /// are refused, those under way finish. Until then logins that begin here are polled here. All within 9.5 s; logins that
    /// wait for a phone stay in the database and go on at another node, or after the next start.
    pub(crate) async fn stop(self) {
        let begun = Instant::now();
        self.ready.store(false, Ordering::SeqCst);
        self.stop.cancel();
        if let Some((_certificates, following)) = &self.certificates {
            following.abort();
        }
        tokio::time::sleep(self.drain).await;
        self.public.stop().await;
        self.jobs.stop(begun + JOBS).await;
        self.management.stop().await;
        if timeout_at(begun + STOPPED, self.op.store.close()).await.is_err() {
            tracing::warn!("the database could not be closed in time");
        }
        tracing::info!("stopped");
    }
}

pub(crate) async fn until_told_to_stop() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _told = terminate.recv() => {}
            _interrupted = tokio::signal::ctrl_c() => {}
        },
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be heard");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}

/// Runs a provider until it is told to stop: `signbridge serve`. At each SIGHUP the configuration is read again.
pub(crate) async fn serve(config: &Config, read: reload::Read<'_>) -> Result<(), StartError> {
    reload::warn_of(config);
    let hangups = hangups();
    // One future from beginning to end: a signal is never lost between two of them.
    let told_to_stop = until_told_to_stop();
    tokio::pin!(told_to_stop);
    let running = tokio::select! {
        // Asked first, so that the signal is heard before anything starts.
        biased;
        // Told to stop before it was up: what was begun goes with the process.
        () = &mut told_to_stop => {
            tracing::info!("stopped");
            return Ok(());
        }
        running = start(config) => running?,
    };
    tokio::select! {
        () = &mut told_to_stop => {}
        () = reload::at_each(hangups, &running, config, read) => {}
    }
    running.stop().await;
    Ok(())
}
