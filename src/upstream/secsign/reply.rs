//! What an answer of the SecSign server means (SecSign notes §3.2, §3.3, §4). Pure. The one way to an approval is state 3
//! of the asked session for the asked SecSign ID; everything that is not understood is nonsense (decision 2.6).

use super::api::Api;
use super::session::{Host, SecSignId, Session, SessionState};
use super::wire::Pairs;
use crate::domain::login::{Challenge, Confirmation, End, Reason};
use crate::outbound::PhoneAnswer;
use crate::upstream::answer::{another_person, approved_by, for_log, is_passing, may_have_acted, nonsense};
use crate::upstream::picture::check_png;
use crate::upstream::{BeginError, Begun, Progress, Unavailable};

pub(super) struct Reply {
    pub(super) status: u16,
    /// The body; empty where it was too long to be read (`is_whole` is false).
    pub(super) body: Vec<u8>,
    pub(super) is_whole: bool,
    /// Whether it comes from the host that made the session. The other one may never have heard of it.
    pub(super) from_maker: bool,
}

/// Why an answer is no success: the server's "no" (SecSign notes §3.3), by `errorcode` or else `error`; or nonsense.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 20000, or 500 with "exist" in its text.
    NotRegistered,
    /// 20006, or HTTP 409.
    Frozen,
    /// 400: no such session, or no longer.
    NoSession,
    /// HTTP 404 of the REST API: what was asked for, which is a person in a create and a session afterwards.
    NotFound,
    Other(String),
    /// Neither a success nor a refusal.
    Nonsense(String),
}

pub(super) fn created(
    api: &dyn Api,
    answer: &PhoneAnswer,
    host: Host,
    asked: &SecSignId,
    confirmation: Confirmation,
) -> Result<Begun, BeginError> {
    let status = answer.status;
    match api.read(status, &answer.body) {
        Ok(pairs) => begun(&pairs, api.has_request_ids(), host, asked, confirmation),
        Err(Refusal::NotRegistered | Refusal::NotFound) => Err(BeginError::NotRegistered),
        Err(Refusal::Frozen) => Err(BeginError::Frozen),
        Err(Refusal::NoSession) => Err(BeginError::unusable("it refused the request (400)", false, None)),
        Err(Refusal::Other(words)) => Err(BeginError::answered(status, words, false)),
        Err(Refusal::Nonsense(detail)) => Err(BeginError::answered(status, detail, may_have_acted(status))),
    }
}

fn begun(
    pairs: &Pairs<'_>,
    has_request_id: bool,
    host: Host,
    asked: &SecSignId,
    confirmation: Confirmation,
) -> Result<Begun, BeginError> {
    let named = |key| pairs.get(key).unwrap_or_default();
    let requestid = has_request_id.then(|| named("requestid"));
    let session = Session::new(asked.clone(), named("authsessionid"), requestid, host);
    let handle = session.ok_or_else(|| BeginError::unusable("its answer names no session", true, None))?.to_handle();
    // From here on there is a session, whatever else is wrong: it has to be cancelled.
    let spoiled = |detail: &str| Err(BeginError::unusable(detail, true, Some(handle.clone())));
    if pairs.get("secsignid") != Some(asked.as_str()) {
        return spoiled("its answer names another SecSign ID than was asked");
    }
    // Nobody can have approved what was not yet shown (decision 2.6, B8).
    if pairs.get("authsessionstate").is_some_and(|state| SessionState::parse(state) != Some(SessionState::Pending)) {
        return spoiled("the new session is not pending");
    }
    let symbol = match (confirmation, pairs.get("authsessionicondata").filter(|icon| !icon.is_empty())) {
        (Confirmation::Symbol, Some(icon)) => match check_png(icon) {
            Ok(()) => Some(icon.to_owned()),
            Err(flaw) => return spoiled(&format!("access pass: {flaw}")),
        },
        // The phone would ask for a plain yes, which nobody allowed here (check 133).
        (Confirmation::Symbol, None) => return spoiled("its answer has no access pass"),
        // One that nobody asked for is not shown: the login must not count for more than was asked.
        (Confirmation::Plain, _unasked) => None,
    };
    Ok(Begun { handle, challenge: Challenge::AccessPass(symbol), expires_in: None })
}

pub(super) fn progress(api: &dyn Api, reply: &Reply, session: &Session) -> Result<Progress, Unavailable> {
    if is_passing(reply.status) {
        return Err(Unavailable(format!("HTTP {}", reply.status)));
    }
    let pairs = match api.read(reply.status, &reply.body) {
        Ok(pairs) => pairs,
        Err(refusal) => return refused(refusal, reply.from_maker),
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

/// An approval names its session and its person; elsewhere either may be missing (SecSign notes §3.2). Through the REST API it names
/// neither (§2.2): it is of the session that was asked for, and of the person whom the create named (decision 2.3).
fn approved(pairs: &Pairs<'_>, session: &Session) -> Progress {
    let asked = session.secsignid.as_str();
    match (pairs.get("authsessionid"), pairs.get("secsignid")) {
        (Some(_checked), Some(named)) => approved_by(named, Some(asked)),
        (_, named) if session.requestid.is_none() => approved_by(named.unwrap_or(asked), Some(asked)),
        _incomplete => nonsense("the approval does not name its session and its person"),
    }
}

/// A refused question. 400 is said of sessions that are over and forgotten (SecSign notes §4): nothing can come of them.
fn refused(refusal: Refusal, from_maker: bool) -> Result<Progress, Unavailable> {
    match refusal {
        Refusal::NotRegistered => Ok(Progress::Ended(End::Failed(Reason::NotRegistered))),
        Refusal::Frozen => Ok(Progress::Ended(End::Failed(Reason::Frozen))),
        Refusal::NoSession | Refusal::NotFound if from_maker => Ok(Progress::Ended(End::Failed(Reason::Invalid))),
        Refusal::NoSession | Refusal::NotFound => {
            Err(Unavailable("only the host that did not make the session could be asked".to_owned()))
        }
        Refusal::Other(words) | Refusal::Nonsense(words) => Ok(nonsense(words)),
    }
}

/// Reads the answer to a cancel: `Ok` if the session is dead for certain. That is state 6, the states of a session that had
/// ended otherwise, and "no such session"; never an approval. The REST API says no state: its success is one (SecSign notes §2.2).
pub(super) fn cancelled(api: &dyn Api, reply: &Reply, session: &Session) -> Result<(), Unavailable> {
    use SessionState::{Cancelled, Denied, Expired, Invalid, Suspended};
    let unconfirmed = |detail: String| Err(Unavailable(format!("the cancellation is not confirmed: {detail}")));
    let pairs = match api.read(reply.status, &reply.body) {
        Ok(pairs) => pairs,
        Err(Refusal::NoSession | Refusal::NotFound) if reply.from_maker => return Ok(()),
        Err(Refusal::Nonsense(detail)) => return unconfirmed(detail),
        Err(refusal) => return unconfirmed(format!("refused ({refusal:?})")),
    };
    if !is_about(&pairs, session) || names_another(&pairs, session) {
        return unconfirmed("the answer is about another session".to_owned());
    }
    if session.requestid.is_none() && reply.is_whole && pairs.get("authsessionstate").is_none() {
        return Ok(());
    }
    match pairs.get("authsessionstate").and_then(SessionState::parse) {
        Some(Cancelled | Expired | Denied | Suspended | Invalid) => Ok(()),
        Some(state) => unconfirmed(format!("the session is {state:?}")),
        None => unconfirmed("the answer says no known state".to_owned()),
    }
}

fn is_about(pairs: &Pairs<'_>, session: &Session) -> bool {
    pairs.get("authsessionid").is_none_or(|id| id == session.authsessionid)
}

fn names_another(pairs: &Pairs<'_>, session: &Session) -> bool {
    pairs.get("secsignid").is_some_and(|named| named != session.secsignid.as_str())
}

/// The refusal that an answer's members say, in either API.
pub(super) fn refusal(pairs: &Pairs<'_>) -> Option<Refusal> {
    let [error, code, message] = ["error", "errorcode", "errormsg"].map(|key| pairs.get(key));
    if [error, code, message].iter().all(Option::is_none) {
        return None;
    }
    for (key, text) in [("error", error), ("errorcode", code)] {
        if text.is_some_and(|text| !text.bytes().all(|byte| byte.is_ascii_digit())) {
            return Some(Refusal::Nonsense(format!("`{key}` is not a number")));
        }
    }
    let [error, code] = [error, code].map(|text| text.and_then(|text| text.parse::<u32>().ok()));
    let message = message.unwrap_or_default();
    Some(match (error, code) {
        (_, Some(20000)) => Refusal::NotRegistered,
        (_, Some(20006)) => Refusal::Frozen,
        (Some(400), _) => Refusal::NoSession,
        (Some(500), None) if message.contains("exist") => Refusal::NotRegistered,
        _other => Refusal::Other(format!("error {error:?}, code {code:?}: {}", for_log(message))),
    })
}

#[cfg(test)]
mod tests;
