//! ThumbSignIn through its signed API (ThumbSignIn notes §1, §2): GET requests with an HMAC over path, query and four headers;
//! flat JSON as the answer. The page shows a QR code or a deep link, the phone a fingerprint prompt.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use url::Url;

use self::flat_json::FlatObject;
use self::signature::{Signable, authorization, canonical_query, signature, string_to_sign};
use self::stamp::{Stamp, StampError};
use self::transaction::{Stage, Transaction, approver, begun, stage};
use super::answer::{is_passing, may_have_acted, nonsense};
use super::{BeginError, BeginRequest, Begun, Capabilities, Found, Limits, PhoneApproval, Probed, Progress, Unavailable};
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::domain::login::UpstreamHandle;
use crate::domain::secret::Secret;
use crate::domain::settings::ThumbSignInSettings;
use crate::outbound::{Delivery, OutboundError, PhoneAnswer, PhoneClient, PhoneRequest, SendError};

mod flat_json;
pub(crate) mod signature;
mod stamp;
#[cfg(test)]
mod tests;
mod transaction;

const MAX_USER_AGENT: usize = 300;
const NO_USER_AGENT: &str = "unknown";

pub(crate) struct ThumbSignIn {
    client: PhoneClient,
    base: Url,
    app_id: String,
    secret: Secret,
    env: Env,
    limits: Limits,
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the request cannot be signed")]
    Unsigned(#[from] StampError),
    #[error(transparent)]
    Send(#[from] SendError),
}

/// A call beneath `/ts/secure/`.
struct Call<'a> {
    path: String,
    query: &'a [(&'a str, &'a str)],
    user_agent: &'a str,
}

impl ThumbSignIn {
    pub(crate) fn new(settings: ThumbSignInSettings, env: Env) -> Result<Self, OutboundError> {
        Ok(Self {
            client: crate::outbound::phone_service(settings.ca_file.as_deref())?,
            base: settings.url,
            app_id: settings.app_id,
            secret: settings.secret,
            env,
            limits: Limits::PROMISED,
        })
    }

    async fn call(&self, call: Call<'_>, delivery: Delivery, limit: Duration) -> Result<PhoneAnswer, CallError> {
        let request = self.signed(&call)?;
        Ok(self.client.send(request, delivery, limit).await?)
    }

    /// The request with its signature over exactly the four headers that the Java SDK signs (ThumbSignIn notes §1.6). `Host`
    /// is not among them, so that a proxy cannot break it.
    fn signed(&self, call: &Call<'_>) -> Result<PhoneRequest, CallError> {
        let stamp = Stamp::of(self.env.now())?;
        let mut url = self.base.clone();
        url.set_path(&format!("{}/ts/secure/{}", self.base.path().trim_end_matches('/'), call.path));
        let query = canonical_query(call.query);
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        let headers = [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("user-agent", call.user_agent),
            ("x-ts-date", &stamp.text),
        ];
        let signable = Signable { method: "get", path: url.path(), query: call.query, headers: &headers, body: b"" };
        let to_sign = string_to_sign(&stamp.text, &signable.canonical());
        let signature = signature(&self.secret, &stamp.day, &to_sign);
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("authorization", authorization(&self.app_id, &signable.signed_headers(), &signature)));
        Ok(PhoneRequest::get(url, headers))
    }

    /// Asks for the status of a transaction that does not exist: 401 to a wrong signature (ThumbSignIn notes §2.6).
    pub(crate) async fn probe(&self) -> Probed {
        let path = format!("txn-status/{}", "0".repeat(48));
        let call = Call { path, query: &[], user_agent: NO_USER_AGENT };
        let answer = match self.call(call, Delivery::Repeatable, self.limits.ask).await {
            Ok(answer) => Ok(answer),
            Err(CallError::Send(failure)) => Err(failure),
            Err(unsigned) => return Probed { found: Found::Refused(chain(&unsigned)), date: None },
        };
        Probed::of(answer, |answer| match answer.status {
            401 | 403 => Found::Refused(refusal(answer.status)),
            200 | 400 | 404 if FlatObject::parse(&answer.body).is_ok() => Found::Working,
            status => Found::Unusable(format!("HTTP {status}, and not in the words of ThumbSignIn")),
        })
    }

    /// A question without an answer is asked again; one that was answered endlessly got nonsense (decision 2.6).
    async fn ask(&self, call: Call<'_>, limit: Duration) -> Result<Result<PhoneAnswer, String>, Unavailable> {
        let failure = match self.call(call, Delivery::Repeatable, limit).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(failure) => failure,
        };
        match failure {
            CallError::Send(SendError::TooLong { status }) if !is_passing(status) => Ok(Err(chain(&failure))),
            failure => Err(Unavailable(chain(&failure))),
        }
    }

    /// Asks about a transaction; `query` cancels it.
    async fn status(&self, transaction: &Transaction, query: &[(&str, &str)]) -> Result<Result<Stage, String>, Unavailable> {
        let path = format!("txn-status/{}", transaction.id.as_str());
        let call = Call { path, query, user_agent: &transaction.user_agent };
        match self.ask(call, self.limits.ask).await? {
            Ok(answer) if answer.status == 200 => Ok(stage(&answer.body, &transaction.id)),
            Ok(answer) if is_passing(answer.status) => Err(Unavailable(format!("HTTP {}", answer.status))),
            Ok(answer) => Ok(Err(refusal(answer.status))),
            Err(detail) => Ok(Err(detail)),
        }
    }

    /// Who approved: the success itself does not say (decision 2.3).
    async fn approver(&self, transaction: &Transaction, asked: Option<&str>, left: Duration) -> Result<Progress, Unavailable> {
        let path = format!("getUser/{}", transaction.id.as_str());
        let call = Call { path, query: &[], user_agent: &transaction.user_agent };
        match self.ask(call, left).await? {
            Ok(answer) if is_passing(answer.status) => Err(Unavailable(format!("getUser: HTTP {}", answer.status))),
            Ok(answer) => Ok(approver(answer.status, &answer.body, asked)),
            Err(detail) => Ok(nonsense(detail)),
        }
    }
}

#[async_trait]
impl PhoneApproval for ThumbSignIn {
    fn capabilities(&self) -> Capabilities {
        Capabilities { unnamed: true, matches_symbol: false, exclusive: false }
    }

    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError> {
        let user_agent = forwarded(&request.user_agent);
        // A person without a name must not become a QR code for anybody (S3).
        let query: Vec<(&str, &str)> = match request.upstream_user.as_deref() {
            Some("") => return Err(BeginError::NotRegistered),
            Some(user) => vec![("userId", user)],
            None => Vec::new(),
        };
        let call = Call { path: "authenticate".to_owned(), query: &query, user_agent: &user_agent };
        let answer = self.call(call, Delivery::AtMostOnce, self.limits.begin).await.map_err(|failure| match failure {
            CallError::Send(failure) if !failure.never_left() => BeginError::InDoubt(failure.into()),
            failure => BeginError::Unreachable(failure.into()),
        })?;
        if answer.status != 200 {
            let (detail, in_doubt) = (refusal(answer.status), may_have_acted(answer.status));
            return Err(BeginError::Unusable { detail, in_doubt, handle: None });
        }
        begun(&answer.body, user_agent)
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let Some(transaction) = Transaction::from_handle(handle) else {
            return Ok(nonsense("the stored transaction is damaged"));
        };
        let began = Instant::now();
        match self.status(&transaction, &[]).await? {
            Ok(Stage::Pending) => Ok(Progress::Pending),
            Ok(Stage::Initiated) => Ok(Progress::Fetched),
            Ok(Stage::Ended(end)) => Ok(Progress::Ended(end)),
            Ok(Stage::Successful) => self.approver(&transaction, asked, self.limits.ask.saturating_sub(began.elapsed())).await,
            Err(detail) => Ok(nonsense(detail)),
        }
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let unconfirmed = |detail: String| Unavailable(format!("the cancellation is not confirmed: {detail}"));
        let damaged = || unconfirmed("the stored transaction is damaged".to_owned());
        let transaction = Transaction::from_handle(handle).ok_or_else(damaged)?;
        // A transaction that had ended before comes back unchanged (ThumbSignIn notes §2.3); an approval is not undone.
        match self.status(&transaction, &[("cancelled", "true")]).await? {
            Ok(Stage::Ended(_end)) => Ok(()),
            Ok(stage) => Err(unconfirmed(format!("the transaction is {stage:?}"))),
            Err(detail) => Err(unconfirmed(detail)),
        }
    }
}

/// A refused call, for the log (ThumbSignIn notes §2.6).
fn refusal(status: u16) -> String {
    match status {
        401 => "HTTP 401: it does not accept our signature: check app_id, secret and the clock".to_owned(),
        403 => "HTTP 403: our application id lacks the permission".to_owned(),
        status => format!("HTTP {status}"),
    }
}

/// A browser's `User-Agent` as it is forwarded and signed: printable ASCII with single blanks, so that every form of the
/// signature sees the same bytes (ThumbSignIn notes §1.3), and never empty.
fn forwarded(user_agent: &str) -> String {
    let printable: String = user_agent.chars().map(|char| if char.is_ascii_graphic() { char } else { ' ' }).collect();
    let single = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = single.chars().take(MAX_USER_AGENT).collect();
    let kept = cut.trim_end();
    if kept.is_empty() { NO_USER_AGENT.to_owned() } else { kept.to_owned() }
}
