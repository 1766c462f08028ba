//! Which web origins have code that talks to us: those that clients named (`cors_origins`) and those of the redirect URIs of
//! public clients, whose code runs in the browser (check 17). `web::headers` turns the answer into headers.

use std::collections::HashSet;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::prelude::*;
use crate::protocol::uri::WebOrigin;
use crate::store::clients;

/// How long a node trusts what it read, or that it could not read: commands are in force within a second (design 3).
const FRESH: Duration = Duration::from_millis(900);
/// How long a request waits for another's read before it takes what is known.
const PATIENCE: Duration = Duration::from_secs(1);

/// Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrowserOrigins {
    known: Arc<Mutex<Known>>,
    /// Held over a read: of many requests one reads.
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    /// When they were read, or could not be.
    at: Option<Timestamp>,
    origins: HashSet<String>,
}

impl BrowserOrigins {
    /// Whether scripts of `origin` may read our answers. Where the database fails, what was known before counts.
    /// Costs: one read of all clients, at most once per [`FRESH`] on a node, whatever is asked and whether or not it succeeds.
    pub(crate) async fn allow(&self, op: &Op, origin: &str) -> bool {
        if !self.is_fresh(op)
            && let Ok(_turn) = timeout(PATIENCE, self.reading.lock()).await
            && !self.is_fresh(op)
        {
            self.read(op).await;
        }
        self.known.lock().origins.contains(origin)
    }

    async fn read(&self, op: &Op) {
        let begun = op.env.now();
        match clients::list(op.store.read()).await {
            Ok(clients) => {
                let enabled = clients.iter().filter(|client| !client.disabled);
                let origins = enabled.flat_map(of_client).map(|origin| origin.as_str().to_owned()).collect();
                *self.known.lock() = Known { at: Some(begun), origins };
            }
            Err(error) => {
                // From its end on: a read that fails may have taken longer than it is trusted.
                self.known.lock().at = Some(op.env.now());
                tracing::warn!(%error, "the origins of clients could not be read; the known ones stay in use");
            }
        }
    }

    fn is_fresh(&self, op: &Op) -> bool {
        let now = op.env.now();
        self.known.lock().at.is_some_and(|at| at <= now && now.since(at) < FRESH)
    }
}

fn of_client(client: &Client) -> impl Iterator<Item = WebOrigin> {
    let metadata = &client.metadata;
    let redirects = metadata.redirect_uris.iter().filter(|_| metadata.is_public());
    metadata.cors_origins.iter().cloned().chain(redirects.filter_map(|uri| WebOrigin::of_uri(uri.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::token::tests::Bench;

    #[tokio::test]
    async fn origins_of_public_clients_and_named_ones_are_allowed_and_no_others() {
        let bench = Bench::new().await;
        bench.public_client("spa").await;
        bench
            .client_with("api", |metadata| metadata.cors_origins = vec![WebOrigin::parse("https://panel.example").unwrap()])
            .await;
        let origins = BrowserOrigins::default();
        for (origin, allowed) in [
            ("https://app.example", true),
            ("https://panel.example", true),
            ("https://app.example.evil", false),
            ("http://app.example", false),
            ("https://app.example:8443", false),
            ("null", false),
            ("", false),
            ("*", false),
        ] {
            assert_eq!(origins.allow(&bench.op, origin).await, allowed, "{origin}");
        }
    }

    #[tokio::test]
    async fn a_confidential_client_names_its_origins_and_a_change_is_in_force_within_a_second() {
        let bench = Bench::new().await;
        let origins = BrowserOrigins::default();
        bench.client("web").await;
        assert!(!origins.allow(&bench.op, "https://app.example").await);
        bench.public_client("spa").await;
        assert!(!origins.allow(&bench.op, "https://app.example").await, "read a moment ago");
        bench.advance(1);
        assert!(origins.allow(&bench.op, "https://app.example").await);
    }

    #[tokio::test]
    async fn a_read_that_failed_is_not_made_again_at_once_and_keeps_what_was_known() {
        let bench = Bench::new().await;
        let (knows, new) = (BrowserOrigins::default(), BrowserOrigins::default());
        bench.public_client("spa").await;
        assert!(knows.allow(&bench.op, "https://app.example").await);
        bench.advance(1);
        bench.execute("UPDATE clients SET metadata = '{' || metadata").await;
        for _turn in 0..2 {
            assert!(knows.allow(&bench.op, "https://app.example").await);
            assert!(!new.allow(&bench.op, "https://app.example").await, "nothing is known yet");
            bench.execute("UPDATE clients SET metadata = REPLACE(metadata, '{{', '{')").await;
        }
        bench.advance(1);
        assert!(new.allow(&bench.op, "https://app.example").await);
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_read_that_hangs() {
        let bench = Bench::new().await;
        let origins = BrowserOrigins::default();
        bench.public_client("spa").await;
        let hangs = origins.reading.lock().await;
        let ask = || origins.allow(&bench.op, "https://app.example");
        let asked = futures_util::future::join_all((0..8).map(|_number| ask()));
        assert_eq!(timeout(PATIENCE * 2, asked).await.unwrap(), [false; 8]);
        drop(hangs);
        assert!(ask().await);
    }
}
