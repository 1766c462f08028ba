//! The registry against servers of both ages, and against those that misbehave or are not there.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::secret::Secret;
use crate::domain::settings::SecSignSettings;
use crate::outbound::tests::scripted::{Received, Reply, Scripted, nobody};
use crate::upstream::PhoneApproval as _;
use crate::upstream::picture::tests::grey;
use crate::upstream::secsign::SecSign;

const LINK: &str = "com.secsign.secsignid%3A%2F%2Fcreate%3Fidserverurl%3Did1.secsign.com%26secsignid%3Dalice";

fn registry(url: Url, fallback_url: Option<Url>) -> Registry {
    let settings = SecSignSettings {
        fallback_url,
        pin_user: Some("pinuser".to_owned()),
        pin_password: Some(Secret::new("pinpass")),
        ..SecSignSettings::at(url)
    };
    SecSign::new(settings).unwrap().registry.unwrap()
}

fn hasty(url: Url, fallback_url: Option<Url>) -> Registry {
    let limits = Limits { begin: Duration::from_millis(1200), ask: Duration::from_millis(1200) };
    Registry { limits, ..registry(url, fallback_url) }
}

fn version(text: &str) -> Reply {
    let mut numbers = text.split('.').map(|number| number.parse::<u32>().unwrap());
    let mut next = || numbers.next().unwrap();
    Reply::ok(json!({ "majorVersion": next(), "minorVersion": next(), "patchVersion": next() }).to_string())
}

/// What a request asks for: the words of its path and query that name no one.
fn question(request: &Received) -> &str {
    match request.target.split_once('?') {
        Some((_path, question)) => question,
        None => request.target.rsplit('/').next().unwrap(),
    }
}

/// A server of this version that has alice, on two phones.
fn proper(of_version: &'static str) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    move |request| match question(request) {
        "exist" => Reply::ok(json!({ "exist": request.target.contains("/alice?") }).to_string()),
        "ServerInfo" if of_version.is_empty() => Reply::status(404, ""),
        "ServerInfo" => version(of_version),
        "Count" => Reply::ok(r#"{"count":2}"#),
        "devices" => Reply::ok(r#"{"alice":{"devices":{"d1":{"name":"a"},"d2":{}}}}"#),
        "createqrcode" => Reply::ok(json!({ "createurl": LINK, "qrcodebase64": grey(300, 300) }).to_string()),
        other => panic!("{other}"),
    }
}

/// A proper server that answers one question otherwise.
async fn but(asked: &'static str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Scripted {
    let others = proper("10.7.5");
    Scripted::start(move |request| if question(request) == asked { reply() } else { others(request) }).await
}

async fn targets(of_version: &'static str, user: &str) -> (Phones, Vec<String>) {
    let server = Scripted::start(proper(of_version)).await;
    let phones = registry(server.url(), None).phones(user).await.unwrap();
    (phones, server.received().into_iter().map(|request| request.target).collect())
}

fn is_unusable<T>(answer: &Result<T, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Unusable(_)))
}

#[tokio::test]
async fn every_question_is_asked_as_recorded() {
    let server = Scripted::start(proper("10.7.5")).await;
    let registry = registry(server.url().join("/base").unwrap(), None);
    assert_eq!(registry.phones(" Alice ").await.unwrap(), Phones::Counted(2));
    registry.enrol("Alice", "Mozilla/5.0").await.unwrap();
    let sent = server.received();
    let lines: Vec<_> = sent.iter().map(|request| format!("{} {}", request.method, request.target)).collect();
    assert_eq!(
        lines,
        [
            "GET /base/rest/v2/SecSignId/alice?exist",
            "GET /base/rest/v2/PluginRegistration/ServerInfo",
            "GET /base/rest/v1/Device/alice/Count",
            "GET /base/rest/v2/SecSignId/alice?createqrcode",
        ]
    );
    for request in sent {
        assert_eq!(request.header("authorization"), Some("Basic cGludXNlcjpwaW5wYXNz"), "RFC 7617 §2");
        assert_eq!((request.header("accept"), request.body.as_str()), (Some("application/json"), ""));
    }
}

#[tokio::test]
async fn servers_before_10_7_5_list_what_newer_ones_count() {
    for newer in ["10.7.5", "10.7.6", "10.8.0", "11.0.0"] {
        let (phones, targets) = targets(newer, "alice").await;
        assert_eq!((phones, targets[2].as_str()), (Phones::Counted(2), "/rest/v1/Device/alice/Count"), "{newer}");
    }
    for older in ["10.7.4", "10.6.9", "9.9.9", "0.0.0", ""] {
        let (phones, targets) = targets(older, "alice").await;
        assert_eq!((phones, targets[2].as_str()), (Phones::Counted(2), "/rest/v2/SecSignId/alice?devices"), "{older}");
    }
    let (phones, targets) = targets("10.7.5", "bob").await;
    assert_eq!((phones, targets.len()), (Phones::Nobody, 1));
}

#[tokio::test]
async fn the_version_is_asked_for_once_in_half_an_hour() {
    let server = Scripted::start(proper("")).await;
    let registry = registry(server.url(), None);
    let asked = || server.received().iter().filter(|request| question(request) == "ServerInfo").count();
    for _time in 0..3 {
        registry.phones("alice").await.unwrap();
    }
    assert_eq!(asked(), 1, "that there is no answer is remembered as well");
    let known = registry.servers[0].known.lock().unwrap();
    let left = known.until.saturating_duration_since(Instant::now());
    assert!(!known.counts && left <= KNOWN_FOR && left > KNOWN_FOR - Duration::from_secs(60), "{left:?}");
    *registry.servers[0].known.lock() = Some(Known { until: Instant::now(), ..known });
    registry.phones("alice").await.unwrap();
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn an_invitation_is_the_servers_code_and_link() {
    let server = Scripted::start(proper("10.7.5")).await;
    let Enrolment::Invitation(challenge) = registry(server.url(), None).enrol("alice", "").await.unwrap() else {
        panic!("no invitation")
    };
    let deep_link = "com.secsign.secsignid://create?idserverurl=id1.secsign.com&secsignid=alice".to_owned();
    assert_eq!(challenge, Challenge::QrCode { image: grey(300, 300), deep_link });
}

#[tokio::test]
async fn a_link_leads_into_the_app_or_to_a_page_as_safe_as_the_server() {
    let registry = registry(nobody(), None);
    let (https, http) = (Url::parse("https://secsign.example/").unwrap(), Url::parse("http://127.0.0.1:8080/").unwrap());
    for (link, over_https, over_http) in [
        ("https://id.example/create?secsignid=alice", true, true),
        ("https%3A%2F%2Fid.example%2Fcreate%3Fsecsignid%3Dalice", true, true),
        ("com.secsign.secsignid://create?secsignid=alice", true, true),
        ("http://127.0.0.1:8081/phone/secsign/alice", false, true),
        ("com.example.other://create", false, false),
        ("javascript:alert(1)", false, false),
        ("javascript%3Aalert(1)", false, false),
        ("data:text/html,x", false, false),
        ("//id.example/create", false, false),
        ("/create", false, false),
        ("https://", false, false),
        ("https://id.example/a b", false, false),
        ("https://id.example/%C3%A9", true, true),
        ("https%3A%2F%2Fid.example%2F%C3%A9", false, false),
        ("%ff", false, false),
        ("", false, false),
    ] {
        let fits = [&https, &http].map(|base| registry.link(link, base).is_some());
        assert_eq!(fits, [over_https, over_http], "{link}");
    }
    assert_eq!(registry.link(LINK, &https).unwrap(), percent_decode_str(LINK).decode_utf8().unwrap());
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_none() {
    let nonsense: [fn() -> Reply; 11] = [
        || Reply::ok(""),
        || Reply::ok("{}"),
        || Reply::ok("[]"),
        || Reply::ok("<html>"),
        || Reply::ok(r#"{"exist":"perhaps","majorVersion":-1,"count":-1,"alice":{"devices":2}}"#),
        || Reply::ok(r#"{"exist":true,"exist":true,"count":1,"count":1}"#),
        || Reply::ok(r#"{"exist":true,"count":1,"majorVersion":10,"error":500,"errormsg":"no"}"#),
        || Reply::status(302, ""),
        || Reply::status(400, ""),
        || Reply::status(409, ""),
        || Reply::Endless,
    ];
    for (asked, of_version) in [("exist", "10.7.5"), ("ServerInfo", "10.7.5"), ("Count", "10.7.5"), ("devices", "10.7.4")] {
        for (number, reply) in nonsense.iter().copied().enumerate() {
            let others = proper(of_version);
            let script = move |request: &Received| if question(request) == asked { reply() } else { others(request) };
            let server = Scripted::start(script).await;
            let answer = registry(server.url(), None).phones("alice").await;
            assert!(is_unusable(&answer), "{asked} {number}: {answer:?}");
        }
    }
    for body in [r#"{"bob":{"devices":{}}}"#, r#"{"alice":{}}"#, r#"{"alice":{"devices":[]}}"#, r#"{"alice":[]}"#] {
        let answer = PhoneAnswer { status: 200, body: body.into(), date: None };
        assert!(is_unusable(&listed(&answer, &segment("alice").unwrap())), "{body}");
    }
    let server = but("exist", || Reply::status(404, "")).await;
    assert_eq!(registry(server.url(), None).phones("alice").await.unwrap(), Phones::Nobody);
}

#[tokio::test]
async fn an_invitation_that_cannot_be_shown_is_none_and_leaves_no_doubt() {
    let answer = |link: &str, image: &str| json!({ "createurl": link, "qrcodebase64": image }).to_string();
    for body in [
        answer("javascript%3Aalert(1)", &grey(88, 88)),
        answer("", &grey(88, 88)),
        answer(LINK, "iVBORw0KGgo="),
        answer(LINK, &grey(513, 88)),
        json!({ "createurl": LINK }).to_string(),
        json!({ "qrcodebase64": grey(88, 88) }).to_string(),
        String::new(),
        "<html>".to_owned(),
    ] {
        let server = but("createqrcode", move || Reply::ok(body.clone())).await;
        let error = registry(server.url(), None).enrol("alice", "").await.unwrap_err();
        assert!(matches!(error, BeginError::Unusable { in_doubt: false, handle: None, .. }), "{error:?}");
    }
    let silent = but("createqrcode", || Reply::Reset).await;
    let error = registry(silent.url(), None).enrol("alice", "").await.unwrap_err();
    assert!(matches!(error, BeginError::Unreachable(_)), "nothing was created: {error:?}");
}

#[tokio::test]
async fn an_account_that_is_not_accepted_is_said_so() {
    for status in [401, 403] {
        for asked in ["exist", "ServerInfo", "Count"] {
            let server = but(asked, move || Reply::status(status, "")).await;
            let answer = registry(server.url(), None).phones("alice").await;
            assert!(matches!(&answer, Err(RegistryError::Unusable(words)) if words.contains("PIN account")), "{answer:?}");
        }
        let server = but("createqrcode", move || Reply::status(status, "")).await;
        let error = registry(server.url(), None).enrol("alice", "").await.unwrap_err();
        assert!(matches!(&error, BeginError::Unusable { detail, .. } if detail.contains("PIN account")), "{error:?}");
    }
}

#[tokio::test]
async fn the_other_host_is_asked_where_the_first_says_nothing_of_use() {
    let silences: [fn() -> Reply; 6] = [
        || Reply::Reset,
        || Reply::Silence,
        || Reply::HalfAnswer,
        || Reply::status(500, "{}"),
        || Reply::ok(""),
        || Reply::status(429, ""),
    ];
    for silence in silences {
        for asked in ["exist", "Count", "createqrcode"] {
            let (primary, fallback) = (but(asked, silence).await, Scripted::start(proper("")).await);
            let registry = hasty(primary.url(), Some(fallback.url()));
            let answers = (registry.phones("alice").await.unwrap(), registry.enrol("alice", "").await.is_ok());
            assert_eq!(answers, (Phones::Counted(2), true), "{asked}");
            assert!(!fallback.received().is_empty() && !primary.received().is_empty());
        }
    }
    let fallback = Scripted::start(proper("10.7.5")).await;
    assert_eq!(registry(nobody(), Some(fallback.url())).phones("alice").await.unwrap(), Phones::Counted(2));
    let answer = registry(nobody(), Some(nobody())).phones("alice").await;
    assert!(matches!(answer, Err(RegistryError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn each_host_has_a_version_of_its_own() {
    let primary = but("Count", || Reply::status(500, "")).await;
    let fallback = Scripted::start(proper("10.7.4")).await;
    let registry = registry(primary.url(), Some(fallback.url()));
    for _time in 0..2 {
        assert_eq!(registry.phones("alice").await.unwrap(), Phones::Counted(2));
    }
    let last = |server: &Scripted| server.received().last().map(|request| question(request).to_owned());
    assert_eq!((last(&primary).as_deref(), last(&fallback).as_deref()), (Some("Count"), Some("devices")));
    let both = [&primary, &fallback].map(Scripted::received).concat();
    assert_eq!(both.iter().filter(|request| question(request) == "ServerInfo").count(), 2);
}

#[tokio::test]
async fn no_phone_is_taken_away_and_what_is_no_id_asks_nobody() {
    let server = Scripted::start(proper("10.7.5")).await;
    let registry = registry(server.url(), None);
    assert!(matches!(registry.remove("alice", "d1").await, Err(RegistryError::Unsupported)));
    for impossible in ["", ".", "..", "a/b", "a?b", "a b", "\u{e4}"] {
        assert_eq!(registry.phones(impossible).await.unwrap(), Phones::Nobody, "{impossible:?}");
        let error = registry.enrol(impossible, "").await.unwrap_err();
        assert!(matches!(error, BeginError::Unusable { in_doubt: false, .. }), "{impossible:?}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn without_an_account_there_is_no_registry() {
    assert!(SecSign::new(SecSignSettings::at(nobody())).unwrap().registry().is_none());
}

proptest! {
    #[test]
    fn no_garbage_is_a_list_of_phones(body: Vec<u8>, status in 200u16..600) {
        let answer = PhoneAnswer { status, body, date: None };
        prop_assert!(listed(&answer, &segment("alice").unwrap()).is_err());
    }
}
