//! Nodes of ours as a server under load: `signbridge serve`, one or several on one database, with the phone services beside
//! them; and the two comparisons among them.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use signbridge::{Env, Secret};
use tokio::time::{Instant, sleep};

use crate::demo::OURS;
use crate::process::Server;
use crate::report::{Contender, Report};
use crate::target::{Client, Target, text};
use crate::{Outcome, Plan, measure_in_turns};

/// Nothing listens there: the load reads its codes off the redirect.
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is added to every fsync by [`compare_writers`], in microseconds.
const FSYNC_DELAY_US: &str = "2000";

/// What differs between the engines.
const ENGINES_DIFFER: &str = "\
What differs
  SQLite         in the process; one writer that gathers; every commit waits for fsync.
  PostgreSQL     a process of its own on the same machine, with its own settings; plain transactions over a socket.
  Two nodes      two processes on one database; every other connection of the driver goes to the second.
  All            on the same cores as the driver and the database, so a second node adds no core to work on. Memory is that
                 of the nodes alone.
";

/// What differs between the writers.
const WRITERS_DIFFER: &str = "\
What differs
  gathering      one writer takes what waits, up to 64 writes, into one commit (the default).
  one per write  the same writer with `[database] writes_per_commit = 1`.
  Both           SQLite with synchronous=FULL, and 2 ms added to every fsync and fdatasync by a preloaded library.
";

/// SQLite, PostgreSQL with one node, PostgreSQL with two.
#[expect(clippy::disallowed_methods, reason = "the variable is the benchmark's, not the program's")]
pub(crate) async fn compare_engines(plan: Plan) -> Outcome<Report> {
    let server = std::env::var("SIGNBRIDGE_TEST_POSTGRES")
        .map_err(|_unset| "set SIGNBRIDGE_TEST_POSTGRES to the URL of a PostgreSQL server where databases can be made")?;
    let sqlite = Setup { name: "SQLite", ..Setup::default() };
    let one = Setup { name: "PostgreSQL, one node", postgres: Some(&server), ..Setup::default() };
    let two = Setup { name: "PostgreSQL, two nodes", postgres: Some(&server), nodes: 2, ..Setup::default() };
    compare(plan, &[sqlite, one, two], ENGINES_DIFFER).await
}

/// The gathering writer beside one commit per write, on a slow disk.
pub(crate) async fn compare_writers(plan: Plan) -> Outcome<Report> {
    let library = slow_fsync()?;
    let library = library.to_string_lossy();
    let slow = [("LD_PRELOAD", library.as_ref()), ("FSYNC_DELAY_US", FSYNC_DELAY_US)];
    let gathering = Setup { name: "gathering", variables: &slow, ..Setup::default() };
    let single = Setup { name: "one per write", variables: &slow, database_keys: "writes_per_commit = 1", ..Setup::default() };
    compare(plan, &[gathering, single], WRITERS_DIFFER).await
}

/// Compiles the library that makes fsync slow.
fn slow_fsync() -> Outcome<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/slow_fsync/slow_fsync.c");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow_fsync.so");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).arg("-ldl").status()?;
    if status.success() { Ok(library) } else { Err("the library that slows fsync could not be compiled".into()) }
}

async fn compare(plan: Plan, setups: &[Setup<'_>], differences: &'static str) -> Outcome<Report> {
    let (mut served, mut targets, mut contenders) = (Vec::new(), Vec::new(), Vec::new());
    for setup in setups {
        let (parts, mut target) = start(setup).await?;
        contenders.push(Contender::new(setup.name, target.started_in()?));
        target.sign_in_with_phone(&parts.upstream_url).await?;
        served.push(parts);
        targets.push(target);
    }
    measure_in_turns(&mut targets, &mut contenders, plan).await?;
    for (parts, target) in served.into_iter().zip(targets) {
        target.stop().await?;
        parts.simulator.stop().await?;
        fs::remove_dir_all(parts.dir)?;
    }
    Ok(Report { plan, contenders, taps: None, differences })
}

/// How the nodes of a target are set up.
struct Setup<'a> {
    name: &'static str,
    nodes: usize,
    /// A server to make a database at; SQLite without.
    postgres: Option<&'a str>,
    /// More lines of `[database]`.
    database_keys: &'a str,
    /// More variables of the nodes' environment.
    variables: &'a [(&'a str, &'a str)],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { name: "", nodes: 1, postgres: None, database_keys: "", variables: &[] }
    }
}

/// What must be ended and removed beside the nodes.
struct Served {
    simulator: Server,
    upstream_url: String,
    dir: PathBuf,
}

async fn start(setup: &Setup<'_>) -> Outcome<(Served, Target)> {
    let (simulator, announced) = Server::start(OURS, &["simulate", "--port", "0", "--format", "json"])?;
    let upstream_url = text(&announced, "upstream_url")?;
    let tag = Secret::generate(&Env::system())?.digest().as_str().to_ascii_lowercase();
    let tag: String = tag.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{tag}"));
    fs::create_dir_all(&dir)?;
    let database = match setup.postgres {
        Some(server) => new_database(server, &format!("bench_{tag}"))?,
        None => "sqlite:signbridge.db".to_owned(),
    };
    let client = Client {
        id: "bench".into(),
        secret: Secret::generate(&Env::system())?.expose().to_owned(),
        redirect_uri: REDIRECT_URI.into(),
    };
    let ports = free_ports(setup.nodes * 2)?;
    let (listen, management) = ports.split_at(setup.nodes);
    let issuer = format!("http://localhost:{}", listen.first().ok_or("no port")?);
    let general = format!(
        "issuer = {issuer:?}\nallow_loopback_upstream = true\nkeys_dir = \"keys\"\n\
         [database]\nurl = {database:?}\n{}\n[secsign]\nurl = {upstream_url:?}\n[limits]\nprofile = \"off\"\n\
         [[client]]\nid = {:?}\nsecret = {:?}\nredirect_uris = [{REDIRECT_URI:?}]\n\
         [[user]]\nusername = \"alice\"\nemail = \"alice@example.com\"\nname = \"Alice Example\"\n\
         groups = [\"staff\", \"admins\"]\nsecsignid = \"alice\"\n",
        setup.database_keys, client.id, client.secret,
    );
    let mut nodes = Vec::new();
    for (at, (port, management)) in listen.iter().zip(management).enumerate() {
        let own = format!("[listen]\naddress = \"127.0.0.1:{port}\"\nmanagement = \"127.0.0.1:{management}\"\n");
        let file = dir.join(format!("node-{at}.toml"));
        fs::write(&file, format!("{general}{own}"))?;
        let mut node = Server::spawn(OURS, &["serve", "--config", &file.to_string_lossy()], setup.variables)?;
        until_it_listens(&mut node, *port).await?;
        nodes.push(node);
    }
    let mut target = Target::new(setup.name, nodes, &issuer, client).await?;
    target.addresses = listen.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    Ok((Served { simulator, upstream_url, dir }, target))
}

async fn until_it_listens(node: &mut Server, port: u16) -> Outcome<()> {
    let until = Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if !node.is_running()? || Instant::now() > until {
            return Err("a node did not start".into());
        }
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// A new database at a PostgreSQL server.
fn new_database(server: &str, name: &str) -> Outcome<String> {
    let mut url = url::Url::parse(server)?;
    url.set_path("postgres");
    let command = format!("CREATE DATABASE {name}");
    let status = Command::new("psql").args([url.as_str(), "-X", "-q", "-c", &command]).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err("the database could not be made".into());
    }
    url.set_path(name);
    Ok(url.into())
}

/// Ports that were free a moment ago.
fn free_ports(count: usize) -> Outcome<Vec<u16>> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<_, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
