//! Pollers that stop, and pollers that fall over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::flow::login::tests::scene::Scene;
use crate::upstream::{BeginError, BeginRequest, Begun, Capabilities, PhoneApproval, Unavailable};

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
    let mut op = scene.bench.op.clone();
    op.upstreams.secsign = Some(Arc::new(Mistaken(AtomicBool::new(false))));
    let stop = CancellationToken::new();
    let broker = tokio::spawn(run(op, "node".to_owned(), stop.clone()));
    eventually(async || scene.login(&login.id).await.stage.state() == "approved").await;
    stop.cancel();
    broker.await.unwrap();
}

#[tokio::test]
async fn a_node_that_stops_gives_its_leases_back() {
    let scene = Scene::new(Duration::ZERO).await;
    scene.begin("alice").await;
    let op = &scene.bench.op;
    assert_eq!(unleased(op).await, 1);
    let stop = CancellationToken::new();
    let broker = tokio::spawn(run(op.clone(), "node".to_owned(), stop.clone()));
    eventually(async || unleased(op).await == 0).await;
    stop.cancel();
    broker.await.unwrap();
    assert_eq!(unleased(op).await, 1, "another node may go on at once");
}
