//! Which SecSign IDs a server has, on how many phones each is, and the code by which an app makes a new one: through the REST
//! API (SecSign notes §2.3), so only with a PIN account. The server says nothing of a phone and takes none away, and nothing
//! here changes anything there: each question may go to the other host.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::api::Api as _;
use super::reply::Refusal;
use super::rest::{RestApi, below, refusal_of};
use super::session::SecSignId;
use super::share;
use crate::domain::login::Challenge;
use crate::outbound::{Delivery, PhoneAnswer, PhoneClient};
use crate::protocol::json::parse_object;
use crate::protocol::uri::{absolute, is_web};
use crate::upstream::picture::check_png;
use crate::upstream::registry::heard;
use crate::upstream::{BeginError, Enrolment, Limits, PhoneRegistry, Phones, RegistryError};

/// From this version on phones are counted by a call of their own.
const COUNTS: (u32, u32, u32) = (10, 7, 5);
/// How long the version of a server is taken as known.
const KNOWN_FOR: Duration = Duration::from_mins(30);

pub(super) struct Registry {
    client: PhoneClient,
    api: RestApi,
    app_scheme: String,
    /// The primary first.
    servers: Vec<Server>,
    limits: Limits,
}

struct Server {
    base: Url,
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    counts: bool,
    until: Instant,
}

impl Registry {
    pub(super) fn new<'a>(
        client: PhoneClient,
        api: RestApi,
        app_scheme: String,
        servers: impl IntoIterator<Item = &'a Url>,
    ) -> Self {
        let server = |base: &Url| Server { base: base.clone(), known: Mutex::new(None) };
        Self { client, api, app_scheme, servers: servers.into_iter().map(server).collect(), limits: Limits::PROMISED }
    }

    /// The servers in the order in which they are asked, and until when each may be.
    fn in_turn(&self, limit: Duration) -> impl Iterator<Item = (&Server, Instant)> {
        let (began, count) = (Instant::now(), self.servers.len());
        self.servers.iter().enumerate().map(move |(at, server)| (server, began + share(limit, at + 1 == count)))
    }

    async fn get(&self, url: Url, until: Instant) -> Result<PhoneAnswer, RegistryError> {
        let left = until.saturating_duration_since(Instant::now());
        heard(self.client.send(self.api.get(url), Delivery::Repeatable, left).await)
    }

    async fn phones_at(&self, server: &Server, id: &SecSignId, until: Instant) -> Result<Phones, RegistryError> {
        let answer = self.get(about(&server.base, id, "exist"), until).await?;
        if !self.exists(&answer)? {
            return Ok(Phones::Nobody);
        }
        let count = if self.counts(server, until).await? {
            let url = below(&server.base, &["v1", "Device", id.as_str(), "Count"]);
            self.count(&self.get(url, until).await?)
        } else {
            listed(&self.get(about(&server.base, id, "devices"), until).await?, id)
        };
        count.map(Phones::Counted)
    }

    fn exists(&self, answer: &PhoneAnswer) -> Result<bool, RegistryError> {
        let pairs = match self.api.read(answer.status, &answer.body) {
            Err(Refusal::NotRegistered | Refusal::NotFound) => return Ok(false),
            read => read.map_err(refused)?,
        };
        match pairs.get("exist") {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _neither => Err(unusable("it says neither that the SecSign ID exists nor that it does not")),
        }
    }

    /// Whether the server is new enough to count phones; one that has no such call is older.
    async fn counts(&self, server: &Server, until: Instant) -> Result<bool, RegistryError> {
        let known = *server.known.lock();
        if let Some(known) = known.filter(|known| Instant::now() < known.until) {
            return Ok(known.counts);
        }
        let url = below(&server.base, &["v2", "PluginRegistration", "ServerInfo"]);
        let answer = self.get(url, until).await?;
        let counts = match self.api.read(answer.status, &answer.body) {
            Err(Refusal::NotFound) => false,
            read => {
                let pairs = read.map_err(refused)?;
                let number = |key: &str| pairs.get(key).and_then(|text| text.parse::<u32>().ok());
                let version = number("majorVersion").zip(number("minorVersion")).zip(number("patchVersion"));
                let ((major, minor), patch) = version.ok_or_else(|| unusable("it does not say its version"))?;
                (major, minor, patch) >= COUNTS
            }
        };
        *server.known.lock() = Some(Known { counts, until: Instant::now() + KNOWN_FOR });
        Ok(counts)
    }

    fn count(&self, answer: &PhoneAnswer) -> Result<u32, RegistryError> {
        let pairs = self.api.read(answer.status, &answer.body).map_err(refused)?;
        let count = pairs.get("count").and_then(|text| text.parse().ok());
        count.ok_or_else(|| unusable("it does not say how many phones there are"))
    }

    fn invitation(&self, answer: &PhoneAnswer, base: &Url) -> Result<Challenge, RegistryError> {
        let pairs = self.api.read(answer.status, &answer.body).map_err(refused)?;
        let image = pairs.get("qrcodebase64").ok_or_else(|| unusable("no QR code came"))?;
        check_png(image).map_err(|flaw| RegistryError::Unusable(format!("QR code: {flaw}")))?;
        let link = pairs.get("createurl").and_then(|link| self.link(link, base));
        let deep_link = link.ok_or_else(|| unusable("no usable link into the app came"))?;
        Ok(Challenge::QrCode { image: image.to_owned(), deep_link })
    }

    /// A link for our page, which comes percent-encoded as a whole. It leads into the ID app, or to a page: over https, or as
    /// the server itself is asked, which is over plain http on this machine only.
    fn link(&self, written: &str, base: &Url) -> Option<String> {
        let link = match written.contains(':') {
            true => Cow::from(written),
            false => percent_decode_str(written).decode_utf8().ok()?,
        };
        let url = absolute(&link)?;
        let is_page = is_web(&url) && ["https", base.scheme()].contains(&url.scheme());
        (is_page || url.scheme() == self.app_scheme).then(|| link.into_owned())
    }
}

#[async_trait]
impl PhoneRegistry for Registry {
    /// Nothing is created by asking for the code: the app does that.
    async fn enrol(&self, user: &str, _user_agent: &str) -> Result<Enrolment, BeginError> {
        let Some(id) = segment(user) else {
            return Err(BeginError::unusable("no SecSign ID looks like that", false, None));
        };
        let mut failure = None;
        for (server, until) in self.in_turn(self.limits.begin) {
            let answer = self.get(about(&server.base, &id, "createqrcode"), until).await;
            match answer.and_then(|answer| self.invitation(&answer, &server.base)) {
                Ok(challenge) => return Ok(Enrolment::Invitation(challenge)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(match failure.unwrap_or_else(nobody_asked) {
            RegistryError::Unusable(detail) => BeginError::unusable(detail, false, None),
            unavailable => BeginError::Unreachable(unavailable.into()),
        })
    }

    async fn phones(&self, user: &str) -> Result<Phones, RegistryError> {
        let Some(id) = segment(user) else { return Ok(Phones::Nobody) };
        let mut failure = None;
        for (server, until) in self.in_turn(self.limits.ask) {
            match self.phones_at(server, &id, until).await {
                Ok(phones) => return Ok(phones),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(nobody_asked))
    }

    async fn remove(&self, _user: &str, _phone: &str) -> Result<(), RegistryError> {
        Err(RegistryError::Unsupported)
    }
}

/// A SecSign ID that can be one segment of a path.
fn segment(user: &str) -> Option<SecSignId> {
    SecSignId::parse(user).filter(|id| !matches!(id.as_str(), "." | ".."))
}

fn about(base: &Url, id: &SecSignId, question: &str) -> Url {
    let mut url = below(base, &["v2", "SecSignId", id.as_str()]);
    url.set_query(Some(question));
    url
}

/// Counts the phones that an older server lists: `{ID: {"devices": {…}}}`.
fn listed(answer: &PhoneAnswer, id: &SecSignId) -> Result<u32, RegistryError> {
    if let Some(refusal) = refusal_of(answer.status) {
        return Err(refused(refusal));
    }
    let answer = parse_object(&answer.body);
    let devices = answer.as_ref().and_then(|answer| answer.get(id.as_str())).and_then(|about| about.get("devices"));
    let count = devices.and_then(Value::as_object).and_then(|devices| u32::try_from(devices.len()).ok());
    count.ok_or_else(|| unusable("it does not list the phones"))
}

fn refused(refusal: Refusal) -> RegistryError {
    match refusal {
        Refusal::Other(words) | Refusal::Nonsense(words) => RegistryError::Unusable(words),
        refusal => RegistryError::Unusable(format!("it refused the question ({refusal:?})")),
    }
}

fn unusable(detail: &str) -> RegistryError {
    RegistryError::Unusable(detail.to_owned())
}

fn nobody_asked() -> RegistryError {
    RegistryError::Unavailable("there is no server to ask".to_owned())
}

#[cfg(test)]
mod tests;
