//! A running simulator, and clients of its protocols written from their descriptions.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signbridge_simulator::{Options, Simulator};
use tokio::time::Instant;

/// A simulator and a client.
pub struct World {
    pub simulator: Simulator,
    pub client: Client,
}

/// A SecSign session as the form API names it.
pub struct Session {
    pub secsignid: String,
    pub id: String,
    pub request_id: String,
    pub icon: String,
}

/// Credentials of a ThumbSignIn application.
pub struct App {
    pub id: String,
    pub secret: String,
}

impl App {
    pub fn of(answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        Self { id: text("appId"), secret: text("secret") }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a test's client, not the product's")]
fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(10)).build().unwrap()
}

impl World {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self { simulator: signbridge_simulator::start(options).await.unwrap(), client: client() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.upstream_url)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    /// Calls the phone's API and expects success.
    pub async fn api(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, value) = self.try_api(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }

    pub async fn try_api(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.client.request(method, self.url(&format!("/phone/api/{path}")));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn post_api(&self, path: &str, body: Value) -> Value {
        self.api(Method::POST, path, body).await
    }

    pub async fn get_api(&self, path: &str) -> Value {
        self.api(Method::GET, path, Value::Null).await
    }

    pub async fn arm(&self, order: Value) {
        self.post_api("faults", order).await;
    }

    pub async fn advance(&self, ms: i64) {
        self.post_api("clock", json!({"advance_ms": ms})).await;
    }

    /// Sends a body to the SecSign form API as it is.
    pub async fn form_text(&self, body: impl Into<String>) -> String {
        let response = self.client.post(self.url("/")).body(body.into()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    pub async fn form(&self, body: impl Into<String>) -> HashMap<String, String> {
        pairs(&self.form_text(body).await)
    }

    pub async fn ask(&self, secsignid: &str) -> Session {
        let answer = self.form(create_body(secsignid)).await;
        assert!(!answer.contains_key("error"), "{answer:?}");
        Session {
            secsignid: answer["secsignid"].clone(),
            id: answer["authsessionid"].clone(),
            request_id: answer["requestid"].clone(),
            icon: answer["authsessionicondata"].clone(),
        }
    }

    pub async fn state(&self, session: &Session) -> HashMap<String, String> {
        self.form(session.body("ReqGetAuthSessionState")).await
    }

    pub async fn act(&self, session: &Session, action: Value) -> (u16, Value) {
        self.try_api(Method::POST, &format!("secsign/{}/sessions/{}", session.secsignid, session.id), action).await
    }

    /// A ThumbSignIn request signed by the application of the options.
    pub fn signed(&self, method: Method, target: &str) -> RequestBuilder {
        self.signed_by(&self.app(), method, target)
    }

    /// Its users have no characters that the vendor's signers write differently.
    pub fn signed_by(&self, app: &App, method: Method, target: &str) -> RequestBuilder {
        let stamp = stamp(0);
        let headers =
            [("accept", "application/json"), ("user-agent", "Mozilla/5.0 Firefox/140.0"), ("x-ts-date", stamp.as_str())];
        let authorization = authorization((&app.id, &app.secret), &method.as_str().to_lowercase(), target, &headers);
        let request = self.client.request(method, self.url(target)).header("authorization", authorization);
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// The application of the options.
    pub fn app(&self) -> App {
        App { id: self.simulator.options.app_id.clone(), secret: self.simulator.options.secret.clone() }
    }

    pub async fn thumbsignin(&self, target: &str) -> (u16, Value) {
        self.thumbsignin_by(&self.app(), target).await
    }

    pub async fn thumbsignin_by(&self, app: &App, target: &str) -> (u16, Value) {
        let response = self.signed_by(app, Method::GET, target).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn begin(&self, target: &str) -> String {
        self.begin_by(&self.app(), target).await
    }

    pub async fn begin_by(&self, app: &App, target: &str) -> String {
        let (status, answer) = self.thumbsignin_by(app, target).await;
        assert_eq!(status, 200, "{answer}");
        answer["transactionId"].as_str().unwrap().to_owned()
    }

    pub async fn transaction_status(&self, id: &str) -> (String, String) {
        let (_, answer) = self.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await;
        (answer["status"].as_str().unwrap().to_owned(), answer["failureReason"].as_str().unwrap().to_owned())
    }

    pub async fn act_on(&self, transaction: &str, action: Value) -> (u16, Value) {
        self.try_api(Method::POST, &format!("thumbsignin/transactions/{transaction}"), action).await
    }

    /// Sends bytes as they are and reads one answer: its status and its body.
    pub fn replay(&self, request: &[u8]) -> (u16, String) {
        let address = self.simulator.upstream_url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request).unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            if let Some(answer) = whole_answer(&received) {
                return answer;
            }
            let count = stream.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&received));
            received.extend_from_slice(&buffer[..count]);
        }
    }

    /// Sends bytes and reads until the other side closes or the time is up.
    pub fn raw(&self, request: &[u8], wait: Duration) -> (Vec<u8>, std::io::Result<usize>) {
        let address = self.simulator.upstream_url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 65_536];
        let end = Instant::now() + wait;
        loop {
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            stream.set_read_timeout(Some(left)).unwrap();
            match stream.read(&mut buffer) {
                Ok(0) => return (received, Ok(0)),
                Ok(count) if received.len() > 4_000_000 => return (received, Ok(count)),
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => return (received, Err(error)),
            }
        }
    }
}

/// `None` while there is more to come.
fn whole_answer(received: &[u8]) -> Option<(u16, String)> {
    let at = received.windows(4).position(|piece| piece == b"\r\n\r\n")?;
    let (head, body) = (String::from_utf8(received[..at].to_vec()).unwrap().to_lowercase(), &received[at + 4..]);
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (body.len() == length).then(|| (status, String::from_utf8(body.to_vec()).unwrap()))
}

impl Session {
    pub fn body(&self, request: &str) -> String {
        format!(
            "request={request}&apimethod=Test&secsignid={}&authsessionid={}&requestid={}",
            self.secsignid, self.id, self.request_id
        )
    }
}

pub fn create_body(secsignid: &str) -> String {
    format!("request=ReqRequestAuthSession&apimethod=Test&secsignid={secsignid}&servicename=Shop&serviceaddress=shop.example")
}

pub fn pairs(body: &str) -> HashMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A raw request of the SecSign form API, and no other after it.
pub fn raw_form(body: &str) -> Vec<u8> {
    raw_form_with("Connection: close\r\n", body)
}

/// A raw request of the SecSign form API with the given header lines.
pub fn raw_form_with(headers: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The stamp of so many seconds ago.
#[expect(clippy::disallowed_methods, reason = "signatures carry the wall clock's time")]
pub fn stamp(ago: u64) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - ago;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year:04}{month:02}{:02}T{:02}{:02}{:02}Z", day + 1, second / 3600, second / 60 % 60, second % 60)
}

/// The `Authorization` header of a request without a body, whose method, path and query are signed as they are given.
pub fn authorization((app_id, secret): (&str, &str), method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let stamp = headers.iter().find(|(name, _)| *name == "x-ts-date").unwrap().1;
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{}\n{}", names.join(";"), hex(&Sha256::digest(b"")));
    let text = format!("HmacSHA256\n{stamp}\n{}", hex(&Sha256::digest(canonical)));
    let key = hmac(secret.as_bytes(), &stamp.as_bytes()[..8]);
    format!(
        "HmacSHA256 Credential={app_id}, SignedHeaders={}, Signature={}",
        names.join(";"),
        hex(&hmac(&key, text.as_bytes()))
    )
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
