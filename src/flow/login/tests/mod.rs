//! What begins at the same moment, and what a decoy does as long as the real thing.

pub(crate) mod scene;

use std::time::Duration;

use scene::Scene;

use super::pace::{Call, Observed};
use crate::domain::login::{Reason, Subject};
use crate::domain::user::Upstream;
use crate::flow::token::testing::T0;

const SLOW: Duration = Duration::from_millis(400);

fn observe(scene: &Scene, call: Call, failed: Option<Reason>) {
    scene.bench.op.pace.observe(Upstream::SecSign, call, Observed { took: SLOW, failed, at: T0 });
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let started = tokio::time::Instant::now();
    let done = work.await;
    (started.elapsed(), done)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_forms_at_once_are_one_create_and_every_answer_has_its_picture() {
    let scene = Scene::new(SLOW).await;
    let (one, two, three) = tokio::join!(scene.begin("alice"), scene.begin("alice"), scene.begin("alice"));
    assert_eq!(scene.creates(), 1);
    for login in [&one, &two, &three] {
        assert_eq!((&login.id, login.stage.state()), (&one.id, "pending"));
        assert!(login.challenge.is_some(), "shown before the service answered");
    }
    assert_eq!(scene.begin("alice").await.id, one.id, "and so is a reload");
    let other = scene.begin("alice@example.org").await;
    assert_ne!(other.id, one.id, "another form replaces it");
    assert_eq!((scene.creates(), scene.login(&one.id).await.stage.reason()), (2, Some(Reason::Replaced)));
    assert_eq!(other.stage.state(), "pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_form_at_the_same_moment_leaves_one_login_open() {
    let scene = Scene::new(SLOW).await;
    let (known, unknown) = tokio::join!(scene.begin("alice"), scene.begin("nobody"));
    let (known, unknown) = (scene.login(&known.id).await, scene.login(&unknown.id).await);
    let mut states = [known.stage.state(), unknown.stage.state()];
    states.sort_unstable();
    assert_eq!(states, ["cancelled", "pending"]);
}

#[tokio::test]
async fn a_known_and_an_unknown_name_cost_the_same_commits() {
    let scene = Scene::new(Duration::ZERO).await;
    let store = &scene.bench.op.store;
    let before = store.commits();
    assert!(matches!(scene.begin("alice").await.subject, Subject::Named(_)));
    let between = store.commits();
    let other = Scene::new(Duration::ZERO).await;
    let start = other.bench.op.store.commits();
    assert_eq!(other.begin("nobody").await.subject, Subject::Decoy);
    assert_eq!((between - before, other.bench.op.store.commits() - start), (2, 2));
}

#[tokio::test]
async fn a_decoy_fails_where_and_when_a_create_would() {
    let scene = Scene::new(Duration::ZERO).await;
    let (took, fine) = timed(scene.begin("nobody")).await;
    assert_eq!((fine.stage.state(), took < SLOW), ("pending", true), "{took:?}");
    observe(&scene, Call::Create, Some(Reason::UpstreamDown));
    let (took, failed) = timed(scene.begin("somebody")).await;
    assert_eq!((failed.stage.reason(), took >= SLOW), (Some(Reason::UpstreamDown), true), "{took:?}");
}

#[tokio::test]
async fn a_decoy_is_replaced_as_slowly_as_a_login() {
    let scene = Scene::new(Duration::ZERO).await;
    let first = scene.begin("nobody").await;
    let (took, _) = timed(scene.begin("somebody")).await;
    assert!(took < SLOW, "{took:?}");
    observe(&scene, Call::Cancel, None);
    let (took, third) = timed(scene.begin("anybody")).await;
    assert!(took >= SLOW, "{took:?}");
    assert_eq!((third.stage.state(), scene.login(&first.id).await.stage.reason()), ("pending", Some(Reason::Replaced)));
}
