//! What is noted of a refused request, and what of it is written down.

use super::*;
use crate::flow::authorization::request::{RequestError, check};
use crate::flow::token::tests::Bench;
use crate::protocol::redirect_uri::RedirectUri;

const GOOD: &str = "client_id=web&redirect_uri=https://app.example/callback&response_type=code&scope=openid";

async fn web(bench: &Bench) -> Client {
    let uris = ["https://app.example/callback", "https://old.example/cb"];
    bench
        .client_with("web", |metadata| {
            metadata.redirect_uris = uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect();
        })
        .await
}

async fn ask(bench: &Bench, query: &str) -> RequestError {
    check(&bench.op, &Parameters::parse(query.as_bytes())).await.unwrap_err()
}

async fn written(bench: &Bench, client: &Client) -> Vec<RefusalTally> {
    write_down(&bench.op).await.unwrap();
    refusals::list(bench.op.store.read(), &client.id, refusals::MOST).await.unwrap()
}

#[tokio::test]
async fn what_came_and_what_is_registered_is_noted_and_the_page_shows_none_of_it() {
    let bench = Bench::new().await;
    let client = web(&bench).await;
    let slash = GOOD.replace("callback&", "callback/&");
    for _again in 0..2 {
        let RequestError::Unverified(refusal) = ask(&bench, &slash).await else { panic!() };
        assert_eq!(refusal.detail(), "web: the redirect_uri is not registered for this client");
        assert_eq!(
            refusal.hint().unwrap(),
            "got https://app.example/callback/ – registered is https://app.example/callback; they differ in the slash at the end"
        );
        bench.advance(1);
    }
    let RequestError::Refused(response) = ask(&bench, &GOOD.replace("scope=openid", "scope=phone")).await else { panic!() };
    assert_eq!(response.description(), "scope names nothing that this client may have");
    let tallies = written(&bench, &client).await;
    let told: Vec<_> = tallies.iter().map(|tally| (tally.refusal.field.as_str(), tally.count)).collect();
    assert_eq!(told, [("scope", 1), ("redirect_uri", 2)], "the latest first");
    let scope = &tallies.first().unwrap().refusal;
    assert_eq!((scope.error.as_str(), scope.got.as_deref()), ("invalid_scope", Some("phone")));
    assert!(scope.registered.as_deref().unwrap().contains("openid"));
    ask(&bench, &slash).await;
    assert_eq!(written(&bench, &client).await.iter().map(|tally| tally.count).max(), Some(3), "added to its row");
}

#[tokio::test]
async fn of_a_client_that_nobody_registered_only_the_log_hears() {
    let bench = Bench::new().await;
    let RequestError::Unverified(refusal) = ask(&bench, &GOOD.replace("=web", "=wbe%0A%1B")).await else { panic!() };
    assert_eq!((refusal.client.as_str(), refusal.field.as_str()), ("wbe\\n\\u{1b}", "client_id"));
    assert_eq!(refusal.detail(), "the client_id is not registered here");
    assert_eq!(bench.op.refusals.take(), []);
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_is_noted_by_its_parameter() {
    let bench = Bench::new().await;
    let client = web(&bench).await;
    let form = [("grant_type", "authorization_code"), ("code", "canary-code")];
    bench.token(&client, &form).await.err().unwrap();
    bench.execute("UPDATE clients SET secret = 'another'").await;
    bench.token(&client, &form).await.err().unwrap();
    let tallies = written(&bench, &client).await;
    let mut told: Vec<_> = tallies.iter().map(|tally| (tally.refusal.field.as_str(), tally.refusal.reason.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("client_secret", "the client secret is wrong"), ("code", "the code is unknown")]);
    assert!(!format!("{tallies:?}").contains("canary-code"));
}

#[test]
fn reasons_lead_to_their_parameter() {
    for (reason, field) in [
        ("redirect_uri is not the one of the authorization request", "redirect_uri"),
        ("code_verifier does not answer the challenge of the authorization request", "code_verifier"),
        ("the client is confidential and sent no secret", "client_secret"),
        ("add refresh_token to its grant_types", "grant_type"),
        ("scope exceeds what was granted", "scope"),
        ("a replaced refresh token came back; its family is revoked", "refresh_token"),
        ("the code was issued to another client", "code"),
        ("the person is locked", ""),
    ] {
        assert_eq!(field_of(reason), field, "{reason}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_waits_and_the_other_clients_do_not() {
    let bench = Bench::new().await;
    let (web, other) = (web(&bench).await, bench.client_with("other", |_metadata| {}).await);
    let now = bench.op.env.now();
    let refusal = |client: &Client| Refusal::new(&client.id, Endpoint::Token, ErrorCode::InvalidGrant, "code", "no");
    for client in [&web, &other] {
        bench.op.refusals.note(&refusal(client), now);
    }
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON refused_requests WHEN NEW.client_id = 'other' \
                  BEGIN SELECT RAISE(ABORT, 'broken'); END";
    bench.execute(broken).await;
    assert!(write_down(&bench.op).await.is_err());
    let count = async |client: &Client| {
        let tallies = refusals::list(bench.op.store.read(), &client.id, refusals::MOST).await.unwrap();
        tallies.iter().map(|tally| (tally.count, tally.first_at)).collect::<Vec<_>>()
    };
    assert_eq!((count(&web).await, count(&other).await), (vec![(1, now)], vec![]));
    bench.advance(1);
    bench.op.refusals.note(&refusal(&other), bench.op.env.now());
    bench.execute("DROP TRIGGER broken").await;
    write_down(&bench.op).await.unwrap();
    assert_eq!((count(&web).await, count(&other).await), (vec![(1, now)], vec![(2, now)]));
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let noted = Refusals::default();
    let at = Timestamp::from_seconds(1_800_000_000);
    let refusal = |client: &str, got: usize| {
        let (client, error) = (ClientId::new(client), ErrorCode::InvalidRequest);
        Refusal { got: Some(got.to_string()), ..Refusal::new(&client, Endpoint::Authorization, error, "redirect_uri", "no") }
    };
    for got in 0..1000 {
        noted.note(&refusal("web", got), at);
    }
    assert_eq!(noted.take().len(), OF_CLIENT);
    for client in 0..1000 {
        noted.note(&refusal(&client.to_string(), 0), at);
    }
    let taken = noted.take();
    assert_eq!((taken.len(), noted.take().len()), (OF_ALL, 0));
    for got in 0..1000 {
        noted.note(&refusal("web", got), at);
    }
    noted.put_back(&taken);
    assert_eq!(noted.take().len(), OF_ALL, "also where nothing can be written");
}
