//! What begins at the same moment, and what a decoy does as long as the real thing.

mod app_links;
mod at_once;
mod busy;
mod confirmation;
mod down;
mod ends;
mod limits;
pub(crate) mod scene;
mod trail;

use std::sync::atomic::Ordering;
use std::time::Duration;

use scene::{Scene, browser_called};

use super::end;

use crate::domain::login::{Challenge, Login, Reason, Subject};
use crate::domain::user::Upstream;
use crate::flow::node::latency::{Call, Observed};
use crate::flow::token::tests::T0;

const SLOW: Duration = Duration::from_millis(400);

fn observe(scene: &Scene, call: Call, failed: Option<Reason>) {
    scene.bench.op.latency.observe(Upstream::SecSign, call, Observed { took: SLOW, failed, at: T0 });
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

fn seen(login: &Login) -> (&'static str, Option<Reason>) {
    (login.stage.state(), login.stage.reason())
}

#[tokio::test]
async fn a_second_authorization_of_a_browser_tells_nothing_of_a_name() {
    for name in ["alice", "nobody"] {
        let scene = Scene::new(Duration::ZERO).await;
        let first = scene.begin(name).await;
        let second = scene.begin_beside(name).await;
        let first = scene.login(&first.id).await;
        let replaced = ("cancelled", Some(Reason::Replaced));
        assert_eq!((seen(&first), seen(&second)), (replaced, ("pending", None)), "{name}");
        let back = scene.begin(if name == "alice" { "nobody" } else { "alice" }).await;
        let second = scene.login(&second.id).await;
        assert_eq!((seen(&second), seen(&back)), (replaced, ("pending", None)), "{name}, then another");
    }
}

#[tokio::test]
async fn a_decoy_that_is_withdrawn_is_in_the_way_as_long_as_a_login() {
    let scene = Scene::new(Duration::ZERO).await;
    let first = scene.begin("nobody").await;
    observe(&scene, Call::Cancel, None);
    let op = &scene.bench.op;
    let (_, (took, second)) = tokio::join!(end::withdraw(op, &first, None), timed(scene.begin_beside("nobody")));
    assert!(took >= SLOW, "{took:?}");
    assert_eq!(seen(&second), ("pending", None));
}

#[tokio::test]
async fn a_decoy_whose_cancel_would_fail_stays_in_the_way() {
    let scene = Scene::new(Duration::ZERO).await;
    let first = scene.begin("nobody").await;
    observe(&scene, Call::Cancel, Some(Reason::UpstreamDown));
    assert!(!end::withdraw(&scene.bench.op, &first, None).await.unwrap());
    assert_eq!(seen(&scene.begin_beside("nobody").await), ("failed", Some(Reason::UpstreamDown)));
    scene.bench.advance(120);
    assert!(matches!(scene.begin_beside("nobody").await.stage.state(), "pending"), "until its deadline");
}

#[tokio::test]
async fn a_decoy_that_just_expired_is_begun_again_as_slowly_as_a_login() {
    let scene = Scene::new(Duration::ZERO).await;
    let decoy = scene.begin("nobody").await;
    observe(&scene, Call::Cancel, None);
    scene.bench.advance(121);
    let (took, settled) = timed(end::settle(&scene.bench.op, &decoy)).await;
    assert!(settled.is_ok() && took >= SLOW, "{took:?}");
    scene.bench.advance(30);
    let (took, settled) = timed(end::settle(&scene.bench.op, &decoy)).await;
    assert!(settled.is_ok() && took >= SLOW, "{took:?}: as far as was read, no broker ended it");
    let ended = scene.login(&decoy.id).await;
    let (took, settled) = timed(end::settle(&scene.bench.op, &ended)).await;
    assert!(settled.is_ok() && took < SLOW, "{took:?}");
}

#[tokio::test]
async fn a_decoy_shows_another_picture_each_time_as_the_service_does() {
    let scene = Scene::new(Duration::ZERO).await;
    let mut pictures = Vec::new();
    for _time in 0..16 {
        let decoy = scene.begin("nobody").await;
        assert_eq!(scene.login(&decoy.id).await.challenge, decoy.challenge, "a reload");
        let Some(Challenge::AccessPass(Some(picture))) = decoy.challenge.clone() else { panic!("no picture") };
        pictures.push(picture);
        end::withdraw(&scene.bench.op, &decoy, None).await.unwrap();
    }
    pictures.sort_unstable();
    pictures.dedup();
    assert!(pictures.len() > 1);
}

#[tokio::test]
async fn a_stranger_does_not_notice_that_the_person_took_over() {
    let scene = Scene::new(Duration::ZERO).await;
    let stranger = scene.begin("alice").await;
    let known = browser_called("known");
    scene.remember(&known).await;
    let own = scene.begin_elsewhere(&known, "alice").await;
    assert!(matches!(own.subject, Subject::Named(_)) && own.stage.state() == "pending");
    let after = scene.login(&stranger.id).await;
    assert_eq!((seen(&after), &after.subject, &after.challenge), (("pending", None), &Subject::Decoy, &stranger.challenge));
    assert_eq!(scene.creates(), 2);
    let again = scene.begin_beside("alice").await;
    assert_eq!((seen(&again), seen(&scene.login(&stranger.id).await).0), (("pending", None), "cancelled"));
    assert_eq!(scene.creates(), 2, "and asks nobody again while the person does");
}

#[tokio::test]
async fn a_login_begins_once_the_slots_it_needs_are_free() {
    let scene = Scene::new(Duration::ZERO).await;
    let lifetime = scene.bench.op.settings.lifetimes.login;
    scene.behaviour.cancel_takes.store(7, Ordering::SeqCst);
    let first = scene.begin("alice").await;
    assert_eq!((first.created_at, first.deadline), (T0, T0.plus(lifetime)), "nothing was in its way");
    let second = scene.begin("alice@example.org").await;
    let cleared = T0.plus(Duration::from_secs(7));
    assert_eq!((second.created_at, second.deadline), (cleared, cleared.plus(lifetime)), "the same authorization's login was");
    let third = scene.begin_beside("alice").await;
    let cleared = T0.plus(Duration::from_secs(14));
    assert_eq!((third.created_at, third.deadline), (cleared, cleared.plus(lifetime)), "the same browser's other login was");
    assert_eq!(scene.creates(), 3);
}

#[tokio::test]
async fn a_create_in_doubt_keeps_the_person_and_not_the_browser() {
    let down = ("failed", Some(Reason::UpstreamDown));
    for name in ["alice", "nobody"] {
        let scene = Scene::new(Duration::ZERO).await;
        // The decoy goes as the calls of late.
        observe(&scene, Call::Create, Some(Reason::UpstreamDown));
        scene.behaviour.drops_creates.store(true, Ordering::SeqCst);
        assert_eq!(seen(&scene.begin(name).await), down, "{name}");
        scene.behaviour.drops_creates.store(false, Ordering::SeqCst);
        observe(&scene, Call::Create, None);
        assert_eq!(seen(&scene.begin_beside("somebody").await), ("pending", None), "after {name}");
    }
    let scene = Scene::new(Duration::ZERO).await;
    scene.behaviour.drops_creates.store(true, Ordering::SeqCst);
    scene.begin("alice").await;
    scene.behaviour.drops_creates.store(false, Ordering::SeqCst);
    assert_eq!(seen(&scene.begin("alice").await), down, "a request to her may be open");
    assert_eq!(scene.creates(), 1);
    scene.bench.advance(129);
    assert_eq!(seen(&scene.begin("alice").await), down, "the service's clock is not ours, and a broker needs a moment");
    scene.bench.advance(1);
    assert_eq!(seen(&scene.begin("alice").await), ("pending", None));
    assert_eq!(scene.creates(), 2);
}
