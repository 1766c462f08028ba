//! What an answer about a transaction means (ThumbSignIn notes §2.1–2.4). Pure. Success is one status, compared by its own
//! constant; who it was, `getUser` says, and the success must not belie it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::flat_json::FlatObject;
use crate::domain::login::{Challenge, End, Reason, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::protocol::uri::BROWSER_SCHEMES;
use crate::upstream::answer::{approved_by, nonsense};
use crate::upstream::picture::check_png;
use crate::upstream::{BeginError, Begun, Progress};

const MAX_LINK: usize = 2048;

/// A transaction's id. It is put into paths that we then sign, so it is hex and nothing else (S2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TransactionId(String);

impl TransactionId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        ((1..=64).contains(&text.len()) && text.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a transaction is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Login,
    Registration,
}

impl Kind {
    /// The call that begins one.
    pub(super) const fn call(self) -> &'static str {
        match self {
            Self::Login => "authenticate",
            Self::Registration => "register",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    /// The `User-Agent` that is forwarded with each request about it.
    pub(super) user_agent: String,
}

/// The stored form of a [`Transaction`]. What a newer program keeps beside it is left alone.
#[derive(Serialize, Deserialize)]
struct Stored {
    transaction_id: String,
    user_agent: String,
}

impl Transaction {
    pub(super) fn to_handle(&self) -> UpstreamHandle {
        let stored = serde_json::json!({ "transaction_id": self.id.as_str(), "user_agent": self.user_agent });
        UpstreamHandle(Secret::new(stored.to_string()))
    }

    pub(super) fn from_handle(handle: &UpstreamHandle) -> Option<Self> {
        let stored: Stored = serde_json::from_str(handle.0.expose()).ok()?;
        Some(Self { id: TransactionId::parse(&stored.transaction_id)?, user_agent: stored.user_agent })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Pending,
    Initiated,
    /// Somebody approved; who, `getUser` says.
    Successful,
    Ended(End),
    /// Declined by whoever scanned the code, who says that it was not theirs.
    Disowned,
}

#[derive(Debug)]
pub(super) struct Standing {
    pub(super) stage: Stage,
    /// Who approved, or says that it was not theirs, where the answer names them.
    pub(super) user: Option<String>,
}

/// Reads an answer about `asked`, which it must name where it succeeded, and not belie elsewhere.
pub(super) fn standing(body: &[u8], asked: &TransactionId) -> Result<Standing, String> {
    let answer = FlatObject::parse(body)?;
    let named = answer.text("transactionId")?;
    if named.is_some_and(|id| id != asked.as_str()) {
        return Err("the answer is about another transaction".to_owned());
    }
    let stage = stage_of(&answer)?;
    if !matches!(stage, Stage::Successful | Stage::Disowned) {
        return Ok(Standing { stage, user: None });
    }
    if stage == Stage::Successful && named.is_none() {
        return Err("the success does not name its transaction".to_owned());
    }
    let user = answer.text("userId")?.filter(|user| !user.is_empty()).map(str::to_owned);
    Ok(Standing { stage, user })
}

fn stage_of(answer: &FlatObject) -> Result<Stage, String> {
    let status = answer.text("status")?.unwrap_or_default();
    let reason = answer.text("failureReason")?.unwrap_or_default();
    Ok(match status {
        "PENDING" => Stage::Pending,
        "INITIATED" => Stage::Initiated,
        "COMPLETED_SUCCESSFUL" if reason.is_empty() => Stage::Successful,
        "COMPLETED_SUCCESSFUL" => return Err("the success has a reason for its failure".to_owned()),
        // An addition of ours (ThumbSignIn notes §2.3): the vendor's service never says it.
        "COMPLETED_FAILURE" if reason == "NOT_ME" => Stage::Disowned,
        "COMPLETED_FAILURE" => Stage::Ended(end(reason)),
        // An older service's way to say why it failed (ThumbSignIn notes §2.3).
        "DECLINED" | "CANCELLED" | "TIMEOUT" => Stage::Ended(end(status)),
        _unknown => return Err("the answer says no known status".to_owned()),
    })
}

/// The mapping of design 3.
fn end(reason: &str) -> End {
    match reason {
        "DECLINED" => End::Denied,
        "TIMEOUT" => End::Expired,
        "CANCELLED" => End::Cancelled(None),
        "NOT_REGISTERED" => End::Failed(Reason::NotRegistered),
        "ALREADY_REGISTERED" => End::Failed(Reason::AlreadyRegistered),
        "NO_SUITABLE_AUTHENTICATOR" => End::Failed(Reason::NoSuitableAuthenticator),
        _technical_or_unknown => End::Failed(Reason::Technical),
    }
}

/// Reads the answer to the call that begins a transaction (ThumbSignIn notes §2.1, §2.2).
pub(super) fn begun(body: &[u8], user_agent: String, kind: Kind) -> Result<Begun, BeginError> {
    let answer = FlatObject::parse(body).map_err(|flaw| BeginError::unusable(flaw, true, None))?;
    let id = answer.text("transactionId").ok().flatten().and_then(TransactionId::parse);
    let id = id.ok_or_else(|| BeginError::unusable("its answer names no transaction", true, None))?;
    let handle = Transaction { id, user_agent }.to_handle();
    let spoiled = |detail: String| BeginError::unusable(detail, true, Some(handle.clone()));
    match stage_of(&answer).map_err(spoiled)? {
        Stage::Pending => {}
        Stage::Ended(End::Failed(Reason::NotRegistered)) => return Err(BeginError::NotRegistered),
        Stage::Ended(End::Failed(Reason::AlreadyRegistered)) if kind == Kind::Registration => {
            return Err(BeginError::AlreadyRegistered);
        }
        Stage::Ended(end) => return Err(BeginError::unusable(format!("the new transaction is over: {end:?}"), false, None)),
        // Nobody can have approved what was not yet shown (decision 2.6, B8).
        stage => return Err(spoiled(format!("the new transaction is {stage:?}"))),
    }
    let (challenge, expires_in) = shown(&answer).map_err(spoiled)?;
    Ok(Begun { handle, challenge, expires_in })
}

fn shown(answer: &FlatObject) -> Result<(Challenge, Option<Duration>), String> {
    let image = answer.text("qrImage")?.ok_or("no QR code came")?;
    check_png(image).map_err(|flaw| format!("QR code: {flaw}"))?;
    let link = answer.text("deepLinkUrl")?.filter(|link| is_deep_link(link));
    let deep_link = link.ok_or("no usable deep link came")?.to_owned();
    let expires_in = answer.seconds("expireInSeconds")?;
    Ok((Challenge::QrCode { image: image.to_owned(), deep_link }, expires_in))
}

/// Whether a link may stand in our page: absolute, http(s) or an app's own scheme (RFC 3986 §3.1).
fn is_deep_link(link: &str) -> bool {
    let is_printable = link.len() <= MAX_LINK && link.bytes().all(|byte| byte.is_ascii_graphic());
    is_printable && Url::parse(link).is_ok_and(|url| !BROWSER_SCHEMES.contains(&url.scheme()))
}

/// What `getUser` found out, unless the success named somebody else (ThumbSignIn notes §2.3, decision 2.3).
pub(super) fn agreed(found: Progress, named: Option<&str>) -> Progress {
    let differs = |user: &str| named.is_some_and(|named| named != user);
    match found {
        Progress::Approved { upstream_user } if differs(&upstream_user) => {
            Progress::Nonsense { detail: "the success names another person than getUser".to_owned(), wrong_person: true }
        }
        found => found,
    }
}

/// What a NOT_ME means: the asked user's word where the answer names them, and else no more than that somebody who scanned the code
/// declined (ThumbSignIn notes §2.3).
pub(super) fn disowned(named: Option<&str>, asked: Option<&str>) -> Progress {
    match named.map(|named| approved_by(named, asked)) {
        Some(Progress::Approved { .. }) if asked.is_some() => Progress::Disowned,
        _nobody_or_another => Progress::Ended(End::Denied),
    }
}

/// Reads the answer to `getUser` (ThumbSignIn notes §2.4): only 200 with a `userId` names the approver.
pub(super) fn approver(status: u16, body: &[u8], asked: Option<&str>) -> Progress {
    if status != 200 {
        return nonsense(format!("getUser answered HTTP {status}"));
    }
    match FlatObject::parse(body).and_then(|answer| Ok(answer.text("userId")?.map(str::to_owned))) {
        Ok(Some(named)) => approved_by(&named, asked),
        Ok(None) => nonsense("getUser names nobody"),
        Err(flaw) => nonsense(format!("getUser: {flaw}")),
    }
}

#[cfg(test)]
mod tests;
