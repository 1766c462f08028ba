//! Registering, listing and removing phones, against servers that answer well, badly or not at all.

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::*;
use crate::domain::login::Challenge;
use crate::outbound::tests::scripted::{Received, Reply, Scripted, nobody};
use crate::upstream::picture::tests::grey;
use crate::upstream::thumbsignin::tests::{AGENT, client, hasty};
use crate::upstream::{PhoneApproval as _, Progress};

const ID: &str = "7e8eeb82d86c549c6d3c56e6d5046f07ea7b98df88aed424";

fn created(status: &str, reason: &str) -> String {
    json!({ "transactionId": ID, "status": status, "failureReason": reason, "qrImage": grey(250, 250),
            "deepLinkUrl": "https://thumbsignin.app.link/abc", "expireInSeconds": 89 })
    .to_string()
}

async fn answering(status: u16, body: impl Into<String>) -> Scripted {
    let body = body.into();
    Scripted::start(move |_| Reply::status(status, body.clone())).await
}

async fn phones_of(status: u16, body: impl Into<String>) -> Result<Phones, RegistryError> {
    let server = answering(status, body).await;
    client(server.url()).phones("alice").await
}

async fn removal(status: u16, body: impl Into<String>) -> Result<(), RegistryError> {
    let server = answering(status, body).await;
    client(server.url()).remove("alice", "d1").await
}

fn is_unusable<T>(answer: &Result<T, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Unusable(_)))
}

#[tokio::test]
async fn a_registration_is_a_transaction_that_is_polled_like_a_login() {
    let server = Scripted::start(|request: &Received| match request.target.split('/').nth(3).unwrap() {
        "txn-status" => {
            Reply::ok(json!({ "transactionId": ID, "status": "COMPLETED_SUCCESSFUL", "userId": "alice" }).to_string())
        }
        "getUser" => Reply::ok(json!({ "userId": "alice" }).to_string()),
        _register => Reply::ok(created("PENDING", "")),
    })
    .await;
    let client = client(server.url());
    let Enrolment::Transaction(begun) = client.enrol("alice", AGENT).await.unwrap() else { panic!("no transaction") };
    let deep_link = "https://thumbsignin.app.link/abc".to_owned();
    assert_eq!(begun.challenge, Challenge::QrCode { image: grey(250, 250), deep_link });
    let approved = Progress::Approved { upstream_user: "alice".to_owned() };
    assert_eq!(client.poll(&begun.handle, Some("alice")).await.unwrap(), approved);
    assert_eq!(server.received()[0].target, "/ts/secure/register?userId=alice");
    assert_eq!(server.received()[1].header("user-agent"), Some(AGENT));
}

#[tokio::test]
async fn a_registration_that_fails_at_once_says_why() {
    for (reason, word) in
        [("ALREADY_REGISTERED", "already_registered"), ("NOT_REGISTERED", "not_registered"), ("TECHNICAL_REASON", "unusable")]
    {
        let server = answering(200, created("COMPLETED_FAILURE", reason)).await;
        let (found, _, in_doubt) = client(server.url()).enrol("alice", AGENT).await.unwrap_err().verdict();
        assert_eq!((found, in_doubt), (word, false), "{reason}");
    }
    let server = answering(200, created("PENDING", "")).await;
    for blank in ["", " "] {
        assert!(matches!(client(server.url()).enrol(blank, AGENT).await, Err(BeginError::NotRegistered)));
    }
    assert!(server.received().is_empty(), "the service would take it for anybody");
}

#[tokio::test]
async fn a_registration_is_begun_once_whatever_happens() {
    for reply in [|| Reply::Reset, || Reply::Silence, || Reply::HalfAnswer, || Reply::Endless] {
        let server = Scripted::start(move |_| reply()).await;
        let error = hasty(server.url()).enrol("alice", AGENT).await.unwrap_err();
        assert!(matches!(error, BeginError::InDoubt(_)), "{error:?}");
        assert_eq!(server.received().len(), 1);
    }
    assert!(matches!(client(nobody()).enrol("alice", AGENT).await, Err(BeginError::Unreachable(_))));
}

#[tokio::test]
async fn phones_are_listed_as_an_array_or_in_an_object() {
    let listed = json!([
        { "deviceId": "d1", "deviceName": "Pixel 2", "model": "G011A", "os": "Android", "status": "ACTIVE",
          "registeredOn": "2018-05-02T10:11:12Z", "lastUsedOn": null, "more": { "x": [1] } },
        { "deviceId": "d2", "registeredOn": 1_525_255_872_000_u64, "model": "", "deviceName": ["a"] },
    ]);
    let text = |text: &str| Some(text.to_owned());
    let first = RegisteredPhone {
        id: "d1".to_owned(),
        name: text("Pixel 2"),
        model: text("G011A"),
        registered_on: text("2018-05-02T10:11:12Z"),
        last_used_on: None,
    };
    let nothing = RegisteredPhone { name: None, model: None, registered_on: None, last_used_on: None, ..first.clone() };
    let second = RegisteredPhone { id: "d2".to_owned(), registered_on: text("1525255872000"), ..nothing };
    let expected = Phones::Listed(vec![first, second]);
    for body in [listed.clone(), json!({ "userId": "alice", "devices": listed }), json!({ "devices": listed, "page": {} })] {
        assert_eq!(phones_of(200, body.to_string()).await.unwrap(), expected);
    }
    for none in ["[]", r#"{"devices":[]}"#] {
        assert_eq!(phones_of(200, none).await.unwrap(), Phones::Listed(Vec::new()), "{none}");
    }
    assert_eq!(phones_of(404, "{}").await.unwrap(), Phones::Nobody);
}

#[tokio::test]
async fn what_a_phone_is_called_is_clean_and_short() {
    let name = format!("<b>é\r\n{}", "x".repeat(1000));
    let body = json!([{ "deviceId": "d1", "deviceName": name, "model": "\u{202e}evil" }]);
    let Phones::Listed(phones) = phones_of(200, body.to_string()).await.unwrap() else { panic!("no list") };
    let name = phones[0].name.as_deref().unwrap();
    assert!(name.starts_with("<b>???x") && name.len() == MAX_TEXT, "{name}");
    assert_eq!(phones[0].model.as_deref(), Some("?evil"));
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_none() {
    let many = |count: usize| json!(vec![json!({ "deviceId": "d" }); count]).to_string();
    assert!(phones_of(200, many(MAX_PHONES)).await.is_ok());
    let long = json!([{ "deviceId": "d".repeat(MAX_ID + 1) }]).to_string();
    for body in [
        many(MAX_PHONES + 1),
        long,
        String::new(),
        "<html>".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        r#"{"devices":{}}"#.to_owned(),
        r#"{"devices":null}"#.to_owned(),
        r#"{"userId":"bob","devices":[]}"#.to_owned(),
        r#"{"userId":7,"devices":[]}"#.to_owned(),
        r#"{"devices":[],"devices":[]}"#.to_owned(),
        r#"[{"deviceId":"d1","deviceId":"d2"}]"#.to_owned(),
        r#"["d1"]"#.to_owned(),
        "[{}]".to_owned(),
        r#"[{"deviceId":""}]"#.to_owned(),
        r#"[{"deviceId":7}]"#.to_owned(),
        r#"[{"deviceId":"a b"}]"#.to_owned(),
        r#"[{"deviceId":"d\n1"}]"#.to_owned(),
    ] {
        assert!(is_unusable(&phones_of(200, body.clone()).await), "{body:.60}");
    }
    for status in [201, 302, 400, 401, 403] {
        assert!(is_unusable(&phones_of(status, "[]").await), "{status}");
    }
    assert!(matches!(phones_of(401, "").await, Err(RegistryError::Unusable(words)) if words.contains("our signature")));
}

#[tokio::test]
async fn a_removal_is_one_when_the_service_says_so() {
    for body in [
        r#"{"status":"SUCCESS","userId":"alice","deviceId":"d1"}"#,
        r#"{"status":"COMPLETED_SUCCESSFUL","failureReason":""}"#,
        r#"{"message":"gone"}"#,
        "{}",
    ] {
        removal(200, body).await.unwrap();
    }
    for body in [
        r#"{"status":"FAILED"}"#,
        r#"{"status":"404","message":"no such device"}"#,
        r#"{"status":404}"#,
        r#"{"status":"SUCCESS","failureReason":"TECHNICAL_REASON"}"#,
        r#"{"status":"SUCCESS","deviceId":"d2"}"#,
        r#"{"status":"SUCCESS","userId":"bob"}"#,
        r#"{"status":"SUCCESS","status":"SUCCESS"}"#,
        "[]",
        "",
        "<html>",
    ] {
        assert!(is_unusable(&removal(200, body).await), "{body}");
    }
    for status in [204, 302, 400, 401, 403] {
        assert!(is_unusable(&removal(status, "{}").await), "{status}");
    }
    assert!(matches!(removal(404, "{}").await, Err(RegistryError::NoSuchPhone)));
}

#[tokio::test]
async fn what_is_not_answered_is_unavailable() {
    let passing: [fn() -> Reply; 5] =
        [|| Reply::Reset, || Reply::Silence, || Reply::HalfAnswer, || Reply::status(500, "[]"), || Reply::status(429, "{}")];
    for reply in passing {
        let server = Scripted::start(move |_| reply()).await;
        let client = hasty(server.url());
        assert!(matches!(client.phones("alice").await, Err(RegistryError::Unavailable(_))));
        assert!(matches!(client.remove("alice", "d1").await, Err(RegistryError::Unavailable(_))));
    }
    let endless = Scripted::start(|_| Reply::Endless).await;
    assert!(is_unusable(&client(endless.url()).phones("alice").await));
    assert!(matches!(client(nobody()).phones("alice").await, Err(RegistryError::Unavailable(_))));
}

#[tokio::test]
async fn an_id_stays_one_segment_of_the_path_and_is_signed_as_it_is_sent() {
    let server = Scripted::start(|request: &Received| match request.target.contains("/deregister/") {
        true => Reply::ok("{}"),
        false => Reply::ok("[]"),
    })
    .await;
    let client = client(server.url().join("/base/").unwrap());
    for impossible in ["", ".", ".."] {
        assert_eq!(client.phones(impossible).await.unwrap(), Phones::Nobody);
        assert!(matches!(client.remove("alice", impossible).await, Err(RegistryError::NoSuchPhone)));
        assert!(matches!(client.remove(impossible, "d1").await, Err(RegistryError::NoSuchPhone)));
    }
    assert!(server.received().is_empty());
    client.phones("alice@example.com").await.unwrap();
    client.phones("a/../b?c=d#e%2e;f\\g é").await.unwrap();
    client.remove("..%2f", "x/y").await.unwrap();
    let targets: Vec<_> = server.received().into_iter().map(|request| request.target).collect();
    assert_eq!(
        targets,
        [
            "/base/ts/secure/devices/alice@example.com",
            "/base/ts/secure/devices/a%2F..%2Fb%3Fc%3Dd%23e%252e%3Bf%5Cg%20%C3%A9",
            "/base/ts/secure/deregister/..%252f/devices/x%2Fy",
        ]
    );
}

proptest! {
    #[test]
    fn no_id_leaves_its_segment(id in "\\PC{1,40}|[./%2eF\\\\]{1,8}") {
        if let Some(segment) = segment(&id) {
            let mut url = Url::parse("https://api.example/").unwrap();
            url.set_path(&format!("/ts/secure/devices/{segment}"));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(&segments, &["ts", "secure", "devices", segment.as_str()]);
            let decoded = percent_encoding::percent_decode_str(&segment).decode_utf8().unwrap();
            prop_assert_eq!(decoded, id.as_str());
        }
    }

    #[test]
    fn no_garbage_makes_the_reader_panic_or_a_removal(body: Vec<u8>) {
        let _ = phones(&body, "alice");
        let is_empty = body.trim_ascii() == b"{}";
        prop_assert!(is_empty || removed(&body, "alice", "d1").is_err());
    }
}
