//! The client against servers that check signatures, misbehave or are not there.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::*;
use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::login::{Challenge, Confirmation, End};
use crate::domain::secret::Secret;
use crate::outbound::tests::scripted::{Received, Reply, Scripted, nobody};
use crate::upstream::picture::tests::grey;

const ID: &str = "7e8eeb82d86c549c6d3c56e6d5046f07ea7b98df88aed424";
const APP: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub(super) const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/66.0.3359.139 Safari/537.36";

pub(super) fn client(url: Url) -> ThumbSignIn {
    // 2018-05-02T10:11:12Z, the moment of the published vectors.
    let clock = ManualClock::new(Timestamp::from_millis(1_525_255_872_345));
    let settings =
        ThumbSignInSettings { url, app_id: APP.to_owned(), secret: Secret::new(SECRET), ca_file: None, allow_unnamed: false };
    ThumbSignIn::new(settings, Env::with_clock(Arc::new(clock))).unwrap()
}

pub(super) fn hasty(url: Url) -> ThumbSignIn {
    let limits = Limits { begin: Duration::from_millis(400), ask: Duration::from_millis(400) };
    ThumbSignIn { limits, ..client(url) }
}

fn request(user: Option<&str>) -> BeginRequest {
    BeginRequest {
        upstream_user: user.map(str::to_owned),
        service_name: "Demo app".to_owned(),
        service_address: "login.example".to_owned(),
        user_agent: AGENT.to_owned(),
        confirmation: Confirmation::Symbol,
    }
}

/// A server whose transaction is in the given state, approved by the given user.
fn proper(state: &'static str, user: &'static str) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    move |request| {
        let reply = if request.target.contains("/getUser/") {
            json!({ "userId": user })
        } else if request.target.contains("/txn-status/") {
            json!({ "transactionId": ID, "status": state, "failureReason": "", "expireInSeconds": 67 })
        } else {
            json!({ "transactionId": ID, "status": "PENDING", "failureReason": "", "qrImage": grey(250, 250),
                    "deepLinkUrl": "http://127.0.0.1/phone/t/7e8e", "expireInSeconds": 89 })
        };
        Reply::ok(reply.to_string())
    }
}

async fn handle() -> UpstreamHandle {
    let server = Scripted::start(proper("PENDING", "alice")).await;
    client(server.url()).begin(request(Some("alice"))).await.unwrap().handle
}

#[tokio::test]
async fn a_request_on_the_wire_carries_the_published_signature() {
    let server = Scripted::start(proper("PENDING", "alice")).await;
    let begun = client(server.url()).begin(request(None)).await.unwrap();
    let seen = &server.received()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/ts/secure/authenticate"));
    let headers = ["accept", "content-type", "user-agent", "x-ts-date"].map(|name| seen.header(name).unwrap());
    assert_eq!(headers, ["application/json", "application/json", AGENT, "20180502T101112Z"]);
    // Vectors V02 and V06 were made by the official signer with the same headers.
    let signed = |signature| {
        format!("HmacSHA256 Credential={APP}, SignedHeaders=accept;content-type;user-agent;x-ts-date, Signature={signature}")
    };
    let v02 = signed("8502e7c7a602191e12808035ba59e2f7fe83d8b4db8600558315fcbb39b65dfd");
    assert_eq!(seen.header("authorization"), Some(v02.as_str()));
    assert!(client(server.url()).cancel(&begun.handle).await.is_err(), "it is still pending");
    let seen = &server.received()[1];
    assert_eq!(seen.target, format!("/ts/secure/txn-status/{ID}?cancelled=true"));
    let v06 = signed("e6d8171ab24ee81fc7cc3bfef15e5b008483505bba4aa6c6fe3c10ef7abb7716");
    assert_eq!(seen.header("authorization"), Some(v06.as_str()));
}

/// A request as `requests.txt` has it, without the `Host`, which is not signed.
fn recorded(request: &Received) -> String {
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| name != "host");
    headers.sort();
    let lines: String = headers.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    assert_eq!(request.body, "");
    format!("{} {}\n{lines}", request.method, request.target)
}

#[tokio::test]
async fn every_request_is_sent_as_recorded() {
    let server = Scripted::start(proper("COMPLETED_SUCCESSFUL", "alice")).await;
    let client = client(server.url());
    let registry = client.registry().unwrap();
    registry.enrol("alice", AGENT).await.unwrap();
    client.begin(request(None)).await.unwrap();
    let begun = client.begin(request(Some("alice"))).await.unwrap();
    client.poll(&begun.handle, Some("alice")).await.unwrap();
    // What this server answers to the others fits none of them.
    assert!(client.cancel(&begun.handle).await.is_err());
    assert!(registry.phones("alice").await.is_err());
    assert!(registry.remove("alice", "7f3a-01").await.is_err());
    // The signatures were computed by another program, from ThumbSignIn notes §1.3–1.4.
    let sent: Vec<String> = server.received().iter().map(recorded).collect();
    assert_eq!(sent.join("\n"), include_str!("requests.txt"));
}

#[tokio::test]
async fn the_wire_carries_the_query_that_was_signed() {
    let server = Scripted::start(proper("PENDING", "alice")).await;
    let client = client(server.url().join("/base/").unwrap());
    client.begin(request(Some("o'neil+a&b=c#d%~*@example.com"))).await.unwrap();
    let target = &server.received()[0].target;
    assert_eq!(target, "/base/ts/secure/authenticate?userId=o%27neil%2Ba%26b%3Dc%23d%25%7E*%40example.com");
}

#[tokio::test]
async fn a_transaction_is_shown_and_nobody_is_asked_with_an_empty_name() {
    let server = Scripted::start(proper("PENDING", "alice")).await;
    let client = client(server.url());
    assert!(matches!(client.begin(request(Some(""))).await, Err(BeginError::NotRegistered)));
    assert!(server.received().is_empty());
    let begun = client.begin(request(Some("alice"))).await.unwrap();
    assert_eq!(begun.expires_in, Some(Duration::from_secs(89)));
    let deep_link = "http://127.0.0.1/phone/t/7e8e".to_owned();
    assert_eq!(begun.challenge, Challenge::QrCode { image: grey(250, 250), deep_link });
}

#[tokio::test]
async fn an_approval_counts_for_the_person_whom_getuser_names() {
    let handle = handle().await;
    let server = Scripted::start(proper("COMPLETED_SUCCESSFUL", "alice")).await;
    let client = client(server.url());
    let approved = Progress::Approved { upstream_user: "alice".to_owned() };
    assert_eq!(client.poll(&handle, Some("alice")).await.unwrap(), approved);
    assert_eq!(client.poll(&handle, None).await.unwrap(), approved);
    let other = client.poll(&handle, Some("bob")).await.unwrap();
    assert!(matches!(other, Progress::Nonsense { wrong_person: true, .. }));
    let targets: Vec<_> = server.received().into_iter().take(2).map(|request| request.target).collect();
    assert_eq!(targets, [format!("/ts/secure/txn-status/{ID}"), format!("/ts/secure/getUser/{ID}")]);
}

#[tokio::test]
async fn a_success_that_names_another_person_than_getuser_is_refused() {
    let handle = handle().await;
    for (named, agrees) in [("alice", true), ("bob", false)] {
        let getuser = proper("COMPLETED_SUCCESSFUL", "alice");
        let script = move |request: &Received| match request.target.contains("/txn-status/") {
            true => Reply::ok(json!({ "transactionId": ID, "status": "COMPLETED_SUCCESSFUL", "userId": named }).to_string()),
            false => getuser(request),
        };
        let server = Scripted::start(script).await;
        for asked in [Some("alice"), None] {
            let progress = client(server.url()).poll(&handle, asked).await.unwrap();
            match agrees {
                true => assert_eq!(progress, Progress::Approved { upstream_user: "alice".to_owned() }),
                false => assert!(matches!(progress, Progress::Nonsense { wrong_person: true, .. }), "{progress:?}"),
            }
        }
        assert_eq!(server.received().len(), 4, "getUser is asked all the same");
    }
}

#[tokio::test]
async fn getuser_is_asked_after_a_success_only() {
    let handle = handle().await;
    let table = [
        ("PENDING", Progress::Pending),
        ("INITIATED", Progress::Fetched),
        ("DECLINED", Progress::Ended(End::Denied)),
        ("TIMEOUT", Progress::Ended(End::Expired)),
    ];
    for (state, expected) in table {
        let server = Scripted::start(proper(state, "alice")).await;
        assert_eq!(client(server.url()).poll(&handle, Some("alice")).await.unwrap(), expected);
        assert_eq!(server.received().len(), 1, "{state}");
    }
}

#[tokio::test]
async fn a_success_without_a_name_is_not_an_approval() {
    let handle = handle().await;
    let answers: [fn() -> Reply; 6] = [
        || Reply::ok("{}"),
        || Reply::ok("<html>"),
        || Reply::status(404, "{\"userId\":\"alice\"}"),
        || Reply::status(401, ""),
        || Reply::status(302, "{\"userId\":\"alice\"}"),
        || Reply::Endless,
    ];
    for reply in answers {
        let success = proper("COMPLETED_SUCCESSFUL", "alice");
        let script = move |request: &Received| if request.target.contains("getUser") { reply() } else { success(request) };
        let server = Scripted::start(script).await;
        let progress = client(server.url()).poll(&handle, Some("alice")).await.unwrap();
        assert!(matches!(progress, Progress::Nonsense { wrong_person: false, .. }), "{progress:?}");
    }
    let success = proper("COMPLETED_SUCCESSFUL", "alice");
    let busy = move |request: &Received| match request.target.contains("getUser") {
        true => Reply::status(503, ""),
        false => success(request),
    };
    let server = Scripted::start(busy).await;
    assert!(client(server.url()).poll(&handle, Some("alice")).await.is_err(), "it is asked again");
}

#[tokio::test]
async fn a_refused_signature_ends_the_login_and_says_so() {
    let handle = handle().await;
    for status in [401, 403] {
        let server = Scripted::start(move |_| Reply::status(status, "{}")).await;
        let client = client(server.url());
        let begin = client.begin(request(Some("alice"))).await.err().unwrap();
        assert!(matches!(begin, BeginError::Unusable { ref detail, in_doubt: false, .. } if detail.contains("our")));
        let poll = client.poll(&handle, Some("alice")).await.unwrap();
        assert!(matches!(poll, Progress::Nonsense { ref detail, .. } if detail.contains("our")), "{poll:?}");
    }
}

#[tokio::test]
async fn a_create_is_sent_once_whatever_happens() {
    for reply in [|| Reply::Reset, || Reply::Silence, || Reply::HalfAnswer, || Reply::Endless] {
        let server = Scripted::start(move |_| reply()).await;
        let error = hasty(server.url()).begin(request(Some("alice"))).await.err().unwrap();
        assert!(matches!(error, BeginError::InDoubt(_)), "{error:?}");
        assert_eq!(server.received().len(), 1);
    }
    let error = client(nobody()).begin(request(Some("alice"))).await.err().unwrap();
    assert!(matches!(error, BeginError::Unreachable(_)));
    for (status, doubtful) in [(302, true), (404, false), (429, false), (500, true)] {
        let server = Scripted::start(move |_| Reply::status(status, "")).await;
        let error = client(server.url()).begin(request(Some("alice"))).await.err().unwrap();
        assert!(matches!(error, BeginError::Unusable { in_doubt, .. } if in_doubt == doubtful), "{status}");
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_question_without_an_answer_may_be_asked_again_and_nonsense_may_not() {
    let handle = handle().await;
    let passing: [fn() -> Reply; 4] =
        [|| Reply::Reset, || Reply::Silence, || Reply::status(500, ""), || Reply::status(429, "")];
    for reply in passing {
        let server = Scripted::start(move |_| reply()).await;
        assert!(hasty(server.url()).poll(&handle, Some("alice")).await.is_err());
        assert!(hasty(server.url()).cancel(&handle).await.is_err());
    }
    let nonsense: [fn() -> Reply; 4] = [|| Reply::ok(""), || Reply::ok("<html>"), || Reply::status(302, ""), || Reply::Endless];
    for reply in nonsense {
        let server = Scripted::start(move |_| reply()).await;
        let progress = client(server.url()).poll(&handle, Some("alice")).await.unwrap();
        assert!(matches!(progress, Progress::Nonsense { .. }), "{progress:?}");
    }
    assert!(client(nobody()).poll(&handle, None).await.is_err());
}

#[tokio::test]
async fn a_cancel_is_confirmed_by_an_ended_transaction_only() {
    let handle = handle().await;
    for (state, confirmed) in [
        ("CANCELLED", true),
        ("COMPLETED_FAILURE", true),
        ("TIMEOUT", true),
        ("COMPLETED_SUCCESSFUL", false),
        ("INITIATED", false),
    ] {
        let server = Scripted::start(proper(state, "alice")).await;
        assert_eq!(client(server.url()).cancel(&handle).await.is_ok(), confirmed, "{state}");
    }
}

#[tokio::test]
async fn a_damaged_handle_asks_nobody() {
    let server = Scripted::start(proper("COMPLETED_SUCCESSFUL", "alice")).await;
    let traversal = r#"{"transaction_id":"../getUser/ab","user_agent":"x"}"#;
    let damaged = UpstreamHandle(Secret::new(traversal));
    assert!(matches!(client(server.url()).poll(&damaged, None).await.unwrap(), Progress::Nonsense { .. }));
    assert!(client(server.url()).cancel(&damaged).await.is_err());
    assert!(server.received().is_empty());
}

#[test]
fn the_secret_is_not_in_a_settings_debug_output() {
    let settings = ThumbSignInSettings {
        url: "https://x.example".parse().unwrap(),
        app_id: APP.to_owned(),
        secret: Secret::new(SECRET),
        ca_file: None,
        allow_unnamed: false,
    };
    assert!(!format!("{settings:?}").contains(SECRET));
}

proptest! {
    #[test]
    fn every_forwarded_agent_is_a_plain_header_value(agent in "\\PC{0,400}") {
        let agent = forwarded(&agent);
        prop_assert!(!agent.is_empty() && agent.len() <= MAX_USER_AGENT && agent.trim() == agent && !agent.contains("  "));
        prop_assert!(agent.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
    }
}
