//! What a user declined, what ends where they say that it was not theirs, and the queue of the operator's webhook.

use super::samples::{NOW, after, authentication, browser, digest, grant, login, populate, session, user, write};
use super::schema::execute;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{BrowserSession, RequestSource};
use crate::domain::grant::Grant;
use crate::domain::id::{GrantId, LoginId, SessionId};
use crate::store::declines::Decline;
use crate::store::{Store, audit, cleanup, declines, grants, remembered_browsers, sessions, users, webhook_events};

fn decline(id: &str, from: &str, seconds: u64) -> Decline {
    let login = login(id);
    Decline {
        login_id: login.id,
        user_id: user("alice").id,
        client_id: login.concern.client,
        browser: Some(browser(from).0),
        address: login.origin.address,
        user_agent: login.origin.user_agent,
        at: after(seconds),
    }
}

pub(super) async fn what_was_declined_elsewhere_is_listed_until_it_is_settled(store: Store) {
    let alice = populate(&store).await;
    for name in ["b", "c", "x"] {
        write!(store, alice.id.clone(), |tx, id| remembered_browsers::remember(tx, &browser(name), id, None, after(1)));
    }
    for (id, from, seconds) in [("l1", "b", 10), ("l2", "c", 20), ("l3", "d", 30), ("l3", "d", 40)] {
        write!(store, decline(id, from, seconds), |tx, decline| declines::insert(tx, decline.clone()));
    }
    let listed = async |from: &str, since: u64| {
        let rows = declines::list(store.read(), &alice.id, &browser(from), after(since), 20).await.unwrap();
        rows.into_iter().map(|row| row.login_id.to_string()).collect::<Vec<_>>()
    };
    let declined_at = async || users::find(store.read(), &alice.id).await.unwrap().unwrap().declined_at;
    assert_eq!(listed("b", 0).await, ["l3", "l2"], "the latest first, and none of its own");
    assert_eq!((listed("x", 0).await.len(), listed("x", 20).await.len(), listed("x", 30).await.len()), (3, 1, 0));
    let found = declines::list(store.read(), &alice.id, &browser("c"), after(20), 20).await.unwrap();
    assert_eq!(found, [decline("l3", "d", 30)], "the first time counts");
    assert_eq!(declined_at().await, Some(after(40)));
    let first = declines::list(store.read(), &alice.id, &browser("x"), NOW, 1).await.unwrap();
    assert_eq!(first, [decline("l3", "d", 30)]);
    // First used in between. A later use does not move that, also where an older program remembered the browser.
    for at in [25, 99] {
        write!(store, alice.id.clone(), |tx, id| remembered_browsers::remember(tx, &browser("new"), id, None, after(at)));
        assert_eq!(listed("new", 0).await, ["l3"], "{at}");
        execute(&store, "UPDATE remembered_browsers SET first_used_at = NULL WHERE last_used_at = first_used_at").await;
    }
    assert!(listed("never used", 0).await.is_empty());
    for id in ["l1", "l2"] {
        assert!(write!(store, LoginId::new(id), |tx, id| declines::delete(tx, id)), "{id}");
        assert!(!write!(store, LoginId::new(id), |tx, id| declines::delete(tx, id)), "{id}, once");
        write!(store, alice.id.clone(), |tx, id| users::settle_declines(tx, id));
        assert!(declined_at().await.is_some(), "one is left");
    }
    write!(store, LoginId::new("l3"), |tx, id| declines::delete(tx, id));
    write!(store, alice.id.clone(), |tx, id| users::settle_declines(tx, id));
    assert_eq!(declined_at().await, None);
    write!(store, decline("l4", "c", 50), |tx, decline| declines::insert(tx, decline.clone()));
    cleanup::delete_expired(&store, after(86_450), std::time::Duration::from_secs(1)).await.unwrap();
    assert_eq!(listed("x", 0).await, ["l4"]);
    cleanup::delete_expired(&store, after(86_451), std::time::Duration::from_secs(1)).await.unwrap();
    assert!(listed("x", 0).await.is_empty());
}

pub(super) async fn a_pause_grows_and_is_taken_back_whole(store: Store) {
    let alice = populate(&store).await;
    let until = async || users::find(store.read(), &alice.id).await.unwrap().unwrap().strangers_until;
    for (seconds, expected) in [(60, 60), (30, 60), (90, 90)] {
        write!(store, alice.id.clone(), |tx, id| users::pause_strangers(tx, id, after(seconds)));
        assert_eq!(until().await, Some(after(expected)));
    }
    // What else is written of her leaves it alone.
    write!(store, alice.clone(), |tx, alice| users::update(tx, alice));
    assert_eq!(until().await, Some(after(90)));
    write!(store, alice.id.clone(), |tx, id| users::admit_strangers(tx, id));
    assert_eq!(until().await, None);
}

pub(super) async fn the_sessions_of_a_source_end_with_all_that_came_of_them(store: Store) {
    let alice = populate(&store).await;
    let bob = user("bob");
    write!(store, bob.clone(), |tx, bob| users::insert(tx, bob));
    let add = async |id: &str, address: &str, whose: &crate::domain::user::User| {
        let origin = RequestSource { address: address.to_owned(), user_agent: String::new() };
        let session = BrowserSession { origin, ..session(whose, id) };
        let cookie = digest(id);
        write!(store, (session, cookie), |tx, v| sessions::insert(tx, &v.0, &v.1));
        let family =
            Grant { authentication: authentication(whose, id), ..grant(whose, &format!("g-{id}"), "openid offline_access") };
        write!(store, family, |tx, family| grants::insert(tx, family));
    };
    add("near", "2001:db8:1:1::1", &alice).await;
    add("kept", "2001:db8:1:1::2", &alice).await;
    add("over", "2001:db8:1:1::3", &alice).await;
    add("far", "2001:db8:1:2::1", &alice).await;
    add("bobs", "2001:db8:1:1::4", &bob).await;
    assert!(write!(store, SessionId::new("over"), |tx, id| sessions::end(tx, id, after(1))));
    let (kept, source) = (SessionId::new("kept"), "2001:db8:1:1::/64");
    write!(store, (alice.id, kept), |tx, v| sessions::end_from_source(tx, &v.0, source, Some(&v.1), after(9)));
    for (id, ended, revoked) in [
        ("near", Some(after(9)), Some(after(9))),
        ("over", Some(after(1)), Some(after(9))),
        ("kept", None, None),
        ("far", None, None),
        ("bobs", None, None),
    ] {
        let session = sessions::find(store.read(), &SessionId::new(id)).await.unwrap().unwrap();
        let family = grants::find(store.read(), &GrantId::new(format!("g-{id}"))).await.unwrap().unwrap();
        assert_eq!((session.ended_at, family.revoked_at), (ended, revoked), "{id}");
    }
}

fn event(kind: AuditKind) -> AuditEvent {
    AuditEvent { user: Some("user-alice".into()), ..AuditEvent::new(kind) }
}

pub(super) async fn an_event_is_queued_with_its_row_if_it_is_of_a_kind_that_is_told(store: Store) {
    let store = store.announcing(&[AuditKind::LoginFailed, AuditKind::TokenReuse]);
    let tell = async |kind: AuditKind, id: &str| {
        let input = (store.announced(), event(kind), id.to_owned());
        write!(store, input, |tx, v| audit::insert_announced(tx, &v.0, &v.1, &v.2, NOW));
    };
    tell(AuditKind::TokenReuse, "a").await;
    tell(AuditKind::LoginSucceeded, "b").await;
    for number in 0..9 {
        tell(AuditKind::LoginFailed, &format!("c{number}")).await;
    }
    let due = webhook_events::list_due(store.read(), NOW, 100).await.unwrap();
    let ids: Vec<&str> = due.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["a", "c0", "c1", "c2", "c3", "c4"], "what is only counted in a row is not told");
    assert!(due[0].body.contains(r#""type":"token.reuse""#), "{}", due[0].body);
    assert_eq!(webhook_events::list_due(store.read(), NOW, 2).await.unwrap().len(), 2);
    assert_eq!(write!(store, (), |tx, _none| webhook_events::delete_oldest(tx, 4)), 2);
    assert_eq!(webhook_events::count(store.read()).await.unwrap(), 4);
    execute(&store, "UPDATE webhook_events SET created_at = 0").await;
    cleanup::delete_expired(&store, NOW, std::time::Duration::from_secs(1)).await.unwrap();
    assert_eq!(webhook_events::count(store.read()).await.unwrap(), 0, "left by a program that had a webhook");
}
