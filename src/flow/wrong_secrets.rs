//! Wrong client secrets, counted for each client and source (check 40, RFC 6819 §5.1.4.2.3). After so many in ten minutes what
//! that source presents for that client is not compared any more. A source from which the client proved itself lately goes on
//! being compared, so that somebody beside the app, behind one address, cannot lock it out. Counted by each node for itself: the
//! secrets have 256 bits, and what is limited is the noise.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::prelude::*;

const WINDOW: Duration = Duration::from_secs(600);
/// How long a client's proof keeps its source from being refused.
const PROVEN: Duration = Duration::from_secs(86_400);
const PAIRS: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    /// As it was presented, whether anybody has it or not.
    pub client_id: String,
    pub source: String,
}

struct Tally {
    wrong: u32,
    since: Timestamp,
    proven_at: Option<Timestamp>,
}

impl Tally {
    fn is_proven(&self, now: Timestamp) -> bool {
        self.proven_at.is_some_and(|at| now.since(at) < PROVEN)
    }
}

#[derive(Clone, Default)]
pub(crate) struct WrongSecrets(Arc<Mutex<HashMap<Pair, Tally>>>);

impl WrongSecrets {
    /// How long this pair has to wait before anything that it presents is compared; `None`: compare it.
    pub(crate) fn pause(&self, most: Option<u32>, pair: &Pair, now: Timestamp) -> Option<Duration> {
        let tallies = self.0.lock();
        let tally = tallies.get(pair).filter(|tally| !tally.is_proven(now))?;
        left(most, tally, now)
    }

    /// Counts a wrong secret. Some: it was one too many, and the pair has to wait so long.
    pub(crate) fn wrong(&self, most: Option<u32>, pair: Pair, now: Timestamp) -> Option<Duration> {
        most?;
        let mut tallies = self.0.lock();
        let tally = room_for(&mut tallies, pair, now);
        let pause = left(most, tally, now);
        if now.since(tally.since) >= WINDOW {
            (tally.wrong, tally.since) = (0, now);
        }
        tally.wrong = tally.wrong.saturating_add(1);
        pause
    }

    pub(crate) fn right(&self, most: Option<u32>, pair: Pair, now: Timestamp) {
        if most.is_some() {
            let mut tallies = self.0.lock();
            room_for(&mut tallies, pair, now).proven_at = Some(now);
        }
    }
}

fn left(most: Option<u32>, tally: &Tally, now: Timestamp) -> Option<Duration> {
    let passed = now.since(tally.since);
    (tally.wrong >= most? && passed < WINDOW).then(|| WINDOW.saturating_sub(passed))
}

/// The tally of a pair. Where there is no room, what counts no longer goes, then what only counted wrong secrets, then all.
fn room_for(tallies: &mut HashMap<Pair, Tally>, pair: Pair, now: Timestamp) -> &mut Tally {
    if tallies.len() >= PAIRS && !tallies.contains_key(&pair) {
        tallies.retain(|_, tally| now.since(tally.since) < WINDOW || tally.is_proven(now));
        if tallies.len() >= PAIRS {
            tallies.retain(|_, tally| tally.is_proven(now));
        }
        if tallies.len() >= PAIRS {
            tallies.clear();
        }
    }
    tallies.entry(pair).or_insert(Tally { wrong: 0, since: now, proven_at: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Option<u32> = Some(20);

    fn pair(client_id: &str, source: &str) -> Pair {
        Pair { client_id: client_id.to_owned(), source: source.to_owned() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn spoil(counted: &WrongSecrets, source: &str) {
        for _wrong in 0..20 {
            assert_eq!(counted.wrong(MOST, pair("web", source), at(0)), None);
        }
    }

    #[test]
    fn a_source_waits_after_many_wrong_secrets_and_no_other_source_does() {
        let counted = WrongSecrets::default();
        spoil(&counted, "a");
        assert_eq!(counted.pause(MOST, &pair("web", "a"), at(60)), Some(Duration::from_secs(540)));
        assert_eq!(counted.wrong(MOST, pair("web", "a"), at(60)), Some(Duration::from_secs(540)));
        assert_eq!(counted.pause(MOST, &pair("web", "b"), at(60)), None);
        assert_eq!(counted.pause(MOST, &pair("other", "a"), at(60)), None);
        assert_eq!(counted.pause(MOST, &pair("web", "a"), at(600)), None, "ten minutes later");
        assert_eq!(counted.wrong(MOST, pair("web", "a"), at(600)), None);
        assert_eq!(counted.pause(MOST, &pair("web", "a"), at(601)), None, "one, not twenty-one");
    }

    #[test]
    fn a_source_where_the_client_proved_itself_is_still_compared_and_told_to_wait_for_wrong_ones() {
        let counted = WrongSecrets::default();
        counted.right(MOST, pair("web", "a"), at(0));
        spoil(&counted, "a");
        assert_eq!(counted.pause(MOST, &pair("web", "a"), at(1)), None);
        assert!(counted.wrong(MOST, pair("web", "a"), at(1)).is_some());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let counted = WrongSecrets::default();
        for _wrong in 0..100 {
            assert_eq!(counted.wrong(None, pair("web", "a"), at(0)), None);
        }
        counted.right(None, pair("web", "a"), at(0));
        assert!(counted.0.lock().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_those_who_proved_themselves_stay_longest() {
        let counted = WrongSecrets::default();
        counted.right(MOST, pair("web", "app"), at(0));
        for source in 0..3 * PAIRS {
            counted.wrong(MOST, pair("web", &source.to_string()), at(1));
        }
        let tallies = counted.0.lock();
        assert!(tallies.len() <= PAIRS && tallies.contains_key(&pair("web", "app")));
    }
}
