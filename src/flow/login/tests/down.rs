//! While a phone service is down nobody is asked and nobody waits, and nothing tells whose name was typed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::scene::{Scene, browser_called};
use super::{SLOW, observe, seen, timed};
use crate::domain::login::Reason;
use crate::domain::user::Upstream;
use crate::flow::login::end;
use crate::flow::node::health::look;
use crate::flow::node::latency::Call;

const DOWN: (&str, Option<Reason>) = ("failed", Some(Reason::UpstreamDown));
const PENDING: (&str, Option<Reason>) = ("pending", None);

#[tokio::test]
async fn after_five_creates_in_vain_a_login_ends_at_once_whoever_it_is_for() {
    let scene = Scene::new(Duration::ZERO).await;
    scene.behaviour.is_down.store(true, Ordering::SeqCst);
    for number in 1..=5 {
        assert_eq!(seen(&scene.begin("alice").await), ("failed", Some(Reason::Technical)), "{number}");
        assert_eq!(scene.creates(), number);
    }
    // How a decoy would go if it were asked.
    observe(&scene, Call::Create, None);
    let store = &scene.bench.op.store;
    for name in ["alice", "nobody"] {
        let before = store.commits();
        let (took, login) = timed(scene.begin(name)).await;
        assert_eq!((seen(&login), store.commits() - before, scene.creates()), (DOWN, 2, 5), "{name}");
        assert!(took < SLOW, "{name}: {took:?}");
    }
}

#[tokio::test]
async fn a_create_that_is_answered_in_between_begins_the_count_anew() {
    let scene = Scene::new(Duration::ZERO).await;
    for _time in 0..2 {
        scene.behaviour.is_down.store(true, Ordering::SeqCst);
        for _create in 0..4 {
            scene.begin("alice").await;
        }
        scene.behaviour.is_down.store(false, Ordering::SeqCst);
        let login = scene.begin("alice").await;
        assert_eq!(seen(&login), PENDING);
        end::withdraw(&scene.bench.op, &login, None).await.unwrap();
    }
    assert_eq!(scene.creates(), 10);
}

#[tokio::test]
async fn a_service_that_works_again_is_asked_again_once_somebody_looked_and_a_decoy_does_not_tell() {
    let scene = Scene::new(Duration::ZERO).await;
    scene.go_down().await;
    let op = &scene.bench.op;
    look(op, Upstream::SecSign).await;
    assert!(op.health.is_down(Upstream::SecSign), "as it says itself");
    scene.behaviour.is_down.store(false, Ordering::SeqCst);
    assert_eq!(seen(&scene.begin("alice").await), DOWN, "no login finds out");
    look(op, Upstream::SecSign).await;
    for name in ["nobody", "alice"] {
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called(name), name).await), PENDING, "{name}");
    }
    assert_eq!((scene.creates(), scene.questions()), (6, 2));
}
