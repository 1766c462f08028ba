//! Two writes at the same moment, for tests: one stops in its middle, at a row that a third transaction holds, while the other
//! begins. Only PostgreSQL runs both at once; on SQLite the second follows the first.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::{Bench, T0};
use crate::domain::id::{AuthorizationId, ClientId, GrantId};
use crate::domain::secret::SecretDigest;
use crate::store::{StoreError, authorizations, clients, codes, grants, pushes};

/// What another transaction holds, so that the first of two writes stops in its middle.
#[derive(Clone)]
pub(crate) enum Held {
    /// A client with everything issued to it: a redemption stops at its code.
    Client(ClientId),
    /// An authorization: a login stops at its step.
    Authorization(AuthorizationId),
    Code(SecretDigest),
    /// A family: what revokes it stops.
    Grant(GrantId),
    /// A turn of what is counted: a login that begins stops there.
    Counted(&'static str),
}

/// Runs `first` until it waits for what is `held`, then `second` until it is done or waits as well, and lets go.
pub(crate) async fn beside<A, B>(
    bench: &Bench,
    held: Held,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let (taken, let_go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let holder = bench.op.store.write((held, Arc::clone(&taken), Arc::clone(&let_go)), |tx, (held, taken, let_go)| {
        Box::pin(async move {
            match held {
                Held::Client(id) => drop(clients::delete(tx, id).await?),
                Held::Authorization(id) => drop(authorizations::lock_row(tx, id).await?),
                Held::Code(digest) => drop(codes::consume(tx, digest, &GrantId::new("held"), T0).await?),
                Held::Grant(id) => drop(grants::revoke(tx, id, T0).await?),
                Held::Counted(key) => pushes::lock_counter(tx, (*key).to_owned(), T0).await?,
            }
            taken.notify_one();
            let_go.notified().await;
            Err::<(), _>(StoreError::Setup("nothing is to happen".to_owned()))
        })
    });
    let two = async {
        taken.notified().await;
        let second = async {
            // The first one needs a moment to get to what is held.
            sleep(Duration::from_millis(300)).await;
            let mut second = std::pin::pin!(second);
            let early = timeout(Duration::from_millis(300), second.as_mut()).await;
            let_go.notify_one();
            match early {
                Ok(done) => done,
                Err(_waits) => second.await,
            }
        };
        tokio::join!(first, second)
    };
    let (held, outcomes) = tokio::join!(holder, two);
    held.unwrap_err();
    outcomes
}

/// Each case on a SQLite file of its own, and all of them on a server.
macro_rules! on_both_engines {
    ($($case:ident)+) => {
        mod on_sqlite {
            use crate::flow::token::tests::Bench;
            $(#[tokio::test]
            async fn $case() {
                super::$case(Bench::new().await).await;
            })+
        }

        mod on_postgresql {
            use crate::flow::token::tests::Bench;
            $(#[tokio::test]
            #[ignore = "needs a PostgreSQL server"]
            async fn $case() {
                super::$case(Bench::on_postgresql(stringify!($case)).await).await;
            })+
        }
    };
}

pub(crate) use on_both_engines;
