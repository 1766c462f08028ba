//! ThumbSignIn through its signed API (ThumbSignIn notes §1, §2): GET requests with an HMAC over path, query and four headers;
//! flat JSON as the answer. The page shows a QR code or a deep link, the phone a fingerprint prompt.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::flat_json::FlatObject;
use self::signature::{Signable, Stamp, authorization, canonical_query, signature, string_to_sign};
use self::transaction::{Kind, Stage, Standing, Transaction, agreed, approver, begun, disowned, standing};
use super::answer::{is_passing, may_have_acted, nonsense};
use super::{
    BeginError, BeginRequest, Begun, Capabilities, Found, Limits, PhoneApproval, PhoneRegistry, Probed, Progress, Unavailable,
};
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::domain::login::UpstreamHandle;
use crate::domain::settings::ThumbSignInSettings;
use crate::outbound::{Delivery, OutboundError, PhoneAnswer, PhoneClient, PhoneRequest, SendError};

mod flat_json;
mod registry;
pub(crate) mod signature;
#[cfg(test)]
mod tests;
mod transaction;

const MAX_USER_AGENT: usize = 300;
const NO_USER_AGENT: &str = "unknown";
const UNSIGNED: &str = "the request cannot be signed: the clock shows a moment outside of the years 0 to 9999";

pub(crate) struct ThumbSignIn {
    client: PhoneClient,
    settings: ThumbSignInSettings,
    env: Env,
    limits: Limits,
}

impl ThumbSignIn {
    pub(crate) fn new(settings: ThumbSignInSettings, env: Env) -> Result<Self, OutboundError> {
        let client = crate::outbound::phone_service(settings.ca_file.as_deref())?;
        Ok(Self { client, settings, env, limits: Limits::PROMISED })
    }

    /// A request beneath `/ts/secure/`, with its signature over exactly the four headers that the Java SDK signs
    /// (ThumbSignIn notes §1.6). `Host` is not among them, so that a proxy cannot break it.
    fn signed(&self, path: &str, query: &[(&str, &str)], user_agent: &str) -> Result<PhoneRequest, &'static str> {
        let stamp = Stamp::of(self.env.now()).ok_or(UNSIGNED)?;
        let ThumbSignInSettings { url: base, app_id, secret, .. } = &self.settings;
        let mut url = base.clone();
        url.set_path(&format!("{}/ts/secure/{path}", base.path().trim_end_matches('/')));
        url.set_query(Some(canonical_query(query).as_str()).filter(|query| !query.is_empty()));
        let headers = [
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("user-agent", user_agent),
            ("x-ts-date", &stamp.text),
        ];
        let signable = Signable { method: "get", path: url.path(), query, headers: &headers, body: b"" };
        let to_sign = string_to_sign(&stamp.text, &signable.canonical());
        let signature = signature(secret, &stamp.day, &to_sign);
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("authorization", authorization(app_id, &signable.signed_headers(), &signature)));
        Ok(PhoneRequest::Get(url, headers))
    }

    /// Begins a transaction, once.
    async fn begin_transaction(&self, kind: Kind, user: Option<&str>, user_agent: &str) -> Result<Begun, BeginError> {
        // A person without a name must not become a QR code for anybody (S3).
        if user.is_some_and(|user| user.trim().is_empty()) {
            return Err(BeginError::NotRegistered);
        }
        let user_agent = forwarded(user_agent);
        let query: Vec<_> = user.map(|user| ("userId", user)).into_iter().collect();
        let request = self.signed(kind.call(), &query, &user_agent);
        let request = request.map_err(|unsigned| BeginError::Unreachable(unsigned.into()))?;
        let answer = self.client.send(request, Delivery::AtMostOnce, self.limits.begin).await?;
        if answer.status != 200 {
            return Err(BeginError::answered(answer.status, refusal(answer.status), may_have_acted(answer.status)));
        }
        begun(&answer.body, user_agent, kind)
    }

    /// A question without an answer is asked again; one that was answered endlessly got nonsense (decision 2.6).
    async fn ask(
        &self,
        question: &str,
        transaction: &Transaction,
        query: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Result<PhoneAnswer, String>, Unavailable> {
        let path = format!("{question}/{}", transaction.id.as_str());
        let request = self.signed(&path, query, &transaction.user_agent);
        let request = request.map_err(|unsigned| Unavailable(unsigned.to_string()))?;
        let failure = match self.client.send(request, Delivery::Repeatable, limit).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(failure) => failure,
        };
        match failure {
            SendError::TooLong { status } if !is_passing(status) => Ok(Err(chain(&failure))),
            failure => Err(Unavailable(chain(&failure))),
        }
    }

    /// Asks about a transaction; `query` cancels it.
    async fn status(&self, transaction: &Transaction, query: &[(&str, &str)]) -> Result<Result<Standing, String>, Unavailable> {
        match self.ask("txn-status", transaction, query, self.limits.ask).await? {
            Ok(answer) if answer.status == 200 => Ok(standing(&answer.body, &transaction.id)),
            Ok(answer) if is_passing(answer.status) => Err(Unavailable(format!("HTTP {}", answer.status))),
            Ok(answer) => Ok(Err(refusal(answer.status))),
            Err(detail) => Ok(Err(detail)),
        }
    }

    /// Who approved: the success itself need not say (decision 2.3).
    async fn approver(&self, transaction: &Transaction, asked: Option<&str>, left: Duration) -> Result<Progress, Unavailable> {
        match self.ask("getUser", transaction, &[], left).await? {
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

    /// Asks for the status of a transaction that does not exist: 401 to a wrong signature (ThumbSignIn notes §2.6).
    async fn probe(&self) -> Vec<Probed> {
        let request = match self.signed(&format!("txn-status/{}", "0".repeat(48)), &[], NO_USER_AGENT) {
            Ok(request) => request,
            Err(unsigned) => return vec![Probed { found: Found::Refused(unsigned.to_owned()), date: None }],
        };
        let answer = self.client.send(request, Delivery::Repeatable, self.limits.ask).await;
        vec![Probed::of(answer, |answer| match answer.status {
            401 | 403 => Found::Refused(refusal(answer.status)),
            200 | 400 | 404 if FlatObject::parse(&answer.body).is_ok() => Found::Working,
            status => Found::Unusable(format!("HTTP {status}, and not in the words of ThumbSignIn")),
        })]
    }

    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError> {
        self.begin_transaction(Kind::Login, request.upstream_user.as_deref(), &request.user_agent).await
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let Some(transaction) = Transaction::from_handle(handle) else {
            return Ok(nonsense("the stored transaction is damaged"));
        };
        let began = Instant::now();
        let Standing { stage, user } = match self.status(&transaction, &[]).await? {
            Ok(standing) => standing,
            Err(detail) => return Ok(nonsense(detail)),
        };
        Ok(match stage {
            Stage::Pending => Progress::Pending,
            Stage::Initiated => Progress::Fetched,
            Stage::Ended(end) => Progress::Ended(end),
            Stage::Disowned => disowned(user.as_deref(), asked),
            Stage::Successful => {
                let left = self.limits.ask.saturating_sub(began.elapsed());
                agreed(self.approver(&transaction, asked, left).await?, user.as_deref())
            }
        })
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let unconfirmed = |detail: String| Unavailable(format!("the cancellation is not confirmed: {detail}"));
        let damaged = || unconfirmed("the stored transaction is damaged".to_owned());
        let transaction = Transaction::from_handle(handle).ok_or_else(damaged)?;
        // A transaction that had ended before comes back unchanged (ThumbSignIn notes §2.3); an approval is not undone.
        match self.status(&transaction, &[("cancelled", "true")]).await? {
            Ok(Standing { stage: Stage::Ended(_) | Stage::Disowned, .. }) => Ok(()),
            Ok(Standing { stage, .. }) => Err(unconfirmed(format!("the transaction is {stage:?}"))),
            Err(detail) => Err(unconfirmed(detail)),
        }
    }

    fn registry(&self) -> Option<&dyn PhoneRegistry> {
        Some(self)
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
