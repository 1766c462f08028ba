//! Refused requests: alike ones are one row, of a client there are few, and they go with it.

use super::samples::{after, client, write};
use crate::domain::id::ClientId;
use crate::domain::refusal::{Refusal, RefusalTally};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;
use crate::store::refusals::{self, MOST};
use crate::store::{Store, cleanup, clients};

const DAY: u64 = 86_400;

fn tally(client: &str, got: &str, count: u64, at: u64) -> RefusalTally {
    let (client, error) = (ClientId::new(client), ErrorCode::InvalidRequest);
    let refusal = Refusal::new(&client, Endpoint::Authorization, error, "redirect_uri", "it is not registered");
    let (got, registered) = (Some(got.to_owned()), Some("https://app.example/cb".to_owned()));
    RefusalTally { refusal: Refusal { got, registered, ..refusal }, count, first_at: after(at), last_at: after(at) }
}

async fn of(store: &Store, client: &str, most: i64) -> Vec<RefusalTally> {
    refusals::list(store.read(), &ClientId::new(client), most).await.unwrap()
}

pub(super) async fn alike_ones_are_one_row_with_their_number(store: Store) {
    write!(store, client("web"), |tx, web| clients::insert(tx, web));
    for (count, at) in [(1, 0), (2, 60)] {
        write!(store, vec![tally("web", "x", count, at)], |tx, tallies| refusals::record(tx, tallies));
    }
    let mut none = tally("web", "", 1, 90);
    none.refusal.got = None;
    write!(store, vec![none.clone()], |tx, tallies| refusals::record(tx, tallies));
    let expected = RefusalTally { count: 3, last_at: after(60), ..tally("web", "x", 0, 0) };
    assert_eq!(of(&store, "web", MOST).await, [none.clone(), expected]);
    assert_eq!(of(&store, "web", 1).await, [none.clone()]);
    assert_eq!(refusals::list_since(store.read(), after(60), MOST).await.unwrap(), [none]);
}

pub(super) async fn of_a_client_the_latest_few_stay_and_of_others_all(store: Store) {
    for id in ["web", "other"] {
        write!(store, client(id), |tx, client| clients::insert(tx, client));
    }
    write!(store, vec![tally("other", "x", 1, 0)], |tx, tallies| refusals::record(tx, tallies));
    for at in 1..4_u64 {
        let many: Vec<RefusalTally> = (0..15).map(|got| tally("web", &format!("{at}/{got}"), 1, at)).collect();
        write!(store, many, |tx, tallies| refusals::record(tx, tallies));
    }
    let kept = of(&store, "web", 1000).await;
    assert_eq!(i64::try_from(kept.len()).unwrap(), MOST);
    assert_eq!(kept.iter().filter(|tally| tally.last_at == after(3)).count(), 15);
    assert!(kept.iter().all(|tally| tally.last_at >= after(2)));
    assert_eq!(of(&store, "other", MOST).await.len(), 1);
}

pub(super) async fn those_of_a_client_go_with_it_or_after_a_month(store: Store) {
    for id in ["web", "other"] {
        write!(store, client(id), |tx, client| clients::insert(tx, client));
    }
    let both = vec![tally("web", "x", 1, 0), tally("nobody", "x", 1, 0), tally("other", "x", 1, 0)];
    write!(store, both, |tx, tallies| refusals::record(tx, tallies));
    assert!(of(&store, "nobody", MOST).await.is_empty());
    write!(store, ClientId::new("web"), |tx, id| clients::delete(tx, id));
    assert!(of(&store, "web", MOST).await.is_empty());
    let kept = std::time::Duration::from_secs(400 * DAY);
    cleanup::delete_expired(&store, after(30 * DAY), kept).await.unwrap();
    assert_eq!(of(&store, "other", MOST).await.len(), 1);
    cleanup::delete_expired(&store, after(30 * DAY + 1), kept).await.unwrap();
    assert!(of(&store, "other", MOST).await.is_empty());
}
