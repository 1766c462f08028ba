//! The form API: one POST per request, `key=value` pairs as the answer, no credentials (SecSign notes §1.2, §2.1). Exactly the known
//! parameters are sent: a firewall in front of the server counts them.

use url::{Url, form_urlencoded};

use super::api::{API_METHOD, Api, PLUGIN_NAME, Question, shown, with_symbols};
use super::reply::{Refusal, refusal};
use super::session::{SecSignId, Session};
use super::wire::Pairs;
use crate::domain::secret::Secret;
use crate::outbound::{PhoneAnswer, PhoneRequest};
use crate::upstream::{BeginRequest, Found};

pub(super) struct FormApi;

impl Api for FormApi {
    /// Never a transaction text, which would switch the symbols off (check 133, S18).
    fn create(&self, base: &Url, asked: &SecSignId, request: &BeginRequest) -> PhoneRequest {
        let form = [
            ("request", "ReqRequestAuthSession"),
            ("apimethod", API_METHOD),
            ("secsignid", asked.as_str()),
            ("servicename", &shown(&request.service_name)),
            ("serviceaddress", &shown(&request.service_address)),
            ("pluginname", PLUGIN_NAME),
            ("showaccesspass", with_symbols(request)),
        ];
        post(base, &form)
    }

    fn ask(&self, base: &Url, question: Question, session: &Session) -> PhoneRequest {
        let request = match question {
            Question::State => "ReqGetAuthSessionState",
            Question::Cancel => "ReqCancelAuthSession",
        };
        about(session, request, base)
    }

    /// The state of a session that does not exist.
    fn probe(&self, base: &Url) -> Option<PhoneRequest> {
        Some(self.ask(base, Question::State, &Session::of_nobody()?))
    }

    fn judge(&self, answer: &PhoneAnswer) -> Found {
        match self.read(answer.status, &answer.body) {
            Ok(pairs) if pairs.get("authsessionstate").is_none() => {
                Found::Unusable("its answer is no answer of a SecSign server".to_owned())
            }
            Err(Refusal::Nonsense(detail)) => Found::Unusable(detail),
            _state_or_refusal => Found::Working,
        }
    }

    /// A refusal counts under any HTTP status (the server's own habits are not documented); a success only under 200.
    fn read<'a>(&self, status: u16, body: &'a [u8]) -> Result<Pairs<'a>, Refusal> {
        // SecSign notes §3.3.
        if status == 409 {
            return Err(Refusal::Frozen);
        }
        let in_words = |flaw| Refusal::Nonsense(if status == 200 { flaw } else { format!("HTTP {status}") });
        let pairs = Pairs::parse(body).map_err(in_words)?;
        match refusal(&pairs) {
            Some(refusal) => Err(refusal),
            None if status == 200 => Ok(pairs),
            None => Err(Refusal::Nonsense(format!("HTTP {status}"))),
        }
    }

    fn has_request_ids(&self) -> bool {
        true
    }
}

/// Gives an approved session back, at servers that know of that (SecSign notes §4). The REST API has nothing like it.
pub(super) fn release(base: &Url, session: &Session) -> PhoneRequest {
    about(session, "ReqReleaseAuthSession", base)
}

fn about(session: &Session, request: &str, base: &Url) -> PhoneRequest {
    let form = [
        ("request", request),
        ("apimethod", API_METHOD),
        ("secsignid", session.secsignid.as_str()),
        ("authsessionid", &session.authsessionid),
        ("requestid", session.requestid.as_ref().map(Secret::expose).unwrap_or_default()),
    ];
    post(base, &form)
}

fn post(base: &Url, form: &[(&str, &str)]) -> PhoneRequest {
    PhoneRequest::PostForm(base.clone(), form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
}
