//! Every state, every error, and every way in which an answer can be wrong.

use proptest::prelude::*;

use super::*;
use crate::upstream::picture::tests::grey;
use crate::upstream::secsign::form::FormApi;

const REQUEST: &str = "F2C5F138E72008AD0ABCC2E83ACCD7B71B415FF58DA35DEAA5AA79D83B939246";

fn asked() -> SecSignId {
    SecSignId::parse("alice").unwrap()
}

fn session() -> Session {
    Session::new(asked(), "-8337412603900330717", Some(REQUEST), Host::Primary).unwrap()
}

fn created(status: u16, body: &[u8], confirmation: Confirmation) -> Result<Begun, BeginError> {
    let answer = PhoneAnswer { status, body: body.to_vec(), date: None };
    super::created(&FormApi, &answer, Host::Primary, &asked(), confirmation)
}

fn progress(reply: &Reply, session: &Session) -> Result<Progress, Unavailable> {
    super::progress(&FormApi, reply, session)
}

fn cancelled(reply: &Reply, session: &Session) -> Result<(), Unavailable> {
    super::cancelled(&FormApi, reply, session)
}

fn create(body: &str) -> Result<(Session, Option<String>), BeginError> {
    confirmed(Confirmation::Symbol, body)
}

fn confirmed(confirmation: Confirmation, body: &str) -> Result<(Session, Option<String>), BeginError> {
    let begun = created(200, body.as_bytes(), confirmation)?;
    let Challenge::AccessPass(symbol) = begun.challenge else { panic!("a symbol") };
    Ok((Session::from_handle(&begun.handle).unwrap(), symbol))
}

fn whole_create() -> String {
    format!(
        "authsessionid=-8337412603900330717&servicename=Demo app&secsignid=alice&authsessionstate=1\
         &serviceaddress=localhost&requestid={REQUEST}&authsessionicondata={}",
        grey(88, 88)
    )
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, body: body.as_bytes().to_vec(), is_whole: true, from_maker: true }
}

fn poll(body: &str) -> Progress {
    progress(&reply(200, body), &session()).unwrap()
}

fn state(text: &str) -> String {
    format!("authsessionid=-8337412603900330717&secsignid=alice&authsessionstate={text}")
}

fn is_nonsense(progress: &Progress) -> bool {
    matches!(progress, Progress::Nonsense { wrong_person: false, .. })
}

/// What a spoiled create leaves: whether a session may exist, and whether it can be cancelled.
fn left_behind(error: BeginError) -> (bool, bool) {
    match error {
        BeginError::Unusable { in_doubt, handle, .. } => (in_doubt, handle.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_create_gives_the_session_and_the_symbol_as_it_came() {
    let (session, icon) = create(&whole_create()).unwrap();
    assert_eq!((session.secsignid.as_str(), session.authsessionid.as_str()), ("alice", "-8337412603900330717"));
    assert_eq!((session.requestid.unwrap().expose(), icon), (REQUEST, Some(grey(88, 88))));
    let without = whole_create().replace("&authsessionstate=1", "");
    assert!(create(&without).is_ok(), "the state is checked where it is said");
}

#[test]
fn a_symbol_is_shown_where_one_was_asked_for_and_nowhere_else() {
    let empty = whole_create().replace(&grey(88, 88), "");
    let absent = empty.replace("&authsessionicondata=", "");
    for without in [&empty, &absent] {
        assert_eq!(left_behind(create(without).err().unwrap()), (true, true), "{without}");
        assert_eq!(confirmed(Confirmation::Plain, without).unwrap().1, None);
    }
    let torn = whole_create().replace("icondata=iVBOR", "icondata=R0lGOD");
    for unasked in [whole_create(), torn] {
        assert_eq!(confirmed(Confirmation::Plain, &unasked).unwrap().1, None, "{unasked}");
    }
    let another = absent.replace("secsignid=alice", "secsignid=bob");
    assert_eq!(left_behind(confirmed(Confirmation::Plain, &another).err().unwrap()), (true, true));
}

#[test]
fn a_spoiled_create_whose_session_is_known_can_be_cancelled() {
    let spoil = |from: &str, to: &str| create(&whole_create().replacen(from, to, 1)).err().unwrap();
    for error in [
        spoil("secsignid=alice", "secsignid=bob"),
        spoil("secsignid=alice", "secsignid=Alice"),
        spoil("&secsignid=alice", ""),
        spoil("authsessionstate=1", "authsessionstate=3"),
        spoil("authsessionstate=1", "authsessionstate=7"),
        spoil("authsessionstate=1", "authsessionstate=01"),
        spoil("icondata=iVBOR", "icondata=R0lGOD"),
        spoil(&grey(88, 88), &grey(513, 2)),
        spoil(&grey(88, 88), &grey(88, 88).replace('=', "").replace('+', " ")[..99]),
    ] {
        assert_eq!(left_behind(error), (true, true));
    }
}

#[test]
fn a_create_that_names_no_session_leaves_doubt() {
    let spoil = |from: &str, to: &str| create(&whole_create().replacen(from, to, 1)).err().unwrap();
    for error in [
        spoil("authsessionid=-8337412603900330717&", ""),
        spoil("authsessionid=-8337412603900330717", "authsessionid=-1"),
        spoil("authsessionid=-8337412603900330717", "authsessionid=9223372036854775808"),
        spoil(REQUEST, ""),
        spoil(REQUEST, "not hex, not hex, not hex"),
        spoil("servicename=Demo app", "authsessionid=5"),
    ] {
        assert_eq!(left_behind(error), (true, false));
    }
    for body in ["", "<html>", "authsessionid=", "{}"] {
        assert_eq!(left_behind(create(body).err().unwrap()), (true, false), "{body:?}");
    }
}

#[test]
fn percent_encoded_values_are_not_decoded() {
    let encode = |body: String| -> String {
        body.split('&')
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap();
                format!("{key}={}", value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>())
            })
            .collect::<Vec<_>>()
            .join("&")
    };
    assert_eq!(left_behind(create(&encode(whole_create())).err().unwrap()), (true, false));
    assert!(is_nonsense(&poll(&encode(state("3")))));
    assert!(is_nonsense(&poll(&encode("error=500&errorcode=20006".to_owned()))));
}

#[test]
fn every_refusal_of_a_create_has_its_meaning() {
    let refuse = |status, body: &str| created(status, body.as_bytes(), Confirmation::Symbol).err().unwrap();
    for body in [
        "error=500&errormsg=A SecSign ID does not exist with that name.&errorcode=20000",
        "errorcode=20000&error=500&errormsg=x",
        "error=500&errormsg=A SecSign ID does not exist with that name.",
    ] {
        assert!(matches!(refuse(200, body), BeginError::NotRegistered), "{body}");
    }
    for (status, body) in
        [(200, "error=500&errormsg=frozen&errorcode=20006"), (409, ""), (409, "<html>"), (500, "error=500&errorcode=20006")]
    {
        assert!(matches!(refuse(status, body), BeginError::Frozen), "{status} {body}");
    }
    for body in
        ["error=500&errormsg=no", "error=500&errormsg=does not exist&errorcode=20003", "error=400&errormsg=x", "errormsg=x"]
    {
        assert_eq!(left_behind(refuse(200, body)), (false, false), "{body}");
    }
    // An error beside a session is still an error.
    assert_eq!(left_behind(refuse(200, &format!("{}&error=1", whole_create()))), (false, false));
    for (status, in_doubt) in [(302, true), (400, false), (403, false), (404, false), (418, false), (429, false)] {
        assert_eq!(left_behind(refuse(status, "")), (in_doubt, false), "{status}");
    }
    for status in [201, 204, 408, 500, 502, 503] {
        assert_eq!(left_behind(refuse(status, &whole_create())), (true, false), "{status}");
    }
}

#[test]
fn every_state_has_its_meaning() {
    let table = [
        ("1", Progress::Pending),
        ("2", Progress::Ended(End::Expired)),
        ("3", Progress::Approved { upstream_user: "alice".to_owned() }),
        ("4", Progress::Ended(End::Denied)),
        ("5", Progress::Ended(End::Failed(Reason::Suspended))),
        ("6", Progress::Ended(End::Cancelled(None))),
        ("7", Progress::Fetched),
        ("8", Progress::Ended(End::Failed(Reason::Invalid))),
    ];
    for (text, meaning) in table {
        assert_eq!(poll(&state(text)), meaning, "{text}");
    }
    for text in ["0", "9", "-1", "3 ", "03", "+3", "3.0", "null", "[]", "", "3;x", "Authenticated"] {
        assert!(is_nonsense(&poll(&state(text))), "{text:?}");
    }
}

#[test]
fn an_approval_of_another_person_or_session_is_none() {
    let other_person = state("3").replace("alice", "bob");
    assert_eq!(poll(&other_person), another_person());
    assert_eq!(poll(&state("3").replace("alice", "Alice")), another_person());
    assert_eq!(poll(&state("1").replace("alice", "bob")), another_person(), "also before anybody approved");
    for body in [
        state("3").replace("-8337412603900330717", "5"),
        state("3").replace("authsessionid=-8337412603900330717&", ""),
        state("3").replace("&secsignid=alice", ""),
        format!("{}&authsessionstate=3", state("4")),
        format!("{}&authsessionstate=4", state("3")),
        format!("{}&secsignid=bob", state("3")),
    ] {
        assert!(is_nonsense(&poll(&body)), "{body}");
    }
    assert_eq!(poll("authsessionstate=1"), Progress::Pending, "what is not said is not compared");
}

#[test]
fn an_approval_counts_only_under_200() {
    for status in [201, 204, 301, 302, 307, 400, 401, 404, 418] {
        assert!(is_nonsense(&progress(&reply(status, &state("3")), &session()).unwrap()), "{status}");
    }
    for status in [429, 500, 502, 503, 504] {
        assert!(progress(&reply(status, &state("3")), &session()).is_err(), "{status}");
    }
    assert_eq!(progress(&reply(409, &state("3")), &session()).unwrap(), Progress::Ended(End::Failed(Reason::Frozen)));
}

#[test]
fn a_refused_question_ends_the_login() {
    let table = [
        ("error=500&errormsg=x&errorcode=20000", Reason::NotRegistered),
        ("error=500&errormsg=x&errorcode=20006", Reason::Frozen),
        ("error=400&errormsg=unknown session", Reason::Invalid),
    ];
    for (body, reason) in table {
        assert_eq!(poll(body), Progress::Ended(End::Failed(reason)), "{body}");
    }
    for body in ["error=500&errormsg=x", "error=&errormsg=x", "error=5xx", "error=-1", &format!("{}&error=0", state("3"))] {
        assert!(is_nonsense(&poll(body)), "{body}");
    }
}

#[test]
fn only_the_host_that_made_a_session_can_say_that_it_is_gone() {
    let gone = Reply { from_maker: false, ..reply(200, "error=400&errormsg=x") };
    assert!(progress(&gone, &session()).is_err());
    assert!(cancelled(&gone, &session()).is_err());
    let approved = Reply { from_maker: false, ..reply(200, &state("3")) };
    assert!(matches!(progress(&approved, &session()), Ok(Progress::Approved { .. })));
}

#[test]
fn a_cancel_is_confirmed_by_a_dead_session_only() {
    let cancel = |status, body: &str| cancelled(&reply(status, body), &session()).is_ok();
    for text in ["2", "4", "5", "6", "8"] {
        assert!(cancel(200, &state(text)), "{text}");
    }
    assert!(cancel(200, "authsessionid=-8337412603900330717&authsessionstate=6"));
    assert!(cancel(200, "error=400&errormsg=unknown session"));
    for text in ["0", "1", "3", "7", "9", "06", ""] {
        assert!(!cancel(200, &state(text)), "{text}");
    }
    for body in ["", "<html>", "authsessionid=5&authsessionstate=6", "error=500&errormsg=x", "error=500&errorcode=20006"] {
        assert!(!cancel(200, body), "{body}");
    }
    assert!(!cancel(200, &state("6").replace("alice", "bob")));
    assert!(!cancel(500, &state("6")) && !cancel(302, ""));
}

#[test]
fn no_detail_quotes_the_request_id() {
    for body in [format!("{}&requestid={REQUEST}", whole_create()), whole_create().replace("alice", "bob")] {
        assert!(!format!("{:?}", create(&body).err().unwrap()).contains(REQUEST));
    }
}

proptest! {
    #[test]
    fn no_garbage_is_a_session_or_an_approval(status in 100u16..600, body: Vec<u8>) {
        for confirmation in [Confirmation::Symbol, Confirmation::Plain] {
            prop_assert!(created(status, &body, confirmation).is_err());
        }
        let reply = Reply { status, body, is_whole: true, from_maker: true };
        let approved = matches!(progress(&reply, &session()), Ok(Progress::Approved { .. }));
        prop_assert!(!approved);
        prop_assert!(cancelled(&reply, &session()).is_err());
    }

    #[test]
    fn no_change_of_a_state_answer_becomes_an_approval(number in 0u8..=9, at in 0usize..70, byte: u8) {
        let mut body = state(&number.to_string()).into_bytes();
        let intact = body.clone();
        if let Some(place) = body.get_mut(at) { *place = byte; }
        let says_three = body.ends_with(b"&authsessionstate=3");
        let reply = Reply { status: 200, body: body.clone(), is_whole: true, from_maker: true };
        if matches!(progress(&reply, &session()), Ok(Progress::Approved { .. })) {
            prop_assert!(says_three && body.starts_with(&intact[..intact.len() - 1]));
        }
    }

    #[test]
    fn pairs_of_known_keys_never_panic(pairs in proptest::collection::vec(
        ("(authsessionid|secsignid|authsessionstate|requestid|error|errorcode|errormsg|authsessionicondata)", "[ -~]{0,12}"), 0..6)
    ) {
        let body = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&");
        let _ = create(&body);
        let _ = progress(&reply(200, &body), &session());
        let _ = cancelled(&reply(200, &body), &session());
    }
}
