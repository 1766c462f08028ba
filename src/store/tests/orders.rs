//! Whatever happens to a login, in whatever order: it comes to one of its ends and stays there (check 150).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;

use super::samples::{after, browser, login, populate};
use crate::domain::id::{LoginId, UserId};
use crate::domain::login::{Challenge, End, Login, LoginStage, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::store::{Store, StoreError, Tx, logins};

/// So many random orders, of so many events each; every so many of them happens to a row of its own.
const ORDERS: usize = 100_000;
const LENGTH: usize = 16;
const REAL: usize = 500;
/// The deadline of every login, and moments before it, in the grace and after both.
const DEADLINE: u64 = 100;
const IN_TIME: u64 = 50;
const GRACE: u64 = 130;
const LATE: u64 = 200;

/// What can happen, by the transitions of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Event {
    Begun,
    Disguised,
    Fetched,
    TakenAway,
    Approved(u64),
    Ended(End),
    Finished(&'static str, u64),
}

/// The first one twice: more of the orders get beyond the beginning.
const EVENTS: [Event; 17] = [
    Event::Begun,
    Event::Begun,
    Event::Disguised,
    Event::Fetched,
    Event::TakenAway,
    Event::Approved(IN_TIME),
    Event::Approved(GRACE),
    Event::Approved(LATE),
    Event::Ended(End::Denied),
    Event::Ended(End::Expired),
    Event::Ended(End::Cancelled(None)),
    Event::Ended(End::Cancelled(Some(Reason::Replaced))),
    Event::Ended(End::Failed(Reason::Technical)),
    Event::Finished("b", IN_TIME),
    Event::Finished("b", GRACE),
    Event::Finished("b", LATE),
    Event::Finished("stranger", IN_TIME),
];

impl Event {
    /// Returns whether it changed anything.
    async fn happen(self, tx: &Tx, id: &LoginId) -> Result<bool, StoreError> {
        let (handle, challenge) = (UpstreamHandle(Secret::new("sealed")), Challenge::AccessPass(None));
        match self {
            Self::Begun => logins::begun(tx, id, &handle, &challenge, after(DEADLINE)).await,
            Self::Disguised => logins::disguise(tx, id, &challenge, after(DEADLINE)).await,
            Self::Fetched => logins::mark_fetched(tx, id).await,
            Self::TakenAway => logins::go_on_as_decoy(tx, id).await,
            Self::Approved(at) => logins::approve(tx, id, &UserId::new("user-alice"), None, after(at)).await,
            Self::Ended(how) => logins::end(tx, id, how, true, after(IN_TIME)).await,
            Self::Finished(who, at) => logins::consume(tx, id, Some(&browser(who)), after(at)).await,
        }
    }
}

/// All of a login that a transition looks at or changes, but for the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    stage: &'static str,
    reason: Option<Reason>,
    is_decoy: bool,
    is_used: bool,
}

impl State {
    fn of(login: &Login) -> Self {
        Self {
            stage: if matches!(login.stage, LoginStage::Creating) { "creating" } else { login.stage.state() },
            reason: login.stage.reason(),
            is_decoy: login.subject == Subject::Decoy,
            is_used: login.consumed_at.is_some(),
        }
    }

    /// The name of its end, if it is one.
    fn end(self) -> Option<&'static str> {
        match self.stage {
            "approved" if self.is_used => Some("approved and used"),
            "creating" | "pending" | "fetched" | "approved" => None,
            end => Some(end),
        }
    }
}

/// Has these events happen to a new login: whether the last one changed it, and how it is then.
async fn live(store: &Store, id: String, events: Vec<Event>) -> (bool, State) {
    let lived = store.write((id, events), |tx, (id, events)| {
        Box::pin(async move {
            let login = Login { deadline: after(DEADLINE), ..login(id) };
            logins::insert(tx, &login, None).await?;
            let mut changed = false;
            for event in events {
                changed = event.happen(tx, &login.id).await?;
            }
            Ok::<_, StoreError>((changed, logins::find(tx, &login.id).await?))
        })
    });
    let (changed, found) = lived.await.unwrap();
    (changed, State::of(&found.unwrap()))
}

/// Where each event leads from each state that a login can come to: found out by the statements themselves.
async fn table(store: &Store) -> (State, HashMap<(State, Event), State>) {
    let (_, first) = live(store, "new".to_owned(), Vec::new()).await;
    let mut reached: Vec<(State, Vec<Event>)> = vec![(first, Vec::new())];
    let (mut table, mut at) = (HashMap::new(), 0);
    while let Some((state, path)) = reached.get(at).cloned() {
        let longer = |event: Event| [path.as_slice(), &[event]].concat();
        let mut lives = Vec::new();
        for (number, event) in EVENTS.into_iter().enumerate() {
            lives.push(live(store, format!("{at}-{number}"), longer(event)));
        }
        for (event, (changed, next)) in EVENTS.into_iter().zip(join_all(lives).await) {
            assert_eq!(changed, next != state, "{state:?}, {event:?}: {next:?}");
            assert!(state.end().is_none() || next == state, "{state:?}, {event:?}: {next:?}");
            table.insert((state, event), next);
            if reached.iter().all(|(known, _path)| *known != next) {
                reached.push((next, longer(event)));
            }
        }
        at += 1;
    }
    (first, table)
}

/// Numbers without order, the same in each run (xorshift64).
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

pub(super) async fn no_order_of_events_leads_out_of_an_end(store: Store) {
    populate(&store).await;
    let (first, table) = table(&store).await;
    let mut seed = 0x2545_F491_4F6C_DD1D;
    let (mut ends, mut real) = (BTreeMap::new(), Vec::new());
    for number in 0..ORDERS {
        let order: Vec<Event> = (0..LENGTH).map(|_event| EVENTS[random(&mut seed) % EVENTS.len()]).collect();
        let mut state = first;
        for event in &order {
            let next = table[&(state, *event)];
            assert!(state.end().is_none() || next == state, "{order:?}");
            state = next;
        }
        *ends.entry(state.end().unwrap_or("none yet")).or_insert(0) += 1;
        if number % REAL == 0 {
            real.push((order, state));
        }
    }
    // The table tells what happens to a row, whatever happened to it before.
    for (number, some) in real.chunks(40).enumerate() {
        let mut lives = Vec::new();
        for (at, (order, _state)) in some.iter().enumerate() {
            lives.push(live(&store, format!("order {number}-{at}"), order.clone()));
        }
        for ((order, state), (_changed, found)) in some.iter().zip(join_all(lives).await) {
            assert_eq!(found, *state, "{order:?}");
        }
    }
    let known = BTreeSet::from(["approved and used", "denied", "expired", "cancelled", "failed", "none yet"]);
    assert_eq!(ends.keys().copied().collect::<BTreeSet<_>>(), known, "{ends:?}");
}
