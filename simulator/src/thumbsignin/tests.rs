//! The rules of the ThumbSignIn service.

use super::*;

const NOW: i64 = 1_000_000;

fn service() -> ThumbSignIn {
    ThumbSignIn::new(&Options { thumbsignin_users: vec!["alice".to_owned(), "bob".to_owned()], ..Options::default() })
}

fn sign_in(service: &mut ThumbSignIn, user: Option<&str>) -> String {
    service.begin(NOW, Kind::Authenticate, user.map(str::to_owned), None).id
}

fn approve(user: Option<&str>) -> PhoneAction {
    PhoneAction::Approve { user: user.map(str::to_owned) }
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
    assert!(service.devices("alice")[0].used_ms.is_some());
    assert!(service.devices("bob")[0].used_ms.is_none());
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
    let device = service.devices("alice")[0].id.clone();
    assert!(!service.remove_device("bob", &device), "a device belongs to one user");
    assert!(service.remove_device("alice", &device));
    let id = sign_in(&mut service, Some("alice"));
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(status(&mut service, &id), Status::failed("NOT_REGISTERED"));
}

#[test]
fn registration_adds_a_device_that_signs_in() {
    let mut service = service();
    let id = service.begin(NOW, Kind::Register, Some("carol".to_owned()), None).id;
    assert!(service.devices("carol").is_empty());
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(service.devices("carol").len(), 1);
    let id = sign_in(&mut service, Some("carol"));
    service.act(NOW, &id, &approve(None)).unwrap();
    assert_eq!(status(&mut service, &id), Status::Successful("carol".to_owned()));
}

#[test]
fn the_ways_to_fail_have_their_reasons_and_are_final() {
    let actions = [
        (PhoneAction::Decline, "DECLINED"),
        (PhoneAction::Fail { reason: None }, "TECHNICAL_REASON"),
        (PhoneAction::Fail { reason: Some("NO_SUITABLE_AUTHENTICATOR".to_owned()) }, "NO_SUITABLE_AUTHENTICATOR"),
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
