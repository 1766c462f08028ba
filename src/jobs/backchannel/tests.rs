//! Many sessions end at once (B49): each client is told of each, two at a time, and one that hangs delays no other.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::domain::browser::RequestSource;
use crate::domain::client::Client;
use crate::flow::end_session::perform;
use crate::flow::token::tests::Bench;
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::uri::LogoutUri;

const SESSIONS: usize = 60;

/// A receiver that answers after a while, or never; it counts how many wait for it at once.
struct Receiver {
    address: SocketAddr,
    bodies: Arc<Mutex<HashSet<String>>>,
    most: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start(answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (bodies, most, waiting) = (Arc::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let receiver = Self { address, bodies: Arc::clone(&bodies), most: Arc::clone(&most) };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (bodies, most, waiting) = (Arc::clone(&bodies), Arc::clone(&most), Arc::clone(&waiting));
                tokio::spawn(async move {
                    most.fetch_max(waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    serve(stream, answers, &bodies, &waiting).await;
                });
            }
        });
        receiver
    }

    async fn client(&self, bench: &Bench, id: &str) -> Client {
        let uri = LogoutUri::parse(&format!("http://{}/out", self.address)).unwrap();
        let change = |metadata: &mut crate::protocol::client_metadata::ClientMetadata| {
            metadata.backchannel_logout_uri = Some(uri);
            metadata.id_token_signed_response_alg = SigningAlgorithm::ES256;
        };
        bench.client_with(id, change).await
    }

    fn told(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }
}

async fn serve(mut stream: TcpStream, answers: bool, bodies: &Mutex<HashSet<String>>, waiting: &AtomicUsize) {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("logout_token=") {
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        if read == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    if answers {
        tokio::time::sleep(Duration::from_millis(5)).await;
    } else {
        // Until the other side gives up.
        while stream.read(&mut chunk).await.unwrap_or(0) > 0 {}
    }
    // Before the answer: who is told may come again at once.
    waiting.fetch_sub(1, Ordering::SeqCst);
    bodies.lock().unwrap().insert(text.split("logout_token=").nth(1).unwrap_or_default().to_owned());
    drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logouts_at_once_are_told_two_at_a_time_and_one_that_hangs_delays_nobody() {
    let bench = Bench::new().await;
    let (quick, hanging) = (Receiver::start(true).await, Receiver::start(false).await);
    let clients = [quick.client(&bench, "quick").await, hanging.client(&bench, "hanging").await];
    let alice = bench.user("alice").await;
    for _again in 0..SESSIONS {
        let session = bench.session(&alice).await;
        for client in &clients {
            bench.tokens(client, &session, "openid").await;
        }
        perform(&bench.op, &session.id, &RequestSource::default()).await.unwrap();
    }
    let stop = CancellationToken::new();
    let job = tokio::spawn(run(bench.op.clone(), "n1".to_owned(), stop.clone()));
    let all_told = async {
        while quick.told() < SESSIONS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_told).await.unwrap();
    assert_eq!(quick.most.load(Ordering::SeqCst), PER_CLIENT);
    assert_eq!(hanging.most.load(Ordering::SeqCst), PER_CLIENT, "it was called, and did not get more for hanging");
    stop.cancel();
    job.await.unwrap();
}
