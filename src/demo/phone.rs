//! A hand for the virtual phone: the script API of the simulated phone services (design 3, "The virtual phone"), as far as a
//! sign-in needs it. The self-test, the integration tests and the benchmark tap with it.

use std::time::Duration;

use openidconnect::HttpRequest;
use openidconnect::http::{Method, Request, header};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::http::{HttpClient, HttpError};

/// How long a request may take to reach the phone.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Why the phone could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// No answer.
    #[error("the virtual phone does not answer: {0}")]
    Http(#[from] HttpError),
    /// A request that cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] openidconnect::http::Error),
    /// The phone refused.
    #[error("the virtual phone answered {status} to {path}: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// What was asked.
        path: String,
        /// What it said.
        body: String,
    },
    /// An answer that is not what the contract says.
    #[error("the virtual phone's answer to {0} is not what was expected")]
    Unexpected(String),
    /// Nothing reached the phone in time.
    #[error("no request reached the phone of {0}")]
    Silent(String),
}

/// An approval request on a SecSign phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The session.
    pub id: String,
    /// The pictures to choose from, PNG in base64.
    pub symbols: Vec<String>,
    /// What the phone says of who asks.
    pub service_name: String,
}

/// The phones of everybody.
#[derive(Clone, Debug)]
pub struct VirtualPhone {
    http: HttpClient,
    url: String,
}

impl VirtualPhone {
    /// The phones behind `url`: the origin of the simulator, from this machine.
    ///
    /// # Errors
    /// When TLS cannot be initialised.
    pub fn new(url: &str) -> Result<Self, HttpError> {
        Ok(Self { http: HttpClient::new()?, url: url.trim_end_matches('/').to_owned() })
    }

    /// Sends one API request; `path` begins after `/phone/api`.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, PhoneError> {
        let request = Request::builder().method(method).uri(format!("{}/phone/api{path}", self.url));
        let body = body.map(Value::to_string).unwrap_or_default();
        let request: HttpRequest = request.header(header::CONTENT_TYPE, "application/json").body(body.into_bytes())?;
        let response = self.http.send(request).await?;
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let body = String::from_utf8_lossy(response.body()).into_owned();
            return Err(PhoneError::Refused { status, path: path.to_owned(), body });
        }
        if response.body().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(response.body()).map_err(|_no_json| PhoneError::Unexpected(path.to_owned()))
    }

    /// The newest open request on a SecSign phone, waited for.
    ///
    /// # Errors
    /// When none arrives within 10 s.
    pub async fn push(&self, secsignid: &str) -> Result<Push, PhoneError> {
        let arrival = async {
            loop {
                match self.open_push(secsignid).await {
                    Ok(None) => sleep(Duration::from_millis(20)).await,
                    Ok(Some(push)) => return Ok(push),
                    Err(error) => return Err(error),
                }
            }
        };
        timeout(ARRIVAL, arrival).await.unwrap_or_else(|_late| Err(PhoneError::Silent(secsignid.to_owned())))
    }

    /// The newest open request on a SecSign phone, if there is one.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn open_push(&self, secsignid: &str) -> Result<Option<Push>, PhoneError> {
        let path = format!("/secsign/{secsignid}");
        let identity = self.call(Method::GET, &path, None).await?;
        let sessions = identity.get("sessions").and_then(Value::as_array).ok_or(PhoneError::Unexpected(path))?;
        // 1 is pending, 7 is fetched: everything else is over.
        let open = |session: &&Value| matches!(session.get("state").and_then(Value::as_u64), Some(1 | 7));
        Ok(sessions.iter().rev().find(open).and_then(read_push))
    }

    /// Acts on a request of a SecSign phone: `fetch`, `approve`, `wrong_symbol`, `deny`. An approval picks `symbol`.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn answer_push(
        &self,
        secsignid: &str,
        push: &Push,
        action: &str,
        symbol: Option<&str>,
    ) -> Result<(), PhoneError> {
        let mut body = json!({ "action": action });
        if let (Some(symbol), Some(body)) = (symbol, body.as_object_mut()) {
            body.insert("symbol".to_owned(), symbol.into());
        }
        let path = format!("/secsign/{secsignid}/sessions/{}", push.id);
        self.call(Method::POST, &path, Some(&body)).await.map(drop)
    }

    /// Acts on a ThumbSignIn transaction with the phone of `user`: `scan`, `approve`, `decline`, `fail`.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn answer_transaction(&self, id: &str, action: &str, user: &str) -> Result<(), PhoneError> {
        let path = format!("/thumbsignin/transactions/{id}");
        self.call(Method::POST, &path, Some(&json!({ "action": action, "userId": user }))).await.map(drop)
    }

    /// Scans what a QR code or a deep link holds. Answers the transaction.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn scan(&self, content: &str) -> Result<String, PhoneError> {
        let path = "/thumbsignin/scan";
        let transaction = self.call(Method::POST, path, Some(&json!({ "content": content }))).await?;
        let id = transaction.get("transactionId").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| PhoneError::Unexpected(path.to_owned()))
    }

    /// The calls that the phone services received after the call number `after`.
    ///
    /// # Errors
    /// See [`PhoneError`].
    pub async fn requests_after(&self, after: u64) -> Result<Vec<Value>, PhoneError> {
        let path = format!("/requests?after={after}");
        match self.call(Method::GET, &path, None).await? {
            Value::Array(calls) => Ok(calls),
            _other => Err(PhoneError::Unexpected(path)),
        }
    }
}

fn read_push(session: &Value) -> Option<Push> {
    let text = |name: &str| session.get(name).and_then(Value::as_str);
    let symbols = session.get("symbols")?.as_array()?.iter().filter_map(Value::as_str);
    Some(Push {
        id: text("authsessionid")?.to_owned(),
        symbols: symbols.map(str::to_owned).collect(),
        service_name: text("servicename").unwrap_or_default().to_owned(),
    })
}
