//! The provider, and the rows that a test puts into it.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::signing_keys::{made, ring};
use super::{CHALLENGE, ISSUER, REDIRECT, SECRET, T0};
use crate::domain::assurance::Acr;
use crate::domain::authorization::{Authorization, AuthorizationRequest, AuthorizationStage, CodeContent};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::{Client, Source};
use crate::domain::clock::ManualClock;
use crate::domain::env::Env;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, SessionId, UserId};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::settings::{Lifetimes, Limits};
use crate::domain::user::{Device, Upstream, User};
use crate::flow::{Op, Settings};
use crate::keys::ring::KeyRing;
use crate::protocol::authorization::{CodeChallenge, Prompt, ResponseMode};
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;
use crate::store::{Store, authorizations, clients, codes, devices, sessions, users};

pub(crate) struct Bench {
    pub(crate) op: Op,
    pub(crate) clock: Arc<ManualClock>,
    _dir: TempDir,
}

impl Bench {
    /// A provider with nobody in it.
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(T0));
        let env = Env::with_clock(Arc::clone(&clock) as Arc<_>);
        let dir = TempDir::new().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("test.db").display()), env.clone()).await.unwrap();
        Self::on(store, clock, env, dir).await
    }

    /// A provider with nobody in it, in a new database of the server that `SIGNBRIDGE_TEST_POSTGRES` names.
    pub(crate) async fn on_postgresql(database: &str) -> Self {
        let clock = Arc::new(ManualClock::new(T0));
        let env = Env::with_clock(Arc::clone(&clock) as Arc<_>);
        let store = crate::store::tests::new_on_postgresql(database, env.clone()).await;
        Self::on(store, clock, env, TempDir::new().unwrap()).await
    }

    async fn on(store: Store, clock: Arc<ManualClock>, env: Env, dir: TempDir) -> Self {
        store.migrate().await.unwrap();
        let made = made().await;
        let ring = ring(&made.purposes, made.own.clone(), &env).await;
        let settings = Settings {
            issuer: ISSUER.to_owned(),
            lifetimes: Lifetimes::default(),
            limits: Limits::off(),
            allow_unnamed: true,
            sites: Vec::new(),
            audit_keep: Duration::from_secs(400 * 86_400),
            retry: Duration::from_secs(5),
            webhook: None,
        };
        let op = Op {
            store,
            keys: Arc::new(ring),
            upstreams: crate::upstream::Upstreams::default(),
            // What the tests call is on this machine.
            outbound: crate::outbound::guarded(None, true).unwrap(),
            env,
            settings: Arc::new(settings),
            signals: crate::flow::node::Signals::default(),
            latency: crate::flow::node::latency::LatencyModel::default(),
            health: crate::flow::node::health::Health::default(),
            repeats: crate::flow::authorization::repeats::Repeats::default(),
            wrong_secrets: crate::flow::wrong_secrets::WrongSecrets::default(),
            refusals: crate::flow::refusals::Refusals::default(),
        };
        Self { op, clock, _dir: dir }
    }

    /// Keys that are not the provider's.
    pub(crate) async fn foreign_ring(&self) -> KeyRing {
        ring(&made().await.purposes, made().await.foreign.clone(), &self.op.env).await
    }

    /// Runs a statement, past every check of ours.
    pub(crate) async fn execute(&self, sql: &str) {
        crate::store::tests::execute(&self.op.store, sql).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn user(&self, username: &str) -> User {
        let user = User {
            id: UserId::generate(&self.op.env).unwrap(),
            username: username.to_owned(),
            email: Some(format!("{username}@example.org")),
            email_verified: true,
            name: username.to_uppercase(),
            groups: vec!["staff".to_owned()],
            confirm_without_symbol: false,
            locked: false,
            declined_at: None,
            strangers_until: None,
            source: Source::Command,
            created_at: T0,
            updated_at: T0,
        };
        let written = user.clone();
        self.op.store.write(written, |tx, user| Box::pin(users::insert(tx, user))).await.unwrap();
        user
    }

    /// Gives a person a phone, whose SecSign ID is their username.
    pub(crate) async fn phone(&self, user: &User) -> DeviceId {
        let id = DeviceId::generate(&self.op.env).unwrap();
        let device = Device {
            id: id.clone(),
            user_id: user.id.clone(),
            upstream: Upstream::SecSign,
            upstream_user: user.username.clone(),
            label: "Phone".to_owned(),
            created_at: T0,
            last_used_at: None,
        };
        self.op.store.write(device, |tx, device| Box::pin(devices::insert(tx, device))).await.unwrap();
        id
    }

    /// Locks or unlocks a person.
    pub(crate) async fn set_locked(&self, user: &User, locked: bool) {
        let change = (user.id.clone(), locked);
        self.op.store.write(change, |tx, (id, locked)| Box::pin(users::set_locked(tx, id, *locked, T0))).await.unwrap();
    }

    /// Adds a confidential client with [`SECRET`].
    pub(crate) async fn client(&self, id: &str) -> Client {
        self.client_with(id, |_metadata| {}).await
    }

    pub(crate) async fn public_client(&self, id: &str) -> Client {
        self.client_with(id, |metadata| metadata.token_endpoint_auth_method = AuthMethod::None).await
    }

    /// Adds a client whose metadata `change` has changed.
    pub(crate) async fn client_with(&self, id: &str, change: impl FnOnce(&mut ClientMetadata)) -> Client {
        let mut metadata = ClientMetadata {
            redirect_uris: vec![RedirectUri::parse(REDIRECT).unwrap()],
            require_pkce: false,
            ..ClientMetadata::default()
        };
        change(&mut metadata);
        let secret = (!metadata.is_public()).then(|| Secret::new(SECRET).digest());
        let client = Client {
            id: ClientId::new(id),
            metadata,
            secret,
            source: Source::Command,
            disabled: false,
            created_at: T0,
            logo: None,
        };
        let written = client.clone();
        self.op.store.write(written, |tx, client| Box::pin(clients::insert(tx, client))).await.unwrap();
        client
    }

    pub(crate) async fn update_client(&self, client: Client) {
        assert!(self.op.store.write(client, |tx, client| Box::pin(clients::update(tx, client))).await.unwrap());
    }

    pub(crate) async fn session(&self, user: &User) -> BrowserSession {
        self.session_by(user, None).await
    }

    /// Signs a person in, by a phone.
    pub(crate) async fn session_by(&self, user: &User, device_id: Option<DeviceId>) -> BrowserSession {
        let now = self.op.env.now();
        let id = SessionId::generate(&self.op.env).unwrap();
        let session = BrowserSession {
            authentication: Authentication {
                user_id: user.id.clone(),
                session_id: Some(id.clone()),
                auth_time: now,
                acr: Acr::Matched,
                device_id,
                unnamed: false,
            },
            id,
            browser: BrowserKey(SecretDigest::of(b"browser")),
            origin: RequestSource::default(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(Duration::from_secs(86_400)),
            ended_at: None,
        };
        let cookie = Secret::generate(&self.op.env).unwrap().digest();
        let written = (session.clone(), cookie);
        self.op.store.write(written, |tx, (session, cookie)| Box::pin(sessions::insert(tx, session, cookie))).await.unwrap();
        session
    }

    /// What a code of `client` stands for: everything bound, all scopes but `offline_access`.
    pub(crate) fn content(&self, client: &Client, session: &BrowserSession) -> CodeContent {
        CodeContent {
            holds_logouts: false,
            client_id: client.id.clone(),
            redirect_uri: Some(RedirectUri::parse(REDIRECT).unwrap()),
            code_challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
            scope: Scope::parse("openid profile email groups").unwrap(),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            authentication: session.authentication.clone(),
        }
    }

    /// Writes an authorization of this browser that asks for `content`.
    pub(crate) async fn authorization(&self, content: &CodeContent) -> Authorization {
        let id = AuthorizationId::generate(&self.op.env).unwrap();
        let now = self.op.env.now();
        let expires_at = now.plus(self.op.settings.lifetimes.authorization);
        let request = AuthorizationRequest {
            client_id: content.client_id.clone(),
            redirect_uri: RedirectUri::parse(REDIRECT).unwrap(),
            response_mode: ResponseMode::Query,
            scope: content.scope.clone(),
            state: None,
            nonce: content.nonce.clone(),
            code_challenge: content.code_challenge.clone(),
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            expected_user: None,
            acr_values: Vec::new(),
            ui_locales: Vec::new(),
        };
        let browser = BrowserKey(SecretDigest::of(b"browser"));
        let authorization =
            Authorization { id, browser, request, stage: AuthorizationStage::Open, created_at: now, expires_at };
        let written = authorization.clone();
        self.op.store.write(written, |tx, written| Box::pin(authorizations::insert(tx, written, ""))).await.unwrap();
        authorization
    }

    /// Issues a code for `content`.
    pub(crate) async fn code(&self, content: &CodeContent) -> String {
        let authorization = self.authorization(content).await;
        let code = Secret::generate(&self.op.env).unwrap();
        let expires_at = self.op.env.now().plus(self.op.settings.lifetimes.code);
        let written = (authorization, code.digest(), content.clone(), expires_at);
        let work = self.op.store.write(written, |tx, (authorization, digest, content, expires_at)| {
            Box::pin(codes::insert(tx, digest, &authorization.id, content, *expires_at))
        });
        work.await.unwrap();
        code.expose().to_owned()
    }
}
