//! People, their phones, their browsers.

use std::time::Duration;

use super::samples::{NOW, access_token, after, browser, device, digest, grant, populate, refresh_token, session, user, write};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::id::{DeviceId, GrantId, SessionId, UserId};
use crate::domain::user::{Device, Upstream, User};
use crate::store::remembered_browsers::FillIn;
use crate::store::users::UserSaved;
use crate::store::{
    Store, access_tokens, audit, consents, devices, grants, refresh_tokens, remembered_browsers, sessions, users,
    webhook_events,
};

const IDLE: Duration = Duration::from_secs(3600);

async fn add(store: &Store, user: User) -> UserSaved {
    write!(store, user, |tx, user| users::insert(tx, user))
}

pub(super) async fn usernames_and_addresses_are_unique(store: Store) {
    assert_eq!(add(&store, user("alice")).await, UserSaved::Saved);
    let read = users::find(store.read(), &UserId::new("user-alice")).await.unwrap();
    assert_eq!(read, Some(user("alice")));

    let same_name = User { id: UserId::new("other"), email: None, ..user("alice") };
    assert_eq!(add(&store, same_name).await, UserSaved::UsernameTaken);
    let same_address = User { id: UserId::new("other"), username: "bob".into(), ..user("alice") };
    assert_eq!(add(&store, same_address).await, UserSaved::EmailTaken);
    let same_id = User { id: UserId::new("user-alice"), ..user("bob") };
    assert_eq!(add(&store, same_id).await, UserSaved::IdMismatch);

    // Two people without an address do not collide.
    assert_eq!(add(&store, User { email: None, ..user("bob") }).await, UserSaved::Saved);
    assert_eq!(add(&store, User { email: None, ..user("carol") }).await, UserSaved::Saved);
    let renamed = User { username: "alice".into(), email: None, ..user("bob") };
    assert_eq!(write!(store, renamed, |tx, user| users::update(tx, user)), UserSaved::UsernameTaken);
    let changed = User { name: "Robert".into(), groups: Vec::new(), confirm_without_symbol: true, ..user("bob") };
    assert_eq!(write!(store, changed.clone(), |tx, user| users::update(tx, user)), UserSaved::Saved);
    assert_eq!(users::find_by_email(store.read(), "bob@example.org").await.unwrap(), Some(changed));
    assert_eq!(write!(store, user("nobody"), |tx, user| users::update(tx, user)), UserSaved::IdMismatch);
    assert_eq!(users::list(store.read()).await.unwrap().len(), 3);
}

pub(super) async fn a_typed_name_means_a_username_before_an_address_before_a_secsign_id(store: Store) {
    let alice = populate(&store).await;
    // Bob's SecSign ID is alice's username, and mallory's username is alice's SecSign ID.
    add(&store, user("bob")).await;
    write!(store, device(&user("bob"), "alice"), |tx, device| devices::insert(tx, device));
    let find = async |typed: &str, upstream| devices::find_account(store.read(), typed, upstream).await.unwrap();

    let (found, devices) = find("alice", Upstream::SecSign).await.unwrap();
    assert_eq!((found.id, devices.len()), (alice.id.clone(), 1));
    assert_eq!(find("alice@example.org", Upstream::SecSign).await.unwrap().0.id, alice.id);
    assert_eq!(find("alice-phone", Upstream::SecSign).await.unwrap().0.id, alice.id);
    assert!(find("alice-phone", Upstream::ThumbSignIn).await.is_none(), "a SecSign ID means nothing to ThumbSignIn");
    assert!(find("alice", Upstream::ThumbSignIn).await.unwrap().1.is_empty());
    assert!(find("nobody", Upstream::SecSign).await.is_none());
    add(&store, user("alice-phone")).await;
    assert_eq!(find("alice-phone", Upstream::SecSign).await.unwrap().0.id, UserId::new("user-alice-phone"));
}

pub(super) async fn an_upstream_user_belongs_to_one_person(store: Store) {
    let alice = populate(&store).await;
    add(&store, user("bob")).await;
    let stolen = crate::domain::user::Device { id: DeviceId::new("d2"), ..device(&user("bob"), "alice-phone") };
    assert!(!write!(store, stolen.clone(), |tx, device| devices::insert(tx, device)));
    let elsewhere = crate::domain::user::Device { upstream: Upstream::ThumbSignIn, ..stolen };
    assert!(write!(store, elsewhere, |tx, device| devices::insert(tx, device)));

    let id = DeviceId::new("device-alice-phone");
    write!(store, id.clone(), |tx, id| devices::touch_last_used(tx, id, after(5)));
    assert_eq!(devices::find(store.read(), &id).await.unwrap().unwrap().last_used_at, Some(after(5)));
    assert!(write!(store, id.clone(), |tx, id| devices::delete(tx, id)));
    assert!(!write!(store, id, |tx, id| devices::delete(tx, id)));
    assert!(devices::list_for_user(store.read(), &alice.id).await.unwrap().is_empty());
}

pub(super) async fn a_session_lives_until_it_is_ended_idle_expired_or_locked(store: Store) {
    let alice = populate(&store).await;
    let alive = async |at| sessions::find_by_cookie(store.read(), &digest("cookie"), at, IDLE).await.unwrap().is_some();
    assert!(alive(after(3599)).await);
    assert!(!alive(after(3600)).await, "idle");
    assert!(write!(store, SessionId::new("s"), |tx, id| sessions::touch(tx, id, after(3599))));
    assert!(alive(after(3600)).await);
    let forever = Duration::from_secs(1_000_000);
    let expired = sessions::find_by_cookie(store.read(), &digest("cookie"), after(86_400), forever).await.unwrap();
    assert!(expired.is_none(), "expired");
    assert!(sessions::find_by_cookie(store.read(), &digest("s"), NOW, IDLE).await.unwrap().is_none(), "an id is no cookie");

    assert!(write!(store, alice.id.clone(), |tx, id| users::set_locked(tx, id, true, NOW)));
    assert!(!write!(store, alice.id.clone(), |tx, id| users::set_locked(tx, id, true, NOW)), "locked already");
    assert!(!alive(NOW).await, "locked");
    assert!(write!(store, alice.id.clone(), |tx, id| users::set_locked(tx, id, false, NOW)));
    assert!(alive(NOW).await);
    assert!(write!(store, SessionId::new("s"), |tx, id| sessions::end(tx, id, NOW)));
    assert!(!write!(store, SessionId::new("s"), |tx, id| sessions::end(tx, id, NOW)));
    assert!(!alive(NOW).await, "ended");
}

pub(super) async fn a_busy_session_is_not_written_at_every_request(store: Store) {
    populate(&store).await;
    let id = SessionId::new("s");
    let session = sessions::find(store.read(), &id).await.unwrap().unwrap();
    assert!(!sessions::needs_touch(&session, after(59)) && sessions::needs_touch(&session, after(60)));
    assert!(!write!(store, id.clone(), |tx, id| sessions::touch(tx, id, after(59))));
    assert!(write!(store, id.clone(), |tx, id| sessions::touch(tx, id, after(60))));
    assert!(!write!(store, id, |tx, id| sessions::touch(tx, id, after(60))), "another tab was faster");
}

pub(super) async fn ending_a_session_revokes_what_was_not_granted_to_outlive_it(store: Store) {
    let alice = populate(&store).await;
    let offline = grant(&alice, "offline", "openid offline_access");
    write!(store, offline, |tx, grant| grants::insert(tx, grant));
    write!(store, alice.id.clone(), |tx, id| sessions::end_all(tx, id, None, after(9)));
    let session = sessions::find(store.read(), &SessionId::new("s")).await.unwrap().unwrap();
    assert_eq!(session.ended_at, Some(after(9)));
    let revoked = async |id| grants::find(store.read(), &GrantId::new(id)).await.unwrap().unwrap().revoked_at;
    assert_eq!(revoked("g").await, Some(after(9)));
    assert_eq!(revoked("offline").await, None);
    assert_eq!(grants::list_for_user(store.read(), &alice.id, NOW).await.unwrap().len(), 1);
    assert!(sessions::list_for_user(store.read(), &alice.id, NOW).await.unwrap().is_empty());
    assert_eq!(write!(store, alice.id.clone(), |tx, id| grants::revoke_for_user(tx, id, None, NOW)), 1);
}

pub(super) async fn a_remembered_browser_is_forgotten_in_time(store: Store) {
    let alice = populate(&store).await;
    add(&store, user("bob")).await;
    let known = async |name: &str, at| {
        let max_age = Duration::from_secs(100);
        remembered_browsers::is_remembered(store.read(), &browser(name), &alice.id, at, max_age).await.unwrap()
    };
    assert!(!known("b", NOW).await);
    let id = alice.id.clone();
    let fill_in = |name: &str, upstream| FillIn { identifier: name.to_owned(), upstream: Some(upstream) };
    let (first, second) = (fill_in("alice", Upstream::SecSign), fill_in("bob", Upstream::ThumbSignIn));
    let wish = (id.clone(), first.clone());
    write!(store, wish, |tx, wish| remembered_browsers::remember(tx, &browser("b"), &wish.0, Some(&wish.1), NOW));
    assert!(known("b", after(99)).await && !known("b", after(100)).await && !known("other", NOW).await);
    // A later login without the wish keeps the earlier one, and the time moves on.
    write!(store, id, |tx, id| remembered_browsers::remember(tx, &browser("b"), id, None, after(50)));
    assert!(known("b", after(149)).await);
    let filled_in = async || remembered_browsers::find_fill_in(store.read(), &browser("b")).await.unwrap();
    assert_eq!(filled_in().await, Some(first));
    let wish = (user("bob").id, second.clone());
    write!(store, wish, |tx, wish| remembered_browsers::remember(tx, &browser("b"), &wish.0, Some(&wish.1), after(60)));
    assert_eq!(filled_in().await, Some(second));
    write!(store, (), |tx, _none| remembered_browsers::forget_fill_in(tx, &browser("b")));
    assert_eq!(filled_in().await, None);
    assert!(known("b", after(99)).await);
}

pub(super) async fn deleting_a_person_leaves_nothing_of_theirs(store: Store) {
    let alice = populate(&store).await;
    let bob = user("bob");
    add(&store, bob.clone()).await;
    write!(store, session(&bob, "bobs"), |tx, session| sessions::insert(tx, session, &digest("bobs cookie")));
    write!(store, access_token("t"), |tx, token| access_tokens::insert(tx, token));
    write!(store, refresh_token("r"), |tx, token| refresh_tokens::insert(tx, token));
    assert!(write!(store, alice.id.clone(), |tx, id| users::delete(tx, id)));
    assert!(!write!(store, alice.id.clone(), |tx, id| users::delete(tx, id)));
    let db = store.read();
    assert!(devices::list_for_user(db, &alice.id).await.unwrap().is_empty());
    assert!(sessions::find(db, &SessionId::new("s")).await.unwrap().is_none());
    assert!(access_tokens::find(db, &digest("t")).await.unwrap().is_none());
    assert!(refresh_tokens::find(db, &digest("r")).await.unwrap().is_none());
    assert!(consents::list(db, None).await.unwrap().is_empty());
    assert!(sessions::find(db, &SessionId::new("bobs")).await.unwrap().is_some());
}

pub(super) async fn many_people_are_inserted_at_once(store: Store) {
    let alice = populate(&store).await;
    let people: Vec<User> = (0..300).map(|number| user(&format!("u{number}"))).collect();
    let phones: Vec<Device> = people.iter().map(|user| device(user, &user.username)).collect();
    let events: Vec<(String, AuditEvent)> =
        (0..300).map(|number| (format!("id{number}"), AuditEvent::new(AuditKind::UserChanged))).collect();
    assert!(write!(store, people.clone(), |tx, people| users::insert_all(tx, people)));
    assert!(write!(store, phones.clone(), |tx, phones| devices::insert_all(tx, phones)));
    write!(store, events, |tx, events| async {
        let events: Vec<_> = events.iter().map(|(id, event)| (id.as_str(), event)).collect();
        let (told, untold) = events.split_at(100);
        audit::insert_all(tx, &[AuditKind::TokenReuse, AuditKind::UserChanged], told, NOW).await?;
        audit::insert_all(tx, &[AuditKind::TokenReuse], untold, NOW).await
    });
    assert_eq!(audit::list(store.read(), 1000).await.unwrap().len(), 300);
    assert_eq!(webhook_events::count(store.read()).await.unwrap(), 100, "what is announced is queued");
    assert_eq!(users::list(store.read()).await.unwrap().len(), 301);
    assert!(devices::list(store.read()).await.unwrap().iter().any(|device| *device == phones[7]));
    let found = users::find_any(store.read(), &["nobody", "u7@example.org"]).await.unwrap();
    assert_eq!(found, Some(people[7].clone()));
    assert!(users::find_any(store.read(), &["nobody"]).await.unwrap().is_none());
    // One of them is here.
    assert!(!write!(store, vec![user("new"), alice.clone()], |tx, people| users::insert_all(tx, people)));
    assert!(!write!(store, vec![phones[0].clone()], |tx, phones| devices::insert_all(tx, phones)));
}
