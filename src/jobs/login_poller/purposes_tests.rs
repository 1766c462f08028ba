//! Logins for something else than an authorization, from their beginning to what comes of them, with and without a browser.

use std::sync::atomic::Ordering;

use super::*;
use crate::domain::browser::{BrowserKey, RequestSource};
use crate::domain::id::{BackchannelRequestId, DeviceGrantId};
use crate::domain::login::{PortalAction, Purpose};
use crate::flow::login::begin;
use crate::flow::login::finish::{Finished, finish};
use crate::flow::login::outcome::{LoginTarget, PhoneNeed};
use crate::flow::login::tests::scene::{Scene, browser_called};
use crate::store::sessions;

/// The states of a SecSign session.
const PENDING: u8 = 1;
const APPROVED: u8 = 3;
const DENIED: u8 = 4;

/// Every other purpose that signs somebody in, and where its browser goes on.
fn purposes() -> [(Purpose, Option<BrowserKey>, &'static str); 3] {
    let browser = Some(browser_called("portal"));
    let portal = Purpose::Portal { action: PortalAction::Confirm, return_to: "/account/phones".to_owned() };
    [
        (portal, browser.clone(), "/account/phones"),
        (Purpose::DeviceGrant(DeviceGrantId("device".to_owned())), browser, "/"),
        (Purpose::Backchannel(BackchannelRequestId("request".to_owned())), None, "/"),
    ]
}

async fn poll(scene: &Scene, login: &Login, state: u8) -> bool {
    scene.behaviour.state.store(state, Ordering::SeqCst);
    poll_once(&scene.bench.op, "node", &login.id).await.unwrap().is_some()
}

async fn press_continue(scene: &Scene, login: &Login) -> Finished {
    finish(&scene.bench.op, scene.login(&login.id).await, None, RequestSource::default()).await.unwrap()
}

async fn sessions_of_alice(scene: &Scene) -> usize {
    sessions::list_for_user(scene.bench.op.store.read(), &scene.alice, scene.bench.op.env.now()).await.unwrap().len()
}

async fn target(scene: &Scene, login: &Login) -> LoginTarget {
    LoginTarget::find(&scene.bench.op, login).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_purpose_goes_from_its_beginning_through_an_approval_to_its_end() {
    for (purpose, browser, onward) in purposes() {
        let scene = Scene::new(Duration::ZERO).await;
        let login = scene.begin_for_purpose(purpose.clone(), browser.clone()).await;
        assert_eq!((&login.purpose, &login.browser), (&purpose, &browser));
        assert!(login.challenge.is_some() && login.stage.state() == "pending" && scene.creates() == 1, "{purpose:?}");
        if browser.is_some() {
            assert_eq!(scene.begin_for_purpose(purpose.clone(), browser.clone()).await.id, login.id, "a reload of {purpose:?}");
        }
        let target = target(&scene, &login).await;
        let app = target.app(&scene.bench.op);
        assert!(!app.name.is_empty() && app.redirect_uri.is_none() && app.home.is_none());
        assert!(target.is_waiting(scene.bench.op.env.now()));
        assert!(matches!(press_continue(&scene, &login).await, Finished::NotApproved), "{purpose:?}");

        assert!(poll(&scene, &login, PENDING).await);
        assert!(!poll(&scene, &login, APPROVED).await);
        assert_eq!(scene.login(&login.id).await.stage.state(), "approved", "{purpose:?}");

        let before = sessions_of_alice(&scene).await;
        let Finished::SignedIn { cookie } = press_continue(&scene, &login).await else { panic!("{purpose:?} was approved") };
        let begun = sessions_of_alice(&scene).await - before;
        assert_eq!((cookie.is_some(), begun), (browser.is_some(), usize::from(browser.is_some())), "{purpose:?}");
        assert_eq!((target.onward.as_str(), target.choice().as_str()), (onward, onward), "{purpose:?}");
        assert!(matches!(press_continue(&scene, &login).await, Finished::Before), "{purpose:?} is used up");
        assert_eq!(sessions_of_alice(&scene).await - before, begun, "{purpose:?}");
    }
}

#[tokio::test]
async fn every_purpose_can_be_declined_expire_and_be_asked_again() {
    for (purpose, browser, _) in purposes() {
        let scene = Scene::new(Duration::ZERO).await;
        let op = &scene.bench.op;
        let declined = scene.begin_for_purpose(purpose.clone(), browser.clone()).await;
        assert!(!poll(&scene, &declined, DENIED).await);
        assert_eq!(scene.login(&declined.id).await.stage.state(), "denied", "{purpose:?}");
        assert!(matches!(press_continue(&scene, &declined).await, Finished::NotApproved), "{purpose:?}");

        let again = target(&scene, &declined).await;
        if let Some(key) = browser {
            let browser = crate::flow::authorization::Browser { key, session: None };
            assert_eq!(again.phone_need(op, &browser, Some("alice")).await.unwrap(), PhoneNeed::Needed);
        }
        let declined = scene.login(&declined.id).await;
        let expired = begin::retry(op, &declined, RequestSource::default(), &again).await.unwrap();
        let expired = scene.login(&expired).await;
        assert_eq!((&expired.purpose, expired.stage.state()), (&purpose, "pending"));
        scene.bench.advance(121);
        assert!(!poll(&scene, &expired, PENDING).await);
        assert_eq!(scene.login(&expired.id).await.stage.state(), "expired", "{purpose:?}");
        assert!(matches!(press_continue(&scene, &expired).await, Finished::NotApproved), "{purpose:?}");
    }
}

#[tokio::test]
async fn every_purpose_can_be_given_up_and_no_approval_counts_after_that() {
    for (purpose, browser, onward) in purposes() {
        let scene = Scene::new(Duration::ZERO).await;
        let op = &scene.bench.op;
        let login = scene.begin_for_purpose(purpose.clone(), browser).await;
        assert_eq!(target(&scene, &login).await.on_abandoned(op).await.unwrap(), onward, "{purpose:?}");
        assert!(end::withdraw(op, &login, None).await.unwrap(), "{purpose:?}");
        assert!(!poll(&scene, &login, APPROVED).await);
        assert_eq!(scene.login(&login.id).await.stage.state(), "cancelled", "{purpose:?}");
        assert!(matches!(press_continue(&scene, &login).await, Finished::NotApproved), "{purpose:?}");
    }
}
