//! A request of a client that was refused, in the words of whoever has to mend it. Nothing in it is secret: of what came only such
//! parameters are shown whose values are none, cut and escaped.

use super::clock::Timestamp;
use super::id::ClientId;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;
use crate::protocol::nearest::difference;

/// Texts throughout: a newer program may have written it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Refusal {
    /// As it was presented, where nobody registered it.
    pub client: ClientId,
    /// Its path below the issuer.
    pub endpoint: String,
    pub error: String,
    /// The parameter that was wrong, where it is one.
    pub field: String,
    pub reason: String,
    pub got: Option<String>,
    /// What would have been right: of redirect URIs the one that is nearest.
    pub registered: Option<String>,
}

impl Refusal {
    pub(crate) fn new(client: &ClientId, endpoint: Endpoint, error: ErrorCode, field: &str, reason: impl Into<String>) -> Self {
        Self {
            client: client.clone(),
            endpoint: endpoint.as_str().to_owned(),
            error: error.as_str().to_owned(),
            field: field.to_owned(),
            reason: reason.into(),
            got: None,
            registered: None,
        }
    }

    /// For a page, which shows nothing of what came.
    pub(crate) fn detail(&self) -> String {
        if self.field == "client_id" { self.reason.clone() } else { format!("{}: {}", self.client, self.reason) }
    }

    /// `got …/callback/ – registered is …/callback; they differ in the slash at the end`
    pub(crate) fn hint(&self) -> Option<String> {
        match (&self.got, &self.registered) {
            (Some(got), Some(registered)) => {
                let what = difference(got, registered).filter(|_| self.field == "redirect_uri");
                let differ = what.map(|what| format!("; they differ in {what}")).unwrap_or_default();
                Some(format!("got {got} – registered is {registered}{differ}"))
            }
            (Some(got), None) => Some(format!("got {got}")),
            (None, Some(registered)) => Some(format!("registered is {registered}")),
            (None, None) => None,
        }
    }
}

/// Refusals that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusalTally {
    pub refusal: Refusal,
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_says_what_came_what_is_registered_and_how_they_differ() {
        let refusal =
            Refusal::new(&ClientId::new("web"), Endpoint::Authorization, ErrorCode::InvalidRequest, "redirect_uri", "no");
        let hint = |got: Option<&str>, registered: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            Refusal { got: owned(got), registered: owned(registered), ..refusal.clone() }.hint()
        };
        let slash = hint(Some("https://a.example/cb/"), Some("https://a.example/cb")).unwrap();
        assert_eq!(
            slash,
            "got https://a.example/cb/ – registered is https://a.example/cb; they differ in the slash at the end"
        );
        assert_eq!(hint(Some("x"), Some("https://a.example/cb")).unwrap(), "got x – registered is https://a.example/cb");
        assert_eq!((hint(Some("x"), None).unwrap().as_str(), hint(None, None)), ("got x", None));
    }
}
