//! What "this was not me" ends and pauses, who is asked about what was declined, and where.

use super::super::progress::apply;
use super::*;
use crate::domain::id::LoginId;
use crate::domain::login::UpstreamHandle;
use crate::domain::settings::Limits;
use crate::flow::login::tests::scene::{Scene, browser_called};
use crate::store::tests::samples::login;
use crate::store::{audit, clients, grants, remembered_browsers};
use crate::upstream::Progress;

const PAUSE: Duration = Duration::from_secs(300);

async fn scene() -> Scene {
    let mut scene = Scene::new(Duration::ZERO).await;
    scene.limit(Limits { not_me_pause: Some(PAUSE), ..Limits::off() });
    scene
}

async fn alice(scene: &Scene) -> User {
    users::find(scene.bench.op.store.read(), &scene.alice).await.unwrap().unwrap()
}

/// A session of alice that began at this address, with tokens that were granted to outlive it.
async fn session_at(scene: &Scene, address: &str) -> BrowserSession {
    let bench = &scene.bench;
    let session = bench.session(&alice(scene).await).await;
    bench.execute(&format!("UPDATE sessions SET address = '{address}' WHERE id = '{}'", session.id)).await;
    let client = clients::find(bench.op.store.read(), &scene.authorization().request.client_id).await.unwrap().unwrap();
    bench.tokens(&client, &session, "openid offline_access").await;
    session
}

/// Whether a session lives, and whether what came of it does. They go together.
async fn lives(scene: &Scene, session: &BrowserSession) -> bool {
    let (db, now) = (scene.bench.op.store.read(), scene.bench.op.env.now());
    let families = grants::list_for_user(db, &scene.alice, now).await.unwrap();
    let has_tokens = families.iter().any(|family| family.authentication.session_id.as_ref() == Some(&session.id));
    let is_alive = sessions::find(db, &session.id).await.unwrap().unwrap().is_alive(now);
    assert_eq!(is_alive, has_tokens, "a session and its tokens");
    is_alive
}

/// The source and the detail of each event of this kind.
async fn records(scene: &Scene, kind: AuditKind) -> Vec<(String, Option<String>)> {
    let records = audit::list(scene.bench.op.store.read(), 100).await.unwrap();
    let of_kind = records.into_iter().filter(|record| record.kind == kind.as_str());
    of_kind.map(|record| (record.address, record.detail)).collect()
}

async fn disowned(scene: &Scene) -> Vec<(String, Option<String>)> {
    records(scene, AuditKind::LoginDisowned).await
}

async fn declined_at(scene: &Scene, address: &str, browser: &str) -> Login {
    let login = scene.begin_at(address, browser, "alice").await;
    assert!(end::end(&scene.bench.op, &login, End::Denied, UpstreamSession::Dead).await.unwrap());
    login
}

/// Alice's browser, in this session.
async fn in_session(scene: &Scene, session: &BrowserSession) -> Browser {
    Browser { key: session.browser.clone(), session: Some((session.clone(), alice(scene).await)) }
}

/// How many requests she is asked about in a browser.
async fn questions(scene: &Scene, browser: &BrowserKey) -> usize {
    list_open(&scene.bench.op, &alice(scene).await, browser).await.unwrap().len()
}

#[tokio::test]
async fn a_word_of_the_phone_ends_what_began_there_and_pauses_strangers() {
    let scene = scene().await;
    let op = &scene.bench.op;
    let (there, elsewhere) = (session_at(&scene, "2001:db8:1:1::9").await, session_at(&scene, "203.0.113.9").await);
    assert!(lives(&scene, &there).await && lives(&scene, &elsewhere).await);
    let login = scene.begin_at("2001:db8:1:1::1", "stranger", "alice").await;
    let handle = UpstreamHandle(Secret::new(String::new()));
    for _answer in 0..2 {
        assert!(apply(op, &login, &handle, Progress::Disowned).await.unwrap().is_none());
        assert_eq!(scene.login(&login.id).await.stage.state(), "denied", "the page is told no more");
    }
    assert!(!lives(&scene, &there).await, "the same /64");
    assert!(lives(&scene, &elsewhere).await);
    assert_eq!(disowned(&scene).await, [("2001:db8:1:1::1".to_owned(), Some("phone".to_owned()))], "once");
    assert_eq!(questions(&scene, &browser_called("own")).await, 0, "she has said it");

    let asked = scene.creates();
    let decoy = scene.begin_at("198.51.100.7", "another stranger", "alice").await;
    assert_eq!((&decoy.subject, decoy.stage.state(), scene.creates()), (&Subject::Decoy, "pending", asked));
    assert_eq!(decoy.concern.user.as_ref(), Some(&scene.alice), "the audit trail knows");
    let known = browser_called("known");
    scene.remember(&known).await;
    assert!(matches!(scene.begin_elsewhere(&known, "alice").await.subject, Subject::Named(_)), "she is not kept out");
    scene.bench.advance(PAUSE.as_secs());
    let later = scene.begin_at("198.51.100.8", "a third", "alice").await;
    assert!(matches!(later.subject, Subject::Named(_)), "it is over");
}

#[tokio::test]
async fn without_the_limit_nobody_is_paused() {
    let mut scene = scene().await;
    scene.limit(Limits::off());
    let login = scene.begin_at("203.0.113.1", "stranger", "alice").await;
    by_phone(&scene.bench.op, &login).await.unwrap();
    assert_eq!(disowned(&scene).await.len(), 1);
    let another = scene.begin_at("203.0.113.2", "another", "alice").await;
    assert!(matches!(another.subject, Subject::Named(_)));
    assert!(end::end(&scene.bench.op, &another, End::Expired, UpstreamSession::Dead).await.unwrap());
    let own = browser_called("own");
    scene.remember(&own).await;
    declined_at(&scene, "203.0.113.3", "a third").await;
    assert_eq!(questions(&scene, &own).await, 0, "nor asked");
    scene.limit(Limits { not_me_pause: Some(PAUSE), ..Limits::off() });
    assert_eq!(questions(&scene, &own).await, 1, "the control");
}

#[tokio::test]
async fn what_was_declined_is_asked_about_once_in_another_browser_and_within_a_day() {
    let scene = scene().await;
    let session = session_at(&scene, "203.0.113.1").await;
    let (own, stranger) = (session.browser.clone(), browser_called("stranger"));
    scene.remember(&own).await;
    scene.remember(&stranger).await;
    assert_eq!(questions(&scene, &own).await, 0);
    declined_at(&scene, "203.0.113.1", "stranger").await;
    assert_eq!((questions(&scene, &own).await, questions(&scene, &stranger).await), (1, 0));
    let first = scene.bench.op.env.now();
    scene.bench.advance(10);
    declined_at(&scene, "203.0.113.1", "second stranger").await;
    assert_eq!((questions(&scene, &own).await, questions(&scene, &stranger).await), (2, 1));
    let browser = in_session(&scene, &session).await;
    answer(&scene.bench.op, &browser, first, true).await.unwrap();
    assert_eq!(questions(&scene, &own).await, 1, "the later one was not on the page");
    answer(&scene.bench.op, &browser, scene.bench.op.env.now(), true).await.unwrap();
    assert_eq!((questions(&scene, &own).await, alice(&scene).await.declined_at), (0, None), "nobody looks any more");
    assert!(lives(&scene, &session).await && disowned(&scene).await.is_empty(), "it was hers");
    let confirmed = records(&scene, AuditKind::LoginDeclinedConfirmed).await;
    assert_eq!(confirmed, vec![("203.0.113.1".to_owned(), Some("page".to_owned())); 2], "she said so");

    declined_at(&scene, "203.0.113.1", "third stranger").await;
    scene.bench.advance(86_399);
    assert_eq!(questions(&scene, &own).await, 1);
    scene.bench.advance(1);
    assert_eq!(questions(&scene, &own).await, 0, "a day ago");
}

#[tokio::test]
async fn a_word_on_the_page_ends_what_began_there_but_for_the_session_that_says_it() {
    let scene = scene().await;
    let own = session_at(&scene, "203.0.113.1").await;
    scene.remember(&own.browser).await;
    let (there, elsewhere) = (session_at(&scene, "203.0.113.1").await, session_at(&scene, "203.0.113.2").await);
    declined_at(&scene, "203.0.113.1", "stranger").await;
    let nobody = Browser { session: None, ..in_session(&scene, &own).await };
    answer(&scene.bench.op, &nobody, scene.bench.op.env.now(), false).await.unwrap();
    assert!(lives(&scene, &there).await && disowned(&scene).await.is_empty(), "whoever is not signed in says nothing");
    let browser = in_session(&scene, &own).await;
    for _time in 0..2 {
        answer(&scene.bench.op, &browser, scene.bench.op.env.now(), false).await.unwrap();
        assert!(!lives(&scene, &there).await && lives(&scene, &elsewhere).await && lives(&scene, &own).await);
        assert_eq!(disowned(&scene).await, [("203.0.113.1".to_owned(), Some("page".to_owned()))], "once");
    }
    assert!(matches!(scene.begin_at("198.51.100.7", "another", "alice").await.subject, Subject::Decoy));
}

#[tokio::test]
async fn whoever_came_in_after_a_decline_is_not_asked_about_it() {
    let scene = scene().await;
    let second = browser_called("second");
    declined_at(&scene, "203.0.113.1", "first").await;
    scene.bench.advance(10);
    for _login in 0..2 {
        let remembered = (second.clone(), scene.alice.clone(), scene.bench.op.env.now());
        let write = scene.bench.op.store.write(remembered, |tx, (browser, user, now)| {
            Box::pin(remembered_browsers::remember(tx, browser, user, None, *now))
        });
        write.await.unwrap();
        assert_eq!(questions(&scene, &second).await, 0);
        scene.bench.advance(10);
    }
    declined_at(&scene, "203.0.113.1", "first").await;
    assert_eq!(questions(&scene, &second).await, 1, "she used it before that one");
}

#[tokio::test]
async fn an_answer_is_for_all_and_not_only_for_those_that_are_shown() {
    let scene = scene().await;
    let own = session_at(&scene, "203.0.113.1").await;
    scene.remember(&own.browser).await;
    let last = session_at(&scene, "203.0.113.9").await;
    declined_at(&scene, "203.0.113.9", "stranger").await;
    scene.bench.advance(1);
    let at = scene.bench.op.env.now();
    for number in 0..SHOWN {
        let shown = Decline { login_id: LoginId::new(format!("l{number}")), user_id: scene.alice.clone(), at, ..kept() };
        scene.bench.op.store.write(shown, |tx, shown| Box::pin(declines::insert(tx, shown.clone()))).await.unwrap();
    }
    assert_eq!(questions(&scene, &own.browser).await, 20);
    answer(&scene.bench.op, &in_session(&scene, &own).await, at, false).await.unwrap();
    assert_eq!((questions(&scene, &own.browser).await, disowned(&scene).await.len()), (0, 21));
    assert!(!lives(&scene, &last).await);
}

/// Of somebody's request, somewhere else.
fn kept() -> Decline {
    let login = login("l");
    let Subject::Named(asked) = &login.subject else { panic!("named") };
    Decline { client_id: None, browser: None, address: "198.51.100.1".to_owned(), ..decline(&login, asked, login.created_at) }
}

#[tokio::test]
async fn a_word_of_the_phone_counts_whatever_became_of_the_login_meanwhile() {
    for (what, state) in [("too late", "pending"), ("taken away", "pending"), ("cancelled", "cancelled")] {
        let scene = scene().await;
        let op = &scene.bench.op;
        let there = session_at(&scene, "203.0.113.1").await;
        let login = scene.begin_at("203.0.113.1", "stranger", "alice").await;
        match what {
            "too late" => scene.bench.advance(120),
            "taken away" => assert!(end::preempt(op, &login).await.is_ok()),
            _cancelled => assert!(end::end(op, &login, End::Cancelled(None), UpstreamSession::MayLive).await.unwrap()),
        }
        let handle = UpstreamHandle(Secret::new(String::new()));
        apply(op, &login, &handle, Progress::Disowned).await.unwrap();
        assert_eq!(scene.login(&login.id).await.stage.state(), state, "{what}: the page is told nothing");
        assert!(!lives(&scene, &there).await, "{what}");
        assert_eq!(disowned(&scene).await.len(), 1, "{what}");
        assert!(alice(&scene).await.strangers_until.is_some(), "{what}");
    }
}

#[test]
fn only_who_was_asked_to_sign_in_declines_a_request_of_theirs() {
    let asked = |login: &Login| asked_to_sign_in(login).is_some();
    assert!(asked(&login("l")));
    assert!(!asked(&Login { purpose: Purpose::Enrolment(UserId::new("user-alice")), ..login("l") }), "a phone of nobody yet");
    for subject in [Subject::Unnamed, Subject::Decoy] {
        assert!(!asked(&Login { subject, ..login("l") }));
    }
    for (upstream, is_theirs) in [(Upstream::SecSign, true), (Upstream::ThumbSignIn, false)] {
        assert_eq!(declined_by(&Login { upstream, ..login("l") }).is_some(), is_theirs, "{upstream}");
    }
}
