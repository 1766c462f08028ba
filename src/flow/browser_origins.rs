//! Which web origins have code that talks to us: those that clients named (`cors_origins`) and those of the redirect URIs of
//! public clients, whose code runs in the browser (relying parties 4.4, rule 13). `web::cors` turns the answer into headers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::Op;
use super::error::Internal;
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::protocol::web_origin::WebOrigin;
use crate::store::clients;

/// How long a node trusts what it read: commands are in force within a second (design 3).
const FRESH: Duration = Duration::from_millis(900);

/// The origins, as this node last read them. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct BrowserOrigins {
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    read_at: Timestamp,
    origins: HashSet<String>,
}

impl BrowserOrigins {
    /// Whether scripts of `origin` may read our answers.
    ///
    /// Costs: one read of all clients, at most once per [`FRESH`] on a node, whatever is asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn allow(&self, op: &Op, origin: &str) -> Result<bool, Internal> {
        // The lock is held over the read on purpose: of many requests one reads.
        let mut known = self.known.lock().await;
        let now = op.env.now();
        let fresh = known.as_ref().filter(|known| known.read_at <= now && now.since(known.read_at) < FRESH);
        if let Some(fresh) = fresh {
            return Ok(fresh.origins.contains(origin));
        }
        let clients = clients::list(op.store.read()).await?;
        let origins: HashSet<String> = clients.iter().flat_map(of_client).map(|origin| origin.as_str().to_owned()).collect();
        let allowed = origins.contains(origin);
        *known = Some(Known { read_at: now, origins });
        Ok(allowed)
    }
}

/// The origins of a client that is not switched off.
fn of_client(client: &Client) -> Vec<WebOrigin> {
    let metadata = &client.metadata;
    let mut origins = Vec::new();
    if !client.disabled {
        origins.extend(metadata.cors_origins.iter().cloned());
        if metadata.is_public() {
            origins.extend(metadata.redirect_uris.iter().filter_map(|uri| WebOrigin::of_uri(uri.as_str())));
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::token::testing::Bench;

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
            assert_eq!(origins.allow(&bench.op, origin).await.unwrap(), allowed, "{origin}");
        }
    }

    #[tokio::test]
    async fn a_confidential_client_names_its_origins_and_a_change_is_in_force_within_a_second() {
        let bench = Bench::new().await;
        let origins = BrowserOrigins::default();
        bench.client("web").await;
        assert!(!origins.allow(&bench.op, "https://app.example").await.unwrap());
        bench.public_client("spa").await;
        assert!(!origins.allow(&bench.op, "https://app.example").await.unwrap(), "read a moment ago");
        bench.advance(1);
        assert!(origins.allow(&bench.op, "https://app.example").await.unwrap());
    }
}
