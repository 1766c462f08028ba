//! The rules of the ThumbSignIn service.

use super::*;

const NOW: i64 = 1_000_000;

fn service() -> ThumbSignIn {
    ThumbSignIn::new(&Options { thumbsignin_users: vec!["alice".to_owned(), "bob".to_owned()], ..Options::default() })
}

/// Begun by the first application.
fn begin(service: &mut ThumbSignIn, kind: Kind, user: Option<&str>) -> String {
    let app = service.apps[0].id.clone();
    service.begin(NOW, NewTransaction { app, kind, user: user.map(str::to_owned), browser: None }).id
}

fn sign_in(service: &mut ThumbSignIn, user: Option<&str>) -> String {
    begin(service, Kind::Authenticate, user)
}

fn approve(user: Option<&str>) -> PhoneAction {
    PhoneAction::Approve { user: user.map(str::to_owned), device: None }
}

fn approve_by(device: &str) -> PhoneAction {
    PhoneAction::Approve { user: None, device: Some(device.to_owned()) }
}

fn devices(service: &ThumbSignIn, user: &str) -> Vec<apps::Device> {
    service.apps[0].devices(user).to_vec()
}

fn status(service: &mut ThumbSignIn, id: &str) -> Status {
    service.transaction(NOW, id).unwrap().status.clone()
}

#[test]
fn a_scan_initiates_and_an_approval_names_who_was_asked() {
    let mut service = service();
    let id = sign_in(&mut service, Some("alice"));
    assert_eq!(status(&mut service, &id), Status::Pending);
    service.act(NOW, &id, &PhoneAction::Scan).unwrap();
    assert_eq!(status(&mut service, &id), Status::Initiated);
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("alice".to_owned()));
    assert!(devices(&service, "alice")[0].used_ms.is_some());
    assert!(devices(&service, "bob")[0].used_ms.is_none());
}

#[test]
fn another_holder_of_the_phone_is_named_in_place_of_who_was_asked() {
    let mut service = service();
    let id = sign_in(&mut service, Some("alice"));
    service.act(NOW, &id, &approve(Some("bob"))).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("bob".to_owned()));
}

#[test]
fn where_nobody_was_asked_the_holder_must_be_named() {
    let mut service = service();
    let id = sign_in(&mut service, None);
    let nobody = Mistake::bad_request("nobody was asked by name: say with userId whose phone this is");
    assert_eq!(service.act(NOW, &id, &approve(None)).err(), Some(nobody));
    assert_eq!(status(&mut service, &id), Status::Pending);
    service.act(NOW, &id, &approve(Some("bob"))).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("bob".to_owned()));
}

#[test]
fn only_a_registered_device_signs_in() {
    let mut service = service();
    let device = devices(&service, "alice")[0].id.clone();
    assert!(!service.apps[0].remove_device("bob", &device), "a device belongs to one user");
    assert!(service.apps[0].remove_device("alice", &device));
    let id = sign_in(&mut service, Some("alice"));
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(status(&mut service, &id), Status::failed("NOT_REGISTERED"));
}

#[test]
fn registration_adds_a_device_that_signs_in() {
    let mut service = service();
    let id = begin(&mut service, Kind::Register, Some("carol"));
    assert!(devices(&service, "carol").is_empty());
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(devices(&service, "carol").len(), 1);
    let id = sign_in(&mut service, Some("carol"));
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("carol".to_owned()));
}

#[test]
fn a_second_phone_is_registered_and_the_same_one_is_not() {
    let mut service = service();
    let first = devices(&service, "alice")[0].id.clone();
    for (device, expected) in [(first.as_str(), "ALREADY_REGISTERED"), ("tablet.1", ""), ("tablet.1", "ALREADY_REGISTERED")] {
        let id = begin(&mut service, Kind::Register, Some("alice"));
        service.act(NOW, &id, &approve_by(device)).unwrap();
        assert_eq!(status(&mut service, &id).failure_reason(), expected, "{device}");
    }
    let ids: Vec<String> = devices(&service, "alice").into_iter().map(|device| device.id).collect();
    assert_eq!(ids, [first, "tablet.1".to_owned()]);
    let id = begin(&mut service, Kind::Register, Some("bob"));
    service.act(NOW, &id, &approve_by("tablet.1")).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("bob".to_owned()), "a phone may be of two people");
}

#[test]
fn a_phone_that_was_removed_signs_nobody_in_and_the_other_one_does() {
    let mut service = service();
    service.apps[0].add_device(NOW, "alice", Some("tablet"));
    let first = devices(&service, "alice")[0].id.clone();
    assert!(service.apps[0].remove_device("alice", &first));
    for (device, expected) in [(first.as_str(), "NOT_REGISTERED"), ("tablet", "")] {
        let id = sign_in(&mut service, Some("alice"));
        service.act(NOW, &id, &approve_by(device)).unwrap();
        assert_eq!(status(&mut service, &id).failure_reason(), expected, "{device}");
    }
    assert_eq!(devices(&service, "alice")[0].used_ms, Some(NOW));
    let id = sign_in(&mut service, Some("alice"));
    let mistake = "deviceId has up to 64 letters, digits, dots, dashes, underscores";
    for device in ["", "a/b", &"x".repeat(65)] {
        assert_eq!(service.act(NOW, &id, &approve_by(device)).err(), Some(Mistake::bad_request(mistake)), "{device}");
    }
    assert_eq!(status(&mut service, &id), Status::Pending);
}

#[test]
fn applications_know_the_phones_that_were_registered_for_them() {
    let mut service = service();
    let about = About { name: "Shop".to_owned(), description: String::new(), logo: None };
    let app = service.create_app(about).unwrap();
    let shop = |service: &mut ThumbSignIn, kind| {
        let user = Some("alice".to_owned());
        service.begin(NOW, NewTransaction { app: app.clone(), kind, user, browser: None }).id
    };
    for (kind, expected) in [(Kind::Authenticate, "NOT_REGISTERED"), (Kind::Register, ""), (Kind::Authenticate, "")] {
        let id = shop(&mut service, kind);
        service.act(NOW, &id, &approve(None)).unwrap();
        assert_eq!(status(&mut service, &id).failure_reason(), expected, "{kind:?}");
    }
    assert_eq!((service.apps[1].devices("alice").len(), devices(&service, "alice").len()), (1, 1));
    let same = devices(&service, "alice")[0].id.clone();
    let id = shop(&mut service, Kind::Register);
    service.act(NOW, &id, &approve_by(&same)).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("alice".to_owned()), "the same phone, for another application");
}

#[test]
fn credentials_have_the_vendors_shape_and_applications_an_end() {
    let mut service = service();
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let about = About { name: "Shop".to_owned(), description: String::new(), logo: None };
    while service.apps.len() < MOST_APPS {
        let id = service.create_app(about.clone()).unwrap();
        let app = service.app(&id).unwrap();
        assert_eq!((app.id.len(), app.secret.len()), (32, 64));
        assert!(is_hex(&app.id) && is_hex(&app.secret));
    }
    assert!(service.create_app(about).is_err());
}

fn fail(reason: &str, user: Option<&str>) -> PhoneAction {
    PhoneAction::Fail { reason: Some(reason.to_owned()), user: user.map(str::to_owned) }
}

#[test]
fn whose_phone_says_not_me_is_named_where_it_is_registered() {
    let mut service = service();
    for (user, named) in [(Some("alice"), Some("alice")), (Some("mallory"), None), (None, None)] {
        let id = sign_in(&mut service, Some("alice"));
        service.act(NOW, &id, &fail("NOT_ME", user)).unwrap();
        let status = status(&mut service, &id);
        assert_eq!((status.name(), status.failure_reason(), status.user()), ("COMPLETED_FAILURE", "NOT_ME", named));
    }
}

#[test]
fn the_ways_to_fail_have_their_reasons_and_are_final() {
    let actions = [
        (PhoneAction::Decline, "DECLINED"),
        (PhoneAction::Fail { reason: None, user: None }, "TECHNICAL_REASON"),
        (fail("NO_SUITABLE_AUTHENTICATOR", Some("alice")), "NO_SUITABLE_AUTHENTICATOR"),
        (fail("NOT_ME", None), "NOT_ME"),
        (fail("NOT_ME", Some("mallory")), "NOT_ME"),
    ];
    for (action, reason) in actions {
        let mut service = service();
        let id = sign_in(&mut service, Some("alice"));
        service.act(NOW, &id, &action).unwrap();
        assert_eq!(status(&mut service, &id), Status::failed(reason));
        let over = Mistake::over("the transaction is over, its status is COMPLETED_FAILURE".to_owned());
        assert_eq!(service.act(NOW, &id, &approve(None)).err(), Some(over));
        service.cancel(NOW, &id);
        assert_eq!(status(&mut service, &id), Status::failed(reason));
    }
}

#[test]
fn the_site_may_cancel_what_is_open_only() {
    let mut service = service();
    let open = sign_in(&mut service, Some("alice"));
    service.cancel(NOW, &open);
    assert_eq!(status(&mut service, &open), Status::failed("CANCELLED"));
    let done = sign_in(&mut service, Some("alice"));
    service.act(NOW, &done, &approve(None)).unwrap();
    service.cancel(NOW, &done);
    assert_eq!(status(&mut service, &done), Status::Successful("alice".to_owned()));
}

#[test]
fn a_transaction_times_out_after_ninety_seconds() {
    let mut service = service();
    let id = sign_in(&mut service, Some("alice"));
    let transaction = service.transaction(NOW + 500, &id).unwrap();
    assert_eq!(clock::seconds_left(NOW + 500, transaction.expires_ms), 89);
    assert_eq!(service.transaction(NOW + 89_999, &id).unwrap().status, Status::Pending);
    assert_eq!(service.transaction(NOW + 90_000, &id).unwrap().status, Status::failed("TIMEOUT"));
    assert_eq!(clock::seconds_left(NOW + 95_000, service.transaction(NOW + 95_000, &id).unwrap().expires_ms), 0);
}
