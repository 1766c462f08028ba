//! Every status, every reason, and every way in which an answer can be wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::upstream::picture::tests::grey;

const ID: &str = "7e8eeb82d86c549c6d3c56e6d5046f07ea7b98df88aed424";

fn id() -> TransactionId {
    TransactionId::parse(ID).unwrap()
}

fn created() -> Value {
    json!({
        "transactionId": ID, "status": "PENDING", "failureReason": "", "qrImage": grey(250, 250),
        "deepLinkUrl": "https://thumbsignin.app.link/abc", "expireInSeconds": 89,
    })
}

fn begin(answer: &Value) -> Result<Begun, BeginError> {
    begun(answer.to_string().as_bytes(), "Mozilla/5.0".to_owned(), Kind::Login)
}

fn begin_with(member: &str, value: Value) -> Result<Begun, BeginError> {
    let mut answer = created();
    answer[member] = value;
    begin(&answer)
}

fn left_behind(error: BeginError) -> (bool, bool) {
    match error {
        BeginError::Unusable { in_doubt, handle, .. } => (in_doubt, handle.is_some()),
        other => panic!("{other:?}"),
    }
}

fn status(text: &str, reason: &str) -> String {
    json!({ "transactionId": ID, "status": text, "failureReason": reason, "expireInSeconds": 80 }).to_string()
}

fn read(body: &str) -> Result<Stage, String> {
    standing(body.as_bytes(), &id()).map(|standing| standing.stage)
}

#[test]
fn a_create_gives_transaction_code_and_link_as_they_came() {
    let begun = begin(&created()).unwrap();
    assert_eq!((Transaction::from_handle(&begun.handle).unwrap().id, begun.expires_in), (id(), Some(Duration::from_secs(89))));
    let deep_link = "https://thumbsignin.app.link/abc".to_owned();
    assert_eq!(begun.challenge, Challenge::QrCode { image: grey(250, 250), deep_link });
    assert_eq!(begin_with("expireInSeconds", json!("67")).unwrap().expires_in, Some(Duration::from_secs(67)));
    assert_eq!(begin_with("expireInSeconds", Value::Null).unwrap().expires_in, None);
    assert!(begin_with("failureReason", Value::Null).is_ok());
}

#[test]
fn a_spoiled_create_whose_transaction_is_known_can_be_cancelled() {
    let spoilt = [
        ("status", json!("COMPLETED_SUCCESSFUL")),
        ("status", json!("INITIATED")),
        ("status", json!("pending")),
        ("status", json!("UNKNOWN")),
        ("status", json!(1)),
        ("status", Value::Null),
        ("failureReason", json!(false)),
        ("qrImage", Value::Null),
        ("qrImage", json!("R0lGODlhAQABAAAAACw=")),
        ("qrImage", json!(grey(513, 513))),
        ("deepLinkUrl", Value::Null),
        ("deepLinkUrl", json!("javascript:alert(1)")),
        ("expireInSeconds", json!(-1)),
        ("expireInSeconds", json!(true)),
    ];
    for (member, value) in spoilt {
        assert_eq!(left_behind(begin_with(member, value.clone()).err().unwrap()), (true, true), "{member}: {value}");
    }
}

#[test]
fn a_create_that_names_no_transaction_leaves_doubt() {
    for value in [json!(""), json!("../devices"), json!("7E8E"), json!("a".repeat(65)), json!(12), json!("a%2e"), Value::Null] {
        assert_eq!(left_behind(begin_with("transactionId", value.clone()).err().unwrap()), (true, false), "{value}");
    }
    for body in ["", "<html>", "[]", "{}", "{\"transactionId\":\"ab\",\"transactionId\":\"cd\"}"] {
        assert_eq!(left_behind(begun(body.as_bytes(), String::new(), Kind::Login).err().unwrap()), (true, false), "{body}");
    }
}

#[test]
fn a_create_that_fails_at_once_leaves_nothing() {
    let failed = |reason: &str, kind| {
        let mut answer = created();
        answer["status"] = json!("COMPLETED_FAILURE");
        answer["failureReason"] = json!(reason);
        begun(answer.to_string().as_bytes(), String::new(), kind).err().unwrap()
    };
    for kind in [Kind::Login, Kind::Registration] {
        assert!(matches!(failed("NOT_REGISTERED", kind), BeginError::NotRegistered));
        for reason in ["TECHNICAL_REASON", "NO_SUITABLE_AUTHENTICATOR", "DECLINED", "", "whatever"] {
            assert_eq!(left_behind(failed(reason, kind)), (false, false), "{reason}");
        }
    }
    let again = failed("ALREADY_REGISTERED", Kind::Registration);
    assert!(matches!(again, BeginError::AlreadyRegistered), "{again:?}");
    assert_eq!(again.verdict(), ("already_registered", Reason::AlreadyRegistered, false));
    assert_eq!(left_behind(failed("ALREADY_REGISTERED", Kind::Login)), (false, false), "no login is a registration");
}

#[test]
fn every_status_and_reason_has_its_meaning() {
    for (text, expected) in
        [("PENDING", Stage::Pending), ("INITIATED", Stage::Initiated), ("COMPLETED_SUCCESSFUL", Stage::Successful)]
    {
        assert_eq!(read(&status(text, "")), Ok(expected), "{text}");
    }
    let reasons = [
        ("DECLINED", End::Denied),
        ("TIMEOUT", End::Expired),
        ("CANCELLED", End::Cancelled(None)),
        ("NOT_REGISTERED", End::Failed(Reason::NotRegistered)),
        ("ALREADY_REGISTERED", End::Failed(Reason::AlreadyRegistered)),
        ("NO_SUITABLE_AUTHENTICATOR", End::Failed(Reason::NoSuitableAuthenticator)),
        ("TECHNICAL_REASON", End::Failed(Reason::Technical)),
        ("SOMETHING_NEW", End::Failed(Reason::Technical)),
        ("declined", End::Failed(Reason::Technical)),
        ("", End::Failed(Reason::Technical)),
    ];
    for (reason, end) in reasons {
        assert_eq!(read(&status("COMPLETED_FAILURE", reason)), Ok(Stage::Ended(end)), "{reason}");
    }
    for (text, end) in [("DECLINED", End::Denied), ("CANCELLED", End::Cancelled(None)), ("TIMEOUT", End::Expired)] {
        assert_eq!(read(&status(text, "")), Ok(Stage::Ended(end)), "{text}");
    }
    assert_eq!(read(&status("COMPLETED_FAILURE", "NOT_ME")), Ok(Stage::Disowned));
    assert!(read(&status("COMPLETED_SUCCESSFUL", "NOT_ME")).is_err() && read(&status("NOT_ME", "")).is_err());
    for text in ["", "pending", "COMPLETED", "COMPLETED_SUCCESSFUL ", "SUCCESS", "APPROVED", "3"] {
        assert!(read(&status(text, "")).is_err(), "{text:?}");
    }
}

#[test]
fn a_success_that_is_not_whole_is_none() {
    let success = status("COMPLETED_SUCCESSFUL", "");
    assert_eq!(read(&success), Ok(Stage::Successful));
    for body in [
        status("COMPLETED_SUCCESSFUL", "DECLINED"),
        success.replace(ID, "7e8e"),
        success.replace("transactionId", "transaction"),
        success.replace("\"COMPLETED_SUCCESSFUL\"", "[\"COMPLETED_SUCCESSFUL\"]"),
        success.replace('{', r#"{"status":"PENDING","#),
        success.replace('}', r#","extra":{}}"#),
        success[..success.len() - 1].to_owned(),
    ] {
        assert!(read(&body).is_err(), "{body}");
    }
    assert_eq!(read(r#"{"status":"PENDING"}"#), Ok(Stage::Pending), "what is not said is not compared");
}

#[test]
fn a_success_may_name_who_approved_and_must_not_belie_getuser() {
    let named = |user: Value| {
        let body = json!({ "transactionId": ID, "status": "COMPLETED_SUCCESSFUL", "failureReason": "", "userId": user });
        standing(body.to_string().as_bytes(), &id()).map(|standing| standing.user)
    };
    assert_eq!(named(json!("alice")), Ok(Some("alice".to_owned())));
    assert_eq!((named(json!("")), named(Value::Null)), (Ok(None), Ok(None)));
    assert!(named(json!(7)).is_err() && named(json!(["alice"])).is_err());
    let pending = json!({ "status": "PENDING", "userId": "alice" }).to_string();
    assert_eq!(standing(pending.as_bytes(), &id()).unwrap().user, None, "nobody approved yet");
    let alice = Progress::Approved { upstream_user: "alice".to_owned() };
    assert_eq!(agreed(alice.clone(), None), alice);
    assert_eq!(agreed(alice.clone(), Some("alice")), alice);
    for other in ["bob", "Alice", "alice "] {
        assert!(matches!(agreed(alice.clone(), Some(other)), Progress::Nonsense { wrong_person: true, .. }), "{other:?}");
    }
    assert_eq!(agreed(nonsense("no"), Some("alice")), nonsense("no"));
}

#[test]
fn only_the_asked_user_says_that_it_was_not_theirs() {
    let said = |user: Option<Value>, asked: Option<&str>| {
        let mut body = json!({ "transactionId": ID, "status": "COMPLETED_FAILURE", "failureReason": "NOT_ME" });
        if let Some(user) = user {
            body["userId"] = user;
        }
        let standing = standing(body.to_string().as_bytes(), &id())?;
        assert_eq!(standing.stage, Stage::Disowned);
        Ok::<_, String>(disowned(standing.user.as_deref(), asked))
    };
    assert_eq!(said(Some(json!("alice")), Some("alice")), Ok(Progress::Disowned));
    let denied = Ok(Progress::Ended(End::Denied));
    for other in ["bob", "Alice", "alice ", ""] {
        assert_eq!(said(Some(json!(other)), Some("alice")), denied, "{other:?}");
    }
    assert_eq!(said(None, Some("alice")), denied, "whoever scanned the code may say it");
    assert_eq!((said(Some(json!("alice")), None), said(None, None)), (denied.clone(), denied), "nobody was asked by name");
    assert!(said(Some(json!(7)), Some("alice")).is_err());
}

#[test]
fn only_getuser_with_200_names_the_approver() {
    let approved = Progress::Approved { upstream_user: "alice".to_owned() };
    let body = br#"{"userId":"alice","status":"COMPLETED_SUCCESSFUL"}"#;
    assert_eq!(approver(200, body, Some("alice")), approved);
    assert_eq!(approver(200, body, None), approved);
    assert!(matches!(approver(200, body, Some("bob")), Progress::Nonsense { wrong_person: true, .. }));
    for status in [201, 302, 400, 401, 403, 404] {
        assert!(matches!(approver(status, body, None), Progress::Nonsense { .. }), "{status}");
    }
    for body in ["", "{}", "<html>", r#"{"userId":null}"#, r#"{"userId":""}"#, r#"{"userId":7}"#, r#"{"userId":["alice"]}"#] {
        assert!(matches!(approver(200, body.as_bytes(), None), Progress::Nonsense { .. }), "{body}");
    }
    let twice = br#"{"userId":"bob","userId":"alice"}"#;
    assert!(matches!(approver(200, twice, Some("alice")), Progress::Nonsense { wrong_person: false, .. }));
}

#[test]
fn a_deep_link_is_absolute_and_nothing_that_a_browser_runs() {
    for good in
        ["https://x.app.link/a?b=c", "http://127.0.0.1:8081/phone/t/ab", "com.secsign.app://open?id=1", "thumbsignin:ab"]
    {
        assert!(is_deep_link(good), "{good}");
    }
    let long = format!("https://x.example/{}", "a".repeat(MAX_LINK));
    for bad in
        ["", "/relative", "//host/path", "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", " https://x"]
    {
        assert!(!is_deep_link(bad), "{bad:?}");
    }
    for bad in
        ["data:text/html,x", "file:///etc/passwd", "blob:x", "vbscript:x", "about:blank", "https://", "https://x/\u{e9}", &long]
    {
        assert!(!is_deep_link(bad), "{bad:?}");
    }
}

#[test]
fn a_transaction_id_is_short_lower_case_hex() {
    for good in ["0", ID, &"f".repeat(64)] {
        assert!(TransactionId::parse(good).is_some(), "{good}");
    }
    for bad in ["", "..", "..%2f", "%252e", "ab?c", "ab#c", "ab;c", "ab\n", "AB", "g", &"f".repeat(65)] {
        assert!(TransactionId::parse(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn a_handle_gives_its_transaction_back_and_a_damaged_one_does_not() {
    let transaction = Transaction { id: id(), user_agent: "Mozilla/5.0 \"x\"".to_owned() };
    let handle = transaction.to_handle();
    let again = Transaction::from_handle(&handle).unwrap();
    assert_eq!((again.id, again.user_agent), (transaction.id, transaction.user_agent));
    for text in ["", "{}", r#"{"transaction_id":"../x","user_agent":""}"#] {
        assert!(Transaction::from_handle(&UpstreamHandle(Secret::new(text))).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_garbage_is_a_transaction_or_an_approval(body: Vec<u8>, http in 100u16..600) {
        prop_assert!(begun(&body, String::new(), Kind::Login).is_err());
        prop_assert!(standing(&body, &id()).is_err());
        let approved = matches!(approver(http, &body, None), Progress::Approved { .. });
        prop_assert!(!approved);
    }

    #[test]
    fn no_change_of_a_pending_answer_becomes_a_success(at in 0usize..140, byte: u8) {
        let mut body = status("PENDING", "").into_bytes();
        if let Some(place) = body.get_mut(at) { *place = byte; }
        prop_assert!(!standing(&body, &id()).is_ok_and(|standing| standing.stage == Stage::Successful));
    }

    #[test]
    fn any_link_is_judged_without_a_panic(link in "\\PC{0,60}") {
        if is_deep_link(&link) { prop_assert!(Url::parse(&link).is_ok()); }
    }
}
