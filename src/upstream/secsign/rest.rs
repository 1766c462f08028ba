//! The REST API, which newer servers have: JSON answers, errors by HTTP status, HTTP Basic with a "PIN account" on every call
//! (SecSign notes §2.2). A session is named by its id alone, and its state names nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::api::{Api, Question, shown, with_symbols};
use super::reply::{Refusal, refusal};
use super::session::{SecSignId, Session};
use super::wire::Pairs;
use crate::domain::secret::Secret;
use crate::outbound::{PhoneAnswer, PhoneRequest};
use crate::upstream::{BeginRequest, Found};

#[derive(Clone)]
pub(super) struct RestApi {
    /// RFC 7617 §2.
    authorization: Secret,
}

impl RestApi {
    pub(super) fn new(pin_user: &str, pin_password: &Secret) -> Self {
        let account = STANDARD.encode(format!("{pin_user}:{}", pin_password.expose()));
        Self { authorization: Secret::new(format!("Basic {account}")) }
    }

    pub(super) fn get(&self, url: Url) -> PhoneRequest {
        PhoneRequest::Get(url, self.headers())
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        vec![("authorization", self.authorization.expose().to_owned()), ("accept", "application/json".to_owned())]
    }
}

/// What a status says that is no success (SecSign notes §2.2).
pub(super) fn refusal_of(status: u16) -> Option<Refusal> {
    match status {
        200 => None,
        401 | 403 => Some(Refusal::Other(format!("it does not accept the PIN account (HTTP {status})"))),
        404 => Some(Refusal::NotFound),
        409 => Some(Refusal::Frozen),
        _ => Some(Refusal::Nonsense(format!("HTTP {status}"))),
    }
}

impl Api for RestApi {
    /// Never a transaction text, which would switch the symbols off (check 133, S18).
    fn create(&self, base: &Url, asked: &SecSignId, request: &BeginRequest) -> PhoneRequest {
        let mut url = below(base, &["v2", "AuthSession"]);
        url.query_pairs_mut()
            .append_pair("secsignid", asked.as_str())
            .append_pair("servicename", &shown(&request.service_name))
            .append_pair("serviceaddress", &shown(&request.service_address))
            .append_pair("showaccesspassicons", with_symbols(request));
        self.get(url)
    }

    fn ask(&self, base: &Url, question: Question, session: &Session) -> PhoneRequest {
        let url = below(base, &["v2", "AuthSession", &session.authsessionid]);
        match question {
            Question::State => self.get(url),
            Question::Cancel => PhoneRequest::Delete(url, self.headers()),
        }
    }

    /// Whether a SecSign ID exists that nobody will have.
    fn probe(&self, base: &Url) -> Option<PhoneRequest> {
        let mut url = below(base, &["v2", "SecSignId", "signbridge-doctor"]);
        url.set_query(Some("exist"));
        Some(self.get(url))
    }

    fn judge(&self, answer: &PhoneAnswer) -> Found {
        match (answer.status, Pairs::of_json(&answer.body)) {
            (401 | 403, _) => Found::Refused(format!(
                "it does not accept secsign.pin_user and secsign.pin_password (HTTP {}): compare them with the server's PIN account",
                answer.status
            )),
            (200, Ok(pairs)) if pairs.get("exist").is_some() => Found::Working,
            (status, _) => Found::Unusable(format!("its answer (HTTP {status}) is no answer of a SecSign server's REST API")),
        }
    }

    fn read<'a>(&self, status: u16, body: &'a [u8]) -> Result<Pairs<'a>, Refusal> {
        if let Some(refusal) = refusal_of(status) {
            return Err(refusal);
        }
        let pairs = Pairs::of_json(body).map_err(Refusal::Nonsense)?;
        refusal(&pairs).map_or(Ok(pairs), Err)
    }

    fn has_request_ids(&self) -> bool {
        false
    }
}

/// `pieces` begin with the version.
pub(super) fn below(base: &Url, pieces: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("rest").extend(pieces);
    }
    url
}

#[cfg(test)]
mod tests;
