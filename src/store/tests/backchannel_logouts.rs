//! Who is to hear of a session's end, who sends it, and when.

use std::time::Duration;

use std::collections::BTreeSet;

use super::samples::{NOW, after, authentication, client, digest, grant, populate, session, user, write};
use super::schema::execute;
use crate::domain::assurance::Acr;
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::grant::Grant;
use crate::domain::id::{AuthorizationId, ClientId, GrantId, SessionId};
use crate::domain::user::User;
use crate::protocol::uri::LogoutUri;
use crate::store::backchannel_logouts::{BackchannelLogout, Hold};
use crate::store::{Store, backchannel_logouts, cleanup, clients, grants, sessions};

const DAY: u64 = 86_400;

/// A client that wants to hear.
fn listener(id: &str) -> Client {
    let mut client = client(id);
    client.metadata.backchannel_logout_uri = Some(LogoutUri::parse("https://app.example/out").unwrap());
    client
}

/// Alice's session `s` with tokens for `c`, which wants to hear nothing, and for `a` and `b`, which do; `d` wants to hear and
/// got nothing.
pub(super) async fn listeners(store: &Store) -> User {
    let alice = populate(store).await;
    for id in ["a", "b", "d"] {
        write!(store, listener(id), |tx, client| clients::insert(tx, client));
    }
    for id in ["a", "b"] {
        let grant = Grant { client_id: ClientId::new(id), ..grant(&alice, &format!("g-{id}"), "openid") };
        write!(store, grant, |tx, grant| grants::insert(tx, grant));
    }
    alice
}

async fn due(store: &Store, at: Timestamp) -> Vec<BackchannelLogout> {
    backchannel_logouts::list_due(store.read(), &BTreeSet::new(), at, 10).await.unwrap()
}

async fn due_clients(store: &Store, at: Timestamp) -> Vec<String> {
    let mut clients: Vec<String> = due(store, at).await.iter().map(|logout| logout.client_id.to_string()).collect();
    clients.sort();
    clients
}

async fn end(store: &Store) -> bool {
    write!(store, SessionId::new("s"), |tx, id| sessions::end(tx, id, NOW))
}

fn hold() -> Hold {
    Hold { authorization: AuthorizationId::new("a"), until: after(1860) }
}

pub(super) async fn the_end_of_a_session_is_queued_once_for_each_of_its_clients(store: Store) {
    let alice = listeners(&store).await;
    // Tokens that were revoked since leave the app with a session of its own all the same.
    assert!(write!(store, GrantId::new("g-b"), |tx, id| grants::revoke(tx, id, NOW)));
    assert!(end(&store).await && !end(&store).await);
    assert_eq!(due_clients(&store, NOW).await, ["a", "b"]);
    let row = due(&store, NOW).await.into_iter().find(|row| row.client_id.as_str() == "a").unwrap();
    let expected = BackchannelLogout {
        id: BackchannelLogout::id_for(&ClientId::new("a"), &SessionId::new("s")),
        client_id: ClientId::new("a"),
        session_id: SessionId::new("s"),
        user_id: alice.id,
        held_by: None,
        due_at: NOW,
        attempts: 0,
        lease_owner: None,
        lease_until: None,
        created_at: NOW,
    };
    assert_eq!(row, expected);
    assert!(write!(store, ClientId::new("a"), |tx, id| clients::delete(tx, id)));
    assert_eq!(due_clients(&store, NOW).await, ["b"]);
}

pub(super) async fn a_client_that_cannot_be_read_keeps_no_session_from_ending(store: Store) {
    listeners(&store).await;
    execute(&store, "UPDATE clients SET metadata = '{' WHERE id IN ('a', 'c')").await;
    assert!(end(&store).await);
    assert!(sessions::find(store.read(), &SessionId::new("s")).await.unwrap().unwrap().ended_at.is_some());
    assert_eq!(due_clients(&store, NOW).await, ["a", "b", "c"], "whether `c` wants to hear is not known");
}

pub(super) async fn locking_a_person_queues_every_session(store: Store) {
    let alice = listeners(&store).await;
    write!(store, alice.clone(), |tx, alice| sessions::insert(tx, &session(alice, "s2"), &digest("cookie 2")));
    let other =
        Grant { client_id: ClientId::new("a"), authentication: authentication(&alice, "s2"), ..grant(&alice, "g2", "openid") };
    write!(store, other, |tx, grant| grants::insert(tx, grant));
    write!(store, alice.id, |tx, id| sessions::end_all(tx, id, None, NOW));
    assert_eq!(due_clients(&store, NOW).await, ["a", "a", "b"]);
}

pub(super) async fn a_held_logout_waits_for_the_code_or_for_its_time(store: Store) {
    listeners(&store).await;
    let replaced = write!(store, SessionId::new("s"), |tx, id| sessions::end_holding(tx, id, Some(&hold()), NOW));
    assert!(replaced);
    assert!(due(&store, after(1859)).await.is_empty());
    assert_eq!(due_clients(&store, after(1860)).await, ["a", "b"], "in any case");

    let authorization = || AuthorizationId::new("a");
    assert_eq!(write!(store, authorization(), |tx, id| backchannel_logouts::hold_until(tx, id, after(70))), 2);
    assert!(due(&store, after(69)).await.is_empty());
    assert_eq!(due(&store, after(70)).await.len(), 2, "the code has expired");
    assert_eq!(write!(store, authorization(), |tx, id| backchannel_logouts::release(tx, id, after(10))), 2);
    assert_eq!(write!(store, authorization(), |tx, id| backchannel_logouts::release(tx, id, after(99))), 0, "once");
    assert_eq!(due(&store, after(10)).await.len(), 2);
    let other = AuthorizationId::new("other");
    assert_eq!(write!(store, other, |tx, id| backchannel_logouts::hold_until(tx, id, NOW)), 0);
}

pub(super) async fn a_row_is_sent_by_one_and_taken_over_when_its_lease_ran_out(store: Store) {
    listeners(&store).await;
    end(&store).await;
    let id = due(&store, NOW).await[0].id.clone();
    let lease = async |owner: &'static str, at: Timestamp| {
        let until = at.plus(std::time::Duration::from_secs(15));
        write!(store, id.clone(), |tx, id| backchannel_logouts::lease(tx, id, owner, until, at))
    };
    assert!(lease("n1", NOW).await);
    assert!(!lease("n2", after(14)).await && !lease("n1", after(14)).await);
    assert_eq!(due(&store, after(14)).await.len(), 1, "nobody sees it meanwhile");
    assert!(lease("n2", after(15)).await, "n1 is dead");
    let retry =
        async |owner: &'static str| write!(store, id.clone(), |tx, id| backchannel_logouts::retry(tx, id, owner, after(60)));
    assert!(!retry("n1").await, "n1 comes too late");
    assert!(!write!(store, id.clone(), |tx, id| backchannel_logouts::delete(tx, id, "n1")));
    assert!(retry("n2").await);
    assert!(!lease("n1", after(59)).await, "not due yet");
    assert!(lease("n1", after(60)).await);
    let attempts = due(&store, after(80)).await.iter().map(|row| row.attempts).max();
    assert_eq!(attempts, Some(1));
    assert!(write!(store, id.clone(), |tx, id| backchannel_logouts::delete(tx, id, "n1")));
    assert_eq!(backchannel_logouts::count(store.read()).await.unwrap(), 1);
}

pub(super) async fn a_busy_client_hides_no_other(store: Store) {
    listeners(&store).await;
    end(&store).await;
    let busy = BTreeSet::from([ClientId::new("a")]);
    let listed = backchannel_logouts::list_due(store.read(), &busy, NOW, 10).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.client_id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(backchannel_logouts::list_due(store.read(), &BTreeSet::new(), NOW, 1).await.unwrap().len(), 1);
}

pub(super) async fn a_renewed_session_keeps_its_id_and_loses_its_cookie(store: Store) {
    let alice = listeners(&store).await;
    let mut renewed = session(&alice, "s");
    renewed.authentication.acr = Acr::Approved;
    renewed.authentication.auth_time = after(100);
    renewed.authentication.device_id = None;
    (renewed.last_seen_at, renewed.expires_at) = (after(100), after(DAY + 100));
    let renew = async |renewed| write!(store, renewed, |tx, renewed| sessions::renew(tx, renewed, &digest("new"), after(100)));
    let mut stranger = renewed.clone();
    stranger.authentication.user_id = user("bob").id;
    assert!(!renew(stranger).await, "somebody else's");
    assert!(renew(renewed.clone()).await);
    let alive = async |cookie: &str| {
        let idle = std::time::Duration::from_secs(3600);
        sessions::find_by_cookie(store.read(), &digest(cookie), after(101), idle).await.unwrap().map(|(session, _)| session)
    };
    assert!(alive("cookie").await.is_none(), "the old cookie is nobody's");
    assert_eq!(format!("{:?}", alive("new").await.unwrap()), format!("{renewed:?}"));
    let kept = grants::find(store.read(), &GrantId::new("g-a")).await.unwrap().unwrap();
    assert_eq!((kept.revoked_at, kept.authentication.auth_time), (None, NOW));
    assert!(due(&store, after(101)).await.is_empty(), "nothing ended");
    end(&store).await;
    assert!(!renew(renewed).await, "an ended session stays ended");
}

pub(super) async fn an_expired_grant_is_remembered_for_as_long_as_its_session_lives(store: Store) {
    let alice = listeners(&store).await;
    let short = Grant { client_id: ClientId::new("d"), expires_at: after(600), ..grant(&alice, "short", "openid") };
    write!(store, short, |tx, grant| grants::insert(tx, grant));
    let mut renewed = session(&alice, "s");
    renewed.expires_at = after(3 * DAY);
    assert!(write!(store, renewed, |tx, renewed| sessions::renew(tx, renewed, &digest("new"), after(DAY - 1))));
    cleanup::delete_expired(&store, after(2 * DAY), Duration::from_secs(400 * DAY)).await.unwrap();
    end(&store).await;
    assert_eq!(due_clients(&store, NOW).await, ["a", "b", "d"]);
    cleanup::delete_expired(&store, after(2 * DAY), Duration::from_secs(400 * DAY)).await.unwrap();
    assert!(grants::find(store.read(), &GrantId::new("short")).await.unwrap().is_none(), "the session has ended");
    assert_eq!(backchannel_logouts::count(store.read()).await.unwrap(), 0, "left by a provider that was off");
}
