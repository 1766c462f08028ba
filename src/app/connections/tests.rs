//! Who goes, and who stays.

use std::net::Ipv4Addr;

use super::*;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A listener with room for 56, 28 of one address.
fn listener() -> Arc<Connections> {
    let trusted = vec!["10.0.0.0/8".parse().unwrap()];
    Connections::new(Bounds { most: 64, request: Duration::from_secs(10), trusted })
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// An idle connection that had an answer.
fn idle(listener: &Arc<Connections>, peer: IpAddr) -> Open {
    let open = listener.open(peer).unwrap();
    open.connection.begun(false);
    open.connection.answered();
    open
}

/// One whose answer is being made.
fn busy(listener: &Arc<Connections>, peer: IpAddr) -> Open {
    let open = listener.open(peer).unwrap();
    open.connection.begun(false);
    open
}

/// Lets it be what it is for longer.
fn age(open: &Open, by: Duration) {
    let mut state = open.connection.state.lock();
    state.since -= by;
    state.blocked = state.blocked.map(|since| since - by);
}

fn has_ended(open: &Open) -> bool {
    open.connection.state.lock().ended
}

fn ended(all: &[Open]) -> usize {
    all.iter().filter(|open| has_ended(open)).count()
}

#[test]
fn the_oldest_unfinished_one_goes_then_idle_ones_and_never_one_that_waits_for_us() {
    let listener = listener();
    let waiting: Vec<_> = (0..20).map(|at| busy(&listener, address(at))).collect();
    let idle: Vec<_> = (20..40).map(|at| idle(&listener, address(at))).collect();
    let slow: Vec<_> = (40..56).map(|at| listener.open(address(at)).unwrap()).collect();
    assert_eq!(ended(&slow), 0, "there is room for all");
    slow.iter().chain(&idle).for_each(|open| age(open, Duration::from_secs(2)));
    age(&slow[0], Duration::from_secs(1));
    let newcomer = listener.open(address(99)).unwrap();
    assert!(has_ended(&slow[0]), "the oldest of those that send for long");
    let more: Vec<_> = (100..135).map(|at| listener.open(address(at)).unwrap()).collect();
    assert_eq!((ended(&slow), ended(&idle)), (16, 20), "then those that do nothing");
    assert!(!has_ended(&newcomer), "one that just came is not the first to go");
    let last = listener.open(address(200)).unwrap();
    assert!(has_ended(&newcomer) && !has_ended(&last), "but it goes before one that came later");
    assert_eq!(ended(&more) + ended(&waiting), 0);
}

#[test]
fn where_everybody_waits_for_us_a_newcomer_is_turned_away() {
    let listener = listener();
    let waiting: Vec<_> = (0..56).map(|at| busy(&listener, address(at))).collect();
    assert!(listener.open(address(99)).is_none());
    assert_eq!(ended(&waiting), 0);
    drop(waiting);
    assert!(listener.open(address(99)).is_some());
}

#[test]
fn one_address_gets_half_of_the_room_and_makes_room_for_itself() {
    let listener = listener();
    let other = listener.open(address(1)).unwrap();
    age(&other, Duration::from_secs(9));
    let mut crowd: Vec<_> = (0..28).map(|_| idle(&listener, address(2))).collect();
    assert_eq!(ended(&crowd), 0);
    crowd.push(listener.open(address(2)).unwrap());
    assert_eq!((ended(&crowd), has_ended(&other)), (1, false), "its own goes, however long the other one has been sending");
    let proxied: Vec<_> = (0..27).map(|_| idle(&listener, PROXY)).collect();
    assert_eq!(ended(&crowd) + ended(&proxied), 1, "a proxy may have more");
    let _newcomer = listener.open(address(3)).unwrap();
    assert_eq!((ended(&crowd), ended(&proxied), has_ended(&other)), (2, 0, false), "the address with the most loses first");
}

#[test]
fn addresses_of_one_machine_are_one_source() {
    let text = |peer: &str| address::source(peer.parse().unwrap()).to_string();
    assert_eq!(text("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(text("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(text("192.0.2.1"), "192.0.2.1");
    let listener = listener();
    assert!(listener.open("::ffff:10.0.0.1".parse().unwrap()).unwrap().connection.trusted);
}

#[test]
fn each_stage_has_its_time_but_an_answer_of_ours() {
    let listener = listener();
    let (head, body, waiting) =
        (listener.open(address(1)).unwrap(), listener.open(address(2)).unwrap(), busy(&listener, address(3)));
    let (stranger, proxy, reader) = (idle(&listener, address(4)), idle(&listener, PROXY), busy(&listener, address(5)));
    body.connection.begun(true);
    reader.connection.written(false);
    let late = |after| {
        listener.end_the_late(Instant::now() + Duration::from_secs(after));
        [&head, &body, &waiting, &stranger, &proxy, &reader].map(has_ended)
    };
    assert_eq!(late(4), [false; 6]);
    assert_eq!(late(6), [false, false, false, true, false, false]);
    assert_eq!(late(11), [false, false, false, true, false, true]);
    assert_eq!(late(13), [true, true, false, true, false, true]);
    assert_eq!(late(149), [true, true, false, true, false, true]);
    assert_eq!(late(100_000), [true, true, false, true, true, true]);
}

#[test]
fn a_client_that_still_reads_is_not_idle() {
    let listener = listener();
    let reader = idle(&listener, address(1));
    reader.connection.written(false);
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    assert_eq!(reader.connection.state.lock().rank(after(8)), None);
    listener.end_the_late(after(8));
    assert!(!has_ended(&reader));
    reader.connection.written(true);
    assert!(reader.connection.state.lock().rank(after(0)).is_some(), "with all of it taken it is idle");
    reader.connection.written(false);
    listener.end_the_late(after(11));
    assert!(has_ended(&reader));
}

#[test]
fn a_second_request_has_a_time_from_its_first_byte_and_reading_a_little_is_not_reading() {
    let listener = listener();
    let open = idle(&listener, address(1));
    age(&open, Duration::from_secs(5));
    open.connection.received(3);
    age(&open, Duration::from_secs(8));
    open.connection.received(3);
    listener.end_the_late(Instant::now());
    assert!(!has_ended(&open));
    listener.end_the_late(Instant::now() + Duration::from_secs(5));
    assert!(has_ended(&open));
    let reader = busy(&listener, address(1));
    reader.connection.written(false);
    age(&reader, Duration::from_secs(8));
    reader.connection.written(false);
    listener.end_the_late(Instant::now() + Duration::from_secs(3));
    assert!(has_ended(&reader));
}

#[test]
fn what_is_held_of_unfinished_requests_is_bounded_and_given_back() {
    let listener = listener();
    let mut all = Vec::new();
    for at in 0..40 {
        let open = listener.open(address(at)).unwrap();
        age(&open, Duration::from_secs(40 - u64::from(at)));
        open.connection.received(1024 * 1024);
        all.push(open);
    }
    assert!(listener.held.load(Ordering::Relaxed) <= HELD);
    assert!(has_ended(&all[0]) && !has_ended(&all[39]), "those that began first went");
    let may_read = [&all[0], &all[39]].map(|open| open.connection.may_read());
    assert_eq!(may_read, [MayRead::Never, MayRead::Later], "what was told to end holds as much again");
    all.retain(|open| !has_ended(open));
    assert_eq!(all.last().unwrap().connection.may_read(), MayRead::Now, "and is gone");
    for open in &all {
        open.connection.begun(true);
        open.connection.complete();
    }
    assert_eq!(listener.held.load(Ordering::Relaxed), 0);
    drop(all);
    assert_eq!(listener.leaving.load(Ordering::Relaxed), 0);
    let live = listener.live.lock();
    assert_eq!((live.count, live.all.len(), live.sources.len()), (0, 0, 0));
}

#[tokio::test]
async fn one_that_is_told_to_end_hears_it_and_counts_no_more() {
    let listener = listener();
    let open = listener.open(address(1)).unwrap();
    listener.end_the_late(Instant::now() + Duration::from_secs(13));
    open.connection.end.notified().await;
    assert_eq!(listener.live.lock().count, 0);
    drop(open);
    assert_eq!(listener.live.lock().count, 0);
}
