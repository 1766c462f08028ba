//! A provider for the tests of the client-facing flows: a temporary SQLite database, a clock that is turned by hand, no
//! phone services. Signing keys are made once for all tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::TokenResponse;
use crate::domain::assurance::Acr;
use crate::domain::authorization::{Authorization, AuthorizationRequest, AuthorizationStage, CodeContent};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, Origin};
use crate::domain::client::{Client, Source};
use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::env::Env;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, SessionId, UserId};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::signing_key::{Applied, KeyChange, KeyRowsError, KeyStep, SigningKeyRows, StoredKey};
use crate::domain::user::{Device, Upstream, User};
use crate::flow::Op;
use crate::flow::client_authentication::ClientRequest;
use crate::flow::error::OAuthError;
use crate::flow::settings::{Lifetimes, Limits, Settings};
use crate::keys::Keys;
use crate::keys::master::MasterKey;
use crate::keys::purpose::PurposeKeys;
use crate::keys::ring::KeyRing;
use crate::keys::rotation::KeySettings;
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};
use crate::protocol::error::ErrorCode;
use crate::protocol::jws::UnverifiedJws;
use crate::protocol::parameters::Parameters;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::prompt::Prompt;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::response_mode::ResponseMode;
use crate::protocol::scope::Scope;
use crate::store::{Store, audit, authorizations, clients, codes, devices, sessions, users};

/// When the tests begin.
pub(crate) const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The issuer.
pub(crate) const ISSUER: &str = "https://id.example";
/// The secret of every confidential client.
pub(crate) const SECRET: &str = "s3cret";
/// The redirect URI of every client.
pub(crate) const REDIRECT: &str = "https://app.example/cb";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A provider.
pub(crate) struct Bench {
    pub(crate) op: Op,
    pub(crate) clock: Arc<ManualClock>,
    _dir: TempDir,
}

/// Rows of signing keys in memory.
struct Rows(Mutex<Vec<StoredKey>>);

#[async_trait]
impl SigningKeyRows for Rows {
    async fn list_signing_keys(&self) -> Result<Vec<StoredKey>, KeyRowsError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn apply_key_change(&self, change: &KeyChange) -> Result<Applied, KeyRowsError> {
        for step in &change.steps {
            match step {
                KeyStep::Insert(key) => self.0.lock().unwrap().push(key.clone()),
                other => panic!("{other:?}"),
            }
        }
        Ok(Applied::Done)
    }
}

/// Two sets of keys: those of the provider and those of somebody else.
struct Made {
    purposes: Arc<PurposeKeys>,
    own: Vec<StoredKey>,
    foreign: Vec<StoredKey>,
}

async fn made() -> &'static Made {
    static MADE: OnceCell<Made> = OnceCell::const_new();
    MADE.get_or_init(|| async {
        let dir = TempDir::new().unwrap();
        let env = Env::with_clock(Arc::new(ManualClock::new(T0)));
        let purposes = Arc::new(PurposeKeys::derive(&MasterKey::load_or_create(dir.path(), &env).unwrap()).unwrap());
        let (own, foreign) = (ring(&purposes, Vec::new(), &env).await.list(), ring(&purposes, Vec::new(), &env).await.list());
        Made { purposes, own, foreign }
    })
    .await
}

async fn ring(purposes: &Arc<PurposeKeys>, keys: Vec<StoredKey>, env: &Env) -> KeyRing {
    let rows = Arc::new(Rows(Mutex::new(keys)));
    KeyRing::start(rows, Arc::clone(purposes), env.clone(), KeySettings::default()).await.unwrap()
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
            logout_retry: Duration::from_secs(5),
        };
        let op = Op {
            store,
            keys: Arc::new(Keys::new(Arc::clone(&made.purposes), ring)),
            upstreams: crate::upstream::Upstreams::default(),
            // What the tests call is on this machine.
            outbound: crate::outbound::guarded(crate::outbound::GuardSettings { ca_file: None, allow_private: true }).unwrap(),
            env,
            settings: Arc::new(settings),
            signals: crate::flow::login::signals::Signals::default(),
            pace: crate::flow::login::pace::Pace::default(),
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

    /// Lets time pass.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Adds a person.
    pub(crate) async fn user(&self, username: &str) -> User {
        let user = User {
            id: UserId::generate(&self.op.env).unwrap(),
            username: username.to_owned(),
            email: Some(format!("{username}@example.org")),
            email_verified: true,
            name: username.to_uppercase(),
            groups: vec!["staff".to_owned()],
            locked: false,
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

    /// Adds a public client.
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
        let client =
            Client { id: ClientId::new(id), metadata, secret, source: Source::Command, disabled: false, created_at: T0 };
        let written = client.clone();
        self.op.store.write(written, |tx, client| Box::pin(clients::insert(tx, client))).await.unwrap();
        client
    }

    /// Writes a changed client.
    pub(crate) async fn update_client(&self, client: Client) {
        assert!(self.op.store.write(client, |tx, client| Box::pin(clients::update(tx, client))).await.unwrap());
    }

    /// Signs a person in.
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
                session_id: id.clone(),
                auth_time: now,
                acr: Acr::Matched,
                device_id,
                unnamed: false,
            },
            id,
            browser: BrowserKey(SecretDigest::of(b"browser")),
            origin: Origin::default(),
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

    /// Writes an authorization of this browser that asks for `content`, and lives as long as a code.
    pub(crate) async fn authorization(&self, content: &CodeContent) -> Authorization {
        let id = AuthorizationId::generate(&self.op.env).unwrap();
        let now = self.op.env.now();
        let expires_at = now.plus(self.op.settings.lifetimes.code);
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
        self.op.store.write(written, |tx, written| Box::pin(authorizations::insert(tx, written))).await.unwrap();
        authorization
    }

    /// Issues a code for `content`.
    pub(crate) async fn code(&self, content: &CodeContent) -> String {
        let authorization = self.authorization(content).await;
        let code = Secret::generate(&self.op.env).unwrap();
        let written = (authorization, code.digest(), content.clone());
        let work = self.op.store.write(written, |tx, (authorization, digest, content)| {
            Box::pin(codes::insert(tx, digest, &authorization.id, content, authorization.expires_at))
        });
        work.await.unwrap();
        code.expose().to_owned()
    }

    /// Sends a form to the token endpoint: confidential clients by Basic with [`SECRET`], public ones by name.
    pub(crate) async fn token(&self, client: &Client, form: &[(&str, &str)]) -> Result<TokenResponse, ErrorCode> {
        let (authorization, parameters) = credentials(client, form);
        let origin = Origin::default();
        let request = ClientRequest { authorization: authorization.as_deref(), parameters: &parameters, origin: &origin };
        super::answer(&self.op, &request).await.map_err(|error| code_of(&error))
    }

    /// Redeems a code with everything right.
    pub(crate) async fn redeem(&self, client: &Client, code: &str) -> Result<TokenResponse, ErrorCode> {
        self.token(client, &redemption(code)).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, client: &Client, token: &str) -> Result<TokenResponse, ErrorCode> {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A code redeemed for everything that `scope` gives.
    pub(crate) async fn tokens(&self, client: &Client, session: &BrowserSession, scope: &str) -> TokenResponse {
        let content = CodeContent { scope: Scope::parse(scope).unwrap(), ..self.content(client, session) };
        self.redeem(client, &self.code(&content).await).await.unwrap()
    }

    /// Whether an access token opens userinfo.
    pub(crate) async fn opens_userinfo(&self, access_token: &str) -> bool {
        crate::flow::userinfo::answer(&self.op, access_token).await.is_ok()
    }

    /// The kinds of the audit events so far, sorted: the clock stands still, so their order in time says nothing.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let events = audit::list(self.op.store.read(), 1000).await.unwrap();
        let mut kinds: Vec<String> = events.into_iter().map(|event| event.kind).collect();
        kinds.sort_unstable();
        kinds
    }
}

/// The right form for a code.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// The header and the form of a request of `client`.
pub(crate) fn credentials(client: &Client, form: &[(&str, &str)]) -> (Option<String>, Parameters) {
    let mut pairs: Vec<(String, String)> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let authorization = if client.metadata.is_public() {
        pairs.push(("client_id".to_owned(), client.id.as_str().to_owned()));
        None
    } else {
        Some(format!("Basic {}", STANDARD.encode(format!("{}:{SECRET}", client.id))))
    };
    (authorization, Parameters::collect(pairs).unwrap())
}

/// The code of an error, which must be the client's fault.
pub(crate) fn code_of(error: &OAuthError) -> ErrorCode {
    match error {
        OAuthError::Refused { code, description, .. } => {
            assert!(*code != ErrorCode::InvalidGrant || *description == super::INVALID_GRANT, "{description}");
            *code
        }
        OAuthError::Internal(error) => panic!("{error}"),
    }
}

/// The claims of a token that the provider has signed.
pub(crate) fn claims(bench: &Bench, typ: crate::protocol::jws::TokenType, token: &str) -> Map<String, Value> {
    bench.op.keys.ring().verify_signature(token, typ).unwrap()
}

/// The `alg` of a token.
pub(crate) fn alg(token: &str) -> &'static str {
    UnverifiedJws::parse(token).unwrap().header.alg.as_str()
}
