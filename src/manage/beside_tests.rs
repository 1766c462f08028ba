//! What ends something, beside what is just being begun: whatever began is ended with the rest, and its clients hear of it.

use std::time::Duration;

use super::clients::Change;
use super::{Manage, clients, consents, deletion, devices, users};
use crate::domain::authorization::CodeContent;
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::{Client, ClientPatch};
use crate::domain::grant::{Consent, Grant};
use crate::domain::id::{AuthorizationId, DeviceId, LoginId};
use crate::domain::login::{Asked, Concern, Login, LoginStage, Purpose, Subject, UpstreamHandle};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::{Upstream, User};
use crate::flow::login::finish::{self, Finished};
use crate::flow::token::TokenResponse;
use crate::flow::token::tests::beside::{Held, beside, on_both_engines};
use crate::flow::token::tests::{Bench, T0};
use crate::protocol::client_metadata::ConsentPolicy;
use crate::protocol::error::ErrorCode;
use crate::protocol::scope::Scope;
use crate::protocol::uri::LogoutUri;
use crate::store::{self, backchannel_logouts, grants, logins, sessions};

/// Alice with a phone, signed in by it, and a client that wants to hear of logouts.
struct Scene {
    bench: Bench,
    alice: User,
    phone: DeviceId,
    client: Client,
    session: BrowserSession,
}

impl Scene {
    async fn new(bench: Bench) -> Self {
        let client = bench
            .client_with("web", |metadata| {
                metadata.backchannel_logout_uri = Some(LogoutUri::parse("https://app.example/out").unwrap());
            })
            .await;
        let alice = bench.user("alice").await;
        let phone = bench.phone(&alice).await;
        let session = bench.session_by(&alice, Some(phone.clone())).await;
        Self { bench, alice, phone, client, session }
    }

    fn manage(&self) -> Manage<'_> {
        Manage::command(&self.bench.op.store, &self.bench.op.env)
    }

    async fn code(&self) -> String {
        self.code_for("openid offline_access").await
    }

    async fn code_for(&self, scope: &str) -> String {
        let scope = Scope::parse(scope).unwrap();
        let authentication = Authentication { device_id: Some(self.phone.clone()), ..self.session.authentication.clone() };
        let content = CodeContent { scope, authentication, ..self.bench.content(&self.client, &self.session) };
        self.bench.code(&content).await
    }

    async fn end_session(&self) {
        let id = self.session.id.clone();
        let at = self.bench.op.env.now();
        let ended = self.bench.op.store.write(id, move |tx, id| Box::pin(async move { sessions::end(tx, id, at).await }));
        assert!(ended.await.unwrap());
    }

    /// Switches the client on or off.
    async fn switch(&self, on: bool) {
        let change = Change::Update(ClientPatch::default(), Some(!on));
        clients::change(&self.manage(), &self.client.id, change).await.unwrap();
    }

    /// The families of alice that are alive.
    async fn families(&self) -> Vec<Grant> {
        grants::list_for_user(self.bench.op.store.read(), &self.alice.id, T0).await.unwrap()
    }

    async fn told(&self) -> u64 {
        backchannel_logouts::count(self.bench.op.store.read()).await.unwrap()
    }

    /// A login that the phone approved.
    async fn approved(&self) -> (LoginId, AuthorizationId) {
        let content = self.bench.content(&self.client, &self.session);
        let authorization = self.bench.authorization(&content).await.id;
        let login = Login {
            id: LoginId::new("login"),
            purpose: Purpose::Authorization(authorization.clone()),
            browser: Some(BrowserKey(SecretDigest::of(b"browser"))),
            origin: RequestSource::default(),
            upstream: Upstream::SecSign,
            subject: Subject::Named(Asked {
                user_id: self.alice.id.clone(),
                device_id: self.phone.clone(),
                upstream_user: "alice".to_owned(),
            }),
            remembered: false,
            typed: None,
            remember: false,
            challenge: None,
            stage: LoginStage::Pending(UpstreamHandle(Secret::new("sealed"))),
            created_at: T0,
            deadline: T0.plus(Duration::from_secs(120)),
            consumed_at: None,
            concern: Concern::default(),
        };
        let id = login.id.clone();
        let input = (login, self.alice.id.clone(), self.phone.clone());
        let written = self.bench.op.store.write(input, |tx, (login, user, phone)| {
            Box::pin(async move {
                logins::insert(tx, login, None).await?;
                logins::approve(tx, &login.id, user, Some(phone), T0).await
            })
        });
        assert!(written.await.unwrap());
        (id, authorization)
    }

    async fn finish(&self, id: &LoginId) -> Finished {
        let login = logins::find(self.bench.op.store.read(), id).await.unwrap().unwrap();
        finish::finish(&self.bench.op, login, None, RequestSource::default()).await.unwrap()
    }

    async fn is_signed_in(&self) -> bool {
        !sessions::list_for_user(self.bench.op.store.read(), &self.alice.id, T0).await.unwrap().is_empty()
    }
}

async fn a_logout_beside_a_redemption(bench: Bench) {
    let scene = Scene::new(bench).await;
    let code = scene.code_for("openid").await;
    let held = Held::Client(scene.client.id.clone());
    let bench = &scene.bench;
    let (redeemed, ()) = beside(bench, held, bench.redeem(&scene.client, &code), scene.end_session()).await;
    let tokens = redeemed.expect("it came first");
    assert_eq!(scene.told().await, 1, "the app that was just signed in to hears of the logout");
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
}

async fn a_lock_beside_a_redemption(bench: Bench) {
    let scene = Scene::new(bench).await;
    let code = scene.code().await;
    let held = Held::Client(scene.client.id.clone());
    let (bench, manage) = (&scene.bench, scene.manage());
    let lock = async { users::set_locked(&manage, "alice", true).await.unwrap() };
    let (redeemed, _locked) = beside(bench, held, bench.redeem(&scene.client, &code), lock).await;
    users::set_locked(&manage, "alice", false).await.unwrap();
    is_dead(&scene, &redeemed.unwrap()).await;
}

async fn a_deletion_beside_a_redemption(bench: Bench) {
    let scene = Scene::new(bench).await;
    let code = scene.code().await;
    let held = Held::Client(scene.client.id.clone());
    let (bench, manage) = (&scene.bench, scene.manage());
    let delete = async { deletion::delete(&manage, "alice").await.unwrap() };
    let (redeemed, _deleted) = beside(bench, held, bench.redeem(&scene.client, &code), delete).await;
    is_dead(&scene, &redeemed.unwrap()).await;
}

async fn a_phone_removed_beside_a_redemption(bench: Bench) {
    let scene = Scene::new(bench).await;
    let (code, late) = (scene.code().await, scene.code().await);
    let held = Held::Client(scene.client.id.clone());
    let (bench, manage) = (&scene.bench, scene.manage());
    let remove = async { devices::remove(&manage, &scene.phone).await.unwrap() };
    let (redeemed, _removed) = beside(bench, held, bench.redeem(&scene.client, &code), remove).await;
    is_dead(&scene, &redeemed.unwrap()).await;
    assert_eq!(bench.redeem(&scene.client, &late).await.unwrap_err(), ErrorCode::InvalidGrant);
}

/// Nothing of what the redemption gave is of any use, and its client hears of it.
async fn is_dead(scene: &Scene, tokens: &crate::flow::token::TokenResponse) {
    let bench = &scene.bench;
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
    let refresh = tokens.refresh_token.as_deref().unwrap();
    assert_eq!(bench.refresh(&scene.client, refresh).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(scene.told().await, 1);
}

/// The session was renewed by another phone since: a code of the first one's login dies with that phone all the same.
async fn a_code_of_a_removed_phone(bench: Bench) {
    let mut scene = Scene::new(bench).await;
    scene.session = scene.bench.session(&scene.alice).await;
    let (code, late) = (scene.code().await, scene.code().await);
    let held = Held::Client(scene.client.id.clone());
    let (bench, manage) = (&scene.bench, scene.manage());
    let remove = async { devices::remove(&manage, &scene.phone).await.unwrap() };
    let (redeemed, _removed) = beside(bench, held, bench.redeem(&scene.client, &code), remove).await;
    assert!(!bench.opens_userinfo(&redeemed.unwrap().access_token).await);
    assert_eq!(bench.redeem(&scene.client, &late).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(scene.is_signed_in().await, "another phone's session stays");
}

/// What was redeemed is worth nothing while the client is off, and does not come alive with it.
async fn stays_dead(scene: &Scene, redeemed: Result<TokenResponse, ErrorCode>) {
    let opens = async || match &redeemed {
        Ok(tokens) => scene.bench.opens_userinfo(&tokens.access_token).await,
        Err(_refused) => false,
    };
    assert!(!opens().await, "while it is off");
    scene.switch(true).await;
    assert!(!opens().await && scene.families().await.is_empty(), "on again");
    let code = scene.code().await;
    let tokens = scene.bench.redeem(&scene.client, &code).await.unwrap();
    assert!(scene.bench.opens_userinfo(&tokens.access_token).await, "the next one is good");
}

async fn a_consent_taken_back_beside_a_redemption(bench: Bench) {
    let mut scene = Scene::new(bench).await;
    scene.client.metadata.consent = ConsentPolicy::Ask;
    scene.bench.update_client(scene.client.clone()).await;
    let consent = Consent { scope: Scope::parse("openid offline_access").unwrap(), granted_at: T0 };
    let allowed = (scene.alice.id.clone(), scene.client.id.clone(), consent);
    let allow = scene
        .bench
        .op
        .store
        .write(allowed, |tx, (user, client, consent)| Box::pin(store::consents::upsert(tx, user, client, consent)));
    allow.await.unwrap();
    let (code, late) = (scene.code().await, scene.code().await);
    let held = Held::Code(SecretDigest::of(code.as_bytes()));
    let (bench, manage) = (&scene.bench, scene.manage());
    let revoke = async { consents::revoke(&manage, "alice", &scene.client.id).await.unwrap() };
    let (redeemed, _revoked) = beside(bench, held, bench.redeem(&scene.client, &code), revoke).await;
    let tokens = redeemed.expect("it came first");
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
    let refresh = tokens.refresh_token.as_deref().unwrap();
    assert_eq!(bench.refresh(&scene.client, refresh).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.redeem(&scene.client, &late).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(scene.is_signed_in().await, "the session is not the client's");
    assert!(consents::list(&manage, None, None).await.unwrap().is_empty());
    assert!(consents::revoke(&manage, "alice", &scene.client.id).await.is_err(), "there is none any more");
}

async fn a_client_switched_off_beside_a_redemption(bench: Bench) {
    let scene = Scene::new(bench).await;
    let code = scene.code().await;
    let held = Held::Code(SecretDigest::of(code.as_bytes()));
    let bench = &scene.bench;
    let (redeemed, ()) = beside(bench, held, bench.redeem(&scene.client, &code), scene.switch(false)).await;
    stays_dead(&scene, redeemed).await;
}

/// The client proved itself while it was on; its redemption is written when it is off.
async fn a_redemption_beside_a_client_switched_off(bench: Bench) {
    let scene = Scene::new(bench).await;
    let bench = &scene.bench;
    bench.tokens(&scene.client, &scene.session, "openid").await;
    let family = scene.families().await.remove(0);
    let code = scene.code().await;
    let off = scene.switch(false);
    let ((), redeemed) = beside(bench, Held::Grant(family.id), off, bench.redeem(&scene.client, &code)).await;
    stays_dead(&scene, redeemed).await;
}

async fn a_phone_removed_beside_a_login(bench: Bench) {
    let scene = Scene::new(bench).await;
    let (login, authorization) = scene.approved().await;
    let manage = scene.manage();
    let remove = async { devices::remove(&manage, &scene.phone).await.unwrap() };
    let held = Held::Authorization(authorization);
    let (finished, _removed) = beside(&scene.bench, held, scene.finish(&login), remove).await;
    assert!(matches!(finished, Finished::SignedIn { .. }), "it came first: {finished:?}");
    assert!(!scene.is_signed_in().await);
}

async fn a_lock_beside_a_login(bench: Bench) {
    let scene = Scene::new(bench).await;
    let (login, authorization) = scene.approved().await;
    let manage = scene.manage();
    let lock = async { users::set_locked(&manage, "alice", true).await.unwrap() };
    let held = Held::Authorization(authorization);
    let (finished, _locked) = beside(&scene.bench, held, scene.finish(&login), lock).await;
    assert!(matches!(finished, Finished::SignedIn { .. }), "it came first: {finished:?}");
    assert!(!scene.is_signed_in().await);
}

/// Nobody is signed in by an approval that came before, also not once they are let in again (check 137).
async fn is_worthless(scene: &Scene, login: &LoginId) {
    let finished = scene.finish(login).await;
    assert!(matches!(finished, Finished::Refused), "{finished:?}");
    users::set_locked(&scene.manage(), "alice", false).await.unwrap();
    let again = scene.finish(login).await;
    assert!(matches!(again, Finished::Before), "it is used up: {again:?}");
    assert!(!scene.is_signed_in().await);
}

async fn a_lock_between_an_approval_and_the_finish(bench: Bench) {
    let scene = Scene::new(bench).await;
    let (login, _authorization) = scene.approved().await;
    users::set_locked(&scene.manage(), "alice", true).await.unwrap();
    is_worthless(&scene, &login).await;
}

async fn a_phone_removed_between_an_approval_and_the_finish(bench: Bench) {
    let scene = Scene::new(bench).await;
    let (login, _authorization) = scene.approved().await;
    devices::remove(&scene.manage(), &scene.phone).await.unwrap();
    is_worthless(&scene, &login).await;
}

on_both_engines! {
    a_logout_beside_a_redemption
    a_lock_beside_a_redemption
    a_deletion_beside_a_redemption
    a_phone_removed_beside_a_redemption
    a_code_of_a_removed_phone
    a_consent_taken_back_beside_a_redemption
    a_client_switched_off_beside_a_redemption
    a_redemption_beside_a_client_switched_off
    a_phone_removed_beside_a_login
    a_lock_beside_a_login
    a_lock_between_an_approval_and_the_finish
    a_phone_removed_between_an_approval_and_the_finish
}
