//! Refreshing: rotation with its grace, tokens that come back, what is checked anew, scopes.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::domain::browser::{BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::flow::end_session;
use crate::flow::token::tests::{Bench, T0, claims};
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::error::ErrorCode;
use crate::protocol::jws::TokenType;

const SCOPE: &str = "openid profile offline_access";
const DAY: u64 = 86_400;

async fn signed_in(bench: &Bench) -> (User, BrowserSession) {
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    (alice, session)
}

/// A public client with its first refresh and access token.
async fn public(bench: &Bench) -> (Client, String, String) {
    let client = bench.public_client("native").await;
    let (_alice, session) = signed_in(bench).await;
    let tokens = bench.tokens(&client, &session, SCOPE).await;
    (client, tokens.refresh_token.unwrap(), tokens.access_token)
}

#[tokio::test]
async fn a_public_clients_token_is_replaced_and_its_successor_works() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let commits = bench.op.store.commits();
    let answer = bench.refresh(&client, &first).await.unwrap();
    assert_eq!(bench.op.store.commits() - commits, 1);
    let second = answer.refresh_token.unwrap();
    assert_ne!(first, second);
    assert!(bench.opens_userinfo(&answer.access_token).await);
    assert!(bench.refresh(&client, &second).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_within_the_grace() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let one = bench.refresh(&client, &first).await.unwrap();
    bench.advance(9);
    let two = bench.refresh(&client, &first).await.unwrap();
    assert_eq!(one.refresh_token, two.refresh_token);
    assert_ne!(one.access_token, two.access_token);
    assert!(bench.refresh(&client, &two.refresh_token.unwrap()).await.is_ok());
}

#[tokio::test]
async fn the_grace_ends_when_the_successor_is_used() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let second = bench.refresh(&client, &first).await.unwrap().refresh_token.unwrap();
    let third = bench.refresh(&client, &second).await.unwrap();
    assert_eq!(bench.refresh(&client, &first).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&third.access_token).await);
    assert_eq!(bench.refresh(&client, &third.refresh_token.unwrap()).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.audited().await, ["token.issued", "token.reuse"]);
}

#[tokio::test]
async fn a_replaced_token_that_comes_back_late_revokes_the_family() {
    let bench = Bench::new().await;
    let (client, first, access) = public(&bench).await;
    let second = bench.refresh(&client, &first).await.unwrap().refresh_token.unwrap();
    bench.advance(10);
    assert!(bench.opens_userinfo(&access).await);
    for _again in 0..2 {
        assert_eq!(bench.refresh(&client, &first).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
    assert_eq!(bench.refresh(&client, &second).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&access).await);
    assert_eq!(bench.audited().await, ["token.issued", "token.reuse"]);
}

#[tokio::test]
async fn any_ancestor_that_comes_back_kills_its_descendants() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let mut chain = vec![first];
    for at in 0..4 {
        let next = bench.refresh(&client, &chain[at]).await.unwrap();
        chain.push(next.refresh_token.unwrap());
    }
    assert_eq!(chain.iter().collect::<BTreeSet<_>>().len(), 5);
    assert_eq!(bench.refresh(&client, &chain[1]).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.refresh(&client, &chain[4]).await.unwrap_err(), ErrorCode::InvalidGrant);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_uses_of_one_token_have_one_successor() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let outcomes = join_all((0..50).map(|_at| bench.refresh(&client, &first))).await;
    let successors: BTreeSet<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().refresh_token.unwrap()).collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.into_iter().next().unwrap();
    assert!(bench.refresh(&client, &successor).await.is_ok());
    assert_eq!(bench.audited().await, ["token.issued"]);
}

#[tokio::test]
async fn a_confidential_clients_token_stays_and_its_expiry_moves() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let (_alice, session) = signed_in(&bench).await;
    let token = bench.tokens(&client, &session, SCOPE).await.refresh_token.unwrap();
    for _use in 0..3 {
        bench.advance(29 * DAY);
        assert_eq!(bench.refresh(&client, &token).await.unwrap().refresh_token.as_deref(), Some(token.as_str()));
    }
    bench.advance(3 * DAY);
    let past_the_absolute_end = bench.refresh(&client, &token).await;
    assert_eq!(past_the_absolute_end.unwrap_err(), ErrorCode::InvalidGrant);
}

#[tokio::test]
async fn rotation_does_not_outlive_the_absolute_end() {
    let bench = Bench::new().await;
    let (client, mut token, _access) = public(&bench).await;
    for _use in 0..3 {
        bench.advance(29 * DAY);
        token = bench.refresh(&client, &token).await.unwrap().refresh_token.unwrap();
    }
    bench.advance(3 * DAY);
    assert_eq!(bench.refresh(&client, &token).await.unwrap_err(), ErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_token_that_nobody_uses_expires() {
    let bench = Bench::new().await;
    let web = bench.client("web").await;
    let (_alice, session) = signed_in(&bench).await;
    let token = bench.tokens(&web, &session, SCOPE).await.refresh_token.unwrap();
    let native = bench.public_client("native").await;
    let rotating = bench.tokens(&native, &session, SCOPE).await.refresh_token.unwrap();
    bench.advance(30 * DAY);
    assert_eq!(bench.refresh(&web, &token).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.refresh(&native, &rotating).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.audited().await, ["token.issued", "token.issued"], "an expired token is not a reuse");
}

#[tokio::test]
async fn the_new_id_token_repeats_the_login_and_omits_the_nonce() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let (_alice, session) = signed_in(&bench).await;
    bench.advance(5);
    let first = bench.tokens(&client, &session, SCOPE).await;
    bench.advance(100);
    let second = bench.refresh(&client, &first.refresh_token.unwrap()).await.unwrap();
    let before = claims(&bench, TokenType::Id, &first.id_token.unwrap());
    let after = claims(&bench, TokenType::Id, &second.id_token.unwrap());
    for name in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid", "name"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["auth_time"], T0.as_seconds());
    assert_eq!(after["iat"].as_i64().unwrap() - before["iat"].as_i64().unwrap(), 100);
    assert_ne!(before["at_hash"], after["at_hash"]);
    assert!(before.contains_key("nonce") && !after.contains_key("nonce"));
}

#[tokio::test]
async fn scope_may_be_narrowed_restored_and_never_widened() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let narrow = |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]
            .map(|(name, value)| (name, value.to_owned()));
        let (bench, client) = (&bench, &client);
        async move {
            let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            bench.token(client, &form).await
        }
    };
    for wide in ["openid email", "openid admin", "open\"id"] {
        assert_eq!(narrow(&first, wide).await.unwrap_err(), ErrorCode::InvalidScope, "{wide}");
    }
    let narrowed = narrow(&first, "profile").await.unwrap();
    assert_eq!((narrowed.scope.as_str(), narrowed.id_token.is_none()), ("profile", true));
    assert!(!bench.opens_userinfo(&narrowed.access_token).await);
    let restored = bench.refresh(&client, &narrowed.refresh_token.unwrap()).await.unwrap();
    assert_eq!(restored.scope, "offline_access openid profile");
    assert!(bench.opens_userinfo(&restored.access_token).await);
}

#[tokio::test]
async fn another_clients_token_is_refused_and_its_family_kept() {
    let bench = Bench::new().await;
    let (client, first, _access) = public(&bench).await;
    let other = bench.public_client("other").await;
    let web = bench.client("web").await;
    for thief in [&other, &web] {
        assert_eq!(bench.refresh(thief, &first).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
    let second = bench.refresh(&client, &first).await.unwrap().refresh_token.unwrap();
    assert_eq!(bench.refresh(&other, &first).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(bench.refresh(&client, &second).await.is_ok());
}

#[tokio::test]
async fn a_locked_person_is_not_refreshed() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let (alice, session) = signed_in(&bench).await;
    let tokens = bench.tokens(&client, &session, SCOPE).await;
    let refresh = tokens.refresh_token.unwrap();
    bench.set_locked(&alice, true).await;
    assert_eq!(bench.refresh(&client, &refresh).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
    bench.set_locked(&alice, false).await;
    assert!(bench.refresh(&client, &refresh).await.is_ok());
}

#[tokio::test]
async fn somebody_who_left_the_allowed_groups_is_not_refreshed() {
    let bench = Bench::new().await;
    let client = bench.client_with("web", |metadata| metadata.allowed_groups = vec!["staff".into()]).await;
    let (_alice, session) = signed_in(&bench).await;
    let refresh = bench.tokens(&client, &session, SCOPE).await.refresh_token.unwrap();
    assert!(bench.refresh(&client, &refresh).await.is_ok());
    bench.execute("UPDATE users SET group_names = '[]'").await;
    assert_eq!(bench.refresh(&client, &refresh).await.unwrap_err(), ErrorCode::InvalidGrant);
    bench.execute("UPDATE users SET group_names = '[\"staff\"]'").await;
    assert!(bench.refresh(&client, &refresh).await.is_ok(), "the family was kept");
}

#[tokio::test]
async fn a_disabled_client_is_not_refreshed_and_its_tokens_open_nothing() {
    let bench = Bench::new().await;
    let (client, first, access) = public(&bench).await;
    bench.update_client(Client { disabled: true, ..client.clone() }).await;
    assert_eq!(bench.refresh(&client, &first).await.unwrap_err(), ErrorCode::InvalidClient);
    assert!(!bench.opens_userinfo(&access).await);
    bench.update_client(client.clone()).await;
    assert!(bench.opens_userinfo(&access).await && bench.refresh(&client, &first).await.is_ok());
}

#[tokio::test]
async fn only_offline_access_outlives_the_session() {
    let bench = Bench::new().await;
    let client = bench.client_with("web", |metadata| metadata.always_refresh = true).await;
    let (_alice, session) = signed_in(&bench).await;
    let online = bench.tokens(&client, &session, "openid").await;
    let offline = bench.tokens(&client, &session, SCOPE).await;
    let (online_token, offline_token) = (online.refresh_token.unwrap(), offline.refresh_token.unwrap());
    assert!(bench.refresh(&client, &online_token).await.is_ok());
    end_session::perform(&bench.op, &session.id, &RequestSource::default()).await.unwrap();
    assert_eq!(bench.refresh(&client, &online_token).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&online.access_token).await);
    assert!(bench.refresh(&client, &offline_token).await.is_ok());
    assert!(bench.opens_userinfo(&offline.access_token).await);
}

#[tokio::test]
async fn a_jwt_client_refreshes_to_a_jwt() {
    let bench = Bench::new().await;
    let client = bench.client_with("api", |metadata| metadata.access_token_format = AccessTokenFormat::Jwt).await;
    let (_alice, session) = signed_in(&bench).await;
    let refresh = bench.tokens(&client, &session, SCOPE).await.refresh_token.unwrap();
    let tokens = bench.refresh(&client, &refresh).await.unwrap();
    assert_eq!(claims(&bench, TokenType::Access, &tokens.access_token)["client_id"], "api");
    assert!(bench.opens_userinfo(&tokens.access_token).await);
}
