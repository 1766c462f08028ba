//! Logins of one browser that begin at the same moment, on either engine.

use std::sync::Arc;

use crate::domain::assurance::Acr;
use crate::domain::browser::{BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::domain::login::Purpose;
use crate::domain::secret::SecretDigest;
use crate::domain::settings::Limits;
use crate::domain::user::Upstream;
use crate::flow::Settings;
use crate::flow::login::LoginRequest;
use crate::flow::login::attempt::{self, AttemptOutcome};
use crate::flow::token::tests::Bench;
use crate::flow::token::tests::beside::{Held, beside, on_both_engines};

/// A client, and somebody whose browser asks for it again and again.
struct Asking {
    bench: Bench,
    client: Client,
    session: BrowserSession,
}

impl Asking {
    /// A browser may have so many logins under way. Addresses are counted as well, so that whoever has counted the browser's
    /// logins can be held before it adds its own.
    async fn new(mut bench: Bench, pending_per_browser: u32) -> Self {
        let limits =
            Limits { pending_per_browser: Some(pending_per_browser), push_per_source_10min: Some(1000), ..Limits::off() };
        bench.op.settings = Arc::new(Settings { limits, ..Settings::clone(&bench.op.settings) });
        let client = bench.client("app").await;
        let session = bench.session(&bench.user("alice").await).await;
        Self { bench, client, session }
    }

    /// Whether a QR code for a new authorization of this browser finds room.
    async fn finds_room(&self, browser: &str) -> bool {
        let authorization = self.bench.authorization(&self.bench.content(&self.client, &self.session)).await;
        let request = LoginRequest {
            purpose: Purpose::Authorization(authorization.id),
            browser: Some(BrowserKey(SecretDigest::of(browser.as_bytes()))),
            origin: RequestSource::default(),
            upstream: Upstream::ThumbSignIn,
            identifier: None,
            client: Some(self.client.id.clone()),
            app_name: "App".to_owned(),
            remember: false,
            wanted: Acr::Approved,
            until: authorization.expires_at,
        };
        let login = request.login(&self.bench.op).unwrap();
        match attempt::write(&self.bench.op, &login).await.unwrap() {
            AttemptOutcome::Begun(_) => true,
            AttemptOutcome::Refused(_) => false,
            AttemptOutcome::Same(_) | AttemptOutcome::Replaces(_) | AttemptOutcome::Busy(_) => {
                panic!("nothing else is in its way")
            }
        }
    }

    /// Two logins, the second of which begins when the first one has counted.
    async fn two(&self, one: &str, other: &str) -> (bool, bool) {
        beside(&self.bench, Held::Counted("source/"), self.finds_room(one), self.finds_room(other)).await
    }
}

async fn logins_of_a_browser_are_counted_one_after_another(bench: Bench) {
    let asking = Asking::new(bench, 1).await;
    assert_eq!(asking.two("one", "one").await, (true, false), "there is room for one");
    assert_eq!(asking.two("two", "three").await, (true, true), "each browser has its own");
    assert!(!asking.finds_room("two").await);
}

async fn logins_of_a_browser_begin_at_once_where_there_is_room(bench: Bench) {
    let asking = Asking::new(bench, 2).await;
    assert_eq!(asking.two("one", "one").await, (true, true));
    assert!(!asking.finds_room("one").await);
}

on_both_engines! {
    logins_of_a_browser_are_counted_one_after_another
    logins_of_a_browser_begin_at_once_where_there_is_room
}
