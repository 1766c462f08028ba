//! What an answer of the SecSign server means (SecSign notes §3.2, §3.3, §4). Pure. The one way to an approval is state 3
//! of the asked session for the asked SecSign ID; everything that is not understood is nonsense (decision 2.6).

use super::session::{AuthSessionId, Host, RequestId, SecSignId, Session, SessionState};
use super::wire::Pairs;
use crate::domain::login::{End, Reason};
use crate::upstream::answer::{another_person, approved_by, for_log, is_passing, may_have_acted, nonsense};
use crate::upstream::picture::check_png;
use crate::upstream::{BeginError, Progress, Unavailable};

pub(super) struct Reply {
    pub(super) status: u16,
    /// The body; empty where it was too long to be read.
    pub(super) body: Vec<u8>,
    /// Whether it comes from the host that made the session. The other one may never have heard of it.
    pub(super) from_maker: bool,
}

/// The server's "no" (SecSign notes §3.3): `errorcode` if there is one, else `error`.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// 20000, or 500 with "exist" in its text.
    NotRegistered,
    /// 20006, or HTTP 409.
    Frozen,
    /// 400: no such session, or no longer.
    NoSession,
    Other(String),
}

pub(super) fn created(
    status: u16,
    body: &[u8],
    asked: &SecSignId,
    host: Host,
) -> Result<(Session, Option<String>), BeginError> {
    match read(status, body) {
        Ok(Ok(pairs)) => session_of(&pairs, asked, host),
        Ok(Err(Refusal::NotRegistered)) => Err(BeginError::NotRegistered),
        Ok(Err(Refusal::Frozen)) => Err(BeginError::Frozen),
        Ok(Err(Refusal::NoSession)) => Err(unusable("it refused the request (400)", false, None)),
        Ok(Err(Refusal::Other(words))) => Err(unusable(words, false, None)),
        Err(detail) => Err(unusable(detail, may_have_acted(status), None)),
    }
}

fn session_of(pairs: &Pairs<'_>, asked: &SecSignId, host: Host) -> Result<(Session, Option<String>), BeginError> {
    let authsessionid = pairs.get("authsessionid").and_then(AuthSessionId::parse);
    let requestid = pairs.get("requestid").and_then(RequestId::parse);
    let (Some(authsessionid), Some(requestid)) = (authsessionid, requestid) else {
        return Err(unusable("its answer names no session", true, None));
    };
    let session = Session { secsignid: asked.clone(), authsessionid, requestid, host };
    // From here on there is a session, whatever else is wrong: it has to be cancelled.
    let spoiled = |detail: &str| Err(unusable(detail, true, Some(&session)));
    if pairs.get("secsignid") != Some(asked.as_str()) {
        return spoiled("its answer names another SecSign ID than was asked");
    }
    // Nobody can have approved what was not yet shown (decision 2.6, B8).
    if pairs.get("authsessionstate").is_some_and(|state| SessionState::parse(state) != Some(SessionState::Pending)) {
        return spoiled("the new session is not pending");
    }
    let icon = pairs.get("authsessionicondata").filter(|icon| !icon.is_empty());
    match icon.map(check_png) {
        Some(Err(flaw)) => spoiled(&format!("access pass: {flaw}")),
        _none_or_good => Ok((session, icon.map(str::to_owned))),
    }
}

pub(super) fn progress(reply: &Reply, session: &Session) -> Result<Progress, Unavailable> {
    if is_passing(reply.status) {
        return Err(Unavailable(format!("HTTP {}", reply.status)));
    }
    let pairs = match read(reply.status, &reply.body) {
        Ok(Ok(pairs)) => pairs,
        Ok(Err(refusal)) => return refused(refusal, reply.from_maker),
        Err(detail) => return Ok(nonsense(detail)),
    };
    if !is_about(&pairs, session) {
        return Ok(nonsense("the answer is about another session"));
    }
    if names_another(&pairs, session) {
        return Ok(another_person());
    }
    let Some(state) = pairs.get("authsessionstate").and_then(SessionState::parse) else {
        return Ok(nonsense("the answer says no known state"));
    };
    Ok(meaning(state, &pairs, session))
}

/// The mapping of design 3.
fn meaning(state: SessionState, pairs: &Pairs<'_>, session: &Session) -> Progress {
    match state {
        SessionState::Pending => Progress::Pending,
        SessionState::Fetched => Progress::Fetched,
        SessionState::Authenticated => approved(pairs, session),
        SessionState::Denied => Progress::Ended(End::Denied),
        SessionState::Expired => Progress::Ended(End::Expired),
        SessionState::Cancelled => Progress::Ended(End::Cancelled(None)),
        SessionState::Suspended => Progress::Ended(End::Failed(Reason::Suspended)),
        SessionState::Invalid => Progress::Ended(End::Failed(Reason::Invalid)),
        SessionState::NoState => nonsense("the session has no state (0)"),
    }
}

/// An approval names its session and its person; elsewhere either may be missing (SecSign notes §3.2).
fn approved(pairs: &Pairs<'_>, session: &Session) -> Progress {
    match (pairs.get("authsessionid"), pairs.get("secsignid")) {
        (Some(_checked), Some(named)) => approved_by(named, Some(session.secsignid.as_str())),
        _incomplete => nonsense("the approval does not name its session and its person"),
    }
}

/// A refused question. 400 is said of sessions that are over and forgotten (SecSign notes §4): nothing can come of them.
fn refused(refusal: Refusal, from_maker: bool) -> Result<Progress, Unavailable> {
    match refusal {
        Refusal::NotRegistered => Ok(Progress::Ended(End::Failed(Reason::NotRegistered))),
        Refusal::Frozen => Ok(Progress::Ended(End::Failed(Reason::Frozen))),
        Refusal::NoSession if from_maker => Ok(Progress::Ended(End::Failed(Reason::Invalid))),
        Refusal::NoSession => Err(Unavailable("only the host that did not make the session could be asked".to_owned())),
        Refusal::Other(words) => Ok(nonsense(words)),
    }
}

/// Reads the answer to a cancel: `Ok` if the session is dead for certain. That is state 6, the states of a session that had
/// ended otherwise, and "no such session"; never an approval.
pub(super) fn cancelled(reply: &Reply, session: &Session) -> Result<(), Unavailable> {
    use SessionState::{Cancelled, Denied, Expired, Invalid, Suspended};
    let unconfirmed = |detail: String| Err(Unavailable(format!("the cancellation is not confirmed: {detail}")));
    let pairs = match read(reply.status, &reply.body) {
        Ok(Ok(pairs)) => pairs,
        Ok(Err(Refusal::NoSession)) if reply.from_maker => return Ok(()),
        Ok(Err(refusal)) => return unconfirmed(format!("refused ({refusal:?})")),
        Err(detail) => return unconfirmed(detail),
    };
    if !is_about(&pairs, session) || names_another(&pairs, session) {
        return unconfirmed("the answer is about another session".to_owned());
    }
    match pairs.get("authsessionstate").and_then(SessionState::parse) {
        Some(Cancelled | Expired | Denied | Suspended | Invalid) => Ok(()),
        Some(state) => unconfirmed(format!("the session is {state:?}")),
        None => unconfirmed("the answer says no known state".to_owned()),
    }
}

pub(super) fn is_of_secsign(status: u16, body: &[u8]) -> Result<(), String> {
    match read(status, body)? {
        Ok(pairs) if pairs.get("authsessionstate").is_none() => Err("its answer is no answer of a SecSign server".to_owned()),
        _state_or_refusal => Ok(()),
    }
}

fn is_about(pairs: &Pairs<'_>, session: &Session) -> bool {
    pairs.get("authsessionid").is_none_or(|id| id == session.authsessionid.as_str())
}

fn names_another(pairs: &Pairs<'_>, session: &Session) -> bool {
    pairs.get("secsignid").is_some_and(|named| named != session.secsignid.as_str())
}

/// The pairs of a success, the server's refusal, or why the answer is neither. A refusal counts under any HTTP status
/// (the server's own habits are not documented); a success only under 200.
fn read(status: u16, body: &[u8]) -> Result<Result<Pairs<'_>, Refusal>, String> {
    // SecSign notes §3.3.
    if status == 409 {
        return Ok(Err(Refusal::Frozen));
    }
    match Pairs::parse(body) {
        Ok(pairs) => match refusal(&pairs)? {
            Some(refusal) => Ok(Err(refusal)),
            None if status == 200 => Ok(Ok(pairs)),
            None => Err(format!("HTTP {status}")),
        },
        Err(flaw) if status == 200 => Err(flaw.to_string()),
        Err(_no_pairs) => Err(format!("HTTP {status}")),
    }
}

fn refusal(pairs: &Pairs<'_>) -> Result<Option<Refusal>, String> {
    let keys = ["error", "errorcode", "errormsg"];
    if keys.iter().all(|key| pairs.get(key).is_none()) {
        return Ok(None);
    }
    let number = |key| match pairs.get(key) {
        None => Ok(None),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(text.parse::<u32>().ok()),
        Some(_text) => Err(format!("`{key}` is not a number")),
    };
    let (error, code) = (number("error")?, number("errorcode")?);
    let message = pairs.get("errormsg").unwrap_or_default();
    Ok(Some(match (error, code) {
        (_, Some(20000)) => Refusal::NotRegistered,
        (_, Some(20006)) => Refusal::Frozen,
        (Some(400), _) => Refusal::NoSession,
        (Some(500), None) if message.contains("exist") => Refusal::NotRegistered,
        _other => Refusal::Other(format!("error {error:?}, code {code:?}: {}", for_log(message))),
    }))
}

fn unusable(detail: impl Into<String>, in_doubt: bool, session: Option<&Session>) -> BeginError {
    BeginError::Unusable { detail: detail.into(), in_doubt, handle: session.map(Session::to_handle) }
}

#[cfg(test)]
mod tests;
