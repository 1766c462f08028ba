//! The phone services behind one face: begin, poll, cancel. What the services call their states stays inside their
//! folders; above this module there are only [`Progress`] and [`BeginError`].
//! Both are polled; nothing is ever pushed to us.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::login::{Challenge, End, UpstreamHandle};
use crate::domain::user::Upstream;

mod answer;
mod measured;
mod picture;
mod probe;
pub(crate) mod secsign;
pub(crate) mod thumbsignin;

pub(crate) use measured::measured;
pub(crate) use probe::{Found, Probed};

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
    /// SecSign 20006, HTTP 409.
    #[error("the phone service has frozen this person")]
    Frozen,
    /// No session exists.
    #[error("the phone service could not be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A session may exist, so nothing may be created until it has surely expired (decision 2.7).
    #[error("the phone service did not answer: a session may exist")]
    InDoubt(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the phone service answered something unusable: {detail}")]
    Unusable { detail: String, in_doubt: bool, handle: Option<UpstreamHandle> },
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

    /// Asks a phone, once: never repeated once the request's body was written (decision 2.7). Ends within 5 s.
    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError>;

    /// Asks how far the phone is. `asked` is the person whom the session is for, if it is for one: an answer that names
    /// another one is [`Progress::Nonsense`]. Ends within 3 s.
    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable>;

    /// Withdraws the request. `Ok` means that the session is dead at the service. May be repeated. Ends within 3 s.
    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable>;
}

/// The promised ends of [`PhoneApproval`]'s calls, with room for our own work.
struct Limits {
    begin: Duration,
    ask: Duration,
}

impl Limits {
    const PROMISED: Self = Self { begin: Duration::from_millis(4800), ask: Duration::from_millis(2800) };
}

#[derive(Clone, Default)]
pub(crate) struct Upstreams {
    pub secsign: Option<Arc<dyn PhoneApproval>>,
    pub thumbsignin: Option<Arc<dyn PhoneApproval>>,
}

impl Upstreams {
    pub(crate) fn get(&self, upstream: Upstream) -> Option<&Arc<dyn PhoneApproval>> {
        match upstream {
            Upstream::SecSign => self.secsign.as_ref(),
            Upstream::ThumbSignIn => self.thumbsignin.as_ref(),
        }
    }

    /// The configured services, in the order in which people are offered them.
    pub(crate) fn configured(&self) -> Vec<Upstream> {
        Upstream::ALL.into_iter().filter(|upstream| self.get(*upstream).is_some()).collect()
    }
}
