//! The running program, one short walk per endpoint: whether it works at all. The depth is in `tests/clients`.

#![expect(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and has an HTTP client of its own"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::Value;

/// `signbridge demo` on free ports; it ends with the test.
struct Demo {
    child: Child,
    announced: Value,
    http: Client,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signbridge"))
            .args(["demo", "--port", "0", "--format", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).unwrap();
        let http = Client::builder().redirect(redirect::Policy::none()).build();
        Self { child, announced, http: http.unwrap() }
    }

    fn url(&self, member: &str, path: &str) -> String {
        format!("{}{path}", self.announced[member].as_str().unwrap())
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(self.url("issuer", path)).send().await.unwrap()
    }

    /// Posts a form as the confidential client of the demonstration.
    async fn post(&self, path: &str, form: &[(&str, &str)], secret: &str) -> (StatusCode, Value) {
        let client = self.announced["clients"][0]["client_id"].as_str().unwrap();
        let answer = self.http.post(self.url("issuer", path)).basic_auth(client, Some(secret)).form(form).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    fn secret(&self) -> &str {
        self.announced["clients"][0]["client_secret"].as_str().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

async fn json(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn each_endpoint_answers_what_its_specification_says() {
    let demo = Demo::start();

    let metadata = json(demo.get("/.well-known/openid-configuration").await).await;
    assert_eq!(metadata["issuer"], demo.announced["issuer"]);
    let keys = json(demo.get("/jwks").await).await;
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["alg"] == "RS256" && key["d"].is_null()));

    let unknown_client = demo.get("/authorize?client_id=nobody&response_type=code").await;
    assert_eq!(unknown_client.status(), StatusCode::BAD_REQUEST);
    assert_eq!(unknown_client.headers().get(LOCATION), None);
    assert!(unknown_client.text().await.unwrap().contains(r#"data-page="error""#));

    let redirect_uri = demo.url("app_url", "/callback");
    let client = demo.announced["clients"][0]["client_id"].as_str().unwrap();
    let query = [("client_id", client), ("redirect_uri", &redirect_uri), ("response_type", "token"), ("state", "s1")];
    let refused = demo.http.get(demo.url("issuer", "/authorize")).query(&query).send().await.unwrap();
    let location = refused.headers()[LOCATION].to_str().unwrap();
    assert!(
        location.starts_with(&redirect_uri)
            && location.contains("error=unsupported_response_type")
            && location.contains("state=s1")
    );

    let code = [("grant_type", "authorization_code"), ("code", "of-nobody"), ("redirect_uri", &redirect_uri)];
    let (status, error) = demo.post("/token", &code, demo.secret()).await;
    assert_eq!((status, &error["error"]), (StatusCode::BAD_REQUEST, &Value::from("invalid_grant")));
    let (status, error) = demo.post("/token", &code, "wrong").await;
    assert_eq!((status, &error["error"]), (StatusCode::UNAUTHORIZED, &Value::from("invalid_client")));

    let userinfo = demo.get("/userinfo").await;
    assert_eq!(userinfo.status(), StatusCode::UNAUTHORIZED);
    assert!(userinfo.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    let token = [("token", "of-nobody")];
    assert_eq!(demo.post("/introspect", &token, demo.secret()).await, (StatusCode::OK, serde_json::json!({"active": false})));
    assert_eq!(demo.post("/revoke", &token, demo.secret()).await.0, StatusCode::OK);

    let logout = demo.get("/logout").await;
    assert!(logout.status() == StatusCode::OK || logout.status().is_redirection());
    assert_eq!(demo.get("/nothing-here").await.status(), StatusCode::NOT_FOUND);
    for path in ["/livez", "/readyz"] {
        assert_eq!(demo.http.get(demo.url("management_url", path)).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

/// A login through each upstream, by the program's own walk: page, phone, code, tokens.
#[test]
fn both_upstreams_sign_a_user_in() {
    let walk = Command::new(env!("CARGO_BIN_EXE_signbridge")).args(["demo", "--port", "0", "--self-test"]).output().unwrap();
    assert!(walk.status.success(), "{}", String::from_utf8_lossy(&walk.stderr));
    let printed = String::from_utf8(walk.stdout).unwrap();
    for acr in ["urn:signbridge:acr:matched", "urn:signbridge:acr:named"] {
        assert!(printed.contains(acr), "no ID token with {acr}: {printed}");
    }
}

#[tokio::test]
async fn pages_are_html_that_nobody_keeps() {
    let demo = Demo::start();
    let page = demo.get("/authorize").await;
    assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    assert!(page.headers()[CACHE_CONTROL].to_str().unwrap().contains("no-store"));
}
