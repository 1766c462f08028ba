//! Introspection: what is said about a live token of the caller, and that nothing is said about anything else.

use serde_json::{Value, json};

use super::answer;
use crate::domain::browser::RequestSource;
use crate::domain::client::Client;
use crate::flow::token::tests::{Bench, ISSUER, T0, client_request, code_of, credentials};
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::error::ErrorCode;

async fn introspect(bench: &Bench, client: &Client, token: &str) -> Result<Value, ErrorCode> {
    let (headers, parameters) = credentials(client, &[("token", token), ("token_type_hint", "refresh_token")]);
    let origin = RequestSource::default();
    let request = client_request(&headers, &parameters, &origin);
    let answer = answer(&bench.op, &request).await.map_err(|error| code_of(&error))?;
    Ok(serde_json::to_value(answer).unwrap())
}

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn a_live_token_is_described_to_its_client() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let tokens = bench.tokens(&client, &session, "openid offline_access").await;
    let mut expected = json!({
        "active": true, "scope": "offline_access openid", "client_id": "web", "sub": alice.id.as_str(), "username": "alice",
        "token_type": "Bearer", "exp": T0.as_seconds() + 600, "iat": T0.as_seconds(), "iss": ISSUER, "aud": ISSUER,
        "sid": session.id.as_str(), "acr": "urn:signbridge:acr:matched", "auth_time": T0.as_seconds(),
    });
    assert_eq!(introspect(&bench, &client, &tokens.access_token).await.unwrap(), expected);
    expected["exp"] = json!(T0.as_seconds() + 30 * 86_400);
    expected.as_object_mut().unwrap().remove("token_type");
    assert_eq!(introspect(&bench, &client, &tokens.refresh_token.unwrap()).await.unwrap(), expected);
}

#[tokio::test]
async fn whatever_is_not_live_or_not_the_callers_gets_the_same_answer() {
    let bench = Bench::new().await;
    let (client, other) = (bench.client("web").await, bench.client("other").await);
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let tokens = bench.tokens(&client, &session, "openid offline_access").await;
    let refresh = tokens.refresh_token.unwrap();
    let changed = format!("{}A", tokens.access_token);
    let upper = tokens.access_token.to_ascii_uppercase();
    for text in ["x", "", "a.b.c", &changed, &upper, &tokens.id_token.unwrap(), session.id.as_str()] {
        if !text.is_empty() {
            assert_eq!(introspect(&bench, &client, text).await.unwrap(), inactive(), "{text}");
        }
    }
    for token in [&tokens.access_token, &refresh] {
        assert_eq!(introspect(&bench, &other, token).await.unwrap(), inactive());
    }
    bench.set_locked(&alice, true).await;
    for token in [&tokens.access_token, &refresh] {
        assert_eq!(introspect(&bench, &client, token).await.unwrap(), inactive());
    }
    bench.set_locked(&alice, false).await;
    bench.advance(600);
    assert_eq!(introspect(&bench, &client, &tokens.access_token).await.unwrap(), inactive());
    assert_eq!(introspect(&bench, &client, &refresh).await.unwrap()["active"], true);
    bench.advance(30 * 86_400);
    assert_eq!(introspect(&bench, &client, &refresh).await.unwrap(), inactive());
}

#[tokio::test]
async fn a_jwt_access_token_is_described_and_its_jti_is_not() {
    let bench = Bench::new().await;
    let client = bench.client_with("api", |metadata| metadata.access_token_format = AccessTokenFormat::Jwt).await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let token = bench.tokens(&client, &session, "openid").await.access_token;
    assert_eq!(introspect(&bench, &client, &token).await.unwrap()["active"], true);
    let jti = bench.op.keys.verify_access_token(&token, ISSUER).unwrap().jti;
    assert_eq!(introspect(&bench, &client, &jti).await.unwrap(), inactive());
    let (head, _signature) = token.rsplit_once('.').unwrap();
    assert_eq!(introspect(&bench, &client, &format!("{head}.AAAA")).await.unwrap(), inactive());
}

#[tokio::test]
async fn only_an_authenticated_confidential_client_may_ask() {
    let bench = Bench::new().await;
    let (client, native) = (bench.client("web").await, bench.public_client("native").await);
    assert_eq!(introspect(&bench, &native, "x").await, Err(ErrorCode::InvalidClient));
    let stranger = Client { id: crate::domain::id::ClientId::new("stranger"), ..client.clone() };
    assert_eq!(introspect(&bench, &stranger, "x").await, Err(ErrorCode::InvalidClient));
    assert_eq!(introspect(&bench, &client, "").await, Err(ErrorCode::InvalidRequest));
    assert_eq!(introspect(&bench, &client, "x").await, Ok(inactive()));
}
