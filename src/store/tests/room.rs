//! What strangers may have us keep: authorizations that nobody uses, audit events that repeat, the answers of limits.

use std::time::Duration;

use super::samples::{NOW, after, authorization, login, populate, write};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::authorization::Authorization;
use crate::domain::browser::RequestSource;
use crate::domain::id::{AuthorizationId, LoginId};
use crate::domain::login::{End, LoginStage, Purpose, Reason};
use crate::store::audit::AuditRecord;
use crate::store::authorizations::Room;
use crate::store::{Store, StoreError, audit, authorizations, cleanup, logins};

const HOUR: u64 = 3600;

/// Adds an authorization as a request does that begins `at` seconds after now.
async fn add(store: &Store, id: &str, source: &'static str, at: u64, room: Room) {
    let added = Authorization { created_at: after(at), expires_at: after(at + 1800), ..authorization(id) };
    write!(store, added, |tx, added| async {
        authorizations::make_room(tx, source, room, added.created_at).await?;
        authorizations::insert(tx, added, source).await
    });
}

async fn is_there(store: &Store, id: &str) -> bool {
    authorizations::find(store.read(), &AuthorizationId::new(id)).await.unwrap().is_some()
}

/// A login for an authorization, begun now.
async fn log_in(store: &Store, id: &'static str, stage: LoginStage) {
    let begun = crate::domain::login::Login {
        purpose: Purpose::Authorization(AuthorizationId::new(id)),
        stage,
        ..login(&format!("login-{id}"))
    };
    write!(store, begun, |tx, begun| logins::insert(tx, begun, None));
}

pub(super) async fn a_source_makes_room_in_its_own(store: Store) {
    populate(&store).await;
    let room = Room { of_source: Some(3), of_all: None };
    add(&store, "other", "b", 0, room).await;
    for (at, id) in ["1", "2", "3", "4", "5"].into_iter().enumerate() {
        add(&store, id, "a", u64::try_from(at).unwrap(), room).await;
    }
    for (id, there) in [("1", false), ("2", false), ("3", true), ("4", true), ("5", true), ("other", true), ("a", true)] {
        assert_eq!(is_there(&store, id).await, there, "{id}");
    }
}

pub(super) async fn those_that_have_most_make_room_first(store: Store) {
    populate(&store).await;
    let room = Room { of_source: None, of_all: Some(6) };
    // The sample is the oldest of all, and the only one of its source.
    add(&store, "lonely", "b", 0, room).await;
    for (at, id) in ["1", "2", "3", "4", "5", "6", "7"].into_iter().enumerate() {
        add(&store, id, "a", u64::try_from(at + 1).unwrap(), room).await;
    }
    for (id, there) in [("1", false), ("2", false), ("3", false), ("4", true), ("7", true), ("lonely", true), ("a", true)] {
        assert_eq!(is_there(&store, id).await, there, "{id}");
    }
}

pub(super) async fn whoever_is_in_the_middle_of_a_login_keeps_an_authorization(store: Store) {
    populate(&store).await;
    let room = Room { of_source: Some(1), of_all: Some(1) };
    let none = Room { of_source: None, of_all: None };
    let ended = LoginStage::Ended(End::Failed(Reason::RateLimited));
    for id in ["open", "ended"] {
        add(&store, id, "a", 0, none).await;
    }
    log_in(&store, "open", LoginStage::Creating).await;
    log_in(&store, "ended", ended).await;
    add(&store, "next", "a", 1, room).await;
    assert!(is_there(&store, "open").await && is_there(&store, "next").await);
    assert!(!is_there(&store, "ended").await, "the control");
    // When the request has run out, so has the excuse.
    add(&store, "late", "a", 130, room).await;
    assert!(!is_there(&store, "open").await);
}

pub(super) async fn what_led_to_no_code_goes_at_its_end(store: Store) {
    populate(&store).await;
    let none = Room { of_source: None, of_all: None };
    let keep = Duration::from_secs(400 * 24 * HOUR);
    add(&store, "open", "a", 0, none).await;
    add(&store, "issued", "a", 0, none).await;
    super::schema::execute(&store, "UPDATE authorizations SET stage = 'issued' WHERE id = 'issued'").await;
    cleanup::delete_expired(&store, after(1800 + 299), keep).await.unwrap();
    assert!(is_there(&store, "open").await, "its page can still say so");
    cleanup::delete_expired(&store, after(1800 + 301), keep).await.unwrap();
    assert!(!is_there(&store, "open").await);
    assert!(is_there(&store, "issued").await, "a code that comes back is recognised for a day");
    cleanup::delete_expired(&store, after(26 * HOUR), keep).await.unwrap();
    assert!(!is_there(&store, "issued").await);
}

pub(super) async fn an_authorization_keeps_one_answer_of_a_limit(store: Store) {
    populate(&store).await;
    let limited =
        |id: &str| crate::domain::login::Login { stage: LoginStage::Ended(End::Failed(Reason::RateLimited)), ..login(id) };
    let denied = crate::domain::login::Login { stage: LoginStage::Ended(End::Denied), ..login("denied") };
    write!(store, denied, |tx, login| logins::insert(tx, login, None));
    for id in ["1", "2", "3"] {
        write!(store, limited(id), |tx, login| logins::insert(tx, login, None));
    }
    for (id, there) in [("1", false), ("2", false), ("3", true), ("denied", true)] {
        assert_eq!(logins::find(store.read(), &LoginId::new(id)).await.unwrap().is_some(), there, "{id}");
    }
}

fn event(kind: AuditKind, user: Option<&str>, address: &str, subject: &str) -> AuditEvent {
    AuditEvent {
        user: user.map(str::to_owned),
        subject: Some(subject.to_owned()),
        origin: RequestSource { address: address.to_owned(), user_agent: "Test/1".to_owned() },
        ..AuditEvent::new(kind)
    }
}

async fn tell(store: &Store, event: AuditEvent, number: usize, seconds: u64) -> Result<(), StoreError> {
    let input = (event, format!("id{number:06}"));
    let told = store.write(input, move |tx, v| Box::pin(async move { audit::insert(tx, &v.0, &v.1, after(seconds)).await }));
    told.await.map(drop)
}

/// The rows that stand for several events.
async fn samples(store: &Store) -> Vec<AuditRecord> {
    let rows = audit::list(store.read(), 10_000).await.unwrap();
    rows.into_iter().filter(|row| row.count > 1 || row.detail.as_deref() == Some("many")).collect()
}

async fn rows(store: &Store) -> usize {
    audit::list(store.read(), 10_000).await.unwrap().len()
}

pub(super) async fn equal_events_of_strangers_become_one_row_with_their_number(store: Store) {
    for number in 0..100 {
        let started = event(AuditKind::LoginStarted, Some("alice"), "192.0.2.1", &format!("l{number}"));
        tell(&store, started, number, u64::try_from(number).unwrap()).await.unwrap();
    }
    assert_eq!(rows(&store).await, 6);
    let sample = &samples(&store).await[0];
    assert_eq!((sample.count, sample.user.as_deref(), sample.address.as_str()), (95, Some("alice"), "192.0.2.1"));
    assert_eq!((sample.last_at, sample.subject.as_deref()), (after(99), None));
    // An hour later they have rows again.
    tell(&store, event(AuditKind::LoginStarted, Some("alice"), "192.0.2.1", "l"), 200, 2 * HOUR).await.unwrap();
    assert_eq!(rows(&store).await, 7);
}

pub(super) async fn one_source_and_one_person_have_so_many_rows(store: Store) {
    for number in 0..60 {
        tell(&store, event(AuditKind::LoginFailed, Some(&format!("p{number}")), "2001:db8::1", "l"), number, 0).await.unwrap();
    }
    assert_eq!(rows(&store).await, 21);
    let sample = &samples(&store).await[0];
    assert_eq!((sample.count, sample.user.as_deref(), sample.address.as_str()), (40, None, "2001:db8::1"));
    for number in 0..60 {
        tell(&store, event(AuditKind::LoginFailed, Some("bob"), &format!("192.0.2.{number}"), "l"), 100 + number, 0)
            .await
            .unwrap();
    }
    assert_eq!(rows(&store).await, 42);
    let sample = samples(&store).await.into_iter().find(|row| row.user.as_deref() == Some("bob")).unwrap();
    assert_eq!((sample.count, sample.address.as_str()), (40, "*"));
}

pub(super) async fn ever_new_sources_have_so_many_rows(store: Store) {
    for number in 0..1100 {
        let address = format!("10.1.{}.{}", number / 250, number % 250);
        tell(&store, event(AuditKind::LoginStarted, None, &address, "l"), number, 0).await.unwrap();
    }
    assert_eq!(rows(&store).await, 1001);
    assert_eq!(samples(&store).await[0].count, 100);
    assert_eq!(samples(&store).await[0].address, "*");
    tell(&store, event(AuditKind::LoginStarted, Some("olga"), "192.0.2.77", "l"), 1100, 0).await.unwrap();
    let named = audit::list(store.read(), 1).await.unwrap();
    assert_eq!(
        (named[0].user.as_deref(), named[0].address.as_str()),
        (Some("olga"), "192.0.2.77"),
        "strangers hide nobody's trail"
    );
}

pub(super) async fn what_no_stranger_can_repeat_has_a_row_each(store: Store) {
    let kinds = [
        AuditKind::LoginApproved,
        AuditKind::LoginSucceeded,
        AuditKind::LoginMismatch,
        AuditKind::ConsentGranted,
        AuditKind::ConsentRevoked,
        AuditKind::TokenIssued,
        AuditKind::TokenReuse,
        AuditKind::UserChanged,
        AuditKind::ClientChanged,
        AuditKind::KeyRotated,
        AuditKind::DatabaseRestored,
    ];
    for number in 0..kinds.len() * 30 {
        tell(&store, event(kinds[number % kinds.len()], Some("alice"), "192.0.2.1", "same"), number, 0).await.unwrap();
    }
    assert_eq!(rows(&store).await, kinds.len() * 30);
}

pub(super) async fn two_nodes_count_in_one_row(store: Store) {
    let tells = (0..60).map(|number| {
        let store = store.clone();
        tokio::spawn(
            async move { tell(&store, event(AuditKind::LoginStarted, Some("alice"), "192.0.2.1", "l"), number, 0).await },
        )
    });
    for told in futures_util::future::join_all(tells).await {
        told.unwrap().unwrap();
    }
    let all = audit::list(store.read(), 10_000).await.unwrap();
    assert_eq!(all.iter().map(|row| row.count).sum::<u64>(), 60, "none is lost");
    let one = samples(&store).await;
    assert!(one.len() == 1 && one[0].count > 30, "{one:?}");
}

pub(super) async fn the_audit_trail_is_kept_as_long_as_it_should_be(store: Store) {
    let day = 24 * HOUR;
    tell(&store, event(AuditKind::TokenIssued, Some("alice"), "192.0.2.1", "g"), 0, 0).await.unwrap();
    cleanup::delete_expired(&store, after(400 * day), Duration::from_secs(400 * day)).await.unwrap();
    assert_eq!(rows(&store).await, 1);
    cleanup::delete_expired(&store, after(400 * day + 1), Duration::from_secs(400 * day)).await.unwrap();
    assert_eq!((rows(&store).await, NOW < after(1)), (0, true));
}

pub(super) async fn a_store_that_takes_writes_says_so(store: Store) {
    store.writes().await.unwrap();
    let asked = futures_util::future::join_all((0..20).map(|_| store.writes())).await;
    assert!(asked.iter().all(Result::is_ok));
}
