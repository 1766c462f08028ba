//! Revocation: alone or with the family, one's own tokens only, and success for whatever is no token.

use super::answer;
use crate::domain::browser::RequestSource;
use crate::domain::client::Client;
use crate::flow::token::tests::{Bench, client_request, code_of, credentials};
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::error::ErrorCode;

async fn revoke(bench: &Bench, client: &Client, token: &str) -> Result<(), ErrorCode> {
    let (headers, parameters) = credentials(client, &[("token", token)]);
    let origin = RequestSource::default();
    let request = client_request(&headers, &parameters, &origin);
    answer(&bench.op, &request).await.map_err(|error| code_of(&error))
}

#[tokio::test]
async fn an_access_token_is_revoked_alone() {
    let bench = Bench::new().await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    for format in [AccessTokenFormat::Opaque, AccessTokenFormat::Jwt] {
        let client = bench.client_with(&format!("{format:?}"), |metadata| metadata.access_token_format = format).await;
        let tokens = bench.tokens(&client, &session, "openid offline_access").await;
        assert!(bench.opens_userinfo(&tokens.access_token).await);
        assert_eq!(revoke(&bench, &client, &tokens.access_token).await, Ok(()));
        assert!(!bench.opens_userinfo(&tokens.access_token).await);
        assert_eq!(revoke(&bench, &client, &tokens.access_token).await, Ok(()));
        assert!(bench.refresh(&client, &tokens.refresh_token.unwrap()).await.is_ok());
    }
    assert_eq!(bench.audited().await.iter().filter(|kind| *kind == "token.revoked").count(), 2);
}

#[tokio::test]
async fn a_refresh_token_takes_its_family_with_it() {
    let bench = Bench::new().await;
    let client = bench.public_client("native").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let first = bench.tokens(&client, &session, "openid offline_access").await;
    let old = first.refresh_token.unwrap();
    let second = bench.refresh(&client, &old).await.unwrap();
    assert_eq!(revoke(&bench, &client, &old).await, Ok(()));
    assert!(!bench.opens_userinfo(&first.access_token).await && !bench.opens_userinfo(&second.access_token).await);
    assert_eq!(bench.refresh(&client, &second.refresh_token.unwrap()).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.audited().await, ["token.issued", "token.revoked"]);
}

#[tokio::test]
async fn a_foreign_client_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let (client, other) = (bench.client("web").await, bench.public_client("other").await);
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let tokens = bench.tokens(&client, &session, "openid offline_access").await;
    let refresh = tokens.refresh_token.unwrap();
    for token in [&tokens.access_token, &refresh] {
        assert_eq!(revoke(&bench, &other, token).await, Err(ErrorCode::UnauthorizedClient));
    }
    assert!(bench.opens_userinfo(&tokens.access_token).await && bench.refresh(&client, &refresh).await.is_ok());
}

#[tokio::test]
async fn what_is_no_token_is_a_success_and_no_write() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let commits = bench.op.store.commits();
    for text in ["x", "a.b.c", &"A".repeat(44)] {
        assert_eq!(revoke(&bench, &client, text).await, Ok(()));
    }
    assert_eq!(bench.op.store.commits(), commits);
    assert_eq!(revoke(&bench, &client, &"A".repeat(43)).await, Ok(()));
    assert_eq!(revoke(&bench, &client, "").await, Err(ErrorCode::InvalidRequest));
    let stranger = Client { id: crate::domain::id::ClientId::new("stranger"), ..client };
    assert_eq!(revoke(&bench, &stranger, "x").await, Err(ErrorCode::InvalidClient));
}
