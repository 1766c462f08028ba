//! What a stranger is told of a limit is told by what was typed and by where it came from, and by nothing else.

use std::time::Duration;

use super::scene::{Scene, browser_called};
use super::seen;
use crate::domain::audit::AuditKind;
use crate::domain::id::LoginId;
use crate::domain::login::{End, Login, Reason, Subject};
use crate::domain::settings::Limits;
use crate::domain::user::Upstream;
use crate::flow::login::end::{self, UpstreamSession};
use crate::store::{audit, pushes};

const LIMITED: (&str, Option<Reason>) = ("failed", Some(Reason::RateLimited));
const PENDING: (&str, Option<Reason>) = ("pending", None);

async fn scene(limits: Limits) -> Scene {
    let mut scene = Scene::new(Duration::ZERO).await;
    scene.limit(limits);
    scene
}

/// Strangers ask for a name so often, each at an address of their own, and give up; the last one's login.
async fn strangers(scene: &Scene, name: &str, times: u8) -> Login {
    let mut last = None;
    for number in 0..times {
        let browser = format!("{name} {number} {}", scene.creates());
        let login = scene.begin_at(&format!("203.0.113.{number}"), &browser, name).await;
        end::withdraw(&scene.bench.op, &login, None).await.unwrap();
        last = Some(login);
    }
    last.unwrap()
}

#[tokio::test]
async fn two_names_of_a_person_are_limited_as_two_names_of_nobody() {
    let per_person = Limits { push_per_person_10min: Some(3), push_per_person_day: Some(10), ..Limits::off() };
    for (name, alias) in [("alice", "alice@example.org"), ("ghost", "ghost@example.org")] {
        let scene = scene(per_person.clone()).await;
        assert_eq!(seen(&strangers(&scene, name, 3).await), PENDING, "{name}");
        assert_eq!(seen(&strangers(&scene, name, 4).await), LIMITED, "{name}");
        let asked = scene.creates();
        let other = strangers(&scene, alias, 1).await;
        assert_eq!((seen(&other), &other.subject, scene.creates()), (PENDING, &Subject::Decoy, asked), "{alias}");
        assert_eq!(seen(&strangers(&scene, alias, 3).await), LIMITED, "{alias}");
    }
}

#[tokio::test]
async fn a_sign_in_of_the_person_forgives_nothing_to_strangers() {
    let per_person = Limits { push_per_person_10min: Some(3), push_per_remembered_person_10min: Some(2), ..Limits::off() };
    let scene = scene(per_person).await;
    strangers(&scene, "alice", 3).await;
    assert_eq!(seen(&strangers(&scene, "alice", 1).await), LIMITED);
    let known = browser_called("known");
    scene.remember(&known).await;
    for _time in 0..3 {
        let own = scene.begin_elsewhere(&known, "alice").await;
        assert_eq!(seen(&own), PENDING, "strangers cannot use up her quota, nor does she");
        end::withdraw(&scene.bench.op, &own, None).await.unwrap();
        let forgiven = (own.id, "alice");
        let store = &scene.bench.op.store;
        store
            .write(forgiven, |tx, (id, name): &(LoginId, &str)| {
                Box::pin(pushes::forgive_owner(tx, Upstream::SecSign, name, id))
            })
            .await
            .unwrap();
        assert_eq!(seen(&strangers(&scene, "alice", 1).await), LIMITED, "after she signed in");
    }
}

#[tokio::test]
async fn two_hundred_attempts_of_a_day_ask_a_phone_ten_times_and_its_owner_gets_in_meanwhile() {
    let mut scene = scene(Limits::production()).await;
    let known = browser_called("known");
    scene.remember(&known).await;
    let mut sent = Vec::new();
    for burst in 0..20 {
        scene.renew().await;
        let before = scene.creates();
        for number in 0..10 {
            let (attempt, name) = (burst * 10 + number, if number % 2 == 0 { "alice" } else { "alice@example.org" });
            let stranger = scene.begin_at(&format!("203.0.113.{}", attempt % 50), &format!("browser {attempt}"), name).await;
            end::withdraw(&scene.bench.op, &stranger, None).await.unwrap();
        }
        sent.push(scene.creates() - before);
        let own = scene.begin_elsewhere(&known, "alice").await;
        assert_eq!((seen(&own), scene.creates() - before - sent[burst]), (PENDING, 1), "after {} attempts", burst * 10 + 10);
        end::withdraw(&scene.bench.op, &own, None).await.unwrap();
        scene.bench.advance(1200);
    }
    assert_eq!((&sent[..4], sent[4..].iter().sum::<usize>()), (&[3, 3, 3, 1][..], 0));
    scene.bench.advance(86_400);
    scene.renew().await;
    let before = scene.creates();
    strangers(&scene, "alice", 3).await;
    assert_eq!(scene.creates() - before, 3, "a day later");
}

#[tokio::test]
async fn a_busy_answer_and_a_decoy_do_not_shut_a_name() {
    let scene = scene(Limits { push_per_person_10min: Some(3), ..Limits::off() }).await;
    let first = scene.begin_at("203.0.113.1", "first", "alice").await;
    for number in 0..20 {
        let other = scene.begin_at("203.0.113.2", &format!("other {number}"), "alice").await;
        assert_eq!(other.stage.reason(), Some(Reason::Busy));
    }
    let alias = scene.begin_at("203.0.113.3", "alias", "alice@example.org").await;
    assert_eq!((seen(&alias), &alias.subject), (PENDING, &Subject::Decoy));
    for login in [first, alias] {
        end::withdraw(&scene.bench.op, &login, None).await.unwrap();
    }
    for number in 0..2 {
        let again = scene.begin_at("203.0.113.9", &format!("again {number}"), "alice").await;
        assert!(matches!(again.subject, Subject::Named(_)), "one request was sent so far");
        end::withdraw(&scene.bench.op, &again, None).await.unwrap();
    }
    assert_eq!(scene.creates(), 3);
}

#[tokio::test]
async fn a_source_is_a_64_and_its_network_a_48() {
    let limits = Limits { push_per_source_10min: Some(2), push_per_network_10min: Some(5), ..Limits::off() };
    let scene = scene(limits).await;
    let at = async |address: &str, number: u8| {
        let login = scene.begin_at(address, &format!("{address} {number}"), &format!("somebody{number}")).await;
        end::withdraw(&scene.bench.op, &login, None).await.unwrap();
        seen(&login)
    };
    assert_eq!((at("2001:db8:1:1::1", 1).await, at("2001:db8:1:1::2", 2).await), (PENDING, PENDING));
    assert_eq!(at("2001:db8:1:1:ffff::3", 3).await, LIMITED, "the same /64");
    assert_eq!(
        (at("2001:db8:1:2::1", 4).await, at("2001:db8:1:2::2", 5).await, at("2001:db8:1:3::1", 6).await),
        (PENDING, PENDING, PENDING)
    );
    assert_eq!(at("2001:db8:1:4::1", 7).await, LIMITED, "the same /48");
    assert_eq!(at("2001:db8:2:4::1", 8).await, PENDING, "another");
    assert_eq!((at("203.0.113.6", 9).await, at("::ffff:203.0.113.6", 10).await), (PENDING, PENDING));
    assert_eq!(at("203.0.113.6", 11).await, LIMITED, "one address, written in two ways");
}

#[tokio::test]
async fn a_denial_pauses_its_source_and_says_so_for_the_same_name_only() {
    let scene = scene(Limits { denial_pause: Some(Duration::from_secs(300)), ..Limits::off() }).await;
    let denied = scene.begin_at("2001:db8:1:1::1", "first", "alice").await;
    assert!(end::end(&scene.bench.op, &denied, End::Denied, UpstreamSession::Dead).await.unwrap());
    let asked = scene.creates();
    assert_eq!(seen(&scene.begin_at("2001:db8:1:1::2", "second", "alice").await), LIMITED, "the next address of the same /64");
    let alias = scene.begin_at("2001:db8:1:1::3", "third", "alice@example.org").await;
    assert_eq!(
        (seen(&alias), &alias.subject, scene.creates()),
        (PENDING, &Subject::Decoy, asked),
        "her other name tells nothing"
    );
    end::withdraw(&scene.bench.op, &alias, None).await.unwrap();
    assert!(matches!(scene.begin_at("2001:db8:1:2::1", "fourth", "alice").await.subject, Subject::Named(_)), "another source");
    scene.bench.advance(301);
    assert!(matches!(scene.begin_at("2001:db8:1:1::2", "fifth", "alice").await.subject, Subject::Named(_)), "and later");
}

#[tokio::test]
async fn all_browsers_together_have_a_most_of_open_logins() {
    let scene = scene(Limits { pending: Some(3), ..Limits::off() }).await;
    let at =
        async |number: u8, name: &str| scene.begin_at(&format!("203.0.113.{number}"), &format!("browser {number}"), name).await;
    let first = at(0, "ghost0").await;
    for number in 1..3 {
        assert_eq!(seen(&at(number, &format!("ghost{number}")).await), PENDING, "{number}");
    }
    for (number, name) in [(3, "alice"), (4, "ghost4")] {
        assert_eq!(seen(&at(number, name).await), LIMITED, "{name}");
    }
    assert_eq!(scene.creates(), 0);
    let known = browser_called("known");
    scene.remember(&known).await;
    assert_eq!(seen(&scene.begin_elsewhere(&known, "alice").await), PENDING, "who is known is let in");
    end::withdraw(&scene.bench.op, &first, None).await.unwrap();
    assert_eq!(seen(&at(5, "ghost5").await), LIMITED, "there are three again");
    scene.bench.advance(121);
    assert_eq!(seen(&at(6, "ghost6").await), PENDING, "they ran out");
}

#[tokio::test]
async fn all_people_together_have_a_rate_and_an_alarm() {
    let scene = scene(Limits { push_all_people_10min: Some(3), ..Limits::off() }).await;
    for number in 0..5 {
        assert_eq!(seen(&strangers(&scene, &format!("ghost{number}"), 1).await), PENDING, "nobody is asked");
    }
    assert_eq!(seen(&strangers(&scene, "alice", 3).await), PENDING);
    for name in ["alice", "alice@example.org", "ghost", "ghost0"] {
        assert_eq!(seen(&strangers(&scene, name, 1).await), LIMITED, "{name}");
    }
    assert_eq!(scene.creates(), 3);
    let known = browser_called("known");
    scene.remember(&known).await;
    assert_eq!(seen(&scene.begin_elsewhere(&known, "alice").await), PENDING, "who is known is let in");
    let alarms = async || {
        let records = audit::list(scene.bench.op.store.read(), 100).await.unwrap();
        records.iter().filter(|record| record.kind == AuditKind::LoginFlood.as_str()).count()
    };
    assert_eq!(alarms().await, 1, "once in ten minutes");
    scene.bench.advance(601);
    assert_eq!(seen(&strangers(&scene, "alice", 3).await), PENDING);
    assert_eq!((seen(&strangers(&scene, "ghost", 1).await), alarms().await), (LIMITED, 2));
}
