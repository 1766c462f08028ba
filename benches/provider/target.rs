//! A server under load: one or several processes, what they are called, and a signed-in browser with a worker per connection.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::cookie::Jar;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use signbridge::demo::phone::VirtualPhone;
use signbridge::demo::self_test;
use signbridge::demo::walker::{Walker, Which};
use signbridge::{Env, Secret, Upstream};
use tokio::time::Instant;
use url::Url;

use crate::load::{Operation, Worker};
use crate::process::Server;
use crate::wire::Connection;
use crate::{CONNECTIONS, Outcome};

/// The scope that is asked for: all that both know.
const SCOPE: &str = "openid profile email groups offline_access";

/// Paths of the endpoints, from discovery.
pub(crate) struct Paths {
    authorization: String,
    pub token: String,
    pub userinfo: String,
    pub introspection: String,
}

/// The relying party that the load plays.
pub(crate) struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: String,
    /// Where its codes go; nothing listens there.
    pub redirect_uri: String,
}

pub(crate) struct Target {
    pub name: &'static str,
    processes: Vec<Server>,
    answered: Instant,
    pub issuer: Url,
    /// Where to connect: one address per node. The load is spread over them; a browser of ours goes to the first.
    pub addresses: Vec<String>,
    pub paths: Paths,
    pub redirect_uri: String,
    /// The PKCE verifier of every request: what it proves is not what is measured.
    pub verifier: String,
    pub workers: Vec<Worker>,
    client_id: String,
    authorization_header: String,
}

/// A text of an announcement.
pub(crate) fn text(announced: &Value, name: &str) -> Outcome<String> {
    let text = announced.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("{name} was not announced").into())
}

impl Target {
    /// A server that answers at its issuer, once its metadata was read.
    pub(crate) async fn new(name: &'static str, processes: Vec<Server>, issuer: &str, client: Client) -> Outcome<Self> {
        let issuer = Url::parse(issuer)?;
        // Connect to the address, not the name: looking up names is not what is measured.
        let address = format!("127.0.0.1:{}", issuer.port().ok_or("the issuer has no port")?);
        let credentials = STANDARD.encode(format!("{}:{}", client.id, client.secret));
        let request = format!("GET /.well-known/openid-configuration HTTP/1.1\r\nhost: {}\r\n\r\n", issuer.authority());
        let answer = Connection::new(&address).exchange(&request).await?;
        let answered = Instant::now();
        let metadata: Value = serde_json::from_slice(&answer.body)?;
        let path = |name: &str| {
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Url::parse(&text(&metadata, name)?)?.path().to_owned())
        };
        Ok(Self {
            name,
            processes,
            answered,
            issuer,
            addresses: vec![address],
            paths: Paths {
                authorization: path("authorization_endpoint")?,
                token: path("token_endpoint")?,
                userinfo: path("userinfo_endpoint")?,
                introspection: path("introspection_endpoint")?,
            },
            redirect_uri: client.redirect_uri,
            verifier: Secret::generate(&Env::system())?.expose().to_owned(),
            workers: Vec::new(),
            client_id: client.id,
            authorization_header: format!("authorization: Basic {credentials}\r\n"),
        })
    }

    /// From the start of its first process to its first answer.
    pub(crate) fn started_in(&self) -> Outcome<Duration> {
        let first = self.processes.first().ok_or("there is no process")?;
        Ok(self.answered - first.started)
    }

    /// The resident memory of its processes together, in KiB.
    pub(crate) fn resident_kib(&self) -> Outcome<u64> {
        self.processes.iter().map(Server::resident_kib).sum()
    }

    /// Ends its processes as an operator does.
    pub(crate) async fn stop(self) -> Outcome<()> {
        for process in self.processes {
            process.stop().await?;
        }
        Ok(())
    }

    /// Signs one browser in with alice's virtual phone; every worker then acts in it.
    pub(crate) async fn sign_in_with_phone(&mut self, upstream_url: &str) -> Outcome<()> {
        let (browser, phone) = (Walker::new()?.stop_at(&self.redirect_uri), VirtualPhone::new(upstream_url)?);
        let upstream = Upstream::SecSign;
        let page = self_test::wait_page(&browser, self.authorization_url().as_str(), upstream, "alice").await?;
        self_test::approve(&phone, &page, upstream, "alice", Duration::ZERO).await?;
        let approved = self_test::approved(&browser, page, upstream).await?;
        browser.submit(&approved, Which::Id("continue"), &[]).await?;
        self.employ(&browser.cookies).await
    }

    /// Signs one browser in at a server that asks nobody.
    pub(crate) async fn sign_in_alone(&mut self) -> Outcome<()> {
        let browser = Walker::new()?.stop_at(&self.redirect_uri);
        browser.get(self.authorization_url().as_str()).await?;
        self.employ(&browser.cookies).await
    }

    /// One worker per connection, each with tokens of its own.
    async fn employ(&mut self, cookies: &Jar) -> Outcome<()> {
        for address in self.addresses.clone().iter().cycle().take(CONNECTIONS) {
            let mut worker = Worker::new(address, &self.issuer, cookies);
            worker.perform(self, Operation::CodeRoundTrip).await?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// An authorization request of the client.
    pub(crate) fn authorization_url(&self) -> Url {
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
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.issuer.authority())
    }

    /// A POST request of the client, authenticated.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let (host, authorization, length) = (self.issuer.authority(), &self.authorization_header, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
    }
}
