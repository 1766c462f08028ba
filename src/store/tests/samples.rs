//! Things to store.

use std::time::Duration;

use crate::domain::assurance::Acr;
use crate::domain::authorization::{Authorization, AuthorizationRequest, AuthorizationStage, CodeContent};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::{Client, Source};
use crate::domain::clock::Timestamp;
use crate::domain::grant::{AccessToken, Grant};
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
use crate::domain::login::{Asked, Concern, Login, LoginStage, Purpose, Subject};
use crate::domain::secret::SecretDigest;
use crate::domain::user::{Device, Upstream, User};
use crate::protocol::authorization::{CodeChallenge, Prompt, ResponseMode};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;
use crate::store::refresh_tokens::RefreshToken;
use crate::store::{Store, StoreError, Tx, authorizations, clients, devices, grants, sessions, users};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// `NOW`, and so many seconds.
pub(super) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// The digest of a secret that `name` stands for.
pub(super) fn digest(name: &str) -> SecretDigest {
    SecretDigest::of(name.as_bytes())
}

pub(super) fn browser(name: &str) -> BrowserKey {
    BrowserKey(digest(name))
}

/// Someone called `name`.
pub(super) fn user(name: &str) -> User {
    User {
        id: UserId::new(format!("user-{name}")),
        username: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        email_verified: true,
        name: name.to_uppercase(),
        groups: vec!["staff".into(), "with \"quotes\"".into()],
        confirm_without_symbol: false,
        locked: false,
        declined_at: None,
        strangers_until: None,
        source: Source::Command,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// The SecSign ID `upstream_user` of `owner`.
pub(super) fn device(owner: &User, upstream_user: &str) -> Device {
    Device {
        id: DeviceId::new(format!("device-{upstream_user}")),
        user_id: owner.id.clone(),
        upstream: Upstream::SecSign,
        upstream_user: upstream_user.to_owned(),
        label: "Phone".into(),
        created_at: NOW,
        last_used_at: None,
    }
}

pub(super) fn client(id: &str) -> Client {
    Client {
        id: ClientId::new(id),
        metadata: ClientMetadata {
            client_name: "Täst".into(),
            redirect_uris: vec![RedirectUri::parse("https://app.example/cb").unwrap()],
            ..ClientMetadata::default()
        },
        secret: Some(digest("client secret")),
        source: Source::File,
        disabled: false,
        created_at: NOW,
        logo: None,
    }
}

/// A login of `user`, in the session called `session`.
pub(super) fn authentication(user: &User, session: &str) -> Authentication {
    Authentication {
        user_id: user.id.clone(),
        session_id: Some(SessionId::new(session)),
        auth_time: NOW,
        acr: Acr::Matched,
        device_id: Some(DeviceId::new("device-x")),
        unnamed: false,
    }
}

/// A session that ends in a day.
pub(super) fn session(user: &User, id: &str) -> BrowserSession {
    BrowserSession {
        id: SessionId::new(id),
        authentication: authentication(user, id),
        browser: browser("b"),
        origin: RequestSource { address: "192.0.2.1".into(), user_agent: "Test/1".into() },
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: after(86_400),
        ended_at: None,
    }
}

/// A request of the client `c`.
pub(super) fn authorization(id: &str) -> Authorization {
    Authorization {
        id: AuthorizationId::new(id),
        browser: browser("b"),
        request: AuthorizationRequest {
            client_id: ClientId::new("c"),
            redirect_uri: RedirectUri::parse("https://app.example/cb").unwrap(),
            response_mode: ResponseMode::FormPost,
            scope: Scope::parse("openid email").unwrap(),
            state: Some("st\u{e4}te".into()),
            nonce: Some("nonce".into()),
            code_challenge: CodeChallenge::parse(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some("S256")).unwrap(),
            prompt: Prompt { login: true, ..Prompt::default() },
            max_age: Some(60),
            login_hint: None,
            expected_user: None,
            acr_values: vec![Acr::Named.as_str().into()],
            ui_locales: vec!["de".into()],
        },
        stage: AuthorizationStage::Open,
        created_at: NOW,
        expires_at: after(1800),
    }
}

/// What a code stands for.
pub(super) fn code_content(user: &User) -> CodeContent {
    CodeContent {
        holds_logouts: false,
        client_id: ClientId::new("c"),
        redirect_uri: None,
        code_challenge: None,
        scope: Scope::parse("openid").unwrap(),
        nonce: None,
        authentication: authentication(user, "s"),
    }
}

/// A family with `scope`.
pub(super) fn grant(user: &User, id: &str, scope: &str) -> Grant {
    Grant {
        id: GrantId::new(id),
        client_id: ClientId::new("c"),
        scope: Scope::parse(scope).unwrap(),
        nonce: Some("nonce".into()),
        authentication: authentication(user, "s"),
        created_at: NOW,
        expires_at: after(7_776_000),
        revoked_at: None,
    }
}

/// An access token of the family `g`.
pub(super) fn access_token(name: &str) -> AccessToken {
    AccessToken {
        digest: digest(name),
        grant_id: GrantId::new("g"),
        scope: Scope::parse("openid").unwrap(),
        issued_at: NOW,
        expires_at: after(600),
    }
}

/// A refresh token of the family `g`.
pub(super) fn refresh_token(name: &str) -> RefreshToken {
    RefreshToken {
        digest: digest(name),
        grant_id: GrantId::new("g"),
        predecessor: None,
        issued_at: NOW,
        expires_at: after(2_592_000),
        rotated_at: None,
    }
}

/// A login of alice, about to be created at SecSign for the authorization `a`.
pub(crate) fn login(id: &str) -> Login {
    Login {
        id: LoginId::new(id),
        purpose: Purpose::Authorization(AuthorizationId::new("a")),
        browser: Some(browser("b")),
        origin: RequestSource { address: "192.0.2.1".into(), user_agent: "Test/1".into() },
        upstream: Upstream::SecSign,
        subject: Subject::Named(Asked {
            user_id: UserId::new("user-alice"),
            device_id: DeviceId::new("device-alice-phone"),
            upstream_user: "alice-phone".into(),
        }),
        remembered: true,
        typed: Some("alice".into()),
        remember: true,
        challenge: None,
        stage: LoginStage::Creating,
        created_at: NOW,
        deadline: after(120),
        consumed_at: None,
        concern: Concern {
            target: Some("alice-phone".into()),
            user: Some(UserId::new("user-alice")),
            client: Some(ClientId::new("c")),
        },
    }
}

/// Writes alice, her SecSign ID and her session `s`, the client `c`, the authorization `a` and the family `g`.
pub(super) async fn populate(store: &Store) -> User {
    store
        .write((), |tx, ()| {
            Box::pin(async move {
                let alice = user("alice");
                users::insert(tx, &alice).await?;
                devices::insert(tx, &device(&alice, "alice-phone")).await?;
                sessions::insert(tx, &session(&alice, "s"), &digest("cookie")).await?;
                assert!(clients::insert(tx, &client("c")).await?);
                authorizations::insert(tx, &authorization("a"), "").await?;
                grants::insert(tx, &grant(&alice, "g", "openid email")).await?;
                Ok(alice)
            })
        })
        .await
        .unwrap()
}

/// Runs one function of the store in a write.
macro_rules! write {
    ($store:expr, $input:expr, |$tx:ident, $value:ident| $body:expr) => {
        $store.write($input, move |$tx, $value| Box::pin(async move { $body.await })).await.unwrap()
    };
}
pub(super) use write;

/// Violates a foreign key: an error of the database itself.
pub(super) async fn session_of_nobody(tx: &Tx) -> Result<(), StoreError> {
    sessions::insert(tx, &session(&user("nobody"), "x"), &digest("x")).await
}
