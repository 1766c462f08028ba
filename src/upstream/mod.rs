//! The phone services behind two faces: [`PhoneApproval`] asks a phone (begin, poll, cancel), [`PhoneRegistry`] says which
//! phones a service knows. What the services call their states stays inside their folders; above this module there are only
//! [`Progress`], [`BeginError`] and [`RegistryError`].
//! Both are polled; nothing is ever pushed to us.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::login::{Challenge, Confirmation, End, Reason, UpstreamHandle};
use crate::domain::user::Upstream;
use crate::metrics;
use crate::outbound::SendError;

mod answer;
mod picture;
mod pixels;
mod registry;
pub(crate) mod secsign;
pub(crate) mod thumbsignin;

pub(crate) use answer::{Found, Probed};
pub(crate) use pixels::Pixels;
pub(crate) use registry::{Enrolment, PhoneRegistry, Phones, RegisteredPhone, RegistryError};

/// Between polls while nobody has touched the phone, on average, and once somebody has (decision 2.8).
pub(crate) const SLOW: Duration = Duration::from_millis(1500);
pub(crate) const FAST: Duration = Duration::from_secs(1);

/// What a service can do, so that flows ask instead of knowing names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// It can be asked without naming a person (a QR code for whoever scans it).
    pub unnamed: bool,
    /// The phone shows symbols of which one is on the page (decision 2.1: `matched`).
    pub matches_symbol: bool,
    /// A second request for the same person harms the first: one session per person (decision 2.7).
    pub exclusive: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct BeginRequest {
    /// The person, by the service's name for them; `None` for a QR code without a name.
    pub upstream_user: Option<String>,
    /// Which app asks, from our configuration of the client: printable ASCII without `&` and `=`, at most 100 characters.
    pub service_name: String,
    pub service_address: String,
    /// The browser's `User-Agent` (ThumbSignIn wants it forwarded).
    pub user_agent: String,
    /// A service without symbols has one way only, and passes it over.
    pub confirmation: Confirmation,
}

#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub handle: UpstreamHandle,
    pub challenge: Challenge,
    /// How long the service waits for the phone, where it says so.
    pub expires_in: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    /// SecSign 20000.
    #[error("the phone service does not know this person")]
    NotRegistered,
    /// Of a registration.
    #[error("the phone service has this phone of this person already")]
    AlreadyRegistered,
    /// SecSign 20006, HTTP 409.
    #[error("the phone service has frozen this person")]
    Frozen,
    /// No session exists.
    #[error("the phone service could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A session may exist, so nothing may be created until it has surely expired (decision 2.7).
    #[error("the phone service did not answer: a session may exist")]
    InDoubt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `is_down`: the service says that it cannot work at present.
    #[error("the phone service answered something unusable: {detail}")]
    Unusable { detail: String, in_doubt: bool, handle: Option<UpstreamHandle>, is_down: bool },
}

impl BeginError {
    pub(crate) fn unusable(detail: impl Into<String>, in_doubt: bool, handle: Option<UpstreamHandle>) -> Self {
        Self::Unusable { detail: detail.into(), in_doubt, handle, is_down: false }
    }

    /// Of an answer with this HTTP status, which names no session.
    pub(crate) fn answered(status: u16, detail: impl Into<String>, in_doubt: bool) -> Self {
        Self::Unusable { detail: detail.into(), in_doubt, handle: None, is_down: answer::is_passing(status) }
    }

    /// Whether it tells nothing of the person, and that the service does not work.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::InDoubt(_) | Self::Unusable { is_down: true, .. })
    }

    /// The word that it is counted by, why the login fails, and whether a session may exist.
    pub(crate) const fn verdict(&self) -> (&'static str, Reason, bool) {
        match self {
            Self::NotRegistered => ("not_registered", Reason::NotRegistered, false),
            Self::AlreadyRegistered => ("already_registered", Reason::AlreadyRegistered, false),
            Self::Frozen => ("frozen", Reason::Frozen, false),
            Self::Unreachable(_) => ("unreachable", Reason::UpstreamDown, false),
            Self::InDoubt(_) => ("in_doubt", Reason::UpstreamDown, true),
            Self::Unusable { in_doubt, .. } => ("unusable", Reason::Technical, *in_doubt),
        }
    }
}

impl From<SendError> for BeginError {
    fn from(failure: SendError) -> Self {
        if failure.never_left() { Self::Unreachable(failure.into()) } else { Self::InDoubt(failure.into()) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Pending,
    Fetched,
    /// Approved, by the person whom the service names (canonical, checked to be non-empty).
    Approved {
        upstream_user: String,
    },
    /// Over at the service, hence its session is dead.
    Ended(End),
    /// Declined by the person who was asked, with the words that the request was not theirs; its session is dead.
    Disowned,
    /// Nonsense, or about another session or person: the login fails (decision 2.6). The service's session may still live.
    /// `wrong_person`: it named another person than was asked, an alarm (decision 2.3).
    Nonsense {
        detail: String,
        wrong_person: bool,
    },
}

/// A poll that says nothing about the session. It is asked again until the login's deadline (decision 2.6).
#[derive(Debug, thiserror::Error)]
#[error("the phone service could not be asked: {0}")]
pub(crate) struct Unavailable(pub String);

#[async_trait]
pub(crate) trait PhoneApproval: Send + Sync {
    fn capabilities(&self) -> Capabilities;

    /// Asks each configured host something that creates nothing and makes no phone ring, the primary one first; empty: there is
    /// nothing of the kind to ask. Ends within 3 s for each.
    async fn probe(&self) -> Vec<Probed> {
        Vec::new()
    }

    /// Asks a phone, once: never repeated once the request's body was written (decision 2.7). Ends within 5 s.
    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError>;

    /// Asks how far the phone is. `asked` is the person whom the session is for, if it is for one: an answer that names
    /// another one is [`Progress::Nonsense`]. Ends within 3 s.
    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable>;

    /// Withdraws the request. `Ok` means that the session is dead at the service. May be repeated. Ends within 3 s.
    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable>;

    /// `None`: the service does not let us see which phones people have.
    fn registry(&self) -> Option<&dyn PhoneRegistry> {
        None
    }

    /// A link that opens the service's app with this request, on a phone whose own browser shows the page at `return_url`;
    /// `None`: there is none. It names the session: whoever holds it knows who is asked.
    fn app_link(&self, _handle: &UpstreamHandle, _return_url: &str) -> Option<String> {
        None
    }

    /// Tells a service that wants to know that an approval was read. Nothing depends on it. Ends within 3 s.
    async fn release(&self, _handle: &UpstreamHandle) {}
}

/// The promised ends of [`PhoneApproval`]'s calls, with room for our own work.
struct Limits {
    begin: Duration,
    ask: Duration,
}

impl Limits {
    const PROMISED: Self = Self { begin: Duration::from_millis(4800), ask: Duration::from_millis(2800) };
}

/// The configured services, in the order in which people are offered them.
pub(crate) type Upstreams = BTreeMap<Upstream, Arc<dyn PhoneApproval>>;

/// Makes a call and counts it, by what came of it in a word.
pub(crate) async fn counted<T>(
    upstream: Upstream,
    operation: &'static str,
    call: impl Future<Output = T>,
    outcome: fn(&T) -> &'static str,
) -> T {
    let (provider, started) = (upstream.as_str(), Instant::now());
    let answer = call.await;
    metrics::PROVIDER_REQUESTS.add([provider, operation, outcome(&answer)]);
    metrics::PROVIDER_REQUEST_DURATION.observe([provider.into(), operation.into()], started.elapsed().as_secs_f64());
    answer
}
