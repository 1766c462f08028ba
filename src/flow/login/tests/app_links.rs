//! The link into the app on the same phone, and the browsers that get none.

use std::time::Duration;

use super::scene::{Scene, browser_called};
use crate::domain::login::{Login, Subject};
use crate::flow::login::{app_link, end};

const PAGE: &str = "https://login.example/login/1";
const SESSION: &str = "4088003598462927442";

fn link(scene: &Scene, login: &Login) -> Option<String> {
    app_link(&scene.bench.op, login, PAGE).unwrap()
}

#[tokio::test]
async fn a_browser_that_the_user_signed_in_from_before_gets_the_link_into_the_app() {
    let scene = Scene::new(Duration::ZERO).await;
    let known = browser_called("known");
    scene.remember(&known).await;
    let login = scene.begin_elsewhere(&known, "alice@example.org").await;
    let expected = format!(
        "com.secsign.secsignid://authenticate?secsignid=alice&authsessionid={SESSION}\
         &returnurl=https%3A%2F%2Flogin.example%2Flogin%2F1&idserverurl=id1.example"
    );
    assert_eq!(link(&scene, &login), Some(expected));
    end::withdraw(&scene.bench.op, &login, None).await.unwrap();
    assert_eq!(link(&scene, &scene.login(&login.id).await), None, "it is over");
    let decoy = scene.begin_elsewhere(&known, "nobody").await;
    assert_eq!((link(&scene, &decoy), &decoy.subject), (None, &Subject::Decoy));
}

#[tokio::test]
async fn a_stranger_gets_no_link_whoever_they_name() {
    for name in ["alice", "nobody"] {
        let scene = Scene::new(Duration::ZERO).await;
        scene.remember(&browser_called("known")).await;
        let stranger = scene.begin(name).await;
        assert_eq!((link(&scene, &stranger), stranger.stage.state()), (None, "pending"), "{name}");
    }
    let scene = Scene::new(Duration::ZERO).await;
    let (known, stranger) = (browser_called("known"), scene.begin("alice").await);
    scene.remember(&known).await;
    let own = scene.begin_elsewhere(&known, "alice").await;
    assert!(link(&scene, &own).is_some());
    assert_eq!(link(&scene, &scene.login(&stranger.id).await), None, "whose request was taken over");
}
