//! Redeeming codes: every binding, single use, what may end between code and redemption, and what the answer says.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::domain::authorization::CodeContent;
use crate::domain::browser::Authentication;
use crate::domain::browser::RequestSource;
use crate::domain::client::Client;
use crate::flow::end_session;
use crate::flow::token::tests::{Bench, ISSUER, REDIRECT, T0, VERIFIER, alg, claims, redemption};
use crate::protocol::claims::at_hash;
use crate::protocol::client_metadata::{AccessTokenFormat, GrantType, IdTokenClaimsPolicy, SigningAlgorithm};
use crate::protocol::error::ErrorCode;
use crate::protocol::jws::TokenType;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;

const OTHER_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";

/// The form of a code with the given redirect URI and verifier.
fn form<'a>(code: &'a str, redirect_uri: Option<&'a str>, verifier: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code)];
    form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    form
}

async fn signed_in(bench: &Bench, client: &Client) -> CodeContent {
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    bench.content(client, &session)
}

#[tokio::test]
async fn only_the_request_that_keeps_every_binding_redeems_a_code() {
    let bench = Bench::new().await;
    let (right, other) = (bench.client("web").await, bench.client("other").await);
    let content = signed_in(&bench, &right).await;
    let (fresh, late) = (bench.code(&content).await, bench.code(&content).await);
    let redirects = [Some(REDIRECT), Some("https://app.example/cb/"), Some("https://app.example/cb?x=1"), None];
    let verifiers = [Some(VERIFIER), Some(OTHER_VERIFIER), Some(&VERIFIER[1..]), None];
    let mut cells = Vec::new();
    for client in [&right, &other] {
        for redirect in redirects {
            cells.extend(verifiers.map(|verifier| (client, redirect, verifier)));
        }
    }
    for (client, redirect, verifier) in &cells {
        if client.id == right.id && *redirect == redirects[0] && *verifier == verifiers[0] {
            continue;
        }
        let refused = bench.token(client, &form(&fresh, *redirect, *verifier)).await;
        assert_eq!(refused.unwrap_err(), ErrorCode::InvalidGrant, "{} {redirect:?} {verifier:?}", client.id);
    }
    bench.redeem(&right, &fresh).await.expect("what was refused has used nothing up");
    bench.advance(61);
    for (client, redirect, verifier) in &cells {
        assert_eq!(bench.token(client, &form(&late, *redirect, *verifier)).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
}

#[tokio::test]
async fn a_code_lives_until_its_last_second_and_no_longer() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    let (one, two) = (bench.code(&content).await, bench.code(&content).await);
    bench.advance(59);
    assert!(bench.redeem(&client, &one).await.is_ok());
    bench.advance(1);
    assert_eq!(bench.redeem(&client, &two).await.unwrap_err(), ErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = CodeContent { code_challenge: None, ..signed_in(&bench, &client).await };
    let code = bench.code(&content).await;
    assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(bench.token(&client, &form(&code, Some(REDIRECT), None)).await.is_ok());
}

#[tokio::test]
async fn a_redirect_uri_that_was_not_sent_may_be_left_out_or_named_right() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = CodeContent { redirect_uri: None, ..signed_in(&bench, &client).await };
    let (one, two) = (bench.code(&content).await, bench.code(&content).await);
    let wrong = form(&one, Some("https://evil.example/cb"), Some(VERIFIER));
    assert_eq!(bench.token(&client, &wrong).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(bench.token(&client, &form(&one, None, Some(VERIFIER))).await.is_ok());
    assert!(bench.token(&client, &form(&two, Some(REDIRECT), Some(VERIFIER))).await.is_ok());
}

#[tokio::test]
async fn code_reuse_is_refused_and_revokes_the_family_once() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let mut content = signed_in(&bench, &client).await;
    content.scope = Scope::parse("openid offline_access").unwrap();
    let code = bench.code(&content).await;
    let tokens = bench.redeem(&client, &code).await.unwrap();
    assert!(bench.opens_userinfo(&tokens.access_token).await);
    bench.advance(30);
    for _again in 0..3 {
        assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
    let refreshed = bench.refresh(&client, &tokens.refresh_token.unwrap()).await;
    assert_eq!(refreshed.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.audited().await, ["token.issued", "token.reuse"]);
}

#[tokio::test]
async fn a_redeemed_code_in_the_hands_of_another_client_harms_nobody() {
    let bench = Bench::new().await;
    let (client, other) = (bench.client("web").await, bench.client("other").await);
    let content = signed_in(&bench, &client).await;
    let code = bench.code(&content).await;
    let tokens = bench.redeem(&client, &code).await.unwrap();
    assert_eq!(bench.redeem(&other, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert_eq!(bench.token(&client, &form(&code, Some(REDIRECT), None)).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(bench.opens_userinfo(&tokens.access_token).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_parallel_redemptions_at_most_one_succeeds() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    let code = bench.code(&content).await;
    let outcomes = join_all((0..50).map(|_at| bench.redeem(&client, &code))).await;
    let errors: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(errors.iter().all(|error| **error == ErrorCode::InvalidGrant));
    assert_eq!(errors.len(), 49);
    let winner = outcomes.into_iter().find_map(Result::ok).unwrap();
    assert!(!bench.opens_userinfo(&winner.access_token).await, "the losers have revoked the winner's family");
}

#[tokio::test]
async fn a_person_who_was_locked_since_gets_nothing() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let code = bench.code(&bench.content(&client, &session)).await;
    bench.set_locked(&alice, true).await;
    assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
    bench.set_locked(&alice, false).await;
    assert!(bench.redeem(&client, &code).await.is_ok());
}

#[tokio::test]
async fn a_session_that_ended_since_gets_nothing() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    let code = bench.code(&content).await;
    assert!(
        end_session::perform(&bench.op, content.authentication.session_id.as_ref().unwrap(), &RequestSource::default())
            .await
            .unwrap()
    );
    assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_client_that_was_disabled_since_gets_nothing_and_uses_nothing_up() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    let code = bench.code(&content).await;
    bench.update_client(Client { disabled: true, ..client.clone() }).await;
    assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidClient);
    bench.update_client(client.clone()).await;
    assert!(bench.redeem(&client, &code).await.is_ok());
}

#[tokio::test]
async fn the_pipeline_tells_its_errors_apart() {
    let bench = Bench::new().await;
    let client = bench.client_with("web", |metadata| metadata.grant_types = vec![GrantType::RefreshToken]).await;
    let stray = [("grant_type", "password"), ("data", "None"), ("response_type", "token")];
    for (form, code) in [
        (&stray[..], ErrorCode::UnsupportedGrantType),
        (&[("code", "x")], ErrorCode::InvalidRequest),
        (&[("grant_type", "authorization_code"), ("code", "x")], ErrorCode::UnauthorizedClient),
        (&[("grant_type", "refresh_token")], ErrorCode::InvalidRequest),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], ErrorCode::InvalidGrant),
    ] {
        assert_eq!(bench.token(&client, form).await.unwrap_err(), code, "{form:?}");
    }
    let unknown = Client { id: crate::domain::id::ClientId::new("nobody"), ..client };
    assert_eq!(bench.token(&unknown, &stray).await.unwrap_err(), ErrorCode::InvalidClient);
}

#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let bench = Bench::new().await;
    let client = bench.public_client("native").await;
    let content = signed_in(&bench, &client).await;
    let code = bench.code(&content).await;
    let mut form = redemption(&code).to_vec();
    form.extend([("data", "None"), ("response_type", "token"), ("scope", "everything")]);
    assert_eq!(bench.token(&client, &form).await.unwrap().scope, "email groups openid profile");
}

#[tokio::test]
async fn the_id_token_says_who_approved_when_and_how() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    bench.advance(20);
    let code = bench.code(&content).await;
    let commits = bench.op.store.commits();
    let tokens = bench.redeem(&client, &code).await.unwrap();
    assert_eq!(bench.op.store.commits() - commits, 1);
    let now = T0.as_seconds() + 20;
    let id_token = tokens.id_token.unwrap();
    let said = claims(&bench, TokenType::Id, &id_token);
    let expected = json!({
        "iss": ISSUER, "sub": content.authentication.user_id.as_str(), "aud": "web", "iat": now, "exp": now + 3600,
        "auth_time": T0.as_seconds(), "nonce": "n-0S6_WzA2Mj", "acr": "urn:signbridge:acr:matched", "amr": ["mca"],
        "sid": content.authentication.session_id.as_ref().unwrap().as_str(),
        "at_hash": at_hash(SigningAlgorithm::RS256, &tokens.access_token),
        "name": "ALICE", "preferred_username": "alice", "updated_at": T0.as_seconds(),
        "email": "alice@example.org", "email_verified": true, "groups": ["staff"],
    });
    assert_eq!(serde_json::Value::Object(said), expected);
    assert_eq!(alg(&id_token), "RS256");
    assert_eq!((tokens.access_token.len(), tokens.expires_in, tokens.token_type), (43, 600, "Bearer"));
    assert!(tokens.refresh_token.is_none());
}

#[tokio::test]
async fn each_client_gets_its_algorithm_and_its_claims() {
    let bench = Bench::new().await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    for wanted in SigningAlgorithm::ALL {
        let client = bench.client_with(wanted.as_str(), |metadata| {
            metadata.id_token_signed_response_alg = wanted;
            metadata.id_token_claims = IdTokenClaimsPolicy::Minimal;
        });
        let tokens = bench.tokens(&client.await, &session, "openid email").await;
        let id_token = tokens.id_token.unwrap();
        assert_eq!(alg(&id_token), wanted.as_str());
        let said = claims(&bench, TokenType::Id, &id_token);
        assert!(!said.contains_key("email"));
        assert_eq!(said["at_hash"], at_hash(wanted, &tokens.access_token));
    }
}

#[tokio::test]
async fn a_jwt_access_token_is_signed_typed_and_revocable() {
    let bench = Bench::new().await;
    let client = bench.client_with("api", |metadata| metadata.access_token_format = AccessTokenFormat::Jwt).await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let content = bench.content(&client, &session);
    let code = bench.code(&content).await;
    let tokens = bench.redeem(&client, &code).await.unwrap();
    let said = claims(&bench, TokenType::Access, &tokens.access_token);
    let names: BTreeSet<_> = said.keys().map(String::as_str).collect();
    for name in ["iss", "sub", "aud", "client_id", "scope", "jti", "exp", "iat", "auth_time", "acr"] {
        assert!(names.contains(name), "{name}");
    }
    assert_eq!((said["aud"].as_str(), said["client_id"].as_str()), (Some(ISSUER), Some("api")));
    assert_eq!(tokens.expires_in, 300);
    assert!(bench.opens_userinfo(&tokens.access_token).await);
    let id_token = tokens.id_token.unwrap();
    for other in [said["jti"].as_str().unwrap(), &format!("jti:{}", said["jti"].as_str().unwrap()), &id_token] {
        assert!(!bench.opens_userinfo(other).await, "{other}");
    }
    assert_eq!(bench.redeem(&client, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
}

#[tokio::test]
async fn an_unnamed_login_leads_to_short_tokens_that_cannot_be_refreshed() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let content = signed_in(&bench, &client).await;
    let authentication = Authentication { unnamed: true, ..content.authentication.clone() };
    let scope = Scope::parse("openid offline_access").unwrap();
    let code = bench.code(&CodeContent { authentication, scope, ..content }).await;
    let tokens = bench.redeem(&client, &code).await.unwrap();
    assert_eq!((tokens.expires_in, tokens.scope.as_str()), (300, "openid"));
    assert!(tokens.refresh_token.is_none());
    let said = claims(&bench, TokenType::Id, &tokens.id_token.unwrap());
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 1800);
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let tokens = bench.tokens(&client, &session, "email").await;
    assert!(tokens.id_token.is_none());
    assert!(!bench.opens_userinfo(&tokens.access_token).await);
}

#[tokio::test]
async fn tokens_do_not_stand_in_for_each_other() {
    let bench = Bench::new().await;
    let client = bench.client("web").await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let tokens = bench.tokens(&client, &session, "openid offline_access").await;
    let code = bench.code(&bench.content(&client, &session)).await;
    let (refresh, id_token) = (tokens.refresh_token.unwrap(), tokens.id_token.unwrap());
    for wrong in [&tokens.access_token, &code, &id_token, session.id.as_str()] {
        assert_eq!(bench.refresh(&client, wrong).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
    for wrong in [&tokens.access_token, &refresh, &id_token] {
        assert_eq!(bench.redeem(&client, wrong).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
    for wrong in [&refresh, &code, &id_token] {
        assert!(!bench.opens_userinfo(wrong).await);
    }
    assert!(bench.opens_userinfo(&tokens.access_token).await && bench.redeem(&client, &code).await.is_ok());
    assert!(bench.refresh(&client, &refresh).await.is_ok());
}

#[tokio::test]
async fn a_loopback_redirect_uri_is_repeated_with_its_port() {
    let bench = Bench::new().await;
    let client = bench.public_client("native").await;
    let redirect_uri = Some(RedirectUri::parse("http://127.0.0.1:51234/cb").unwrap());
    let content = CodeContent { redirect_uri, ..signed_in(&bench, &client).await };
    let code = bench.code(&content).await;
    let other_port = form(&code, Some("http://127.0.0.1:51235/cb"), Some(VERIFIER));
    assert_eq!(bench.token(&client, &other_port).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(bench.token(&client, &form(&code, Some("http://127.0.0.1:51234/cb"), Some(VERIFIER))).await.is_ok());
}

#[tokio::test]
async fn a_code_of_somebody_who_left_the_allowed_groups_is_not_redeemed() {
    let bench = Bench::new().await;
    let client = bench.client_with("web", |metadata| metadata.allowed_groups = vec!["ops".into(), "staff".into()]).await;
    let content = signed_in(&bench, &client).await;
    let (first, second) = (bench.code(&content).await, bench.code(&content).await);
    bench.redeem(&client, &first).await.expect("she is staff");
    bench.execute("UPDATE users SET group_names = '[\"Staff\"]'").await;
    assert_eq!(bench.redeem(&client, &second).await.unwrap_err(), ErrorCode::InvalidGrant);
    bench.execute("UPDATE users SET group_names = '[\"ops\"]'").await;
    bench.redeem(&client, &second).await.expect("what was refused has used nothing up");
}
