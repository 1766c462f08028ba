//! The two servers: how each is started, what it is called, and a signed-in browser at each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use signbridge::demo::phone::VirtualPhone;
use signbridge::demo::self_test::{self, SignInBy};
use signbridge::demo::walker::Walker;
use signbridge::demo::walker::cookies::CookieJar;
use signbridge::domain::env::Env;
use signbridge::domain::secret::Secret;
use signbridge::domain::user::Upstream;
use url::Url;

use crate::load::{Operation, Worker};
use crate::process::Server;
use crate::report::Report;
use crate::wire::Connection;
use crate::{CONNECTIONS, Outcome};

/// The scope that is asked for: all that both know.
const SCOPE: &str = "openid profile email groups offline_access";

/// Paths of the endpoints, from discovery.
pub struct Paths {
    authorization: String,
    /// The token endpoint.
    pub token: String,
    /// Userinfo.
    pub userinfo: String,
    /// Introspection.
    pub introspection: String,
}

/// A server under load.
pub struct Target {
    /// Its name in messages.
    pub name: &'static str,
    /// Its process.
    pub process: Server,
    /// Its issuer.
    pub issuer: Url,
    /// Where to connect.
    pub address: String,
    /// Its endpoints.
    pub paths: Paths,
    /// The client's redirect URI.
    pub redirect_uri: String,
    /// The PKCE verifier of every request: what it proves is not what is measured.
    pub verifier: String,
    /// One per connection.
    pub workers: Vec<Worker>,
    client_id: String,
    authorization_header: String,
}

/// What the demonstration announced.
pub struct Demo {
    /// The example app.
    pub app_url: String,
    /// The phone services.
    pub upstream_url: String,
    data_dir: PathBuf,
}

fn text(announced: &Value, name: &str) -> Outcome<String> {
    let text = announced.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("{name} was not announced").into())
}

/// Starts our demonstration, with a new database on the disk that also holds the build.
pub async fn start_ours(report: &mut Report) -> Outcome<(Demo, Target)> {
    let data_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
    let (demo, target, took) = launch_ours(data_dir).await?;
    report.first_start[0] = Some(took);
    Ok((demo, target))
}

async fn launch_ours(data_dir: PathBuf) -> Outcome<(Demo, Target, std::time::Duration)> {
    let dir = data_dir.to_string_lossy().into_owned();
    let arguments = ["demo", "--port", "0", "--format", "json", "--limits", "off", "--data-dir", &dir];
    let (process, announced) = Server::start(env!("CARGO_BIN_EXE_signbridge"), &arguments)?;
    let clients = announced.get("clients").and_then(Value::as_array).ok_or("no clients were announced")?;
    let client = clients.iter().find(|client| client.get("client_id").and_then(Value::as_str) == Some("demo-web"));
    let client = client.ok_or("demo-web was not announced")?;
    let redirect_uri = client.pointer("/redirect_uris/0").and_then(Value::as_str).ok_or("no redirect URI")?.to_owned();
    let demo = Demo { app_url: text(&announced, "app_url")?, upstream_url: text(&announced, "upstream_url")?, data_dir };
    let secret = text(client, "client_secret")?;
    let issuer = text(&announced, "issuer")?;
    let target = Target::new("signbridge", process, (&issuer, "demo-web", &secret), redirect_uri).await?;
    let took = target.process.started.elapsed();
    Ok((demo, target, took))
}

/// Ends ours and starts it once more with the database that it has; then it is gone, with its database.
pub async fn restart_ours(demo: Demo, target: Target, report: &mut Report) -> Outcome<()> {
    target.process.stop().await?;
    let (demo, target, took) = launch_ours(demo.data_dir).await?;
    report.second_start = Some(took);
    target.process.stop().await?;
    Ok(fs::remove_dir_all(demo.data_dir)?)
}

/// Installs and starts the peer; without node and npm there is none.
pub async fn start_peer(redirect_uri: &str, report: &mut Report) -> Outcome<Option<Target>> {
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
    let client = (text(&announced, "issuer")?, text(&announced, "client_id")?);
    let client = (client.0.as_str(), client.1.as_str(), secret.as_str());
    let target = Target::new("oidc-provider", process, client, redirect_uri.to_owned()).await?;
    report.first_start[1] = Some(target.process.started.elapsed());
    Ok(Some(target))
}

impl Target {
    /// A server that announced itself, once its metadata was read. `client`: issuer, client id, client secret.
    async fn new(name: &'static str, process: Server, client: (&str, &str, &str), redirect_uri: String) -> Outcome<Self> {
        let issuer = Url::parse(client.0)?;
        // Connect to the address, not the name: looking up names is not what is measured.
        let address = format!("127.0.0.1:{}", issuer.port().ok_or("the issuer has no port")?);
        let credentials = STANDARD.encode(format!("{}:{}", client.1, client.2));
        let mut target = Self {
            name,
            process,
            issuer,
            address,
            paths: Paths {
                authorization: String::new(),
                token: String::new(),
                userinfo: String::new(),
                introspection: String::new(),
            },
            redirect_uri,
            verifier: Secret::generate(&Env::system())?.expose().to_owned(),
            workers: Vec::new(),
            client_id: client.1.to_owned(),
            authorization_header: format!("authorization: Basic {credentials}\r\n"),
        };
        let request = target.get("/.well-known/openid-configuration", "");
        let answer = Connection::new(&target.address).exchange(&request).await?;
        let metadata: Value = serde_json::from_slice(&answer.body)?;
        let path = |name: &str| Ok::<_, Box<dyn std::error::Error>>(Url::parse(&text(&metadata, name)?)?.path().to_owned());
        target.paths = Paths {
            authorization: path("authorization_endpoint")?,
            token: path("token_endpoint")?,
            userinfo: path("userinfo_endpoint")?,
            introspection: path("introspection_endpoint")?,
        };
        Ok(target)
    }

    /// Signs one browser in with the virtual phone; every worker then acts in it.
    pub async fn sign_in_at(&mut self, demo: &Demo) -> Outcome<()> {
        let (mut browser, phone) = (Walker::new()?, VirtualPhone::new(&demo.upstream_url)?);
        let login_url = format!("{}/login", demo.app_url);
        let by = SignInBy { login_url: &login_url, upstream: Upstream::SecSign, identifier: "alice", phone_user: "alice" };
        self_test::sign_in(&mut browser, &phone, &by).await?;
        self.employ(&browser.cookies).await
    }

    /// Signs one browser in at a server that asks nobody.
    pub async fn sign_in_alone(&mut self) -> Outcome<()> {
        let mut browser = Walker::new()?.stop_at(&self.redirect_uri);
        browser.get(self.authorization_url().as_str()).await?;
        self.employ(&browser.cookies).await
    }

    /// One worker per connection, each with tokens of its own.
    async fn employ(&mut self, cookies: &CookieJar) -> Outcome<()> {
        for _connection in 0..CONNECTIONS {
            let mut worker = Worker::new(self, cookies.clone());
            worker.perform(self, Operation::CodeRoundTrip).await?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// An authorization request of the client.
    pub fn authorization_url(&self) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()));
        let mut url = self.issuer.clone();
        url.set_path(&self.paths.authorization);
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", SCOPE),
            ("state", "2f7c1a9e5b"),
            ("nonce", "9b1e5d3a7c"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        url
    }

    /// A GET request; `headers` are whole lines.
    pub fn get(&self, path: &str, headers: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.issuer.authority())
    }

    /// A POST request of the client, authenticated.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let (host, authorization, length) = (self.issuer.authority(), &self.authorization_header, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
    }
}
