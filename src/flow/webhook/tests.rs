//! What the webhook hears, how it is signed, and what becomes of an event that it does not hear.

use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::flow::token::tests::Bench;
use crate::outbound::tests::scripted::{Received, Reply, Scripted};

const KEY: &str = "0123456789abcdef0123456789abcdef";

struct Scene {
    bench: Bench,
    hook: WebhookSettings,
    receiver: Scripted,
    /// With what it answers.
    answer: Arc<AtomicU16>,
}

impl Scene {
    async fn new() -> Self {
        let mut bench = Bench::new().await;
        bench.op.store = bench.op.store.clone().announcing(AuditKind::ALARMS);
        let answer = Arc::new(AtomicU16::new(204));
        let told = Arc::clone(&answer);
        let receiver = Scripted::start(move |_| Reply::status(told.load(Ordering::SeqCst), "")).await;
        let hook = WebhookSettings { url: Secret::new(receiver.url().as_str()), secret: Secret::new(KEY), events: None };
        Self { bench, hook, receiver, answer }
    }

    /// Writes an event, in a write that does or does not come to its end.
    async fn write(&self, kind: AuditKind, succeeds: bool) {
        let event = AuditEvent {
            user: Some("u1".to_owned()),
            subject: Some("l1".to_owned()),
            detail: Some("page".to_owned()),
            origin: RequestSource { address: "203.0.113.6".to_owned(), user_agent: "Test/1".to_owned() },
            ..AuditEvent::new(kind)
        };
        let (event, now) = (PendingEvent::new(&self.bench.op.store, event).unwrap(), self.bench.op.env.now());
        let written = self.bench.op.store.write(event, move |tx, event| {
            Box::pin(async move {
                event.write(tx, now).await?;
                if succeeds { Ok(()) } else { Err(StoreError::Statement("refused".to_owned())) }
            })
        });
        assert_eq!(written.await.is_ok(), succeeds);
    }

    async fn due(&self) -> Vec<WebhookEvent> {
        let op = &self.bench.op;
        webhook_events::list_due(op.store.read(), op.env.now(), 10).await.unwrap()
    }

    /// One attempt of the one event that is due; returns whether the next one may follow.
    async fn deliver(&self, node: &str) -> bool {
        let mut due = self.due().await;
        assert_eq!(due.len(), 1, "{due:?}");
        deliver(&self.bench.op, &self.hook, &due.remove(0), node).await.unwrap()
    }

    async fn waiting(&self) -> u64 {
        webhook_events::count(self.bench.op.store.read()).await.unwrap()
    }

    fn heard(&self) -> Vec<Received> {
        self.receiver.received()
    }
}

#[test]
fn a_signature_is_over_the_time_and_the_body() {
    let of = |seconds, body| signature(&Secret::new(KEY), Timestamp::from_seconds(seconds), body);
    let expected = "t=1800000000,v1=12da989c9442dcde02b3fd584520508b10e4af27afb3dabcea728c90d3439033";
    assert_eq!(of(1_800_000_000, r#"{"id":"e1"}"#), expected);
    assert_ne!(of(1_800_000_001, r#"{"id":"e1"}"#).split_once("v1="), expected.split_once("v1="));
    assert_ne!(of(1_800_000_000, r#"{"id":"e2"}"#), expected);
}

#[tokio::test]
async fn an_event_of_a_kind_that_was_asked_for_is_told_once_with_its_id() {
    let scene = Scene::new().await;
    scene.write(AuditKind::TokenIssued, true).await;
    scene.write(AuditKind::LoginDisowned, false).await;
    assert!(scene.due().await.is_empty(), "another kind, and a write that came to nothing");
    scene.write(AuditKind::LoginDisowned, true).await;
    let row = scene.due().await.remove(0);
    assert!(scene.deliver("n1").await);
    let [request] = &scene.heard()[..] else { panic!("one request") };
    let now = scene.bench.op.env.now();
    let expected = json!({
        "id": row.id, "type": "login.disowned", "at": now.as_seconds(), "user": "u1", "client": null, "subject": "l1",
        "address": "203.0.113.6", "user_agent": "Test/1", "detail": "page",
    });
    assert_eq!(serde_json::from_str::<Value>(&request.body).unwrap(), expected);
    assert_eq!((request.method.as_str(), request.header("content-type")), ("POST", Some("application/json")));
    assert_eq!(request.header(SIGNATURE), Some(signature(&scene.hook.secret, now, &request.body).as_str()));
    assert_eq!(scene.waiting().await, 0);
}

#[tokio::test]
async fn what_is_not_heard_is_told_again_with_the_same_id_and_given_up_in_the_end() {
    let scene = Scene::new().await;
    scene.write(AuditKind::TokenReuse, true).await;
    scene.answer.store(500, Ordering::SeqCst);
    for attempt in 1..=ATTEMPTS {
        assert!(!scene.deliver("n1").await, "the others wait");
        assert!(scene.due().await.is_empty(), "not again at once, {attempt}");
        scene.bench.advance(LONGEST_PAUSE.as_secs().min(5 * 4_u64.pow(attempt - 1) * 2));
    }
    assert_eq!((scene.waiting().await, scene.heard().len()), (0, 10), "given up");
    let ids: Vec<Value> =
        scene.heard().iter().map(|request| serde_json::from_str::<Value>(&request.body).unwrap()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));

    scene.write(AuditKind::TokenReuse, true).await;
    assert!(!scene.deliver("n1").await);
    scene.answer.store(200, Ordering::SeqCst);
    scene.bench.advance(10);
    assert!(scene.deliver("n1").await);
    assert_eq!(scene.waiting().await, 0, "it came back");
}

#[tokio::test]
async fn one_node_tells_and_another_takes_over_when_it_dies() {
    let scene = Scene::new().await;
    scene.write(AuditKind::LoginFlood, true).await;
    let (row, now) = (scene.due().await.remove(0), scene.bench.op.env.now());
    let lease = scene
        .bench
        .op
        .store
        .write(row.id.clone(), move |tx, id| Box::pin(webhook_events::lease(tx, id, "dead", now.plus(LEASE), now)));
    assert!(lease.await.unwrap());
    assert!(deliver(&scene.bench.op, &scene.hook, &row, "n2").await.unwrap());
    assert_eq!((scene.heard().len(), scene.waiting().await), (0, 1));
    scene.bench.advance(LEASE.as_secs());
    assert!(scene.deliver("n2").await);
    assert_eq!((scene.heard().len(), scene.waiting().await), (1, 0));
}

#[tokio::test]
async fn what_nobody_could_tell_for_a_day_is_dropped() {
    let scene = Scene::new().await;
    scene.write(AuditKind::LoginFlood, true).await;
    scene.bench.advance(KEPT.as_secs());
    assert!(scene.deliver("n1").await);
    assert_eq!((scene.heard().len(), scene.waiting().await), (0, 0));
    make_room(&scene.bench.op).await.unwrap();
}
