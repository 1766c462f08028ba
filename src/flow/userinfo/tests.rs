//! Userinfo: what a token opens, what it does not, and the challenges of RFC 6750.

use serde_json::json;

use super::{BearerError, answer, presented_token};
use crate::flow::token::tests::{Bench, T0};
use crate::protocol::parameters::Parameters;

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
    assert_eq!((error.status(), error.code().map(|code| code.as_str())), (Some(403), Some("insufficient_scope")));
    assert!(error.challenge().ends_with("scope=\"openid\""));
    bench.advance(600);
    let error = answer(&bench.op, &token).await.unwrap_err();
    assert_eq!((error.status(), error.code().map(|code| code.as_str())), (Some(401), Some("invalid_token")));
    assert!(error.challenge().starts_with("Bearer error=\"invalid_token\""));
}

#[test]
fn a_token_comes_by_header_or_form_but_not_by_both() {
    let form = Parameters::parse(b"access_token=abc");
    let empty = Parameters::default();
    assert_eq!(presented_token(Some("Bearer abc"), &empty).unwrap(), "abc");
    assert_eq!(presented_token(Some("bearer abc"), &empty).unwrap(), "abc");
    assert_eq!(presented_token(None, &form).unwrap(), "abc");
    assert_eq!(presented_token(Some("Bearer abc"), &form).unwrap_err().status(), Some(400));
    for header in [None, Some("Basic abc"), Some("Bearer"), Some("")] {
        let error = presented_token(header, &empty).unwrap_err();
        assert_eq!((error.status(), error.challenge().as_str(), error.code()), (Some(401), "Bearer", None), "{header:?}");
    }
}
