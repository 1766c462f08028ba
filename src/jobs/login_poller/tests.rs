//! Pollers that stop, and pollers that fall over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::login::UpstreamHandle;
use crate::domain::user::Upstream;
use crate::flow::login::tests::scene::Scene;
use crate::upstream::{BeginError, BeginRequest, Begun, Capabilities, PhoneApproval, Progress, Unavailable};

/// A client of ours with a mistake in it: its first poll panics, the second finds the approval.
struct Mistaken(AtomicBool);

#[async_trait]
impl PhoneApproval for Mistaken {
    fn capabilities(&self) -> Capabilities {
        Capabilities { unnamed: false, matches_symbol: true, exclusive: true }
    }

    async fn begin(&self, _request: BeginRequest) -> Result<Begun, BeginError> {
        Err(BeginError::NotRegistered)
    }

    async fn poll(&self, _handle: &UpstreamHandle, _asked: Option<&str>) -> Result<Progress, Unavailable> {
        assert!(self.0.swap(true, Ordering::SeqCst), "the first poll");
        Ok(Progress::Approved { upstream_user: "alice".to_owned() })
    }

    async fn cancel(&self, _handle: &UpstreamHandle) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Looks until it is so. The clock of the scene stands still: no lease runs out meanwhile.
async fn eventually(look: impl AsyncFn() -> bool) {
    let soon = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), soon).await.unwrap();
}

async fn unleased(op: &Op) -> usize {
    logins::list_unleased_open(op.store.read(), op.env.now(), 10).await.unwrap().len()
}

#[tokio::test]
async fn the_login_of_a_poller_that_panicked_is_taken_over_by_the_next_sweep() {
    let scene = Scene::new(Duration::ZERO).await;
    let login = scene.begin("alice").await;
    scene.bench.advance(3);
    let mut op = scene.bench.op.clone();
    op.upstreams.insert(Upstream::SecSign, Arc::new(Mistaken(AtomicBool::new(false))));
    let stop = CancellationToken::new();
    let poller = tokio::spawn(run(op, "node".to_owned(), stop.clone()));
    eventually(async || scene.login(&login.id).await.stage.state() == "approved").await;
    stop.cancel();
    poller.await.unwrap();
}

#[tokio::test]
async fn a_node_that_stops_gives_its_leases_back() {
    let scene = Scene::new(Duration::ZERO).await;
    scene.begin("alice").await;
    scene.bench.advance(3);
    let op = &scene.bench.op;
    assert_eq!(unleased(op).await, 1);
    let stop = CancellationToken::new();
    let poller = tokio::spawn(run(op.clone(), "node".to_owned(), stop.clone()));
    eventually(async || unleased(op).await == 0).await;
    stop.cancel();
    poller.await.unwrap();
    assert_eq!(unleased(op).await, 1, "another node may go on at once");
}

fn pollers(op: &Op) -> Pollers {
    let (running, polled) = (JoinSet::new(), HashMap::new());
    Pollers { op: op.clone(), node: "node".to_owned(), stop: CancellationToken::new(), running, polled, due: VecDeque::new() }
}

#[tokio::test]
async fn a_login_is_not_polled_while_its_page_is_being_fetched_whoever_it_is_for() {
    for name in ["alice", "nobody"] {
        let scene = Scene::new(Duration::ZERO).await;
        scene.begin(name).await;
        let mut all = pollers(&scene.bench.op);
        all.adopt().await;
        assert!(all.running.is_empty(), "{name}");
        scene.bench.advance(3);
        all.adopt().await;
        assert_eq!(all.running.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn logins_begun_here_are_looked_for_when_they_are_old_enough() {
    let scene = Scene::new(Duration::ZERO).await;
    let mut all = pollers(&scene.bench.op);
    let begun = Instant::now();
    (0..1000).for_each(|_login| all.begun());
    assert!(all.due.len() < 100, "together: {}", all.due.len());
    assert!(all.due.iter().all(|due| *due >= begun + FIRST));
}

#[tokio::test]
async fn polls_that_an_outage_cut_off_together_do_not_come_back_together() {
    let scene = Scene::new(Duration::ZERO).await;
    let (op, login) = (&scene.bench.op, scene.begin("alice").await);
    scene.behaviour.is_down.store(true, Ordering::SeqCst);
    let mut quarters = [0; 4];
    for _poll in 0..200 {
        let Some((pause, _)) = poll_once(op, "node", &login.id).await.unwrap() else { panic!("it is over") };
        assert!((1000..=2000).contains(&pause.as_millis()), "{pause:?}");
        quarters[usize::try_from((pause.as_millis() - 1000) / 250).unwrap().min(3)] += 1;
    }
    assert!(quarters.iter().all(|share| (15..100).contains(share)), "in a quarter of a second each: {quarters:?}");
}

#[tokio::test]
async fn a_poll_of_a_decoy_costs_the_commits_of_a_login_and_so_does_its_end() {
    let mut costs = Vec::new();
    for name in ["alice", "nobody"] {
        let scene = Scene::new(Duration::ZERO).await;
        let (op, login) = (&scene.bench.op, scene.begin(name).await);
        let begun = op.store.commits();
        let Some((pause, deadline)) = poll_once(op, "node", &login.id).await.unwrap() else { panic!("{name} is over") };
        assert!((1300..=1700).contains(&pause.as_millis()) && deadline == login.deadline, "{name}: {pause:?}");
        let polled = op.store.commits();
        scene.bench.advance(120);
        assert!(poll_once(op, "node", &login.id).await.unwrap().is_some(), "{name}: its page hears first");
        let waited = op.store.commits();
        assert_eq!(scene.login(&login.id).await.stage.state(), "pending", "{name}");
        scene.bench.advance(1);
        assert!(poll_once(op, "node", &login.id).await.unwrap().is_none(), "{name}");
        assert_eq!(scene.login(&login.id).await.stage.state(), "expired", "{name}");
        costs.push((polled - begun, waited - polled, op.store.commits() - waited));
    }
    assert_eq!(costs[0], costs[1]);
}
