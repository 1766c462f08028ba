//! Our demonstration as a server under load: `signbridge demo`, on the disk that also holds the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;
use crate::process::Server;
use crate::target::{Client, Target, text};

/// The program of this tree.
pub(crate) const OURS: &str = env!("CARGO_BIN_EXE_signbridge");

pub(crate) struct Demo {
    pub upstream_url: String,
    program: String,
    data_dir: PathBuf,
}

/// Starts a build of it with a new database.
pub(crate) async fn start(name: &'static str, program: &str) -> Outcome<(Demo, Target)> {
    let directory = format!("bench-{name}-{}", std::process::id());
    launch(name, program.to_owned(), Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory)).await
}

/// Ends it and starts it once more with the database that it has, and says how long that took; then it is gone, with its
/// database.
pub(crate) async fn restart(demo: Demo, target: Target) -> Outcome<Duration> {
    target.stop().await?;
    let (demo, target) = launch("restarted", demo.program, demo.data_dir).await?;
    let took = target.started_in()?;
    target.stop().await?;
    fs::remove_dir_all(demo.data_dir)?;
    Ok(took)
}

async fn launch(name: &'static str, program: String, data_dir: PathBuf) -> Outcome<(Demo, Target)> {
    let dir = data_dir.to_string_lossy().into_owned();
    let arguments = ["demo", "--port", "0", "--format", "json", "--limits", "off", "--data-dir", &dir];
    let (process, announced) = Server::start(&program, &arguments)?;
    let clients = announced.get("clients").and_then(Value::as_array).ok_or("no clients were announced")?;
    let client = clients.iter().find(|client| client.get("client_id").and_then(Value::as_str) == Some("demo-web"));
    let client = client.ok_or("demo-web was not announced")?;
    let redirect_uri = client.pointer("/redirect_uris/0").and_then(Value::as_str).ok_or("no redirect URI")?.to_owned();
    let demo = Demo { upstream_url: text(&announced, "upstream_url")?, program, data_dir };
    let client = Client { id: "demo-web".to_owned(), secret: text(client, "client_secret")?, redirect_uri };
    Ok((demo, Target::new(name, vec![process], &text(&announced, "issuer")?, client).await?))
}
