//! A provider for the tests of logins: alice with a SecSign ID, one authorization, and a phone service over TCP that does what
//! it should, at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::assurance::Acr;
use crate::domain::authorization::{Authorization, CodeContent};
use crate::domain::browser::{BrowserKey, RequestSource};
use crate::domain::clock::ManualClock;
use crate::domain::id::{LoginId, UserId};
use crate::domain::login::{Login, Purpose};
use crate::domain::secret::SecretDigest;
use crate::domain::settings::{Limits, SecSignSettings};
use crate::domain::user::{Upstream, User};
use crate::flow::Settings;
use crate::flow::login::begin::begin;
use crate::flow::login::{LoginRequest, symbol};
use crate::flow::token::tests::{Bench, T0};
use crate::outbound::tests::scripted::{Received, Reply, Scripted};
use crate::store::{logins, remembered_browsers, users};
use crate::upstream::secsign::SecSign;

/// How the phone service goes at present.
#[derive(Default)]
pub(crate) struct ServiceBehaviour {
    create_takes: Duration,
    /// Whether it reads a create and breaks the connection: nobody knows what became of it.
    pub(crate) drops_creates: AtomicBool,
    /// Whether it says to everything that it cannot work at present, and does nothing.
    pub(crate) is_down: AtomicBool,
    /// Whether it gives every request the same symbol; else each gets another.
    pub(crate) same_symbol: AtomicBool,
    symbol: AtomicU8,
    /// The state of every session, once it is not pending.
    pub(crate) state: AtomicU8,
    /// How long a cancel takes by the clock of the provider, in seconds.
    pub(crate) cancel_takes: AtomicU64,
}

impl ServiceBehaviour {
    /// The next request gets the symbol of the first one.
    pub(crate) fn symbol_of_first(&self) {
        self.symbol.store(0, Ordering::SeqCst);
    }
}

/// Who is there, and what was asked.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    service: Scripted,
    pub(crate) behaviour: Arc<ServiceBehaviour>,
    content: CodeContent,
    authorization: Authorization,
    other: Authorization,
    pub(crate) alice: UserId,
    /// What a login must at least reach.
    pub(crate) wanted: Acr,
}

impl Scene {
    /// With a phone service that takes its time to create.
    pub(crate) async fn new(takes: Duration) -> Self {
        Self::with(takes, false).await
    }

    /// With a phone service that is told of each approval that was read, and refuses to hear of it.
    pub(crate) async fn that_releases() -> Self {
        Self::with(Duration::ZERO, true).await
    }

    async fn with(takes: Duration, release: bool) -> Self {
        let mut bench = Bench::new().await;
        let behaviour = Arc::new(ServiceBehaviour { create_takes: takes, ..ServiceBehaviour::default() });
        let (clock, mood_of_service) = (Arc::clone(&bench.clock), Arc::clone(&behaviour));
        let service = Scripted::start(move |request| answer(request, &mood_of_service, &clock)).await;
        let mobile_url = Some("https://id1.example".parse().unwrap());
        let settings = SecSignSettings { mobile_url, release, ..SecSignSettings::at(service.url()) };
        bench.op.upstreams.insert(Upstream::SecSign, Arc::new(SecSign::new(settings).unwrap()));
        let alice = bench.user("alice").await;
        bench.phone(&alice).await;
        let client = bench.client("app").await;
        let session = bench.session(&alice).await;
        let content = bench.content(&client, &session);
        let authorization = bench.authorization(&content).await;
        let other = bench.authorization(&content).await;
        Self { bench, service, behaviour, content, authorization, other, alice: alice.id, wanted: Acr::Approved }
    }

    /// A new authorization takes the place of the one for which other browsers begin logins: it lasts half an hour.
    pub(crate) async fn renew(&mut self) {
        self.other = self.bench.authorization(&self.content).await;
    }

    pub(crate) fn limit(&mut self, limits: Limits) {
        let settings = Settings::clone(&self.bench.op.settings);
        self.bench.op.settings = Arc::new(Settings { limits, ..settings });
    }

    /// Makes a browser one that alice used before.
    pub(crate) async fn remember(&self, browser: &BrowserKey) {
        let remembered = (browser.clone(), self.alice.clone());
        let store = &self.bench.op.store;
        store
            .write(remembered, |tx, (browser, user)| Box::pin(remembered_browsers::remember(tx, browser, user, None, T0)))
            .await
            .unwrap();
    }

    /// Changes what is kept of alice.
    pub(crate) async fn change_alice(&self, change: impl FnOnce(&mut User)) {
        let store = &self.bench.op.store;
        let mut alice = users::find(store.read(), &self.alice).await.unwrap().unwrap();
        change(&mut alice);
        store.write(alice, |tx, alice| Box::pin(users::update(tx, alice))).await.unwrap();
    }

    /// Begins a login by this name in a browser of its own, at this address.
    pub(crate) async fn begin_at(&self, address: &str, browser: &str, name: &str) -> Login {
        let origin = RequestSource { address: address.to_owned(), user_agent: "Test/1".to_owned() };
        self.begin_from(&self.other, &browser_called(browser), origin, name).await
    }

    pub(crate) async fn begin(&self, name: &str) -> Login {
        self.begin_for(&self.authorization, &self.authorization.browser, name).await
    }

    /// Begins a login by this name for the same browser's other authorization.
    pub(crate) async fn begin_beside(&self, name: &str) -> Login {
        self.begin_for(&self.other, &self.other.browser, name).await
    }

    /// Begins a login by this name in another browser.
    pub(crate) async fn begin_elsewhere(&self, browser: &BrowserKey, name: &str) -> Login {
        self.begin_for(&self.other, browser, name).await
    }

    async fn begin_for(&self, authorization: &Authorization, browser: &BrowserKey, name: &str) -> Login {
        self.begin_from(authorization, browser, RequestSource::default(), name).await
    }

    async fn begin_from(
        &self,
        authorization: &Authorization,
        browser: &BrowserKey,
        origin: RequestSource,
        name: &str,
    ) -> Login {
        let request = LoginRequest {
            purpose: Purpose::Authorization(authorization.id.clone()),
            browser: Some(browser.clone()),
            origin,
            upstream: Upstream::SecSign,
            identifier: Some(name.to_owned()),
            client: Some(authorization.request.client_id.clone()),
            app_name: "App".to_owned(),
            remember: false,
            wanted: self.wanted,
            until: authorization.expires_at,
        };
        let id = begin(&self.bench.op, request).await.unwrap();
        self.login(&id).await
    }

    /// Begins a login of alice for this purpose.
    pub(crate) async fn begin_for_purpose(&self, purpose: Purpose, browser: Option<BrowserKey>) -> Login {
        let request = LoginRequest {
            purpose,
            browser,
            origin: RequestSource::default(),
            upstream: Upstream::SecSign,
            identifier: Some("alice".to_owned()),
            client: None,
            app_name: "Portal".to_owned(),
            remember: false,
            wanted: self.wanted,
            until: self.authorization.expires_at,
        };
        let id = begin(&self.bench.op, request).await.unwrap();
        self.login(&id).await
    }

    /// What its logins are for.
    pub(crate) const fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// The phone service goes down, and this node finds out by alice's logins.
    pub(crate) async fn go_down(&self) {
        self.behaviour.is_down.store(true, Ordering::SeqCst);
        for _create in 0..5 {
            self.begin("alice").await;
        }
        assert!(self.bench.op.health.is_down(Upstream::SecSign));
    }

    /// How often the phone service was asked for the state of a session.
    pub(crate) fn questions(&self) -> usize {
        self.service.received().iter().filter(|request| field(request, "request") == "ReqGetAuthSessionState").count()
    }

    /// A login as it is now.
    pub(crate) async fn login(&self, id: &LoginId) -> Login {
        logins::find(self.bench.op.store.read(), id).await.unwrap().unwrap()
    }

    /// How often a phone was asked.
    pub(crate) fn creates(&self) -> usize {
        self.calls("ReqRequestAuthSession")
    }

    /// What the requests to the phone said of the access pass.
    pub(crate) fn access_passes(&self) -> Vec<String> {
        let received = self.service.received();
        let creates = received.iter().filter(|request| field(request, "request") == "ReqRequestAuthSession");
        creates.map(|request| field(request, "showaccesspass")).collect()
    }

    /// How often the phone service got this request.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.service.received().iter().filter(|request| field(request, "request") == name).count()
    }
}

pub(crate) fn browser_called(name: &str) -> BrowserKey {
    BrowserKey(SecretDigest::of(name.as_bytes()))
}

fn field(request: &Received, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(request.body.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn answer(request: &Received, behaviour: &ServiceBehaviour, clock: &ManualClock) -> Reply {
    match field(request, "request").as_str() {
        _any if behaviour.is_down.load(Ordering::SeqCst) => Reply::status(429, ""),
        "ReqRequestAuthSession" if behaviour.drops_creates.load(Ordering::SeqCst) => Reply::Reset,
        "ReqRequestAuthSession" => {
            std::thread::sleep(behaviour.create_takes);
            let id = "7DB1FC51C425A3EC8D9818C71929916BD3D746EBC4044CFD09D23AA07891E6E0";
            let another = u8::from(!behaviour.same_symbol.load(Ordering::SeqCst));
            let picture = symbol::png(&[behaviour.symbol.fetch_add(another, Ordering::SeqCst); 32]).unwrap();
            let icon = if field(request, "showaccesspass") == "true" { STANDARD.encode(picture) } else { String::new() };
            Reply::ok(format!(
                "authsessionid=4088003598462927442&servicename=x&secsignid=alice&authsessionstate=1&serviceaddress=y\
                 &requestid={id}&authsessionicondata={icon}"
            ))
        }
        "ReqGetAuthSessionState" => {
            let state = behaviour.state.load(Ordering::SeqCst).max(1);
            Reply::ok(format!("authsessionid=4088003598462927442&secsignid=alice&authsessionstate={state}"))
        }
        "ReqReleaseAuthSession" => {
            Reply::ok("error=500&errormsg=The server does not support this method any longer.&errorcode=500")
        }
        _cancel => {
            clock.advance(Duration::from_secs(behaviour.cancel_takes.load(Ordering::SeqCst)));
            Reply::ok("authsessionid=4088003598462927442&authsessionstate=6")
        }
    }
}
