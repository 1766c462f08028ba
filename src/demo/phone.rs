//! A client for the virtual phone: the script API of the simulated phone services (design 3, "The virtual phone"), as far as
//! a login needs it. The self-test and the benchmark approve with it.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::http;

/// How long a request may take to reach the phone.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Why the phone could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// No answer, or one that is no JSON.
    #[error("the virtual phone does not answer: {0}")]
    Http(#[from] reqwest::Error),
    /// The phone refused, or said something else than the contract promises.
    #[error("the virtual phone answered {status} to {path}: {body}")]
    Unexpected { status: u16, path: String, body: Value },
    /// Nothing reached the phone in time.
    #[error("no request reached the phone of {0}")]
    Silent(String),
}

#[derive(Clone, Debug)]
pub struct VirtualPhone {
    http: Client,
    api: String,
}

impl VirtualPhone {
    /// The phones behind `url`: the origin of the simulator, from this machine.
    pub fn new(url: &str) -> reqwest::Result<Self> {
        Ok(Self { http: http::client()?, api: format!("{}/phone/api", url.trim_end_matches('/')) })
    }

    /// Sends one API request; answers the member of its answer that `pointer` names (RFC 6901).
    async fn call(&self, method: Method, path: &str, body: &Value, pointer: &str) -> Result<Value, PhoneError> {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        let member = body.pointer(pointer).filter(|_member| status.is_success()).cloned();
        member.ok_or_else(|| PhoneError::Unexpected { status: status.as_u16(), path: path.to_owned(), body })
    }

    /// The session of the newest open request on a SecSign phone, waited for.
    pub async fn push(&self, secsignid: &str) -> Result<String, PhoneError> {
        let until = Instant::now() + ARRIVAL;
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
        Err(PhoneError::Silent(secsignid.to_owned()))
    }

    /// Opens a request on a SecSign phone.
    pub async fn fetch(&self, secsignid: &str, session: &str) -> Result<(), PhoneError> {
        let path = format!("/secsign/{secsignid}/sessions/{session}");
        self.call(Method::POST, &path, &json!({ "action": "fetch" }), "").await.map(drop)
    }

    /// Approves a request on a SecSign phone by picking this symbol.
    pub async fn pick(&self, secsignid: &str, session: &str, symbol: &str) -> Result<(), PhoneError> {
        let path = format!("/secsign/{secsignid}/sessions/{session}");
        self.call(Method::POST, &path, &json!({ "action": "approve", "symbol": symbol }), "").await.map(drop)
    }

    /// Approves a ThumbSignIn transaction with the phone of `user`.
    pub async fn touch(&self, transaction: &str, user: &str) -> Result<(), PhoneError> {
        let path = format!("/thumbsignin/transactions/{transaction}");
        self.call(Method::POST, &path, &json!({ "action": "approve", "userId": user }), "").await.map(drop)
    }

    /// Scans what a QR code or a deep link holds. Answers the transaction.
    pub async fn scan(&self, content: &str) -> Result<String, PhoneError> {
        let id = self.call(Method::POST, "/thumbsignin/scan", &json!({ "content": content }), "/transactionId").await?;
        Ok(id.as_str().unwrap_or_default().to_owned())
    }

    /// How many calls the phone services have received.
    pub async fn calls(&self) -> Result<usize, PhoneError> {
        let calls = self.call(Method::GET, "/requests", &Value::Null, "").await?;
        Ok(calls.as_array().map_or(0, Vec::len))
    }
}
