//! The wiring: ports first, then the phone services, the configuration, the provider and the example app. What `demo` and
//! `simulate` say on standard output is one line of JSON for programs, or a page for people. Nothing else goes there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;
use serde_json::{Value, json};
use signbridge_simulator::{Options as Simulated, Simulator};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::data_dir::{DataDir, Kept, Ports, USERS};
use super::{DEFAULT_PORT, DemoError, DemoOptions, SimulateOptions, http, relying_party, self_test};
use crate::app::{self, Listeners};
use crate::config::Config;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::store::users;
use crate::telemetry;

/// Variables that may change a demonstration. Others are for a real provider on this machine: its phone services must not be
/// drawn in because its environment is set. Its database would refuse: it belongs to another master key.
const VARIABLES: [&str; 4] = ["SIGNBRIDGE_DATABASE__", "SIGNBRIDGE_LIFETIMES__", "SIGNBRIDGE_LIMITS__", "SIGNBRIDGE_LOGIN__"];

/// Origins, by the names of the announcement.
#[derive(Serialize)]
pub(super) struct Urls {
    pub(super) issuer: String,
    pub(super) upstream_url: String,
    pub(super) phone_url: String,
    pub(super) app_url: String,
    pub(super) management_url: String,
}

struct Running {
    urls: Urls,
    /// The line of the contract (design 3, Commands).
    line: Value,
    provider: app::Running,
    app: relying_party::Running,
    simulator: Simulator,
    /// The last field: removed after all others are gone.
    dir: DataDir,
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
            claims = self_test::run(&running.urls.app_url, &running.urls.upstream_url) => claims.map(Some),
            () = &mut told_to_stop => Ok(None),
        }
    } else {
        let page = context! { is_kept => running.dir.is_kept, program => program(), ..Serde(&running.line) };
        announce(&running.line, as_json, include_str!("../../templates/demo/demo.txt"), page).await?;
        told_to_stop.await;
        Ok(None)
    };
    running.stop().await;
    if let Some(claims) = outcome.map_err(|error| format!("the self-test failed: {error}"))? {
        print(format!("{}\n", Value::from(claims)), Duration::from_secs(10)).await;
    }
    Ok(())
}

/// Plays the phone services and the virtual phone alone, for a provider in another process, until SIGTERM or SIGINT.
pub(crate) async fn simulate(options: &SimulateOptions, as_json: bool) -> Result<(), DemoError> {
    let _heard_and_ignored = app::hangups();
    let told_to_stop = app::until_told_to_stop();
    tokio::pin!(told_to_stop);
    let simulator = tokio::select! {
        // As in `run`.
        biased;
        () = &mut told_to_stop => return Ok(()),
        simulator = signbridge_simulator::start(simulated(options)) => simulator.map_err(explained)?,
    };
    let options = &simulator.options;
    let line = json!({
        "upstream_url": simulator.upstream_url,
        "phone_url": simulator.phone_url,
        "app_id": options.app_id,
        "secret": options.secret,
        "secsign_ids": options.secsign_ids,
        "thumbsignin_users": options.thumbsignin_users,
    });
    announce(&line, as_json, include_str!("../../templates/demo/simulate.txt"), Serde(&line)).await?;
    told_to_stop.await;
    Ok(simulator.stop().await?)
}

fn explained(error: signbridge_simulator::Error) -> DemoError {
    let signbridge_simulator::Error::Listen { source, .. } = &error else { return error.into() };
    format!("{error}; {} (--port N, or --port 0 for a free one; --listen for the phone)", app::remedy(source)).into()
}

fn simulated(asked: &SimulateOptions) -> Simulated {
    let usual = Simulated::default();
    Simulated {
        listen: loopback(asked.port),
        phone_listen: asked.listen,
        app_id: asked.app_id.clone().unwrap_or(usual.app_id),
        secret: asked.secret.clone().unwrap_or(usual.secret),
        app_name: asked.app_name.clone().unwrap_or(usual.app_name),
        app_description: asked.app_description.clone().unwrap_or(usual.app_description),
        app_logo: asked.app_logo.clone(),
        legacy_release: asked.legacy_release,
        pin_account: asked.pin_account.clone(),
        secsign_version: asked.secsign_version.unwrap_or(usual.secsign_version),
        ..usual
    }
}

async fn start(options: &DemoOptions) -> Result<Running, DemoError> {
    let env = Env::system();
    let dir = DataDir::open(options.data_dir.as_deref(), &env)?;
    let (kept, listeners, app) = bind(&dir, options, &env)?;
    let simulator = simulator(&kept, options).await?;
    let urls = Urls {
        issuer: format!("http://localhost:{}", kept.ports.provider),
        upstream_url: simulator.upstream_url.clone(),
        phone_url: simulator.phone_url.clone(),
        app_url: format!("http://127.0.0.1:{}", kept.ports.app),
        management_url: format!("http://127.0.0.1:{}", kept.ports.management),
    };
    let variables = crate::config::variables();
    // Instead of a file in the directory; written to the configuration too, so that the other commands find it.
    let database = crate::config::variable(&variables, "SIGNBRIDGE_DATABASE__URL");
    let (config_file, clients) = dir.write_config(&kept, options.limits, &urls, database)?;
    let wanted = |(name, _value): &(String, String)| VARIABLES.iter().any(|prefix| name.starts_with(prefix));
    warn_of_ignored(variables.iter().filter(|&variable| !wanted(variable)));
    let config = Config::load(Some(&config_file), variables.into_iter().filter(wanted))?;
    let provider = app::start_on(&config, listeners, env).await;
    let provider = provider.map_err(|error| format!("the provider does not start: {error}"))?;
    let mut line = json!({
        "data_dir": dir.path.display().to_string(),
        "config_file": config_file.display().to_string(),
        "clients": clients,
        "users": announced_users(&provider).await?,
    });
    if let (Some(line), Value::Object(urls)) = (line.as_object_mut(), json!(urls)) {
        line.extend(urls);
    }
    let settings = relying_party::Settings {
        issuer: urls.issuer.clone(),
        app_url: urls.app_url.clone(),
        client_id: "demo-web".to_owned(),
        client_secret: Secret::new(kept.web_secret.clone()),
        phone_url: urls.phone_url.clone(),
        users: USERS.map(str::to_owned).to_vec(),
    };
    let app = relying_party::start(app, settings)?;
    let running = Running { urls, line, provider, app, simulator, dir };
    running.until_answering().await?;
    Ok(running)
}

/// Of variables that name a key of a section; others may be of a neighbour.
fn warn_of_ignored<'a>(variables: impl Iterator<Item = &'a (String, String)>) {
    let names: Vec<&str> = variables.map(|(name, _value)| name.as_str()).filter(|name| name.contains("__")).collect();
    if !names.is_empty() {
        tracing::warn!(variables = names.join(", "), "a demonstration takes no notice of these variables");
    }
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
            format!("{}/phone", self.urls.upstream_url),
            format!("{}/", self.urls.app_url),
            format!("{}/readyz", self.urls.management_url),
        ];
        for url in urls {
            let answers = async {
                while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(Duration::from_secs(30), answers).await.map_err(|_late| format!("{url} does not answer"))?;
        }
        Ok(())
    }
}

/// As it was called: whoever runs it with cargo has no `signbridge` on the path.
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "signbridge".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn listen(at: SocketAddr) -> Result<TcpListener, DemoError> {
    let hint = "(choose another first port with --port N, or free ones with --port 0)";
    Ok(TcpListener::bind(at).map_err(|error| format!("cannot listen at {at}: {error} {hint}"))?)
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
    let options = Simulated {
        listen,
        phone_listen: asked.listen.or(in_container),
        // The address of a container is not the one by which its phone is reached.
        phone_url: asked.bind.filter(|_ip| asked.listen.is_none()).map(|_ip| format!("http://{listen}")),
        app_id: kept.app_id.clone(),
        secret: kept.secret.clone(),
        secsign_ids: USERS.map(str::to_owned).to_vec(),
        thumbsignin_users: USERS.map(str::to_owned).to_vec(),
        ..Simulated::default()
    };
    Ok(signbridge_simulator::start(options).await?)
}

async fn announced_users(provider: &app::Running) -> Result<Vec<Value>, DemoError> {
    let mut users = Vec::new();
    for name in USERS {
        let found = users::find_by_username(provider.op.store.read(), name).await?;
        let sub = found.ok_or_else(|| format!("{name} is missing in the database"))?.id.to_string();
        users.push(json!({ "username": name, "sub": sub, "secsignid": name, "thumbsignin_user_id": name }));
    }
    Ok(users)
}

/// Says that everything runs: by the line, or by the page filled in with `values`.
async fn announce(line: &Value, as_json: bool, page: &str, values: impl Into<minijinja::Value>) -> Result<(), DemoError> {
    let text = if as_json { format!("{line}\n") } else { Environment::new().render_str(page, values)? };
    print(text, Duration::ZERO).await;
    Ok(())
}

/// Writes to standard output, in a thread of its own: a reader that stalls or went away is no reason to stop. Returns when it
/// is written, or after `patience`.
async fn print(text: String, patience: Duration) {
    let (done, written) = oneshot::channel();
    let write = move || {
        if let Err(error) = telemetry::print(&text) {
            tracing::debug!(%error, "standard output is closed");
        }
        // Whoever waited may have given up.
        let _late = done.send(());
    };
    match std::thread::Builder::new().name("output".to_owned()).spawn(write) {
        Ok(_thread) => drop(tokio::time::timeout(patience, written).await),
        Err(error) => tracing::debug!(%error, "standard output is closed"),
    }
}
