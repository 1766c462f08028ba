//! What the guarded client calls and what it does not: every refusal beside a call that goes through.

use super::super::tests::scripted::{Reply, Scripted};
use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn client(allow_private: bool) -> GuardedClient {
    guarded(None, allow_private).unwrap()
}

async fn post(client: &GuardedClient, url: &Url) -> Result<u16, CallError> {
    client.post_form(url, ("logout_token", "a.b+c"), LIMIT).await
}

fn at(host: &str, server: &Scripted) -> Url {
    Url::parse(&format!("http://{host}:{}/out", server.url().port().unwrap())).unwrap()
}

#[tokio::test]
async fn the_form_arrives_and_the_status_comes_back() {
    let server = Scripted::start(|_| Reply::status(204, "")).await;
    assert_eq!(post(&client(true), &at("127.0.0.1", &server)).await.unwrap(), 204);
    assert_eq!(post(&client(true), &at("localhost", &server)).await.unwrap(), 204);
    let request = &server.received()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/out"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.body, "logout_token=a.b%2Bc");
}

#[tokio::test]
async fn nothing_private_is_called_under_any_spelling() {
    let server = Scripted::start(|_| Reply::ok("reached")).await;
    let port = server.url().port().unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
    ] {
        let url = Url::parse(&format!("https://{host}:{port}/")).unwrap();
        let error = post(&client(false), &url).await.unwrap_err();
        assert!(matches!(error, CallError::Refused(NOT_PUBLIC)), "{host}: {error:?}");
    }
    let error = post(&client(false), &at("127.0.0.1", &server)).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(PLAIN_HTTP)));
    assert_eq!(server.received().len(), 0);
    assert_eq!(post(&client(true), &at("127.0.0.1", &server)).await.unwrap(), 200, "the server was there all the time");
}

#[test]
fn public_addresses_are_told_from_special_ones() {
    for public in ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
    for special in ["2001:db8::1", "2001::1", "3fff::1", "::", "::ffff:8.8.8.8", "64:ff9b::808:808", "fec0::1", "4000::1"] {
        assert!(!is_public(special.parse().unwrap()), "{special}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let canary = Scripted::start(|_| Reply::ok("reached")).await;
    let target = canary.url().to_string();
    let server =
        Scripted::start(move |_| Reply::Answer { status: 302, headers: vec![("location", target.clone())], body: Vec::new() })
            .await;
    assert_eq!(post(&client(true), &server.url()).await.unwrap(), 302);
    assert!(canary.received().is_empty());
}

#[tokio::test]
async fn an_endless_body_is_not_read_and_a_silent_receiver_is_left() {
    let endless = Scripted::start(|_| Reply::Endless).await;
    assert_eq!(post(&client(true), &endless.url()).await.unwrap(), 200);
    let silent = Scripted::start(|_| Reply::Silence).await;
    let limit = Duration::from_millis(200);
    let error = client(true).post_form(&silent.url(), ("logout_token", "x"), limit).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut(shown) if shown == limit));
}
