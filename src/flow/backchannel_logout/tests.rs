//! Who is told of a session's end, what the token says, and what becomes of one that does not arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::domain::authorization::{Authorization, CodeContent};
use crate::domain::browser::{BrowserSession, RequestSource};
use crate::domain::id::ClientId;
use crate::domain::secret::SecretDigest;
use crate::flow::authorization::{self, Interaction};
use crate::flow::end_session::perform;
use crate::flow::token::tests::{Bench, ISSUER};
use crate::outbound::tests::scripted::{Reply, Scripted};
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::error::ErrorCode;
use crate::protocol::uri::LogoutUri;
use crate::store::backchannel_logouts::Hold;
use crate::store::{audit, authorizations, codes, sessions};

/// Alice, signed in at `web`, which wants to hear at `receiver`; its answers have the status `answer`.
struct Scene {
    bench: Bench,
    session: BrowserSession,
    receiver: Scripted,
    answer: Arc<AtomicU16>,
}

async fn scene() -> Scene {
    let bench = Bench::new().await;
    let answer = Arc::new(AtomicU16::new(200));
    let told = Arc::clone(&answer);
    let receiver = Scripted::start(move |_| Reply::status(told.load(Ordering::SeqCst), "")).await;
    let uri = LogoutUri::parse(receiver.url().as_str()).unwrap();
    let client = bench
        .client_with("web", |metadata| {
            metadata.backchannel_logout_uri = Some(uri);
            metadata.id_token_signed_response_alg = SigningAlgorithm::ES256;
        })
        .await;
    let session = bench.session(&bench.user("alice").await).await;
    bench.tokens(&client, &session, "openid").await;
    Scene { bench, session, receiver, answer }
}

impl Scene {
    async fn due(&self) -> Vec<BackchannelLogout> {
        let op = &self.bench.op;
        backchannel_logouts::list_due(op.store.read(), &[].into(), op.env.now(), 10).await.unwrap()
    }

    /// The one row that is due.
    async fn the_row(&self) -> BackchannelLogout {
        let mut due = self.due().await;
        assert_eq!(due.len(), 1, "{due:?}");
        due.remove(0)
    }

    async fn log_out(&self) {
        assert!(perform(&self.bench.op, &self.session.id, &RequestSource::default()).await.unwrap());
    }

    async fn deliver(&self, owner: &str) {
        deliver(&self.bench.op, &self.the_row().await, owner).await.unwrap();
    }

    fn tokens(&self) -> Vec<String> {
        let body = |body: &str| body.strip_prefix("logout_token=").expect("nothing but the token").to_owned();
        self.receiver.received().iter().map(|request| body(&request.body)).collect()
    }

    fn claims(&self, token: &str) -> Value {
        let ring = &self.bench.op.keys;
        Value::Object(ring.verify_signature(token, TokenType::Logout).unwrap())
    }

    async fn trail(&self, kind: &str) -> Vec<String> {
        let records = audit::list(self.bench.op.store.read(), 100).await.unwrap();
        records.into_iter().filter(|record| record.kind == kind).map(|record| record.detail.unwrap_or_default()).collect()
    }
}

#[tokio::test]
async fn the_token_names_the_session_the_person_and_the_client_and_cannot_be_taken_for_another() {
    let scene = scene().await;
    scene.log_out().await;
    let row = scene.the_row().await;
    scene.deliver("n1").await;
    let [token] = &scene.tokens()[..] else { panic!("one token") };
    let now = scene.bench.op.env.now().as_seconds();
    let expected = json!({
        "iss": ISSUER,
        "aud": "web",
        "sub": scene.session.authentication.user_id.as_str(),
        "sid": scene.session.id.as_str(),
        "iat": now,
        "exp": now + 120,
        "jti": row.id,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(scene.claims(token), expected);
    let ring = &scene.bench.op.keys;
    assert!(ring.verify_hint(token, ISSUER, None).is_err(), "no ID token");
    assert!(ring.verify_access_token(token, ISSUER).is_err(), "no access token");
    assert!(scene.due().await.is_empty());
    assert_eq!(scene.trail("logout.delivered").await, ["attempt 1"]);
}

#[tokio::test]
async fn clients_are_told_that_got_tokens_out_of_the_session_and_want_to_hear() {
    let scene = scene().await;
    let uri = || Some(LogoutUri::parse(scene.receiver.url().as_str()).unwrap());
    scene.bench.client_with("without-tokens", |metadata| metadata.backchannel_logout_uri = uri()).await;
    let silent = scene.bench.client("wants-nothing").await;
    let elsewhere = scene.bench.client_with("elsewhere", |metadata| metadata.backchannel_logout_uri = uri()).await;
    let other = scene.bench.session(&scene.bench.user("bob").await).await;
    scene.bench.tokens(&silent, &scene.session, "openid").await;
    scene.bench.tokens(&elsewhere, &other, "openid").await;
    scene.log_out().await;
    assert_eq!(scene.the_row().await.client_id.as_str(), "web");
    assert!(!perform(&scene.bench.op, &scene.session.id, &RequestSource::default()).await.unwrap());
    scene.deliver("n1").await;
    assert!(scene.due().await.is_empty(), "a session ends once");
}

#[tokio::test]
async fn what_does_not_arrive_is_sent_again_with_the_same_id_and_given_up_in_the_end() {
    let scene = scene().await;
    scene.answer.store(501, Ordering::SeqCst);
    scene.log_out().await;
    for attempt in 1..=5 {
        scene.deliver("n1").await;
        assert!(scene.due().await.is_empty(), "not again at once, {attempt}");
        scene.bench.advance(5 * 4_u64.pow(attempt - 1) * 2);
    }
    assert!(scene.due().await.is_empty(), "given up");
    assert_eq!(backchannel_logouts::count(scene.bench.op.store.read()).await.unwrap(), 0);
    let ids: Vec<Value> = scene.tokens().iter().map(|token| scene.claims(token)["jti"].clone()).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(scene.trail("logout.undelivered").await, ["HTTP 501"]);
    assert!(scene.trail("logout.delivered").await.is_empty());
}

#[tokio::test]
async fn a_client_that_comes_back_is_told() {
    let scene = scene().await;
    scene.answer.store(302, Ordering::SeqCst);
    scene.log_out().await;
    scene.deliver("n1").await;
    scene.answer.store(204, Ordering::SeqCst);
    scene.bench.advance(10);
    assert_eq!(scene.the_row().await.attempts, 1);
    scene.deliver("n1").await;
    assert_eq!(scene.trail("logout.delivered").await, ["attempt 2"]);
}

#[tokio::test]
async fn a_client_that_no_longer_wants_to_hear_is_not_called() {
    let scene = scene().await;
    scene.log_out().await;
    let client = clients::find(scene.bench.op.store.read(), &scene.the_row().await.client_id).await.unwrap().unwrap();
    scene.bench.update_client(Client { disabled: true, ..client }).await;
    scene.deliver("n1").await;
    assert_eq!(scene.trail("logout.undelivered").await, ["not registered"]);
    assert!(scene.tokens().is_empty());
}

/// A client whose row holds what this program cannot have written, and what it held.
async fn spoil(scene: &Scene) -> Client {
    let client = clients::find(scene.bench.op.store.read(), &ClientId::new("web")).await.unwrap().unwrap();
    scene.bench.execute("UPDATE clients SET metadata = '{'").await;
    client
}

#[tokio::test]
async fn a_client_that_cannot_be_read_is_tried_no_more_often_than_one_that_does_not_answer() {
    let scene = scene().await;
    spoil(&scene).await;
    scene.log_out().await;
    for attempt in 1..=5 {
        assert_eq!(scene.the_row().await.attempts, i64::from(attempt) - 1);
        scene.deliver("n1").await;
        assert!(scene.due().await.is_empty(), "not again at once, {attempt}");
        scene.bench.advance(5 * 4_u64.pow(attempt - 1) * 2);
    }
    assert_eq!(backchannel_logouts::count(scene.bench.op.store.read()).await.unwrap(), 0, "given up");
    assert_eq!(scene.trail("logout.undelivered").await, ["no token can be made"]);
    assert!(scene.tokens().is_empty());
}

#[tokio::test]
async fn a_client_that_can_be_read_again_is_told() {
    let scene = scene().await;
    let client = spoil(&scene).await;
    scene.log_out().await;
    scene.deliver("n1").await;
    scene.bench.update_client(client).await;
    scene.bench.advance(10);
    scene.deliver("n1").await;
    assert_eq!(scene.trail("logout.delivered").await, ["attempt 2"]);
}

#[test]
fn pauses_grow_and_are_not_in_step() {
    let first = Duration::from_secs(5);
    let range = |tried| (pause(first, tried, [0]).as_secs_f64(), pause(first, tried, [255]).as_secs_f64());
    assert_eq!(range(1), (4.0, 6.0));
    assert_eq!(range(4), (256.0, 384.0));
}

impl Scene {
    /// Bob signs in in alice's browser: a code of his, whose authorization holds what is to be told of her session.
    async fn replaced_by_bob(&self) -> (String, Authorization) {
        let (bench, store) = (&self.bench, &self.bench.op.store);
        let client = clients::find(store.read(), &ClientId::new("web")).await.unwrap().unwrap();
        let session = bench.session(&bench.user("bob").await).await;
        let content = CodeContent { holds_logouts: true, ..bench.content(&client, &session) };
        let code = bench.code(&content).await;
        let id = codes::find(store.read(), &SecretDigest::of(code.as_bytes())).await.unwrap().unwrap().authorization_id;
        let now = bench.op.env.now();
        let hold = Hold { authorization: id.clone(), until: now.plus(Duration::from_secs(1860)) };
        let job = (self.session.id.clone(), hold, id.clone(), session.authentication);
        let written = store.write(job, move |tx, (sid, hold, id, authentication)| {
            Box::pin(async move {
                assert!(authorizations::authenticate(tx, id, authentication, now).await?);
                sessions::end_holding(tx, sid, Some(hold), now).await
            })
        });
        assert!(written.await.unwrap());
        assert!(self.due().await.is_empty(), "held");
        (code, authorizations::find(store.read(), &id).await.unwrap().unwrap())
    }

    async fn cancel(&self, authorization: &Authorization) -> bool {
        let client = clients::find(self.bench.op.store.read(), &authorization.request.client_id).await.unwrap().unwrap();
        let interaction = Interaction { authorization: authorization.clone(), client };
        let failed = authorization::fail(&self.bench.op, &interaction, ErrorCode::AccessDenied, "cancelled").await;
        failed.unwrap().is_some()
    }
}

#[tokio::test]
async fn who_was_replaced_is_told_of_after_the_code_was_redeemed() {
    let scene = scene().await;
    let (code, _authorization) = scene.replaced_by_bob().await;
    let client = clients::find(scene.bench.op.store.read(), &ClientId::new("web")).await.unwrap().unwrap();
    scene.bench.redeem(&client, &code).await.unwrap();
    assert!(scene.due().await.is_empty(), "the client finishes its login first");
    scene.bench.advance(SETTLE.as_secs());
    assert_eq!(scene.the_row().await.session_id, scene.session.id);
}

#[tokio::test]
async fn who_was_replaced_is_told_of_at_once_when_no_code_will_come() {
    let scene = scene().await;
    let (_code, authorization) = scene.replaced_by_bob().await;
    assert!(scene.cancel(&authorization).await);
    assert_eq!(scene.the_row().await.session_id, scene.session.id);
}

#[tokio::test]
async fn a_cancel_that_comes_after_the_code_lets_nothing_go() {
    let scene = scene().await;
    let (_code, authorization) = scene.replaced_by_bob().await;
    let (id, now) = (authorization.id.clone(), scene.bench.op.env.now());
    let issued = scene.bench.op.store.write(id, move |tx, id| Box::pin(authorizations::finish_issued(tx, id, now)));
    assert!(issued.await.unwrap());
    assert!(!scene.cancel(&authorization).await);
    assert!(scene.due().await.is_empty());
}
