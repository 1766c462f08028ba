//! The client against servers that speak the REST API, well or badly.

use url::Url;

use crate::domain::login::{Challenge, Confirmation, End, Reason, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::domain::settings::SecSignSettings;
use crate::outbound::tests::scripted::{Received, Reply, Scripted, nobody};
use crate::upstream::answer::another_person;
use crate::upstream::picture::tests::grey;
use crate::upstream::secsign::SecSign;
use crate::upstream::{BeginError, BeginRequest, Found, PhoneApproval as _, Progress};

const SESSION: &str = "-4453738303638815261";

fn client(url: Url, fallback_url: Option<Url>) -> SecSign {
    let (pin_user, pin_password) = (Some("pinuser".to_owned()), Some(Secret::new("pinpass")));
    SecSign::new(SecSignSettings { fallback_url, pin_user, pin_password, ..SecSignSettings::at(url) }).unwrap()
}

fn request() -> BeginRequest {
    BeginRequest {
        upstream_user: Some(" Alice ".to_owned()),
        service_name: "Demo app".to_owned(),
        service_address: "login.example".to_owned(),
        user_agent: "Mozilla/5.0".to_owned(),
        confirmation: Confirmation::Symbol,
    }
}

fn whole_create() -> String {
    format!(r#"{{"authsessionid":{SESSION},"authsessionicondata":"{}","secsignid":"alice"}}"#, grey(88, 88))
}

fn is_create(request: &Received) -> bool {
    request.target.contains('?')
}

/// A server that begins sessions and answers every question so.
async fn answering(status: u16, body: &'static str) -> Scripted {
    Scripted::start(move |request| match is_create(request) {
        true => Reply::ok(whole_create()),
        false => Reply::status(status, body),
    })
    .await
}

async fn begun(server: &Scripted) -> (SecSign, UpstreamHandle) {
    let client = client(server.url(), None);
    let handle = client.begin(request()).await.unwrap().handle;
    (client, handle)
}

async fn poll(status: u16, body: &'static str) -> Result<Progress, String> {
    let server = answering(status, body).await;
    let (client, handle) = begun(&server).await;
    client.poll(&handle, Some("alice")).await.map_err(|unavailable| unavailable.0)
}

async fn cancels(status: u16, body: &'static str) -> bool {
    let server = answering(status, body).await;
    let (client, handle) = begun(&server).await;
    client.cancel(&handle).await.is_ok()
}

async fn create(status: u16, body: String) -> Result<Challenge, BeginError> {
    let server = Scripted::start(move |_| Reply::status(status, body.clone())).await;
    client(server.url(), None).begin(request()).await.map(|begun| begun.challenge)
}

fn is_nonsense(progress: &Progress) -> bool {
    matches!(progress, Progress::Nonsense { wrong_person: false, .. })
}

#[tokio::test]
async fn a_session_is_begun_polled_and_cancelled_in_the_name_of_the_account() {
    let server = answering(200, r#"{"authsessionstate":7}"#).await;
    let client = client(server.url().join("/base").unwrap(), None);
    let begun = client.begin(request()).await.unwrap();
    assert_eq!((begun.challenge, begun.expires_in), (Challenge::AccessPass(Some(grey(88, 88))), None));
    assert_eq!(client.poll(&begun.handle, Some("alice")).await.unwrap(), Progress::Fetched);
    let _ = client.cancel(&begun.handle).await;
    let received = server.received();
    let lines: Vec<_> = received.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    let expected = [
        (
            "GET",
            "/base/rest/v2/AuthSession?secsignid=alice&servicename=Demo+app&serviceaddress=login.example&showaccesspassicons=true"
                .to_owned(),
        ),
        ("GET", format!("/base/rest/v2/AuthSession/{SESSION}")),
        ("DELETE", format!("/base/rest/v2/AuthSession/{SESSION}")),
    ];
    assert_eq!(lines, expected.each_ref().map(|(method, target)| (*method, target.as_str())));
    for request in &received {
        assert_eq!(request.header("authorization"), Some("Basic cGludXNlcjpwaW5wYXNz"), "RFC 7617 §2");
        assert_eq!((request.header("accept"), request.body.as_str()), (Some("application/json"), ""));
    }
}

#[tokio::test]
async fn every_state_has_its_meaning_and_names_nobody() {
    let table = [
        (r#"{"authsessionstate":1}"#, Progress::Pending),
        (r#"{"authsessionstate":2}"#, Progress::Ended(End::Expired)),
        (r#"{"authsessionstate":3}"#, Progress::Approved { upstream_user: "alice".to_owned() }),
        (r#"{"authsessionstate":"3"}"#, Progress::Approved { upstream_user: "alice".to_owned() }),
        (r#"{"authsessionstate":4}"#, Progress::Ended(End::Denied)),
        (r#"{"authsessionstate":5}"#, Progress::Ended(End::Failed(Reason::Suspended))),
        (r#"{"authsessionstate":6}"#, Progress::Ended(End::Cancelled(None))),
        (r#"{"authsessionstate":7}"#, Progress::Fetched),
        (r#"{"authsessionstate":8}"#, Progress::Ended(End::Failed(Reason::Invalid))),
        (r#"{"authsessionstate":3,"secsignid":"bob"}"#, another_person()),
    ];
    for (body, meaning) in table {
        assert_eq!(poll(200, body).await.unwrap(), meaning, "{body}");
    }
}

#[tokio::test]
async fn nothing_else_is_an_approval() {
    for body in [
        r#"{"authsessionstate":0}"#,
        r#"{"authsessionstate":9}"#,
        r#"{"authsessionstate":-1}"#,
        r#"{"authsessionstate":3.0}"#,
        r#"{"authsessionstate":true}"#,
        r#"{"authsessionstate":null}"#,
        r#"{"authsessionstate":[3]}"#,
        r#"{"authsessionstate":"%33"}"#,
        r#"{"authsessionstate":1,"authsessionstate":3}"#,
        r#"{"authsessionstate":3,"authsessionid":5}"#,
        r#"{"authsessionstate":3,"error":500}"#,
        "authsessionstate=3",
        "{}",
        "",
        "3",
        "<html>",
    ] {
        assert!(is_nonsense(&poll(200, body).await.unwrap()), "{body}");
    }
    for status in [201, 204, 302, 400, 401, 403, 418] {
        assert!(is_nonsense(&poll(status, r#"{"authsessionstate":3}"#).await.unwrap()), "{status}");
    }
    for status in [429, 500, 503] {
        assert!(poll(status, r#"{"authsessionstate":3}"#).await.is_err(), "{status}");
    }
    let over = Progress::Ended(End::Failed(Reason::Invalid));
    assert_eq!(poll(404, r#"{"authsessionstate":3}"#).await, Ok(over));
}

#[tokio::test]
async fn a_cancel_is_confirmed_by_its_success_or_by_a_session_that_is_gone() {
    for body in ["", "{}", r#"{"authsessionstate":6}"#] {
        assert!(cancels(200, body).await, "{body}");
    }
    assert!(cancels(404, "").await);
    for body in [r#"{"authsessionstate":3}"#, r#"{"error":500,"errormsg":"no"}"#, "<html>", r#"{"authsessionid":5}"#] {
        assert!(!cancels(200, body).await, "{body}");
    }
    for status in [302, 400, 401, 403, 409, 429, 500] {
        assert!(!cancels(status, "").await, "{status}");
    }
    let (begins, too_long) = (answering(200, "").await, Scripted::start(|_| Reply::Endless).await);
    let (_, handle) = begun(&begins).await;
    assert!(client(too_long.url(), None).cancel(&handle).await.is_err(), "an answer that is cut off is no silence");
}

#[tokio::test]
async fn a_refused_create_says_why_and_whether_a_session_may_exist() {
    assert!(matches!(create(404, String::new()).await, Err(BeginError::NotRegistered)));
    let unknown = r#"{"error":500,"errormsg":"A SecSign ID does not exist with that name.","errorcode":20000}"#;
    assert!(matches!(create(200, unknown.to_owned()).await, Err(BeginError::NotRegistered)));
    assert!(matches!(create(409, String::new()).await, Err(BeginError::Frozen)));
    for (status, doubtful) in [(302, true), (400, false), (401, false), (403, false), (429, false), (500, true)] {
        let error = create(status, whole_create()).await.unwrap_err();
        assert!(matches!(error, BeginError::Unusable { in_doubt, handle: None, .. } if in_doubt == doubtful), "{status}");
    }
    for body in [String::new(), "{}".to_owned(), whole_create().replace(SESSION, "-1"), "[]".to_owned()] {
        assert!(matches!(create(200, body).await, Err(BeginError::Unusable { in_doubt: true, handle: None, .. })));
    }
    let other = whole_create().replace("alice", "bob");
    let approved = whole_create().replacen('{', r#"{"authsessionstate":3,"#, 1);
    let torn = whole_create().replace(&grey(88, 88), "iVBORw0KGgo=");
    let without = whole_create().replace(&grey(88, 88), "");
    for body in [other, approved, torn, without] {
        assert!(matches!(create(200, body).await, Err(BeginError::Unusable { in_doubt: true, handle: Some(_), .. })));
    }
}

#[tokio::test]
async fn a_plain_yes_is_asked_for_without_symbols() {
    for body in [whole_create().replace(&grey(88, 88), ""), whole_create()] {
        let server = Scripted::start(move |_| Reply::ok(body.clone())).await;
        let request = BeginRequest { confirmation: Confirmation::Plain, ..request() };
        let begun = client(server.url(), None).begin(request).await.unwrap();
        assert_eq!(begun.challenge, Challenge::AccessPass(None));
        assert!(server.received()[0].target.ends_with("&serviceaddress=login.example&showaccesspassicons=false"));
    }
}

#[tokio::test]
async fn a_create_that_was_written_is_never_sent_again() {
    let fallback = answering(200, "").await;
    let reached = client(nobody(), Some(fallback.url())).begin(request()).await;
    assert!(reached.is_ok() && fallback.received().len() == 1);
    let primary = Scripted::start(|_| Reply::Reset).await;
    let error = client(primary.url(), Some(fallback.url())).begin(request()).await.err().unwrap();
    assert!(matches!(error, BeginError::InDoubt(_)));
    assert_eq!((primary.received().len(), fallback.received().len()), (1, 1));
}

#[tokio::test]
async fn a_session_of_the_other_api_is_not_asked_for() {
    let server = answering(200, r#"{"authsessionstate":3}"#).await;
    let (_, of_rest) = begun(&server).await;
    let form = SecSign::new(SecSignSettings::at(server.url())).unwrap();
    assert!(is_nonsense(&form.poll(&of_rest, Some("alice")).await.unwrap()));
    assert!(form.cancel(&of_rest).await.is_err());
    let whole = r#"{"secsignid":"alice","authsessionid":"5","requestid":"00112233445566778899","host":"primary"}"#;
    let of_form = UpstreamHandle(Secret::new(whole));
    assert!(is_nonsense(&client(server.url(), None).poll(&of_form, Some("alice")).await.unwrap()));
    assert_eq!(server.received().len(), 1, "only the create");
}

#[tokio::test]
async fn a_probe_tells_a_wrong_account_from_a_wrong_address() {
    let found = |status, body: &'static str| async move {
        let server = Scripted::start(move |_| Reply::status(status, body)).await;
        let probed = client(server.url(), None).probe().await.remove(0).found;
        assert_eq!(server.received()[0].target, "/rest/v2/SecSignId/signbridge-doctor?exist");
        probed
    };
    assert_eq!(found(200, r#"{"exist":false}"#).await, Found::Working);
    for status in [401, 403] {
        assert!(matches!(found(status, "").await, Found::Refused(words) if words.contains("secsign.pin_user")));
    }
    for (status, body) in [(404, ""), (200, "<html>"), (200, "{}"), (200, "authsessionstate=1"), (302, "")] {
        assert!(matches!(found(status, body).await, Found::Unusable(_)), "{status} {body}");
    }
    assert!(matches!(found(503, "").await, Found::Unavailable(_)));
}
