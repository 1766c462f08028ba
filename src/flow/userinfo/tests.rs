//! Userinfo: what a token opens, what it does not, and the challenges of RFC 6750.

use serde_json::json;

use super::{BearerError, answer, claims_of, presented_token};
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::UserId;
use crate::domain::user::User;
use crate::flow::token::tests::{Bench, T0};
use crate::protocol::claims::UserClaims;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;

#[tokio::test]
async fn a_live_token_opens_sub_first_and_the_claims_of_its_scope() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let token = bench.tokens(&client, &session, "openid email").await.access_token;
    let said = serde_json::to_string(&answer(&bench.op, &token).await.unwrap()).unwrap();
    assert!(said.starts_with(&format!("{{\"sub\":\"{}\"", alice.id)), "{said}");
    let expected = json!({"sub": alice.id.as_str(), "email": "alice@example.org", "email_verified": true});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap(), expected);
    let more = bench.tokens(&client, &session, "openid profile groups").await.access_token;
    let said = serde_json::to_value(answer(&bench.op, &more).await.unwrap()).unwrap();
    assert_eq!((&said["updated_at"], &said["groups"]), (&json!(T0.as_seconds()), &json!(["staff"])));
}

#[tokio::test]
async fn only_the_whole_token_counts() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let token = bench.tokens(&client, &session, "openid").await.access_token;
    assert!(bench.opens_userinfo(&token).await);
    let mut variants: Vec<String> = (1..=40).map(|at| token[at..].to_owned()).collect();
    variants.extend((1..=40).map(|at| token[..43 - at].to_owned()));
    variants.extend((1..=40).map(|at| format!("{token}{}", "A".repeat(at))));
    variants.extend([format!("{token}="), format!(" {token}"), token.to_ascii_lowercase(), format!("{token}\u{0}")]);
    for variant in variants.iter().filter(|variant| **variant != token) {
        assert!(matches!(answer(&bench.op, variant).await, Err(BearerError::Invalid(_))), "{variant}");
    }
}

#[tokio::test]
async fn a_token_without_openid_is_insufficient_and_an_expired_one_invalid() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let token = bench.tokens(&client, &session, "email").await.access_token;
    let error = answer(&bench.op, &token).await.unwrap_err();
    assert_eq!(error.status_and_code(), (403, ErrorCode::parse("insufficient_scope")));
    assert!(error.challenge().ends_with("scope=\"openid\""));
    bench.advance(600);
    let error = answer(&bench.op, &token).await.unwrap_err();
    assert_eq!(error.status_and_code(), (401, ErrorCode::parse("invalid_token")));
    assert!(error.challenge().starts_with("Bearer error=\"invalid_token\""));
}

#[test]
fn a_token_comes_by_header_or_form_but_not_by_both() {
    let form = Parameters::parse(b"access_token=abc");
    let empty = Parameters::default();
    assert_eq!(presented_token(Some("Bearer abc"), &empty).unwrap(), "abc");
    assert_eq!(presented_token(Some("bearer abc"), &empty).unwrap(), "abc");
    assert_eq!(presented_token(None, &form).unwrap(), "abc");
    assert_eq!(presented_token(Some("Bearer abc"), &form).unwrap_err().status_and_code().0, 400);
    for header in [None, Some("Basic abc"), Some("Bearer"), Some("")] {
        let error = presented_token(header, &empty).unwrap_err();
        assert_eq!((error.status_and_code(), error.challenge().as_str()), ((401, None), "Bearer"), "{header:?}");
    }
}

fn alice() -> User {
    User {
        id: UserId::new("u1"),
        username: "alice".into(),
        email: Some("alice@example.org".into()),
        email_verified: true,
        name: "Alice Example".into(),
        groups: vec!["admins".into(), "staff".into()],
        confirm_without_symbol: false,
        locked: false,
        declined_at: None,
        strangers_until: None,
        source: Source::Command,
        created_at: Timestamp::from_seconds(10),
        updated_at: Timestamp::from_millis(20_900),
    }
}

fn claims(user: &User, scope: &str) -> serde_json::Value {
    serde_json::to_value(claims_of(user, &Scope::parse(scope).unwrap())).unwrap()
}

#[test]
fn each_scope_opens_its_claims_and_no_others() {
    let alice = alice();
    assert_eq!(claims(&alice, "openid offline_access"), json!({}));
    let profile = json!({"name": "Alice Example", "preferred_username": "alice", "updated_at": 20});
    assert_eq!(claims(&alice, "openid profile"), profile);
    assert_eq!(claims(&alice, "email"), json!({"email": "alice@example.org", "email_verified": true}));
    assert_eq!(claims(&alice, "groups"), json!({"groups": ["admins", "staff"]}));
}

#[test]
fn what_is_not_known_is_absent_but_groups_are_always_a_list() {
    let blank = User { name: String::new(), email: None, groups: Vec::new(), ..alice() };
    let expected = json!({"preferred_username": "alice", "updated_at": 20, "groups": []});
    assert_eq!(claims(&blank, "openid profile email groups"), expected);
}

#[test]
fn every_claim_that_is_advertised_can_be_had_and_no_other() {
    let all = claims(&alice(), "openid profile email groups");
    let mut names: Vec<_> = all.as_object().unwrap().keys().map(String::as_str).collect();
    let mut advertised = UserClaims::NAMES.to_vec();
    names.sort_unstable();
    advertised.sort_unstable();
    assert_eq!(names, advertised);
}
