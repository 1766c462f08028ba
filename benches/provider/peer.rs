//! The other provider, npm `oidc-provider`, as a server under load. `bench/peer` pins its version.

use std::path::Path;
use std::process::{Command, Stdio};

use signbridge::{Env, Secret};

use crate::Outcome;
use crate::process::Server;
use crate::target::{Client, Target, text};

/// Installs and starts it; without node and npm there is none.
pub(crate) async fn start(redirect_uri: &str) -> Outcome<Option<Target>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peer");
    let quiet = |program: &str, arguments: &[&str]| {
        let command = Command::new(program).args(arguments).current_dir(&directory).stdout(Stdio::null()).status();
        command.is_ok_and(|status| status.success())
    };
    if !quiet("node", &["--version"]) || !quiet("npm", &["--version"]) {
        return Ok(None);
    }
    if !directory.join("node_modules/oidc-provider").exists() && !quiet("npm", &["ci", "--no-audit", "--no-fund"]) {
        return Err("npm ci failed in bench/peer".into());
    }
    let script = directory.join("server.mjs").to_string_lossy().into_owned();
    let secret = Secret::generate(&Env::system())?.expose().to_owned();
    let (process, announced) = Server::start("node", &[&script, "0", redirect_uri, &secret])?;
    let client = Client { id: text(&announced, "client_id")?, secret, redirect_uri: redirect_uri.to_owned() };
    Ok(Some(Target::new("oidc-provider", vec![process], &text(&announced, "issuer")?, client).await?))
}
