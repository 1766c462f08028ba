//! Logins, their slots and leases, and the limits on pushes.

use super::samples::{NOW, after, browser, login, populate, write};
use super::schema::execute;
use crate::domain::browser::RequestSource;
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, BackchannelRequestId, DeviceGrantId, DeviceId, GrantId, LoginId, UserId};
use crate::domain::login::{
    Challenge, Concern, End, Login, LoginStage, PortalAction, Purpose, Reason, Subject, UpstreamHandle,
};
use crate::domain::secret::Secret;
use crate::domain::user::Upstream;
use crate::store::{Store, StoreError, grants, logins, pushes};

async fn add(store: &Store, login: Login, hold_until: Option<Timestamp>) -> Option<LoginId> {
    write!(store, login, |tx, login| logins::insert(tx, login, hold_until))
}

async fn read(store: &Store, id: &str) -> Login {
    logins::find(store.read(), &LoginId::new(id)).await.unwrap().unwrap()
}

fn handle() -> UpstreamHandle {
    UpstreamHandle(Secret::new("sealed text"))
}

async fn begin(store: &Store, id: &str) -> bool {
    let challenge = Challenge::AccessPass(Some("iVBOR".into()));
    write!(store, (LoginId::new(id), challenge), |tx, v| logins::begun(tx, &v.0, &handle(), &v.1, after(100)))
}

async fn approve(store: &Store, id: &str, at: Timestamp) -> bool {
    write!(store, LoginId::new(id), |tx, id| logins::approve(tx, id, &UserId::new("user-alice"), None, at))
}

async fn end(store: &Store, id: &str, end: End, release: bool) -> bool {
    write!(store, LoginId::new(id), |tx, id| logins::end(tx, id, end, release, after(7)))
}

pub(super) async fn a_login_of_every_purpose_comes_back_and_is_found_by_it(store: Store) {
    populate(&store).await;
    let portal = |action| Purpose::Portal { action, return_to: "/account".to_owned() };
    let purposes = [
        Purpose::Authorization(AuthorizationId::new("a")),
        portal(PortalAction::SignIn),
        portal(PortalAction::Confirm),
        Purpose::Enrolment(UserId::new("one")),
        Purpose::DeviceGrant(DeviceGrantId("one".to_owned())),
        Purpose::Backchannel(BackchannelRequestId("one".to_owned())),
        Purpose::Backchannel(BackchannelRequestId("two".to_owned())),
    ];
    for (at, purpose) in purposes.iter().enumerate() {
        let own = Login { purpose: purpose.clone(), ..login(&format!("own {at}")) };
        let without_browser = Login { browser: None, ..Login { id: LoginId::new(format!("none {at}")), ..own.clone() } };
        for written in [own, without_browser] {
            add(&store, written.clone(), None).await;
            assert_eq!(format!("{:?}", read(&store, written.id.as_str()).await), format!("{written:?}"));
            let open = logins::count_open(store.read(), NOW).await.unwrap();
            let is_login = !matches!(purpose, Purpose::Enrolment(_));
            assert_eq!(open, if is_login { vec![("secsign".to_owned(), 1)] } else { Vec::new() }, "{purpose:?}");
            assert!(begin(&store, written.id.as_str()).await && approve(&store, written.id.as_str(), after(1)).await);
        }
    }
    for (at, purpose) in purposes.iter().enumerate() {
        let found = logins::find_approved(store.read(), &browser("b"), purpose, after(2)).await.unwrap().unwrap();
        assert_eq!(found.id.as_str(), format!("own {at}"), "{purpose:?}");
        let consume = async |id: String, who: Option<&str>| {
            let input = (LoginId::new(id), who.map(browser));
            write!(store, input, |tx, v| logins::consume(tx, &v.0, v.1.as_ref(), after(2)))
        };
        let without_browser = format!("none {at}");
        assert!(!consume(without_browser.clone(), Some("b")).await && !consume(format!("own {at}"), None).await);
        assert!(consume(without_browser, None).await && consume(format!("own {at}"), Some("b")).await, "{purpose:?}");
    }
}

pub(super) async fn a_family_needs_no_session_and_one_of_no_user_is_left_to_a_newer_program(store: Store) {
    populate(&store).await;
    let family = async || grants::find(store.read(), &GrantId::new("g")).await;
    assert!(family().await.unwrap().unwrap().is_over_with(None, NOW), "it hangs on its session");
    execute(&store, "UPDATE grants SET session_id = NULL WHERE id = 'g'").await;
    let alone = family().await.unwrap().unwrap();
    assert!(alone.authentication.session_id.is_none() && !alone.is_over_with(None, NOW));
    execute(&store, "UPDATE grants SET user_id = NULL WHERE id = 'g'").await;
    assert!(matches!(family().await, Err(StoreError::Unknown { .. })));
}

pub(super) async fn a_login_comes_back_as_it_was_written(store: Store) {
    populate(&store).await;
    let qr = Challenge::QrCode { image: "aGk=".into(), deep_link: "https://x.example/?a=b&c=%20".into() };
    let approved =
        LoginStage::Approved { at: after(3), user_id: UserId::new("user-alice"), device_id: Some(DeviceId::new("d")) };
    let variants = [
        login("named"),
        Login { subject: Subject::Unnamed, upstream: Upstream::ThumbSignIn, challenge: Some(qr), ..login("unnamed") },
        Login {
            subject: Subject::Decoy,
            typed: Some("bob".into()),
            challenge: Some(Challenge::AccessPass(None)),
            ..login("decoy")
        },
        Login { stage: LoginStage::Pending(handle()), ..login("pending") },
        Login { stage: approved, consumed_at: Some(after(4)), ..login("approved") },
    ];
    for written in variants {
        add(&store, written.clone(), None).await;
        assert_eq!(format!("{:?}", read(&store, written.id.as_str()).await), format!("{written:?}"));
    }
    assert!(begin(&store, "named").await);
    let LoginStage::Pending(stored) = read(&store, "named").await.stage else { panic!("not pending") };
    assert_eq!(stored.0.expose(), "sealed text");
}

pub(super) async fn every_end_comes_back_as_it_was_written(store: Store) {
    populate(&store).await;
    let mut ends = vec![End::Denied, End::Expired, End::Cancelled(None), End::Cancelled(Some(Reason::Replaced))];
    ends.extend(Reason::ALL.map(End::Failed));
    for (number, written) in ends.into_iter().enumerate() {
        let id = format!("l{number}");
        add(&store, login(&id), None).await;
        assert!(end(&store, &id, written, false).await);
        assert!(matches!(read(&store, &id).await.stage, LoginStage::Ended(found) if found == written), "{written:?}");
    }
}

pub(super) async fn an_approval_counts_before_the_deadline_only(store: Store) {
    populate(&store).await;
    for id in ["early", "late", "in-the-answer"] {
        add(&store, login(id), None).await;
    }
    assert!(!approve(&store, "in-the-answer", NOW).await, "an approval while it is being created");
    assert!(begin(&store, "early").await && begin(&store, "late").await);
    assert!(!begin(&store, "early").await, "begun twice");
    assert!(approve(&store, "early", after(99)).await);
    assert!(!approve(&store, "late", after(100)).await);
    assert!(!approve(&store, "early", after(99)).await);
    let early = read(&store, "early").await;
    assert!(matches!(early.stage, LoginStage::Approved { at, .. } if at == after(99)));
    assert_eq!(read(&store, "late").await.stage_at(after(120)).state(), "expired");
    assert_eq!(early.stage_at(after(120)).state(), "approved");
}

pub(super) async fn an_approval_is_used_once_by_its_browser(store: Store) {
    populate(&store).await;
    for id in ["l", "stale"] {
        add(&store, login(id), None).await;
        assert!(begin(&store, id).await);
    }
    let consume = async |id: &str, who: &str, at| {
        write!(store, (LoginId::new(id), browser(who)), |tx, v| logins::consume(tx, &v.0, Some(&v.1), at))
    };
    assert!(!consume("l", "b", NOW).await, "not approved");
    assert!(approve(&store, "l", after(50)).await && approve(&store, "stale", after(50)).await);
    assert!(!consume("l", "stranger", after(51)).await);
    assert!(!consume("stale", "b", after(160)).await, "the grace is over");
    assert!(consume("l", "b", after(159)).await);
    assert!(!consume("l", "b", after(159)).await);
    assert_eq!(read(&store, "l").await.consumed_at, Some(after(159)));
}

pub(super) async fn an_end_is_final(store: Store) {
    populate(&store).await;
    add(&store, login("l"), None).await;
    assert!(begin(&store, "l").await);
    assert!(write!(store, LoginId::new("l"), |tx, id| logins::mark_fetched(tx, id)));
    assert!(!write!(store, LoginId::new("l"), |tx, id| logins::mark_fetched(tx, id)));
    assert_eq!(read(&store, "l").await.stage.state(), "fetched");
    assert!(end(&store, "l", End::Denied, false).await);
    assert!(!end(&store, "l", End::Expired, false).await);
    assert!(!approve(&store, "l", NOW).await && !begin(&store, "l").await);
    assert_eq!(read(&store, "l").await.stage.state(), "denied");
    let kept = logins::find_handle(store.read(), &LoginId::new("l")).await.unwrap().unwrap();
    assert_eq!(kept.0.expose(), "sealed text", "to withdraw the request all the same");
}

pub(super) async fn a_slot_is_held_until_it_is_given_back_or_runs_out(store: Store) {
    populate(&store).await;
    let hold = Some(after(100));
    let busy = |id| Some(LoginId::new(id));
    assert_eq!(add(&store, login("one"), hold).await, None);
    assert_eq!(add(&store, login("two"), hold).await, busy("one"));
    assert!(logins::find(store.read(), &LoginId::new("two")).await.unwrap().is_none());
    let later = |id, seconds| Login { created_at: after(seconds), deadline: after(seconds + 120), ..login(id) };
    assert_eq!(add(&store, later("three", 99), hold).await, busy("one"));
    assert_eq!(add(&store, later("three", 100), Some(after(200))).await, None, "it ran out");
    let holder = async |seconds| add(&store, later("probe", seconds), Some(after(seconds))).await;
    assert_eq!(holder(100).await, Some(LoginId::new("three")));

    assert!(end(&store, "one", End::Expired, true).await);
    assert_eq!(holder(100).await, Some(LoginId::new("three")), "the former holder gives nothing back");
    assert!(end(&store, "three", End::Failed(Reason::UpstreamDown), false).await);
    assert_eq!(add(&store, later("four", 110), hold).await, busy("three"), "its session may live on");
    let give_back = |id: &'static str| {
        let store = store.clone();
        async move { write!(store, LoginId::new(id), |tx, id| logins::release_person(tx, id)) }
    };
    assert!(!give_back("one").await && give_back("three").await);
    assert_eq!(add(&store, later("four", 110), Some(after(300))).await, None);
    assert!(begin(&store, "four").await && approve(&store, "four", after(99)).await);
    assert_eq!(holder(111).await, None, "an approval ends the session");
}

pub(super) async fn a_lease_is_renewed_by_its_owner_and_taken_when_it_ran_out(store: Store) {
    populate(&store).await;
    add(&store, login("l"), None).await;
    let unleased = async |at| {
        let found = logins::list_unleased_open(store.read(), at, 10).await.unwrap();
        found.into_iter().map(|login| login.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(unleased(NOW).await, ["l"]);
    let lease = async |owner: &'static str, until, now| {
        write!(store, (), |tx, _none| logins::lease(tx, &LoginId::new("l"), owner, after(until), after(now)))
    };
    assert!(lease("node 1", 5, 0).await);
    assert!(!lease("node 2", 6, 1).await);
    assert!(lease("node 1", 8, 3).await);
    assert!(unleased(after(7)).await.is_empty());
    assert_eq!(unleased(after(8)).await, ["l"]);
    assert!(lease("node 2", 13, 8).await);
    assert!(!lease("node 1", 14, 9).await, "it came too late");
    write!(store, (), |tx, _none| logins::release_lease(tx, &LoginId::new("l"), "node 1"));
    assert!(unleased(after(9)).await.is_empty(), "not its lease any more");
    write!(store, (), |tx, _none| logins::release_lease(tx, &LoginId::new("l"), "node 2"));
    assert_eq!(unleased(after(9)).await, ["l"]);
    assert!(end(&store, "l", End::Denied, false).await);
    assert!(!lease("node 2", 20, 15).await && unleased(after(15)).await.is_empty(), "it is over");
}

pub(super) async fn the_open_logins_of_a_browser_are_listed_latest_first(store: Store) {
    populate(&store).await;
    add(&store, Login { created_at: after(1), ..login("named") }, None).await;
    add(&store, Login { subject: Subject::Decoy, typed: Some("bob".into()), ..login("decoy") }, None).await;
    add(&store, Login { browser: Some(browser("other")), ..login("other") }, None).await;
    let open = async |who: &str, at| {
        let open = logins::list_open_for_browser(store.read(), &browser(who), at).await.unwrap();
        open.into_iter().map(|login| login.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(open("b", after(2)).await, ["named", "decoy"]);
    assert_eq!(open("other", after(2)).await, ["other"]);
    assert!(open("b", after(120)).await.is_empty(), "overdue");
    assert!(end(&store, "named", End::Cancelled(None), false).await);
    assert_eq!(open("b", after(2)).await, ["decoy"], "over");
}

pub(super) async fn a_disguised_login_waits_for_nobody_and_holds_nothing(store: Store) {
    populate(&store).await;
    let challenge = Challenge::AccessPass(Some("iVBOR".into()));
    let disguise = async |id: &str| {
        write!(store, (LoginId::new(id), challenge.clone()), |tx, v| logins::disguise(tx, &v.0, &v.1, after(90)))
    };
    assert_eq!(add(&store, login("l"), Some(after(100))).await, None);
    assert!(disguise("l").await && !disguise("l").await, "once, from creating");
    let found = read(&store, "l").await;
    assert_eq!((found.stage.state(), found.subject, found.deadline), ("pending", Subject::Decoy, after(90)));
    let unleased = logins::list_unleased_open(store.read(), NOW, 10).await.unwrap();
    assert_eq!(unleased.len(), 1, "it has a poller as others have, and nobody is asked");
    assert_eq!(add(&store, login("next"), Some(after(100))).await, None, "its slot is free");
    assert!(begin(&store, "next").await && !disguise("next").await, "a request that was made stays one");
}

pub(super) async fn a_browser_has_one_slot_at_a_service_beside_the_persons(store: Store) {
    populate(&store).await;
    let hold = after(100);
    let take = async |login: Login| write!(store, login, |tx, login| logins::take_browser_slot(tx, login, hold));
    let decoy = |id| Login { subject: Subject::Decoy, typed: Some("x".into()), ..login(id) };
    assert_eq!(take(decoy("one")).await, None);
    assert_eq!(take(login("two")).await, Some(LoginId::new("one")), "a decoy holds it as well");
    assert_eq!(take(Login { browser: Some(browser("other")), ..decoy("other") }).await, None);
    assert_eq!(take(Login { upstream: Upstream::ThumbSignIn, ..decoy("service") }).await, None);
    write!(store, LoginId::new("one"), |tx, id| logins::release_own(tx, id));
    assert_eq!(take(login("two")).await, None);
    assert_eq!(add(&store, login("two"), Some(hold)).await, None, "the person's is another");
    write!(store, LoginId::new("two"), |tx, id| logins::release_own(tx, id));
    let busy = Some(LoginId::new("two"));
    assert_eq!(add(&store, login("three"), Some(hold)).await, busy, "and is kept");
    assert_eq!(take(login("two")).await, None);
    write!(store, LoginId::new("two"), |tx, id| logins::release_all(tx, id));
    assert_eq!((take(decoy("four")).await, add(&store, login("five"), Some(hold)).await), (None, None));
}

pub(super) async fn a_login_taken_from_the_phone_goes_on_and_cannot_be_approved(store: Store) {
    populate(&store).await;
    let go_on = async |id: &str| write!(store, LoginId::new(id), |tx, id| logins::go_on_as_decoy(tx, id));
    assert_eq!(add(&store, login("l"), Some(after(100))).await, None);
    assert!(!go_on("l").await, "its create is under way");
    assert!(begin(&store, "l").await && go_on("l").await && !go_on("l").await);
    assert!(!approve(&store, "l", after(1)).await);
    assert!(!write!(store, LoginId::new("l"), |tx, id| logins::mark_fetched(tx, id)));
    let found = read(&store, "l").await;
    assert_eq!((found.stage.state(), found.subject), ("pending", Subject::Decoy));
    let busy = Some(LoginId::new("l"));
    assert_eq!(add(&store, login("next"), Some(after(100))).await, busy, "until its session is known to be dead");
}

pub(super) async fn a_name_has_one_slot_whoever_it_belongs_to(store: Store) {
    populate(&store).await;
    let hold = Some(after(100));
    let take = async |login: Login| write!(store, login, |tx, login| logins::take_name_slot(tx, login, after(100)));
    let decoy = |id| Login { subject: Subject::Decoy, typed: Some("ghost".into()), ..login(id) };
    assert_eq!(take(login("one")).await, None);
    assert_eq!(take(login("two")).await, Some(LoginId::new("one")), "asked for already");
    assert_eq!(take(Login { upstream: Upstream::ThumbSignIn, ..login("service") }).await, None);
    assert_eq!(take(Login { typed: None, ..login("unnamed") }).await, None);
    assert_eq!(take(decoy("ghost")).await, None);
    assert_eq!(take(decoy("again")).await, Some(LoginId::new("ghost")), "nobody's name as well");
    assert_eq!(add(&store, decoy("ghost"), hold).await, None);
    assert_eq!(add(&store, decoy("beside"), hold).await, None, "nobody's slot is in nobody's way");
    assert_eq!(add(&store, login("one"), hold).await, None, "the person's is another");
    assert!(end(&store, "one", End::Denied, true).await && end(&store, "ghost", End::Expired, true).await);
    assert_eq!((take(login("two")).await, take(decoy("again")).await), (None, None), "given back with the login");
}

pub(super) async fn symbols_are_those_of_open_logins_for_the_same_target(store: Store) {
    populate(&store).await;
    let shows = async |id: &str, symbol: &str, changes: fn(Login) -> Login| {
        let challenge = Some(Challenge::AccessPass(Some(symbol.to_owned())));
        add(&store, changes(Login { challenge, stage: LoginStage::Pending(handle()), ..login(id) }), None).await;
    };
    shows("real", "anchor", |login| login).await;
    shows("decoy", "house", |login| Login { subject: Subject::Decoy, typed: Some("alice@example.org".into()), ..login }).await;
    shows("service", "key", |login| Login { upstream: Upstream::ThumbSignIn, ..login }).await;
    shows("other", "moon", |login| Login { concern: Concern::default(), ..login }).await;
    shows("over", "star", |login| Login { stage: LoginStage::Ended(End::Denied), ..login }).await;
    shows("late", "tree", |login| Login { deadline: after(5), ..login }).await;
    let symbols = async |id: &str, at| {
        let id = LoginId::new(id);
        let mut symbols = logins::list_symbols(store.read(), Upstream::SecSign, "alice-phone", &id, at).await.unwrap();
        symbols.sort();
        symbols
    };
    assert_eq!(symbols("none", NOW).await, ["anchor", "house", "tree"]);
    assert_eq!(symbols("real", after(64)).await, ["house", "tree"], "of others, and a little after their deadline");
    assert_eq!(symbols("real", after(65)).await, ["house"]);
    assert!(symbols("none", after(180)).await.is_empty());
}

pub(super) async fn attempts_are_counted_by_name_person_source_and_network(store: Store) {
    let attempt = |number: u64, target: &str, remembered: bool, sent: bool| {
        let asked = login(&format!("{target}-{number}"));
        Login {
            subject: if sent { asked.subject } else { Subject::Decoy },
            concern: Concern { target: Some(target.to_owned()), ..Concern::default() },
            typed: Some(format!("{target}@example.org")),
            origin: RequestSource { address: "2001:db8:1:2::1".into(), user_agent: String::new() },
            remembered,
            created_at: after(number),
            ..asked
        }
    };
    let attempts = [
        attempt(1, "alice", false, true),
        attempt(2, "alice", true, true),
        attempt(3, "alice", false, true),
        attempt(4, "bob", false, false),
        attempt(5, "alice", false, false),
    ];
    for recorded in attempts {
        for _repeated in 0..2 {
            write!(store, recorded.clone(), |tx, login| pushes::insert(tx, login));
        }
    }
    let db = store.read();
    let sent =
        async |since, remembered| pushes::count_sent(db, Upstream::SecSign, "alice", after(since), remembered).await.unwrap();
    let typed = async |name: &str| pushes::count_typed(db, Upstream::SecSign, name, NOW).await.unwrap();
    assert_eq!((sent(0, false).await, sent(1, false).await, sent(0, true).await), (2, 1, 1));
    assert_eq!(pushes::count_sent(db, Upstream::ThumbSignIn, "alice", NOW, false).await.unwrap(), 0);
    assert_eq!((typed("alice@example.org").await, typed("bob@example.org").await, typed("alice").await), (3, 1, 0));
    assert_eq!(pushes::count_sent_by_strangers(db, NOW).await.unwrap(), 2);
    assert_eq!(pushes::count_source(db, "2001:db8:1:2::/64", NOW).await.unwrap(), 5);
    assert_eq!(pushes::count_source(db, "192.0.2.2", NOW).await.unwrap(), 0);
    assert_eq!(pushes::count_network(db, "2001:db8:1::/48", after(1)).await.unwrap(), 4);

    let denials = async |since| {
        let source = "2001:db8:1:2::/64";
        let denials = pushes::list_denials(db, Upstream::SecSign, "alice", source, after(since)).await.unwrap();
        denials.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert!(denials(0).await.is_empty());
    write!(store, (), |tx, _none| pushes::record_denial(tx, &LoginId::new("alice-3"), after(30)));
    write!(store, (), |tx, _none| pushes::record_denial(tx, &LoginId::new("alice-1"), after(20)));
    assert_eq!((denials(0).await, denials(20).await), (vec![after(30), after(20)], vec![after(30)]));

    let login = LoginId::new("alice-3");
    write!(store, login, |tx, login| pushes::forgive_owner(tx, Upstream::SecSign, "alice", login));
    assert_eq!((sent(0, false).await, sent(0, true).await), (1, 0), "what strangers did stays");
    let names = ["bob@example.org".to_owned()];
    assert_eq!(write!(store, names, |tx, names| pushes::forgive_person(tx, Upstream::SecSign, "alice", names)), 3);
    assert_eq!((sent(0, false).await, typed("bob@example.org").await, denials(0).await), (0, 0, vec![]));
    assert_eq!(pushes::count_source(db, "2001:db8:1:2::/64", NOW).await.unwrap(), 5, "a source is not forgiven");
}

pub(super) async fn an_alarm_is_raised_once_in_its_time(store: Store) {
    let first = async |since, now| {
        write!(store, (), |tx, _none| pushes::is_first(
            tx,
            "alarm/x".into(),
            Timestamp::from_millis(since),
            Timestamp::from_millis(now)
        ))
    };
    assert!(first(0, 1000).await);
    assert!(!first(999, 2000).await, "the last was at 1000");
    assert!(first(1000, 3000).await);
    assert!(!first(2000, 3500).await, "and then at 3000");
}
