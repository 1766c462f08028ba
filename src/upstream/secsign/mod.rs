//! SecSign ID through its form API: one POST per request, `key=value` pairs as the answer, no credentials (SecSign notes
//! §1.2, §2.1). The phone shows several symbols, of which the page shows one.
//!
//! A second create for the same SecSign ID suspends the first and can freeze the ID, so a create is sent once, and to the
//! fallback host only if the primary certainly saw nothing of it (decision 2.7, SecSign notes §1.4). State and cancel may
//! be repeated. `ReqReleaseAuthSession` is not used: servers stopped to support it in 2019.

use async_trait::async_trait;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use self::reply::Reply;
use self::session::{Host, SecSignId, Session};
use super::answer::{is_passing, nonsense};
use super::{BeginError, BeginRequest, Begun, Capabilities, Found, Limits, PhoneApproval, Probed, Progress, Unavailable};
use crate::domain::error_chain::chain;
use crate::domain::login::UpstreamHandle;
use crate::domain::settings::SecSignSettings;
use crate::outbound::{Delivery, OutboundError, PhoneAnswer, PhoneClient, PhoneRequest, SendError};

mod reply;
mod session;
#[cfg(test)]
mod tests;
mod wire;

/// `apimethod`: which client speaks (SecSign notes §1.3).
const API_METHOD: &str = "Signbridge";
const PLUGIN_NAME: &str = concat!("Signbridge ", env!("CARGO_PKG_VERSION"));
/// The longest service name or address that is sent. The vendor's own script cuts at 255.
const MAX_SHOWN: usize = 100;

/// The client of a SecSign server.
pub(crate) struct SecSign {
    client: PhoneClient,
    primary: Url,
    fallback: Option<Url>,
    limits: Limits,
}

impl SecSign {
    pub(crate) fn new(settings: SecSignSettings) -> Result<Self, OutboundError> {
        Ok(Self {
            client: crate::outbound::phone_service(settings.ca_file.as_deref())?,
            primary: endpoint(settings.url),
            fallback: settings.fallback_url.map(endpoint),
            limits: Limits::PROMISED,
        })
    }

    /// Asks each configured host for the state of a session that does not exist; the primary first.
    pub(crate) async fn probe(&self) -> Vec<Probed> {
        let mut found = Vec::new();
        for (host, url) in self.hosts(Host::Primary) {
            let Some(session) = Session::unnamed(host) else { continue };
            let request = PhoneRequest::PostForm(url.clone(), question("ReqGetAuthSessionState", &session));
            let answer = self.client.send(request, Delivery::Repeatable, self.limits.ask).await;
            found.push(Probed::of(answer, |answer| match reply::is_of_secsign(answer.status, &answer.body) {
                Ok(()) => Found::Working,
                Err(flaw) => Found::Unusable(flaw),
            }));
        }
        found
    }

    /// The configured hosts, in the order in which they are asked.
    fn hosts(&self, first: Host) -> Vec<(Host, &Url)> {
        let mut hosts: Vec<_> = self.fallback.iter().map(|url| (Host::Fallback, url)).collect();
        hosts.insert(if first == Host::Primary { 0 } else { hosts.len() }, (Host::Primary, &self.primary));
        hosts
    }

    /// The one create. The second host gets it only where the first certainly did not.
    async fn create(&self, body: String) -> Result<(PhoneAnswer, Host), SendError> {
        let began = Instant::now();
        let post = |url: &Url, limit| {
            let request = PhoneRequest::PostForm(url.clone(), body.clone());
            self.client.send(request, Delivery::AtMostOnce, limit)
        };
        let failure = match post(&self.primary, self.limits.begin).await {
            Ok(answer) => return Ok((answer, Host::Primary)),
            Err(failure) => failure,
        };
        let Some(fallback) = self.fallback.as_ref().filter(|_url| failure.never_left()) else { return Err(failure) };
        tracing::warn!(error = %chain(&failure), "the SecSign server cannot be reached, asking its fallback");
        let answer = post(fallback, self.limits.begin.saturating_sub(began.elapsed())).await?;
        Ok((answer, Host::Fallback))
    }

    /// Asks about a session: first the host that made it, then the other one if the first says nothing.
    async fn ask(&self, request: &str, session: &Session) -> Result<Reply, Unavailable> {
        let body = question(request, session);
        let hosts = self.hosts(session.host);
        let mut failures = Vec::new();
        let mut blank = None;
        let began = Instant::now();
        for (index, (host, url)) in hosts.iter().enumerate() {
            let is_last = index + 1 == hosts.len();
            let left = self.limits.ask.saturating_sub(began.elapsed());
            let request = PhoneRequest::PostForm((*url).clone(), body.clone());
            let limit = if is_last { left } else { left * 3 / 5 };
            let (status, body) = match self.client.send(request, Delivery::Repeatable, limit).await {
                Ok(answer) => (answer.status, answer.body),
                Err(SendError::TooLong { status }) => (status, Vec::new()),
                Err(failure) => {
                    failures.push(chain(&failure));
                    continue;
                }
            };
            if is_passing(status) {
                failures.push(format!("HTTP {status}"));
                continue;
            }
            let reply = Reply { status, body, from_maker: *host == session.host };
            if is_last || status != 200 || !reply.body.is_empty() {
                return Ok(reply);
            }
            blank = Some(reply);
        }
        blank.ok_or_else(|| Unavailable(failures.join("; ")))
    }
}

#[async_trait]
impl PhoneApproval for SecSign {
    fn capabilities(&self) -> Capabilities {
        Capabilities { unnamed: false, matches_symbol: true, exclusive: true }
    }

    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError> {
        let Some(asked) = request.upstream_user.as_deref() else {
            return Err(BeginError::unusable("SecSign ID cannot ask without a name", false, None));
        };
        // A text that cannot be a SecSign ID is no one's.
        let asked = SecSignId::parse(asked).ok_or(BeginError::NotRegistered)?;
        let (answer, host) = self.create(creation(&asked, &request)).await?;
        reply::created(answer.status, &answer.body, &asked, host)
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let Some(session) = Session::from_handle(handle) else {
            return Ok(nonsense("the stored session is damaged"));
        };
        if asked.is_some_and(|asked| SecSignId::parse(asked).as_ref() != Some(&session.secsignid)) {
            return Ok(nonsense("the stored session is for another SecSign ID"));
        }
        reply::progress(&self.ask("ReqGetAuthSessionState", &session).await?, &session)
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let damaged = || Unavailable("the stored session is damaged".to_owned());
        let session = Session::from_handle(handle).ok_or_else(damaged)?;
        reply::cancelled(&self.ask("ReqCancelAuthSession", &session).await?, &session)
    }
}

/// The address of the form API under a configured one: the path `/` beneath it (SecSign notes §1.1).
fn endpoint(mut base: Url) -> Url {
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

/// The create's form (SecSign notes §2.1). Exactly the known parameters: a firewall in front of the server counts them.
/// Never a transaction text, which would switch the symbols off (check 133, S18).
fn creation(asked: &SecSignId, request: &BeginRequest) -> String {
    let (name, address) = (shown(&request.service_name), shown(&request.service_address));
    let more = [
        ("servicename", name.as_str()),
        ("serviceaddress", address.as_str()),
        ("pluginname", PLUGIN_NAME),
        ("showaccesspass", "true"),
    ];
    form("ReqRequestAuthSession", asked, &more)
}

/// The form of every later request about a session (SecSign notes §2.1).
fn question(request: &str, session: &Session) -> String {
    let more = [("authsessionid", session.authsessionid.as_str()), ("requestid", session.requestid.expose())];
    form(request, &session.secsignid, &more)
}

fn form(request: &str, secsignid: &SecSignId, more: &[(&str, &str)]) -> String {
    let named = [("request", request), ("apimethod", API_METHOD), ("secsignid", secsignid.as_str())];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(named).extend_pairs(more).finish()
}

/// A text for the phone. The server echoes it unescaped into answers that know no escaping, so nothing goes there that
/// could open a new pair (SecSign notes §3.1). It must not be empty (§2.1).
fn shown(text: &str) -> String {
    let is_safe = |char: char| (char.is_ascii_graphic() || char == ' ') && !matches!(char, '&' | '=');
    let safe: String = text.chars().take(MAX_SHOWN).map(|char| if is_safe(char) { char } else { '-' }).collect();
    let trimmed = safe.trim();
    if trimmed.is_empty() { API_METHOD.to_owned() } else { trimmed.to_owned() }
}
