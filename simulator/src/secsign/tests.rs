//! The rules of the SecSign ID server.

use super::*;

const NOW: i64 = 1_000_000;

fn server(second: SecondSession, legacy_release: bool) -> SecSign {
    let options =
        Options { secsign_ids: vec!["Alice".to_owned()], second_session: second, legacy_release, ..Options::default() };
    SecSign::new(&options)
}

fn ask(server: &mut SecSign, now: i64) -> Result<Session, Refusal> {
    let new = NewSession {
        secsignid: "alice".to_owned(),
        service_name: "Shop".to_owned(),
        service_address: "shop.example".to_owned(),
        with_pass: true,
        transaction: None,
    };
    server.create(now, new)
}

fn triple(session: &Session) -> Triple {
    Triple { secsignid: "alice".to_owned(), id: session.id, request_id: session.request_id.clone() }
}

#[test]
fn a_phone_decides_and_the_decision_stands() {
    let decisions = [
        (PhoneAction::Approve { symbol: None }, AUTHENTICATED),
        (PhoneAction::WrongSymbol, DENIED),
        (PhoneAction::Deny, DENIED),
    ];
    for (action, expected) in decisions {
        let mut server = server(SecondSession::Refuse, false);
        let session = ask(&mut server, NOW).unwrap();
        assert_eq!(server.act(NOW, ("alice", session.id), &PhoneAction::Fetch), Ok(FETCHED));
        assert_eq!(server.act(NOW, ("alice", session.id), &action), Ok(expected));
        assert_eq!(server.state(NOW, &triple(&session)), Ok(expected));
        let over = Mistake::over(format!("the session is over, its state is {expected}"));
        assert_eq!(server.act(NOW, ("alice", session.id), &PhoneAction::Deny), Err(over));
        assert_eq!(server.state(NOW + 999_999, &triple(&session)), Ok(expected), "a decision does not expire");
    }
}

#[test]
fn only_the_symbol_that_the_page_shows_approves() {
    for right in [true, false] {
        let mut server = server(SecondSession::Refuse, false);
        let session = ask(&mut server, NOW).unwrap();
        let pass = session.pass.clone().unwrap();
        let (_, symbol) = pass.symbols().find(|(index, _)| (*index == pass.shown) == right).unwrap();
        let expected = if right { AUTHENTICATED } else { DENIED };
        let action = PhoneAction::Approve { symbol: Some(symbol.png_base64.clone()) };
        assert_eq!(server.act(NOW, ("alice", session.id), &action), Ok(expected));
    }
}

#[test]
fn a_symbol_that_was_not_offered_decides_nothing() {
    let mut server = server(SecondSession::Refuse, false);
    let session = ask(&mut server, NOW).unwrap();
    let action = PhoneAction::Approve { symbol: Some("AAAA".to_owned()) };
    let mistake = Mistake::bad_request("symbol is not one of those that the phone offers");
    assert_eq!(server.act(NOW, ("alice", session.id), &action), Err(mistake));
    assert_eq!(server.state(NOW, &triple(&session)), Ok(PENDING));
}

#[test]
fn an_open_session_expires_and_then_makes_room() {
    let mut server = server(SecondSession::Refuse, false);
    let session = ask(&mut server, NOW).unwrap();
    assert_eq!(server.state(NOW + 119_999, &triple(&session)), Ok(PENDING));
    assert_eq!(server.state(NOW + 120_000, &triple(&session)), Ok(EXPIRED));
    assert!(ask(&mut server, NOW + 120_000).is_ok());
}

#[test]
fn a_second_request_suspends_the_first_and_freezes_the_id() {
    let mut server = server(SecondSession::Refuse, false);
    let first = ask(&mut server, NOW).unwrap();
    assert_eq!(ask(&mut server, NOW).err(), Some(Refusal::Frozen));
    assert_eq!(server.state(NOW, &triple(&first)), Ok(SUSPENDED));
    assert_eq!(ask(&mut server, NOW + 999_999).err(), Some(Refusal::Frozen), "a freeze does not expire");
    assert!(server.unfreeze("ALICE"));
    assert!(ask(&mut server, NOW).is_ok());
}

#[test]
fn the_second_request_may_get_a_session_and_the_third_fails() {
    let mut server = server(SecondSession::Create, false);
    let first = ask(&mut server, NOW).unwrap();
    let second = ask(&mut server, NOW).unwrap();
    assert_eq!(server.state(NOW, &triple(&first)), Ok(SUSPENDED));
    assert_eq!(server.state(NOW, &triple(&second)), Ok(PENDING));
    assert_eq!(ask(&mut server, NOW).err(), Some(Refusal::Frozen));
}

#[test]
fn a_cancelled_session_is_forgotten_and_freezes_nothing() {
    let mut server = server(SecondSession::Refuse, false);
    let session = ask(&mut server, NOW).unwrap();
    assert_eq!(server.cancel(NOW, &triple(&session)), Ok(CANCELED));
    assert_eq!(server.state(NOW, &triple(&session)), Err(Refusal::UnknownSession));
    assert_eq!(server.cancel(NOW, &triple(&session)), Err(Refusal::UnknownSession));
    assert!(ask(&mut server, NOW).is_ok());
}

#[test]
fn all_three_parts_of_the_triple_must_fit() {
    let mut server = server(SecondSession::Refuse, false);
    server.create_id("bob");
    let session = ask(&mut server, NOW).unwrap();
    assert_eq!(server.state(NOW, &triple(&session)), Ok(PENDING));
    for wrong in [
        Triple { secsignid: "bob".to_owned(), ..triple(&session) },
        Triple { id: session.id.wrapping_add(1), ..triple(&session) },
        Triple { request_id: "00".repeat(32), ..triple(&session) },
    ] {
        assert_eq!(server.state(NOW, &wrong), Err(Refusal::UnknownSession));
    }
}

#[test]
fn release_works_only_on_old_servers() {
    let mut modern = server(SecondSession::Refuse, false);
    let session = ask(&mut modern, NOW).unwrap();
    assert_eq!(modern.release(NOW, &triple(&session)), Err(Refusal::Unsupported));

    let mut old = server(SecondSession::Refuse, true);
    let session = ask(&mut old, NOW).unwrap();
    old.act(NOW, ("alice", session.id), &PhoneAction::Approve { symbol: None }).unwrap();
    assert_eq!(old.release(NOW, &triple(&session)), Ok(AUTHENTICATED));
    assert_eq!(old.state(NOW, &triple(&session)), Err(Refusal::UnknownSession));
}

#[test]
fn an_id_on_no_phone_is_asked_in_vain_until_it_is_put_on_one() {
    let mut server = server(SecondSession::Refuse, false);
    server.identity(NOW, "alice").unwrap().devices = 0;
    let session = ask(&mut server, NOW).unwrap();
    let approve = PhoneAction::Approve { symbol: None };
    let mistake = Mistake::not_found("this SecSign ID is on no phone");
    assert_eq!(server.act(NOW, ("alice", session.id), &approve), Err(mistake));
    assert_eq!(server.state(NOW, &triple(&session)), Ok(PENDING));
    server.create_id("alice");
    assert_eq!(server.act(NOW, ("alice", session.id), &approve), Ok(AUTHENTICATED));
    server.identity(NOW, "alice").unwrap().devices = 2;
    server.create_id("alice");
    server.reset();
    assert_eq!(server.identity(NOW, "alice").unwrap().devices, 2);
}

#[test]
fn the_oldest_accounts_give_way_and_a_reset_takes_none() {
    let mut server = server(SecondSession::Refuse, false);
    let names: Vec<String> = (0..=MOST_ACCOUNTS).map(|_| server.create_account().0).collect();
    server.reset();
    let kept: Vec<String> = server.accounts.iter().map(|account| account.0.clone()).collect();
    assert_eq!(kept, names[1..]);
}

#[test]
fn the_first_sessions_have_the_ids_that_were_asked_for() {
    let session_ids = vec![(-7, "A".repeat(64)), (8, "B".repeat(64))];
    let options = Options { secsign_ids: vec!["alice".to_owned()], session_ids, ..Options::default() };
    let mut server = SecSign::new(&options);
    let first = ask(&mut server, NOW).unwrap();
    assert_eq!((first.id, first.request_id.as_str()), (-7, "A".repeat(64).as_str()));
    assert!(ask(&mut server, NOW).is_err(), "what makes no session takes no id");
    server.unfreeze("alice");
    assert_eq!(ask(&mut server, NOW).unwrap().id, 8);
    server.reset();
    assert!(![-7, 8].contains(&ask(&mut server, NOW).unwrap().id));
}

#[test]
fn ids_have_the_vendors_shape() {
    let mut server = server(SecondSession::Refuse, false);
    let session = ask(&mut server, NOW).unwrap();
    assert_eq!(session.request_id.len(), 64);
    assert!(session.request_id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
    assert!(session.id != 0 && session.id != -1);
}
