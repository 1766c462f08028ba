//! What ends when: a login never outlives what it is for, an approval in time is answered, and each end has words of its own.

use std::time::Duration;

use super::scene::Scene;
use crate::domain::assurance::Acr;
use crate::domain::audit::AuditKind;
use crate::domain::authorization::AuthorizationStage;
use crate::domain::browser::RequestSource;
use crate::domain::client::Client;
use crate::domain::login::{Challenge, Login, Subject};
use crate::flow::authorization::{self, Browser, Next, Over};
use crate::flow::login::finish::{Finished, finish};
use crate::protocol::error::ErrorCode;
use crate::store::{authorizations, clients, logins};

/// A browser without a session, at the authorization of the scene.
async fn next(scene: &Scene) -> Next {
    let browser = Browser { key: scene.authorization().browser.clone(), session: None };
    authorization::advance(&scene.bench.op, &scene.authorization().id, &browser, &RequestSource::default()).await.unwrap()
}

async fn over(scene: &Scene) -> Option<Over> {
    match next(scene).await {
        Next::Over(_, why) => Some(why),
        _goes_on => None,
    }
}

async fn approve(scene: &Scene, login: &Login) -> bool {
    let input = (login.id.clone(), scene.alice.clone(), scene.bench.op.env.now());
    let approved = scene.bench.op.store.write(input, |tx, (id, user, now)| Box::pin(logins::approve(tx, id, user, None, *now)));
    approved.await.unwrap()
}

async fn finished(scene: &Scene, login: &Login) -> Finished {
    finish(&scene.bench.op, scene.login(&login.id).await, None, RequestSource::default()).await.unwrap()
}

/// Up to so many seconds before the authorization of the scene ends.
fn until_before_the_end(scene: &Scene, seconds: u64) {
    scene.bench.advance(scene.bench.op.settings.lifetimes.authorization.as_secs() - seconds);
}

#[tokio::test]
async fn a_login_waits_no_longer_than_its_authorization_lasts() {
    let scene = Scene::new(Duration::ZERO).await;
    let now = scene.bench.op.env.now();
    assert_eq!(scene.begin("alice").await.deadline, now.plus(scene.bench.op.settings.lifetimes.login));
    let late = Scene::new(Duration::ZERO).await;
    until_before_the_end(&late, 30);
    for name in ["alice", "nobody"] {
        assert_eq!(late.begin(name).await.deadline, late.authorization().expires_at, "{name}");
    }
}

#[tokio::test]
async fn an_approval_in_time_is_answered_though_the_authorization_ran_out_meanwhile() {
    let scene = Scene::new(Duration::ZERO).await;
    until_before_the_end(&scene, 30);
    let login = scene.begin("alice").await;
    scene.bench.advance(29);
    assert!(approve(&scene, &login).await);
    scene.bench.advance(60);
    assert!(matches!(finished(&scene, &login).await, Finished::SignedIn { .. }));
    scene.bench.advance(59);
    assert!(matches!(next(&scene).await, Next::Respond(_)), "and there is time for a consent");
    assert_eq!(over(&scene).await, Some(Over::Answered));
}

#[tokio::test]
async fn what_was_approved_in_another_tab_is_gone_on_with_and_no_phone_is_asked_again() {
    let scene = Scene::new(Duration::ZERO).await;
    let login = scene.begin("alice").await;
    assert!(approve(&scene, &login).await);
    assert_eq!(scene.begin("alice").await.id, login.id);
    assert_ne!(scene.begin("bob").await.id, login.id, "another name is another request");
    assert!(matches!(finished(&scene, &login).await, Finished::SignedIn { .. }));
    assert_ne!(scene.begin("alice").await.id, login.id, "used up");
}

#[tokio::test]
async fn an_approval_that_came_too_late_or_is_fetched_too_late_is_none() {
    let scene = Scene::new(Duration::ZERO).await;
    until_before_the_end(&scene, 30);
    let login = scene.begin("alice").await;
    scene.bench.advance(30);
    assert!(!approve(&scene, &login).await);
    let other = Scene::new(Duration::ZERO).await;
    until_before_the_end(&other, 30);
    let login = other.begin("alice").await;
    assert!(approve(&other, &login).await);
    other.bench.advance(30 + 60);
    assert!(matches!(finished(&other, &login).await, Finished::NotApproved));
    assert_eq!(over(&other).await, Some(Over::Expired));
}

#[tokio::test]
async fn each_end_of_an_authorization_is_told_from_the_others() {
    let day = 86_400;
    let scene = Scene::new(Duration::ZERO).await;
    assert!(matches!(next(&scene).await, Next::Login(_)));
    scene.bench.advance(day);
    assert_eq!(over(&scene).await, Some(Over::Expired));

    let given_up = Scene::new(Duration::ZERO).await;
    let Next::Login(interaction) = next(&given_up).await else { panic!("it is open") };
    authorization::fail(&given_up.bench.op, &interaction, ErrorCode::AccessDenied, "no").await.unwrap();
    assert!(matches!(next(&given_up).await, Next::Respond(_)), "the error is sent again");
    given_up.bench.advance(day);
    assert_eq!(over(&given_up).await, Some(Over::Cancelled));

    let off = Scene::new(Duration::ZERO).await;
    let login = off.begin("alice").await;
    assert!(approve(&off, &login).await);
    let client = clients::find(off.bench.op.store.read(), &off.authorization().request.client_id).await.unwrap().unwrap();
    off.bench.update_client(Client { disabled: true, ..client }).await;
    assert_eq!(over(&off).await, Some(Over::ClientOff));
    assert!(matches!(finished(&off, &login).await, Finished::Before), "its page says so, not that the person is refused");
}

#[tokio::test]
async fn a_login_is_as_strong_as_whom_it_named_and_what_it_showed() {
    let code = Challenge::QrCode { image: "iVBOR".to_owned(), deep_link: "https://phone.example/".to_owned() };
    for (named, challenge, acr) in [
        (true, Challenge::AccessPass(Some("iVBOR".to_owned())), Acr::Matched),
        (true, code.clone(), Acr::Named),
        (true, Challenge::AccessPass(None), Acr::Approved),
        (false, code, Acr::Approved),
    ] {
        let scene = Scene::new(Duration::ZERO).await;
        let login = scene.begin("alice").await;
        assert!(approve(&scene, &login).await);
        let approved = scene.login(&login.id).await;
        let subject = if named { approved.subject.clone() } else { Subject::Unnamed };
        let approved = Login { subject, challenge: Some(challenge), ..approved };
        let finished = finish(&scene.bench.op, approved, None, RequestSource::default()).await.unwrap();
        assert!(matches!(finished, Finished::SignedIn { .. }), "{finished:?}");
        let answered = authorizations::find(scene.bench.op.store.read(), &scene.authorization().id).await.unwrap().unwrap();
        let AuthorizationStage::Authenticated { authentication, .. } = answered.stage else { panic!("{acr:?}") };
        assert_eq!(authentication.acr, acr);
    }
}

#[tokio::test]
async fn an_approval_that_was_used_is_not_used_again_whatever_the_clock_does() {
    let hour = Duration::from_secs(3600);
    for (forward, back) in [(hour, Duration::ZERO), (Duration::ZERO, hour), (24 * hour, Duration::ZERO), (24 * hour, 24 * hour)]
    {
        let scene = Scene::new(Duration::ZERO).await;
        let login = scene.begin("alice").await;
        assert!(approve(&scene, &login).await);
        assert!(matches!(finished(&scene, &login).await, Finished::SignedIn { .. }));
        assert!(matches!(next(&scene).await, Next::Respond(_)));
        scene.bench.clock.advance(forward);
        scene.bench.clock.rewind(back);
        assert!(matches!(finished(&scene, &login).await, Finished::Before));
        assert_eq!(over(&scene).await, Some(Over::Answered));
        assert!(!approve(&scene, &login).await);
    }
}

#[tokio::test]
async fn a_browser_is_new_once() {
    let scene = Scene::new(Duration::ZERO).await;
    let told = async || {
        let kinds = scene.bench.audited().await;
        let count = |kind: AuditKind| kinds.iter().filter(|known| *known == kind.as_str()).count();
        (count(AuditKind::LoginSucceeded), count(AuditKind::LoginNewBrowser))
    };
    let first = scene.begin("alice").await;
    assert!(approve(&scene, &first).await);
    assert_eq!(told().await, (0, 0), "approved, and not yet finished in its browser");
    assert!(matches!(finished(&scene, &first).await, Finished::SignedIn { .. }));
    assert_eq!(told().await, (1, 1));
    let second = scene.begin_beside("alice").await;
    assert!(approve(&scene, &second).await);
    assert!(matches!(finished(&scene, &second).await, Finished::SignedIn { .. }));
    assert_eq!(told().await, (2, 1));
}

#[tokio::test]
async fn of_two_tabs_one_tells_of_a_new_browser() {
    let scene = Scene::new(Duration::ZERO).await;
    let first = scene.begin("alice").await;
    assert!(approve(&scene, &first).await);
    let second = scene.begin_beside("alice").await;
    assert!(!second.remembered && approve(&scene, &second).await);
    for login in [&first, &second] {
        assert!(matches!(finished(&scene, login).await, Finished::SignedIn { .. }));
    }
    let kinds = scene.bench.audited().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == AuditKind::LoginNewBrowser.as_str()).count(), 1);
}
