//! While a login for a name is open, other browsers get no picture; and no picture is ever that of an open login of the same
//! person, in whatever order they begin.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::scene::{Scene, browser_called};
use super::{observe, seen};
use crate::domain::audit::AuditKind;
use crate::domain::login::{Challenge, End, Login, Reason, Subject};
use crate::flow::login::end::{self, UpstreamSession};
use crate::flow::node::latency::Call;
use crate::flow::token::tests::T0;
use crate::store::{access_passes, audit, logins};

const BUSY: (&str, Option<Reason>) = ("failed", Some(Reason::Busy));
const PENDING: (&str, Option<Reason>) = ("pending", None);

fn symbol(login: &Login) -> String {
    let Some(Challenge::AccessPass(Some(symbol))) = login.challenge.clone() else { panic!("no symbol: {login:?}") };
    symbol
}

async fn scene() -> Scene {
    Scene::new(Duration::ZERO).await
}

#[tokio::test]
async fn another_browser_gets_no_picture_while_a_login_is_open_whoever_has_the_name() {
    for name in ["alice", "nobody"] {
        let scene = scene().await;
        let first = scene.begin(name).await;
        let second = scene.begin_elsewhere(&browser_called("second"), name).await;
        assert_eq!((seen(&first), seen(&second), &second.challenge), (PENDING, BUSY, &None), "{name}");
        let asked = scene.creates();
        let third = scene.begin_elsewhere(&browser_called("second"), name).await;
        assert_eq!((seen(&third), scene.creates()), (BUSY, asked), "{name}, again");
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called("second"), "somebody").await), PENDING, "and holds nothing");
        assert!(end::withdraw(&scene.bench.op, &first, None).await.unwrap());
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called("third"), name).await), PENDING, "{name}, withdrawn");
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called("fourth"), name).await), BUSY, "{name}, begun again");
        scene.bench.advance(129);
        let fourth = async || seen(&scene.begin_elsewhere(&browser_called("fourth"), name).await);
        assert_eq!(fourth().await, BUSY, "{name}, run out, and nobody withdrew it at the service");
        scene.bench.advance(1);
        assert_eq!(fourth().await, PENDING, "{name}, surely over");
    }
}

#[tokio::test]
async fn the_name_is_free_or_not_after_a_failure_whoever_has_it() {
    for name in ["alice", "nobody"] {
        let scene = scene().await;
        let first = scene.begin(name).await;
        observe(&scene, Call::Cancel, Some(Reason::UpstreamDown));
        end::end(&scene.bench.op, &first, End::Cancelled(None), UpstreamSession::MayLive).await.unwrap();
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called("second"), name).await), BUSY, "{name}, not withdrawn");

        let scene = self::scene().await;
        observe(&scene, Call::Create, Some(Reason::UpstreamDown));
        scene.behaviour.drops_creates.store(true, Ordering::SeqCst);
        assert_eq!(seen(&scene.begin(name).await), ("failed", Some(Reason::UpstreamDown)), "{name}");
        scene.behaviour.drops_creates.store(false, Ordering::SeqCst);
        observe(&scene, Call::Create, None);
        assert_eq!(seen(&scene.begin_elsewhere(&browser_called("second"), name).await), PENDING, "{name}, in doubt");
    }
}

#[tokio::test]
async fn another_name_of_the_person_looks_like_any_other_and_shows_another_symbol() {
    let scene = scene().await;
    scene.behaviour.same_symbol.store(true, Ordering::SeqCst);
    for number in 0..16 {
        let stranger = scene.begin("alice").await;
        let alias = scene.begin_elsewhere(&browser_called("alias"), "alice@example.org").await;
        assert_eq!((seen(&alias), &alias.subject), (PENDING, &Subject::Decoy));
        assert_ne!(symbol(&alias), symbol(&stranger), "{number}");
        assert_eq!(alias.concern.user.as_ref(), Some(&scene.alice), "the audit trail knows");
        for login in [stranger, alias] {
            end::withdraw(&scene.bench.op, &login, None).await.unwrap();
        }
    }
    assert_eq!(scene.creates(), 16);
}

#[tokio::test]
async fn a_request_with_the_symbol_of_an_open_decoy_is_asked_anew_and_then_given_up() {
    let scene = scene().await;
    // Alice looks at a page in a browser that is new, and then at one that she used before, which takes the phone over.
    let first = scene.begin("alice").await;
    scene.behaviour.same_symbol.store(true, Ordering::SeqCst);
    let known = browser_called("known");
    scene.remember(&known).await;
    let own = scene.begin_elsewhere(&known, "alice").await;
    assert_eq!((seen(&own), seen(&scene.login(&first.id).await)), (PENDING, PENDING));
    assert_ne!(symbol(&own), symbol(&first));

    // Her page in the new browser goes on as a decoy. The service gives the next request the symbol that it shows.
    end::withdraw(&scene.bench.op, &own, None).await.unwrap();
    scene.behaviour.symbol_of_first();
    let before = scene.creates();
    let refused = scene.begin_elsewhere(&known, "alice").await;
    assert_eq!((seen(&refused), scene.creates() - before), (BUSY, 4));
    assert_eq!(refused.challenge, None);
    scene.behaviour.symbol_of_first();
    scene.behaviour.same_symbol.store(false, Ordering::SeqCst);
    let before = scene.creates();
    let own = scene.begin_elsewhere(&known, "alice").await;
    assert_eq!((seen(&own), scene.creates() - before), (PENDING, 2), "asked once more, and its slots were given back");
    assert_ne!(symbol(&own), symbol(&first));
}

#[tokio::test]
async fn a_name_stays_occupied_when_its_person_takes_the_phone_over() {
    let scene = scene().await;
    let stranger = scene.begin("alice").await;
    let known = browser_called("known");
    scene.remember(&known).await;
    let own = scene.begin_elsewhere(&known, "alice").await;
    assert_eq!(seen(&own), PENDING);
    let other = browser_called("other");
    assert_eq!(seen(&scene.begin_elsewhere(&other, "alice").await), BUSY);
    end::withdraw(&scene.bench.op, &own, None).await.unwrap();
    assert_eq!(seen(&scene.begin_elsewhere(&other, "alice").await), BUSY, "as long as the stranger's page waits");
    end::withdraw(&scene.bench.op, &scene.login(&stranger.id).await, None).await.unwrap();
    assert_eq!(seen(&scene.begin_elsewhere(&other, "alice").await), PENDING);
}

#[tokio::test]
async fn a_decoy_shows_a_pass_of_the_service_once_there_are_eight() {
    let scene = scene().await;
    let store = &scene.bench.op.store;
    let keep = async |number: u8| {
        store
            .write(number, |tx, number| Box::pin(async move { access_passes::insert(tx, &format!("pass {number}"), T0).await }))
            .await
    };
    let decoys = async || {
        let mut symbols = Vec::new();
        for _time in 0..24 {
            let decoy = scene.begin("nobody").await;
            assert_eq!(decoy.subject, Subject::Decoy);
            symbols.push(symbol(&decoy));
            end::withdraw(&scene.bench.op, &decoy, None).await.unwrap();
        }
        symbols
    };
    for number in 0..7 {
        keep(number).await.unwrap();
    }
    let mut drawn = decoys().await;
    assert!(drawn.iter().all(|symbol| !symbol.starts_with("pass ")), "of seven, everybody would see the same");
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 24, "each another");
    keep(7).await.unwrap();
    let mut shown = decoys().await;
    assert!(shown.iter().all(|symbol| symbol.starts_with("pass ")));
    shown.sort_unstable();
    shown.dedup();
    assert!(shown.len() > 3, "{shown:?}");
}

#[tokio::test]
async fn the_trail_names_whom_and_what_every_attempt_was_for() {
    let scene = scene().await;
    let long = "x".repeat(250);
    let names = ["alice", "alice", "alice@example.org", "nobody", "nobody", &long];
    for (number, name) in names.into_iter().enumerate() {
        scene.begin_at("192.0.2.7", &format!("browser {number}"), name).await;
    }
    let mut records = audit::list(scene.bench.op.store.read(), 100).await.unwrap();
    records.sort_by(|one, other| one.id.cmp(&other.id));
    assert!(records.iter().all(|record| record.client.as_deref() == Some("app") && record.address == "192.0.2.7"));
    let alice = scene.alice.to_string();
    let told: Vec<(String, Option<&str>, String)> = records
        .iter()
        .map(|record| (record.kind.clone(), record.user.as_deref(), record.detail.clone().unwrap_or_default()))
        .collect();
    let (started, failed) = (AuditKind::LoginStarted.as_str(), AuditKind::LoginFailed.as_str());
    let who = Some(alice.as_str());
    let expected = [
        (started, who, "asked".to_owned()),
        (failed, who, "failed/busy".to_owned()),
        (started, who, "decoy".to_owned()),
        (started, None, "decoy: nobody".to_owned()),
        (failed, None, "failed/busy: nobody".to_owned()),
        (started, None, format!("decoy: {}", "x".repeat(100))),
    ];
    let mut told: Vec<(&str, Option<&str>, String)> =
        told.iter().map(|(kind, user, said)| (kind.as_str(), *user, said.clone())).collect();
    let mut expected = expected.to_vec();
    // Events of one millisecond have no order.
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn symbols_of_one_person_differ_when_they_begin_at_once() {
    let scene = scene().await;
    for number in 0..8 {
        let (one, two, three) = (browser_called("one"), browser_called("two"), browser_called("three"));
        let (one, two, three) = tokio::join!(
            scene.begin_elsewhere(&one, "alice"),
            scene.begin_elsewhere(&two, "alice@example.org"),
            scene.begin_elsewhere(&three, "alice"),
        );
        let mut symbols: Vec<String> =
            [&one, &two, &three].into_iter().filter(|login| login.challenge.is_some()).map(symbol).collect();
        assert!(symbols.len() >= 2, "{number}");
        symbols.sort_unstable();
        let shown = symbols.len();
        symbols.dedup();
        assert_eq!(symbols.len(), shown);
        scene.bench.advance(130);
        let open = logins::count_open(scene.bench.op.store.read(), scene.bench.op.env.now()).await.unwrap();
        assert!(open.is_empty());
    }
}
