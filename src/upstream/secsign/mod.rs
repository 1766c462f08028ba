//! SecSign ID: the phone shows several symbols, of which the page shows one. The server is spoken to through its form API or, with a
//! PIN account, through its REST API ([`api`]).
//!
//! A second create for the same SecSign ID suspends the first and can freeze the ID, so a create is sent once, and to the
//! fallback host only if the primary certainly saw nothing of it (decision 2.7, SecSign notes §1.4). State and cancel may
//! be repeated. `ReqReleaseAuthSession`, which servers stopped to support in 2019, is sent where `secsign.release` says so.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use url::Url;

use self::api::{Api, Question};
use self::app_link::AppLinks;
use self::form::FormApi;
use self::registry::Registry;
use self::reply::Reply;
use self::rest::RestApi;
use self::session::{Host, SecSignId, Session};
use super::answer::{is_passing, nonsense};
use super::{
    BeginError, BeginRequest, Begun, Capabilities, Limits, PhoneApproval, PhoneRegistry, Probed, Progress, Unavailable,
};
use crate::domain::error_chain::chain;
use crate::domain::login::UpstreamHandle;
use crate::domain::settings::SecSignSettings;
use crate::outbound::{Delivery, OutboundError, PhoneAnswer, PhoneClient, SendError};

mod api;
mod app_link;
mod form;
mod registry;
mod reply;
mod rest;
mod session;
#[cfg(test)]
mod tests;
mod wire;

/// So is one that was begun before `secsign.pin_user` was written or taken out.
const NOT_OURS: &str = "the stored session is damaged, or of the server's other API";

/// How much of the time that is left one host gets: those after it have to have time, too.
fn share(left: Duration, is_last: bool) -> Duration {
    if is_last { left } else { left * 3 / 5 }
}

/// The client of a SecSign server.
pub(crate) struct SecSign {
    client: PhoneClient,
    api: Box<dyn Api>,
    /// Where there is a PIN account.
    registry: Option<Registry>,
    app_links: Option<AppLinks>,
    /// Whether the server wants to hear that an approval was read.
    releases: bool,
    primary: Url,
    fallback: Option<Url>,
    limits: Limits,
}

impl SecSign {
    pub(crate) fn new(settings: SecSignSettings) -> Result<Self, OutboundError> {
        let client = crate::outbound::phone_service(settings.ca_file.as_deref())?;
        let app_links = AppLinks::of(&settings);
        let (primary, fallback) = (endpoint(settings.url), settings.fallback_url.map(endpoint));
        let (api, registry): (Box<dyn Api>, _) = match (&settings.pin_user, &settings.pin_password) {
            (Some(user), Some(password)) => {
                let api = RestApi::new(user, password);
                let servers = [&primary].into_iter().chain(&fallback);
                let registry = Registry::new(client.clone(), api.clone(), settings.app_scheme, servers);
                (Box::new(api), Some(registry))
            }
            _no_account => (Box::new(FormApi), None),
        };
        let releases = settings.release && registry.is_none();
        Ok(Self { client, api, registry, app_links, releases, primary, fallback, limits: Limits::PROMISED })
    }

    fn session(&self, handle: &UpstreamHandle) -> Option<Session> {
        Session::from_handle(handle).filter(|session| session.requestid.is_some() == self.api.has_request_ids())
    }

    /// The configured hosts, in the order in which they are asked.
    fn hosts(&self, first: Host) -> Vec<(Host, &Url)> {
        let mut hosts: Vec<_> = self.fallback.iter().map(|url| (Host::Fallback, url)).collect();
        hosts.insert(if first == Host::Primary { 0 } else { hosts.len() }, (Host::Primary, &self.primary));
        hosts
    }

    /// The one create. The second host gets it only where the first certainly did not.
    async fn create(&self, asked: &SecSignId, request: &BeginRequest) -> Result<(PhoneAnswer, Host), SendError> {
        let began = Instant::now();
        let send = |url: &Url, limit| self.client.send(self.api.create(url, asked, request), Delivery::AtMostOnce, limit);
        let failure = match send(&self.primary, self.limits.begin).await {
            Ok(answer) => return Ok((answer, Host::Primary)),
            Err(failure) => failure,
        };
        let Some(fallback) = self.fallback.as_ref().filter(|_url| failure.never_left()) else { return Err(failure) };
        tracing::warn!(error = %chain(&failure), "the SecSign server cannot be reached, asking its fallback");
        let answer = send(fallback, self.limits.begin.saturating_sub(began.elapsed())).await?;
        Ok((answer, Host::Fallback))
    }

    /// Asks about a session: first the host that made it, then the other one if the first says nothing.
    async fn ask(&self, question: Question, session: &Session) -> Result<Reply, Unavailable> {
        let hosts = self.hosts(session.host);
        let mut failures = Vec::new();
        let mut blank = None;
        let began = Instant::now();
        for (index, (host, url)) in hosts.iter().enumerate() {
            let is_last = index + 1 == hosts.len();
            let left = self.limits.ask.saturating_sub(began.elapsed());
            let request = self.api.ask(url, question, session);
            let limit = share(left, is_last);
            let (status, body, is_whole) = match self.client.send(request, Delivery::Repeatable, limit).await {
                Ok(answer) => (answer.status, answer.body, true),
                Err(SendError::TooLong { status }) => (status, Vec::new(), false),
                Err(failure) => {
                    failures.push(chain(&failure));
                    continue;
                }
            };
            if is_passing(status) {
                failures.push(format!("HTTP {status}"));
                continue;
            }
            let reply = Reply { status, body, is_whole, from_maker: *host == session.host };
            // A cancel through the REST API needs no words.
            let may_be_blank = is_whole && question == Question::Cancel && !self.api.has_request_ids();
            if is_last || status != 200 || may_be_blank || !reply.body.is_empty() {
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

    async fn probe(&self) -> Vec<Probed> {
        let mut found = Vec::new();
        for (_, url) in self.hosts(Host::Primary) {
            let Some(request) = self.api.probe(url) else { continue };
            let answer = self.client.send(request, Delivery::Repeatable, self.limits.ask).await;
            found.push(Probed::of(answer, |answer| self.api.judge(answer)));
        }
        found
    }

    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError> {
        let Some(asked) = request.upstream_user.as_deref() else {
            return Err(BeginError::unusable("SecSign ID cannot ask without a name", false, None));
        };
        // A text that cannot be a SecSign ID is no one's.
        let asked = SecSignId::parse(asked).ok_or(BeginError::NotRegistered)?;
        let (answer, host) = self.create(&asked, &request).await?;
        reply::created(self.api.as_ref(), &answer, host, &asked, request.confirmation)
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let Some(session) = self.session(handle) else {
            return Ok(nonsense(NOT_OURS));
        };
        if asked.is_some_and(|asked| SecSignId::parse(asked).as_ref() != Some(&session.secsignid)) {
            return Ok(nonsense("the stored session is for another SecSign ID"));
        }
        reply::progress(self.api.as_ref(), &self.ask(Question::State, &session).await?, &session)
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let session = self.session(handle).ok_or_else(|| Unavailable(NOT_OURS.to_owned()))?;
        reply::cancelled(self.api.as_ref(), &self.ask(Question::Cancel, &session).await?, &session)
    }

    fn registry(&self) -> Option<&dyn PhoneRegistry> {
        self.registry.as_ref().map(|registry| registry as &dyn PhoneRegistry)
    }

    fn app_link(&self, handle: &UpstreamHandle, return_url: &str) -> Option<String> {
        Some(self.app_links.as_ref()?.authenticate(&self.session(handle)?, return_url))
    }

    /// Asks the host that made the session, once.
    async fn release(&self, handle: &UpstreamHandle) {
        let Some(session) = self.session(handle).filter(|_session| self.releases) else { return };
        let made_at = self.hosts(session.host).into_iter().find(|(host, _url)| *host == session.host);
        let Some((_host, url)) = made_at else { return };
        let outcome = match self.client.send(form::release(url, &session), Delivery::Repeatable, self.limits.ask).await {
            Ok(answer) => match self.api.read(answer.status, &answer.body) {
                Ok(_members) => "released".to_owned(),
                Err(refusal) => format!("{refusal:?}"),
            },
            Err(failure) => chain(&failure),
        };
        tracing::debug!(%outcome, "asked the SecSign server to release a session");
    }
}

/// A configured address as the base of both APIs: it ends in `/`, which is the form API's own (SecSign notes §1.1).
fn endpoint(mut base: Url) -> Url {
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}
