//! Clients and what they get.

use super::samples::{NOW, access_token, after, client, code_content, digest, grant, populate, refresh_token, write};
use crate::domain::grant::{Consent, Grant};
use crate::domain::id::{AuthorizationId, ClientId, GrantId, SessionId, UserId};
use crate::protocol::scope::Scope;
use crate::store::refresh_tokens::RefreshToken;
use crate::store::{Store, access_tokens, clients, codes, consents, grants, instance, pushes, refresh_tokens, sessions, users};

pub(super) async fn a_client_comes_back_as_it_was_written(store: Store) {
    let mut written = client("c");
    assert!(write!(store, written.clone(), |tx, client| clients::insert(tx, client)));
    assert!(!write!(store, written.clone(), |tx, client| clients::insert(tx, client)));
    let read = async || clients::find(store.read(), &ClientId::new("c")).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", read().await), format!("{written:?}"));

    (written.disabled, written.metadata.client_name) = (true, "New".into());
    assert!(write!(store, written.clone(), |tx, client| clients::update(tx, client)));
    assert!(write!(store, (), |tx, _none| clients::update_secret(tx, &ClientId::new("c"), Some(&digest("new secret")))));
    written.secret = Some(digest("new secret"));
    assert_eq!(format!("{:?}", read().await), format!("{written:?}"));
    assert!(write!(store, (), |tx, _none| clients::update_secret(tx, &ClientId::new("c"), None)));
    assert!(read().await.secret.is_none());
    assert!(!write!(store, client("x"), |tx, client| clients::update(tx, client)));
    assert_eq!(clients::list(store.read()).await.unwrap().len(), 1);
}

pub(super) async fn deleting_a_client_kills_what_it_got(store: Store) {
    populate(&store).await;
    write!(store, access_token("t"), |tx, token| access_tokens::insert(tx, token));
    assert!(access_tokens::find(store.read(), &digest("t")).await.unwrap().is_some());
    assert!(write!(store, (), |tx, _none| clients::delete(tx, &ClientId::new("c"))));
    assert!(!write!(store, (), |tx, _none| clients::delete(tx, &ClientId::new("c"))));
    assert!(access_tokens::find(store.read(), &digest("t")).await.unwrap().is_none());
    assert!(grants::find(store.read(), &GrantId::new("g")).await.unwrap().is_none());
}

pub(super) async fn a_code_is_redeemed_once_and_not_after_its_time(store: Store) {
    let alice = populate(&store).await;
    for name in ["code", "late"] {
        let input = (digest(name), code_content(&alice));
        write!(store, input, |tx, v| codes::insert(tx, &v.0, &AuthorizationId::new("a"), &v.1, after(60)));
    }
    let redeem =
        async |name: &str, at| write!(store, digest(name), |tx, digest| codes::consume(tx, digest, &GrantId::new("g"), at));
    assert!(!redeem("late", after(60)).await);
    assert!(!redeem("unknown", NOW).await);
    assert!(redeem("code", after(59)).await);
    assert!(!redeem("code", after(59)).await);
    let found = codes::find(store.read(), &digest("code")).await.unwrap().unwrap();
    assert_eq!((found.consumed_at, found.grant_id), (Some(after(59)), Some(GrantId::new("g"))));
    assert_eq!(format!("{:?}", found.content), format!("{:?}", code_content(&alice)));
    assert_eq!(codes::find(store.read(), &digest("late")).await.unwrap().unwrap().consumed_at, None);
}

pub(super) async fn an_access_token_is_found_with_its_family(store: Store) {
    let alice = populate(&store).await;
    write!(store, access_token("t"), |tx, token| access_tokens::insert(tx, token));
    let found = async || access_tokens::find(store.read(), &digest("t")).await.unwrap();
    let token = found().await.unwrap();
    assert_eq!(format!("{:?}", token.token), format!("{:?}", access_token("t")));
    assert_eq!(format!("{:?}", token.grant), format!("{:?}", grant(&alice, "g", "openid email")));
    assert_eq!((token.user, token.session.unwrap().ended_at), (alice, None));

    write!(store, SessionId::new("s"), |tx, id| sessions::end(tx, id, after(1)));
    let token = found().await.unwrap();
    assert_eq!((token.grant.revoked_at, token.session.unwrap().ended_at), (Some(after(1)), Some(after(1))));
    assert!(!write!(store, GrantId::new("g"), |tx, id| grants::revoke(tx, id, NOW)), "revoked with its session");
    assert!(write!(store, (), |tx, _none| access_tokens::delete(tx, &digest("t"))));
    assert!(found().await.is_none());
}

pub(super) async fn a_refresh_token_has_one_successor(store: Store) {
    let alice = populate(&store).await;
    write!(store, refresh_token("r1"), |tx, token| refresh_tokens::insert(tx, token));
    let rotate = async |from: &str, to: &str, at| {
        write!(store, (digest(from), refresh_token(to)), |tx, v| refresh_tokens::rotate(tx, &v.0, &v.1, at))
    };
    assert!(!rotate("r1", "r2", after(2_592_000)).await, "expired");
    assert!(refresh_tokens::find(store.read(), &digest("r2")).await.unwrap().is_none(), "nothing was inserted");
    assert!(rotate("r1", "r2", after(10)).await);
    assert!(!rotate("r1", "r3", after(10)).await);

    let found = refresh_tokens::find(store.read(), &digest("r1")).await.unwrap().unwrap();
    assert_eq!((found.token.rotated_at, found.user.id), (Some(after(10)), alice.id));
    let successor = refresh_tokens::find_successor(store.read(), &digest("r1")).await.unwrap().unwrap();
    let expected = RefreshToken { predecessor: Some(digest("r1")), ..refresh_token("r2") };
    assert_eq!(format!("{successor:?}"), format!("{expected:?}"));

    let extend = async |name: &str| {
        write!(store, digest(name), |tx, digest| refresh_tokens::extend(tx, digest, after(3_000_000), after(20)))
    };
    assert!(extend("r2").await && !extend("r1").await, "a rotated token is not revived");
    let extended = refresh_tokens::find(store.read(), &digest("r2")).await.unwrap().unwrap();
    assert_eq!(extended.token.expires_at, after(3_000_000));
}

pub(super) async fn consents_are_replaced_and_withdrawn(store: Store) {
    let alice = populate(&store).await;
    let client = ClientId::new("c");
    let found = async || consents::find(store.read(), &alice.id, &client).await.unwrap();
    assert!(found().await.is_none());
    for (scope, at) in [("openid", NOW), ("email openid", after(1))] {
        let consent = Consent { scope: Scope::parse(scope).unwrap(), granted_at: at };
        let input = (alice.id.clone(), client.clone(), consent.clone());
        write!(store, input, |tx, v| consents::upsert(tx, &v.0, &v.1, &v.2));
        assert_eq!(found().await, Some(consent));
    }
    let listed = async |user: &UserId| consents::list(store.read(), Some(user)).await.unwrap().len();
    assert_eq!((listed(&alice.id).await, listed(&UserId::new("bob")).await), (1, 0));
    let id = (alice.id.clone(), client.clone());
    assert!(write!(store, id.clone(), |tx, v| consents::lock_row(tx, &v.0, &v.1)));
    assert!(write!(store, id.clone(), |tx, v| consents::delete(tx, &v.0, &v.1)));
    assert!(!write!(store, id.clone(), |tx, v| consents::lock_row(tx, &v.0, &v.1)));
    assert!(!write!(store, id, |tx, v| consents::delete(tx, &v.0, &v.1)));
    assert!(found().await.is_none());
    assert_eq!(write!(store, client.clone(), |tx, id| grants::revoke_for_client(tx, id, NOW)), 1);
}

pub(super) async fn the_first_writer_of_an_instance_value_wins(store: Store) {
    assert_eq!(instance::find(store.read(), instance::ISSUER).await.unwrap(), None);
    for _again in 0..2 {
        let held = write!(store, (), |tx, _none| instance::insert_once(tx, instance::ISSUER, "https://one.example"));
        assert_eq!(held, "https://one.example");
    }
    let held = write!(store, (), |tx, _none| instance::insert_once(tx, instance::ISSUER, "https://two.example"));
    assert_eq!(held, "https://one.example");
}

pub(super) async fn a_nul_in_a_name_is_no_failure(store: Store) {
    let alice = populate(&store).await;
    assert!(clients::find(store.read(), &ClientId::new("c")).await.unwrap().is_some());
    assert!(clients::find(store.read(), &ClientId::new("c\0")).await.unwrap().is_none());
    assert!(users::find_by_username(store.read(), "alice\0").await.unwrap().is_none());
    assert_eq!(pushes::count_source(store.read(), "\0", NOW).await.unwrap(), 0);
    let odd = Grant { nonce: Some("\0\u{1F511}".into()), ..grant(&alice, "odd", "openid") };
    write!(store, odd.clone(), |tx, grant| grants::insert(tx, grant));
    assert_eq!(grants::find(store.read(), &odd.id).await.unwrap().unwrap().nonce, odd.nonce);
}
