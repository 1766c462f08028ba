//! Clients that send the same `code_challenge` or `nonce` with every request: one that is not new each time protects nobody
//! (RFC 9700 §2.1.1). It is noticed, once for each client and value, and refused no one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::authorization::AuthorizationRequest;
use crate::domain::id::ClientId;
use crate::domain::secret::SecretDigest;

/// So many requests in a row with one value are no reload and no retry (check 29).
const IN_A_ROW: u32 = 20;
const CLIENTS: usize = 1000;

#[derive(Default)]
struct Latest {
    digest: Option<SecretDigest>,
    times: u32,
    told: bool,
}

/// Of each client the latest `code_challenge` and `nonce`.
#[derive(Clone, Default)]
pub(crate) struct Repeats(Arc<Mutex<HashMap<ClientId, [Latest; 2]>>>);

impl Repeats {
    pub(crate) fn notice(&self, request: &AuthorizationRequest) {
        let mut clients = self.0.lock();
        if clients.len() >= CLIENTS && !clients.contains_key(&request.client_id) {
            return;
        }
        let [latest_challenge, latest_nonce] = clients.entry(request.client_id.clone()).or_default();
        let challenge = request.code_challenge.as_ref().map(|challenge| SecretDigest::of(challenge.as_str().as_bytes()));
        let nonce = request.nonce.as_ref().map(|nonce| SecretDigest::of(nonce.as_bytes()));
        for (name, latest, digest) in [("code_challenge", latest_challenge, challenge), ("nonce", latest_nonce, nonce)] {
            if latest.is_the_one_too_many(digest) {
                tracing::warn!(client = %request.client_id, parameter = name, "a client sends the same value in every request");
            }
        }
    }
}

impl Latest {
    fn is_the_one_too_many(&mut self, digest: Option<SecretDigest>) -> bool {
        self.times = if digest.is_some() && self.digest == digest { self.times.saturating_add(1) } else { 1 };
        self.digest = digest;
        let news = self.digest.is_some() && self.times >= IN_A_ROW && !self.told;
        self.told |= news;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noticed(latest: &mut Latest, values: &[Option<&str>]) -> usize {
        let digest = |value: &Option<&str>| value.map(|value| SecretDigest::of(value.as_bytes()));
        values.iter().filter(|value| latest.is_the_one_too_many(digest(value))).count()
    }

    #[test]
    fn the_same_value_twenty_times_in_a_row_is_told_once() {
        let mut latest = Latest::default();
        assert_eq!(noticed(&mut latest, &[Some("a"); 19]), 0);
        assert_eq!(noticed(&mut latest, &[Some("a")]), 1);
        assert_eq!(noticed(&mut latest, &[Some("a"); 40]), 0);
    }

    #[test]
    fn values_that_change_and_values_that_are_not_sent_are_not_told() {
        let mut latest = Latest::default();
        assert_eq!(noticed(&mut latest, &[None; 40]), 0);
        let alternating: Vec<_> = (0..100).map(|at| Some(if at % 19 == 0 { "b" } else { "a" })).collect();
        assert_eq!(noticed(&mut latest, &alternating), 0);
        assert_eq!(noticed(&mut latest, &[Some("a"); 20]), 1, "the control");
    }
}
