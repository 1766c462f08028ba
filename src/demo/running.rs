//! The wiring: ports first, then the phone services, the configuration, the provider and the example app.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use signbridge_simulator::Simulator;
use tokio::time::{sleep, timeout};

use super::data_dir::{DataDir, Kept, Ports};
use super::declared::{self, USERS};
use super::{DEFAULT_PORT, DemoError, DemoOptions, announce, http, relying_party, self_test};
use crate::app::{self, Listeners};
use crate::config::Config;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::store::users;

/// Variables that may change a demonstration. Others are for a real provider on this machine: its phone services must not be
/// drawn in because its environment is set. Its database would refuse: it belongs to another master key.
const VARIABLES: [&str; 4] = ["SIGNBRIDGE_DATABASE__", "SIGNBRIDGE_LIFETIMES__", "SIGNBRIDGE_LIMITS__", "SIGNBRIDGE_LOGIN__"];

/// Origins.
pub(super) struct Urls {
    pub(super) issuer: String,
    pub(super) upstream: String,
    pub(super) phone: String,
    pub(super) app: String,
    pub(super) management: String,
}

pub(super) struct Running {
    pub(super) urls: Urls,
    pub(super) clients: [Value; 3],
    /// The `sub` of each of [`USERS`].
    pub(super) subjects: Vec<String>,
    pub(super) config_file: PathBuf,
    provider: app::Running,
    app: relying_party::Running,
    simulator: Simulator,
    /// The last field: removed after all others are gone.
    pub(super) dir: DataDir,
}

pub(crate) async fn run(options: &DemoOptions, as_json: bool) -> Result<(), DemoError> {
    let _heard_and_ignored = app::hangups();
    // One future from beginning to end: a signal is never lost between two of them.
    let told_to_stop = app::until_told_to_stop();
    tokio::pin!(told_to_stop);
    let running = tokio::select! {
        // Asked first, so that the signal is heard before anything starts.
        biased;
        // Told to stop before it was up: what was begun goes with the process.
        () = &mut told_to_stop => return Ok(()),
        running = start(options) => running?,
    };
    let outcome = if options.self_test {
        tokio::select! {
            claims = self_test::run(&running.urls.app, &running.urls.upstream) => claims.map(Some),
            () = &mut told_to_stop => Ok(None),
        }
    } else {
        let text = if as_json { announce::json_line(&running) } else { announce::page(&running)? };
        announce::print(text, Duration::ZERO).await;
        told_to_stop.await;
        Ok(None)
    };
    running.stop().await;
    if let Some(claims) = outcome? {
        announce::print(format!("{}\n", Value::from(claims)), Duration::from_secs(10)).await;
    }
    Ok(())
}

async fn start(options: &DemoOptions) -> Result<Running, DemoError> {
    let env = Env::system();
    let dir = DataDir::open(options.data_dir.as_deref(), &env)?;
    let (kept, listeners, app) = bind(&dir, options, &env)?;
    let simulator = simulator(&kept, options).await?;
    let urls = Urls {
        issuer: format!("http://localhost:{}", kept.ports.provider),
        upstream: simulator.upstream_url.clone(),
        phone: simulator.phone_url.clone(),
        app: format!("http://127.0.0.1:{}", kept.ports.app),
        management: format!("http://127.0.0.1:{}", kept.ports.management),
    };
    let variables = crate::config::variables();
    // Instead of a file in the directory; written to the configuration too, so that the other commands find it.
    let database = crate::config::variable(&variables, "SIGNBRIDGE_DATABASE__URL");
    let config_file = declared::write_config(&dir, &kept, options.limits, &urls, database)?;
    let wanted = |(name, _value): &(String, String)| VARIABLES.iter().any(|prefix| name.starts_with(prefix));
    let config = Config::load(Some(&config_file), variables.into_iter().filter(wanted))?;
    let provider = app::start_on(&config, listeners, env).await?;
    let subjects = subjects(&provider).await?;
    let settings = relying_party::Settings {
        issuer: urls.issuer.clone(),
        app_url: urls.app.clone(),
        client_id: "demo-web".to_owned(),
        client_secret: Secret::new(kept.web_secret.clone()),
        phone_url: urls.phone.clone(),
        users: USERS.map(str::to_owned).to_vec(),
    };
    let app = relying_party::start(app, settings)?;
    let clients = declared::clients(&kept, &urls.app);
    let running = Running { urls, clients, subjects, config_file, provider, app, simulator, dir };
    running.until_answering().await?;
    Ok(running)
}

impl Running {
    async fn stop(self) {
        // The app and the phone services first: nothing new begins while the provider finishes.
        self.app.stop().await;
        self.provider.stop().await;
        if let Err(error) = self.simulator.stop().await {
            tracing::warn!(%error, "the simulated phone services did not end well");
        }
    }

    async fn until_answering(&self) -> Result<(), DemoError> {
        let client = http::client()?;
        let urls = [
            format!("{}/.well-known/openid-configuration", self.urls.issuer),
            format!("{}/phone", self.urls.upstream),
            format!("{}/", self.urls.app),
            format!("{}/readyz", self.urls.management),
        ];
        for url in urls {
            let answers = async {
                while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(Duration::from_secs(30), answers).await.map_err(|_late| DemoError::Silent(url.clone()))?;
        }
        Ok(())
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn listen(at: SocketAddr) -> Result<TcpListener, DemoError> {
    TcpListener::bind(at).map_err(|source| DemoError::Listen { at, source })
}

/// Binds the ports of an earlier start, those that were asked for, or free ones; and keeps them. The listeners are those of
/// the provider and of the app; the simulator binds its port itself.
fn bind(dir: &DataDir, options: &DemoOptions, env: &Env) -> Result<(Kept, Listeners, TcpListener), DemoError> {
    let known = Kept::find(dir, options)?;
    let wanted = match (&known, options.port) {
        (Some(kept), _) => Some(kept.ports),
        (None, Some(0)) => None,
        (None, port) => Some(Ports::from(port.unwrap_or(DEFAULT_PORT))?),
    };
    let port = |pick: fn(Ports) -> u16| wanted.map_or(0, pick);
    let wide = |port: u16| options.bind.map_or_else(|| loopback(port), |ip| SocketAddr::new(ip, port));
    let public = listen(wide(port(|ports| ports.provider)))?;
    let management = listen(loopback(port(|ports| ports.management)))?;
    let app = listen(wide(port(|ports| ports.app)))?;
    // Held while the others are picked, so that it is none of theirs; the simulator takes it over.
    let upstream = listen(loopback(port(|ports| ports.upstream)))?;
    let of = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    let ports = Ports { provider: of(&public)?, upstream: of(&upstream)?, app: of(&app)?, management: of(&management)? };
    let kept = known.map_or_else(|| Kept::new(ports, env), Ok)?;
    kept.write(dir)?;
    Ok((kept, Listeners { public, management }, app))
}

async fn simulator(kept: &Kept, asked: &DemoOptions) -> Result<Simulator, DemoError> {
    let listen = loopback(kept.ports.upstream);
    let in_container = asked.bind.map(|ip| SocketAddr::new(ip, listen.port()));
    let options = signbridge_simulator::Options {
        listen,
        phone_listen: asked.listen.or(in_container),
        // The address of a container is not the one by which its phone is reached.
        phone_url: asked.bind.filter(|_ip| asked.listen.is_none()).map(|_ip| format!("http://{listen}")),
        app_id: kept.app_id.clone(),
        secret: kept.secret.clone(),
        secsign_ids: USERS.map(str::to_owned).to_vec(),
        thumbsignin_users: USERS.map(str::to_owned).to_vec(),
        ..signbridge_simulator::Options::default()
    };
    Ok(signbridge_simulator::start(options).await?)
}

async fn subjects(provider: &app::Running) -> Result<Vec<String>, DemoError> {
    let mut subjects = Vec::new();
    for user in USERS {
        let found = users::find_by_username(provider.op.store.read(), user).await?;
        subjects.push(found.ok_or(DemoError::MissingUser(user))?.id.to_string());
    }
    Ok(subjects)
}
