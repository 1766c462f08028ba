//! A client for the virtual phone's script API (design 3, "The virtual phone"), as far as a login needs it.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{DemoError, http};

#[derive(Clone, Debug)]
pub struct VirtualPhone {
    http: Client,
    api: String,
}

impl VirtualPhone {
    /// `url` is the origin of the simulator.
    pub fn new(url: &str) -> reqwest::Result<Self> {
        Ok(Self { http: http::client()?, api: format!("{}/phone/api", url.trim_end_matches('/')) })
    }

    /// Sends one API request; answers the member of its answer that `pointer` names (RFC 6901).
    async fn call(&self, method: Method, path: &str, body: &Value, pointer: &str) -> Result<Value, DemoError> {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if !body.is_null() {
            request = request.json(body);
        }
        let silent = |error: reqwest::Error| format!("the virtual phone does not answer: {error}");
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(silent)?;
        let member = body.pointer(pointer).filter(|_member| status.is_success()).cloned();
        member.ok_or_else(|| format!("the virtual phone answered {} to {path}: {body}", status.as_u16()).into())
    }

    /// The session of the newest open request on a SecSign phone, waited for.
    pub async fn push(&self, secsignid: &str) -> Result<String, DemoError> {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            let sessions = self.call(Method::GET, &format!("/secsign/{secsignid}"), &Value::Null, "/sessions").await?;
            // 1 is pending, 7 is fetched: everything else is over.
            let is_open = |session: &&Value| matches!(session.get("state").and_then(Value::as_u64), Some(1 | 7));
            let open = sessions.as_array().into_iter().flatten().rev().find(is_open);
            if let Some(id) = open.and_then(|session| session.get("authsessionid")?.as_str()) {
                return Ok(id.to_owned());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(format!("no request reached the phone of {secsignid}").into())
    }

    pub async fn act(&self, path: &str, action: &Value) -> Result<(), DemoError> {
        self.call(Method::POST, path, action, "").await.map(drop)
    }

    /// Scans what a QR code or a deep link holds. Answers the transaction.
    pub async fn scan(&self, content: &str) -> Result<String, DemoError> {
        let id = self.call(Method::POST, "/thumbsignin/scan", &json!({ "content": content }), "/transactionId").await?;
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    pub async fn calls(&self) -> Result<usize, DemoError> {
        let calls = self.call(Method::GET, "/requests", &Value::Null, "").await?;
        Ok(calls.as_array().map_or(0, Vec::len))
    }
}
