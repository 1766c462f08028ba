//! Streams that hear of a login: how many, and when.

use std::sync::Arc;

use super::*;
use crate::domain::browser::BrowserKey;
use crate::domain::login::{End, LoginStage, UpstreamHandle};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::settings::Limits;
use crate::flow::Settings;
use crate::flow::login::end::{self, UpstreamSession};
use crate::flow::login::tests::scene::Scene;

/// A provider with room for so many streams of a login and of the node.
async fn scene(per_login: Option<u32>, per_node: Option<u32>) -> Scene {
    let mut scene = Scene::new(Duration::ZERO).await;
    let op = &mut scene.bench.op;
    let limits = Limits { streams_per_login: per_login, streams_per_node: per_node, ..Limits::off() };
    op.settings = Arc::new(Settings { limits, ..Settings::clone(&op.settings) });
    scene
}

/// How many streams the node counts.
fn open(op: &Op) -> usize {
    op.signals.watches.0.lock().open
}

async fn soon(stream: &mut Stream) -> News {
    tokio::time::timeout(Duration::from_secs(20), stream.next()).await.unwrap()
}

#[test]
fn a_login_is_looked_at_when_its_deadline_comes_and_never_later_than_another_nodes_change() {
    let now = Timestamp::from_seconds(100);
    for (left, pause) in [(120_000, 500), (500, 500), (499, 499), (1, 1), (0, 500)] {
        let deadline = now.plus(Duration::from_millis(left));
        assert_eq!(until_next_look(deadline, now), Duration::from_millis(pause), "{left} ms before the deadline");
    }
}

#[tokio::test]
async fn every_stream_hears_of_a_change_and_of_the_deadline_by_one_that_looks() {
    let scene = scene(None, None).await;
    let op = &scene.bench.op;
    for name in ["alice", "nobody"] {
        let login = scene.begin(name).await;
        let mut streams: Vec<Stream> = (0..50).map(|_| watch(op, &login).unwrap()).collect();
        assert_eq!(op.signals.watches.0.lock().logins.len(), 1, "one re-reads");
        assert!(streams.iter_mut().all(|stream| stream.seen().state == "pending"));
        // No broker runs: the deadline alone decides.
        scene.bench.advance(120);
        for stream in &mut streams {
            assert_eq!(soon(stream).await, News::Changed(Seen { state: "expired", reason: None, is_open: false }), "{name}");
            assert_eq!(soon(stream).await, News::Over);
        }
        assert!(op.signals.watches.0.lock().logins.is_empty(), "nothing is left");
        assert_eq!(open(op), 0, "what has heard the end counts no more");
        drop(streams);
        assert_eq!(open(op), 0, "nor is it counted twice");
    }
}

#[tokio::test]
async fn a_change_here_is_heard_at_once() {
    let scene = scene(None, None).await;
    let login = scene.begin("alice").await;
    let mut stream = watch(&scene.bench.op, &login).unwrap();
    end::end(&scene.bench.op, &login, End::Denied, UpstreamSession::Dead).await.unwrap();
    assert_eq!(soon(&mut stream).await, News::Changed(Seen { state: "denied", reason: None, is_open: false }));
}

#[tokio::test]
async fn whoever_joins_hears_what_was_read_last_and_nobody_hears_what_was_before() {
    let scene = scene(None, None).await;
    let op = &scene.bench.op;
    let login = scene.begin("alice").await;
    let fetched = Login { stage: LoginStage::Fetched(UpstreamHandle(Secret::new(String::new()))), ..login.clone() };
    let mut one = watch(op, &login).unwrap();
    assert_eq!(one.seen().state, "pending");
    let mut two = watch(op, &fetched).unwrap();
    assert_eq!(two.seen().state, "fetched");
    assert!(matches!(soon(&mut one).await, News::Changed(seen) if seen.state == "fetched"), "the other one learns it, too");
    let mut three = watch(op, &login).unwrap();
    assert_eq!(three.seen().state, "fetched", "its request read an older row");
}

#[tokio::test]
async fn a_newer_stream_ends_the_oldest_of_its_login() {
    let scene = scene(Some(2), Some(2)).await;
    let op = &scene.bench.op;
    let login = scene.begin("alice").await;
    let (mut one, mut two) = (watch(op, &login).unwrap(), watch(op, &login).unwrap());
    // The node is full as well: what is replaced makes room.
    let mut three = watch(op, &login).unwrap();
    assert_eq!(soon(&mut one).await, News::Replaced);
    scene.bench.advance(120);
    assert_eq!(open(op), 2);
    drop(one);
    assert_eq!(open(op), 2, "it was counted out when it was replaced");
    for stream in [&mut two, &mut three] {
        assert!(matches!(soon(stream).await, News::Changed(seen) if seen.state == "expired"), "the newer ones go on");
    }
}

#[tokio::test]
async fn a_full_node_refuses_a_stream_until_one_leaves() {
    let scene = scene(Some(4), Some(3)).await;
    let op = &scene.bench.op;
    let login = scene.begin("alice").await;
    let (one, two) = (watch(op, &login).unwrap(), watch(op, &login).unwrap());
    let other = scene.begin_elsewhere(&BrowserKey(SecretDigest::of(b"other")), "nobody").await;
    let three = watch(op, &other).unwrap();
    assert!(watch(op, &other).is_none() && watch(op, &login).is_none());
    drop(one);
    let four = watch(op, &other).unwrap();
    assert!(watch(op, &login).is_none(), "that was one place");
    drop((two, three, four));
    assert_eq!(open(op), 0);
    assert!(watch(op, &login).is_some());
}
