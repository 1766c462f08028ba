//! Who is asked for a plain yes, and what such a login comes to (check 133, decision 2.1).

use std::time::Duration;

use super::scene::{Scene, browser_called};
use crate::domain::assurance::Acr;
use crate::domain::authorization::AuthorizationStage;
use crate::domain::browser::RequestSource;
use crate::domain::login::{Challenge, Login, Subject, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::flow::login::finish::{Finished, finish};
use crate::flow::login::progress::apply;
use crate::store::authorizations;
use crate::upstream::Progress;

/// In which alice may confirm without a symbol, or not, and signed in from her browser before, or not.
async fn scene(allowed: bool, remembered: bool) -> Scene {
    let scene = Scene::new(Duration::ZERO).await;
    scene.change_alice(|alice| alice.confirm_without_symbol = allowed).await;
    if remembered {
        scene.remember(&scene.authorization().browser).await;
    }
    scene
}

fn shows_symbol(login: &Login) -> bool {
    match &login.challenge {
        Some(Challenge::AccessPass(symbol)) => symbol.is_some(),
        other => panic!("no access pass: {other:?}"),
    }
}

/// What the login counts for once its phone has approved.
async fn reached(scene: &Scene, login: &Login) -> Acr {
    let op = &scene.bench.op;
    let handle = UpstreamHandle(Secret::new(String::new()));
    let approved = Progress::Approved { upstream_user: "alice".to_owned() };
    assert!(apply(op, login, &handle, approved).await.unwrap().is_none());
    let finished = finish(op, scene.login(&login.id).await, None, RequestSource::default()).await.unwrap();
    assert!(matches!(finished, Finished::SignedIn { .. }), "{finished:?}");
    let authorization = authorizations::find(op.store.read(), &scene.authorization().id).await.unwrap().unwrap();
    let AuthorizationStage::Authenticated { authentication, .. } = authorization.stage else { panic!("nobody signed in") };
    authentication.acr
}

#[tokio::test]
async fn a_plain_yes_takes_the_policy_a_remembered_browser_and_the_lowest_acr() {
    for allowed in [true, false] {
        for remembered in [true, false] {
            for wanted in Acr::ALL {
                let mut scene = scene(allowed, remembered).await;
                scene.wanted = wanted;
                let plain = allowed && remembered && wanted == Acr::Approved;
                let login = scene.begin("alice").await;
                let what = format!("allowed {allowed}, remembered {remembered}, {wanted:?}");
                assert_eq!(shows_symbol(&login), !plain, "{what}");
                assert_eq!(scene.access_passes(), [if plain { "false" } else { "true" }], "{what}");
                assert_eq!(reached(&scene, &login).await, if plain { Acr::Approved } else { Acr::Matched }, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn every_name_of_theirs_asks_for_it_and_nobody_elses_does() {
    let scene = scene(true, true).await;
    assert!(!shows_symbol(&scene.begin("alice@example.org").await));
    let nobody = scene.begin("nobody").await;
    assert_eq!((&nobody.subject, shows_symbol(&nobody)), (&Subject::Decoy, true));
    scene.change_alice(|alice| alice.locked = true).await;
    let locked = scene.begin("alice").await;
    assert_eq!((&locked.subject, shows_symbol(&locked)), (&Subject::Decoy, true), "a locked user is nobody");
}

#[tokio::test]
async fn another_tab_shows_what_the_first_one_asked_for() {
    let scene = scene(true, true).await;
    let plain = scene.begin("alice").await;
    scene.change_alice(|alice| alice.confirm_without_symbol = false).await;
    let again = scene.begin("alice").await;
    assert_eq!((&again.id, shows_symbol(&again), scene.creates()), (&plain.id, false, 1));
    let beside = scene.begin_beside("alice").await;
    assert!(shows_symbol(&beside), "the next one is asked for as the policy is by then");
    assert_eq!(scene.access_passes(), ["false", "true"]);
}

#[tokio::test]
async fn beside_a_plain_request_a_stranger_hears_what_everybody_hears() {
    let scene = scene(true, true).await;
    let plain = scene.begin("alice").await;
    let stranger = scene.begin_elsewhere(&browser_called("stranger"), "alice").await;
    assert_eq!((stranger.stage.state(), stranger.challenge), ("failed", None));
    let other_name = scene.begin_elsewhere(&browser_called("another"), "alice@example.org").await;
    assert!(shows_symbol(&other_name) && other_name.subject == Subject::Decoy);
    assert_eq!((scene.login(&plain.id).await.stage.state(), scene.creates()), ("pending", 1));
}
