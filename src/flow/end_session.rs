//! RP-initiated logout (OIDC RP-Initiated Logout 1.0 §2, §3; decision 2.16): what a logout request comes to, and ending a
//! session.
//!
//! | hint | current session | comes to |
//! |---|---|---|
//! | good, same person | yes | ended at once |
//! | good | none | the session named by its `sid` ended at once (a broker's server calls so, without cookies) |
//! | good, another person | yes | asks |
//! | bad or none | yes | asks |
//! | bad | none | refused |
//! | none | none | signed out already |
//!
//! A `post_logout_redirect_uri` is followed where it is registered, character by character but for the port of a native
//! client's loopback URI, for the client that a good hint or `client_id` names. One that cannot be followed makes the request suspect: nothing is ended unasked.

use super::Op;
use super::client_authentication::find;
use super::error::{Internal, OAuthError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{BrowserKey, BrowserSession, Origin};
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::id::SessionId;
use crate::flow::trail::Entry;
use crate::protocol::client_metadata::ApplicationType;
use crate::protocol::id_token::IdTokenClaims;
use crate::protocol::parameters::Parameters;
use crate::store::{StoreError, Tx, backchannel_logouts, sessions};

/// The parameters that the form of the question repeats (OIDC RP-Initiated Logout §2).
const REPEATED: &[&str] = &["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

/// What a logout request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// End this session ([`perform`]), then go on.
    EndNow {
        /// Which.
        sid: SessionId,
        /// Where the browser goes, `state` included; else the page that says so.
        redirect: Option<String>,
    },
    /// Ask the person (OIDC RP-Initiated Logout §2). Their yes comes back with these fields.
    Ask {
        /// The parameters to repeat in the form.
        fields: Vec<(&'static str, String)>,
        /// The app that asks, by its name for people, where it is known.
        client_name: Option<String>,
    },
    /// There is nothing to end.
    SignedOut {
        /// Where the browser goes, `state` included; else the page that says so.
        redirect: Option<String>,
    },
    /// An error page: the request is wrong and there is nobody to ask. The reason is for the log.
    Refused {
        /// What is wrong.
        hint: &'static str,
    },
}

/// Whether the person has said yes to [`Decision::Ask`]; the caller has checked that the form is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A request of a relying party.
    NotAsked,
    /// The person's own form.
    Yes,
}

/// The `id_token_hint`, judged.
enum Hint {
    Absent,
    Bad,
    Good(Box<IdTokenClaims>),
}

/// The `post_logout_redirect_uri`, judged.
enum Redirect {
    NotAsked,
    To(String),
    Bad,
}

impl Redirect {
    fn target(self) -> Option<String> {
        match self {
            Self::To(uri) => Some(uri),
            Self::NotAsked | Self::Bad => None,
        }
    }
}

/// Decides about a logout request of a browser whose live session is `current`. Changes nothing.
///
/// Costs: at most one read, for the client; one verification of a signature where there is a hint.
///
/// # Errors
/// Only when something of ours fails.
pub async fn decide(
    op: &Op,
    parameters: &Parameters,
    current: Option<&BrowserSession>,
    answer: Answer,
) -> Result<Decision, OAuthError> {
    let hint = judged_hint(op, parameters);
    let client = named_client(op, parameters, &hint).await?;
    let redirect = judged_redirect(parameters, &hint, client.as_ref());
    if let (Answer::Yes, Some(session)) = (answer, current) {
        // The person wants out, whoever asked first; where to depends on the request all the same.
        return Ok(Decision::EndNow { sid: session.id.clone(), redirect: redirect.target() });
    }
    let suspect = matches!(redirect, Redirect::Bad);
    Ok(match (hint, current) {
        (Hint::Good(claims), Some(session)) if claims.sub == session.authentication.user_id.as_str() && !suspect => {
            Decision::EndNow { sid: session.id.clone(), redirect: redirect.target() }
        }
        (_, Some(_)) => Decision::Ask {
            fields: repeated(parameters, &redirect),
            client_name: client.map(|client| client.display_name().to_owned()),
        },
        (_, None) if answer == Answer::Yes => Decision::SignedOut { redirect: redirect.target() },
        (Hint::Bad, None) => Decision::Refused { hint: "id_token_hint is not an ID token of ours for this client" },
        (_, None) if suspect => {
            Decision::Refused { hint: "post_logout_redirect_uri is not registered for a client that the request names" }
        }
        (Hint::Good(claims), None) => match claims.sid {
            Some(sid) => Decision::EndNow { sid: SessionId::new(sid), redirect: redirect.target() },
            None => Decision::SignedOut { redirect: redirect.target() },
        },
        (Hint::Absent, None) => Decision::SignedOut { redirect: redirect.target() },
    })
}

/// What the question carries: a URI that will not be followed is left out, so that its page cannot be led astray by it.
fn repeated(parameters: &Parameters, redirect: &Redirect) -> Vec<(&'static str, String)> {
    let kept = |name: &str| name != "post_logout_redirect_uri" || matches!(redirect, Redirect::To(_));
    let names = REPEATED.iter().filter(|name| kept(name));
    names.filter_map(|name| Some((*name, parameters.get(name)?.to_owned()))).collect()
}

/// OIDC RP-Initiated Logout §2, §4: issued by us, also long ago, and for the client that `client_id` names.
fn judged_hint(op: &Op, parameters: &Parameters) -> Hint {
    let Some(hint) = parameters.get("id_token_hint") else { return Hint::Absent };
    match op.keys.verify_id_token_hint(hint, &op.settings.issuer, parameters.get("client_id")) {
        Ok(claims) => Hint::Good(Box::new(claims)),
        Err(_not_ours) => Hint::Bad,
    }
}

/// The client that the request names, by `client_id` or by the audience of a good hint.
async fn named_client(op: &Op, parameters: &Parameters, hint: &Hint) -> Result<Option<Client>, OAuthError> {
    let id = match (parameters.get("client_id"), hint) {
        (Some(id), _) => Some(id),
        (None, Hint::Good(claims)) => claims.aud.names().first().map(String::as_str),
        (None, Hint::Absent | Hint::Bad) => None,
    };
    match id {
        Some(id) => Ok(find(op, id).await?.filter(|client| !client.disabled)),
        None => Ok(None),
    }
}

/// OIDC RP-Initiated Logout §3: "exactly match", compared as strings; never after a bad hint. A native client listens on the
/// port that it got at this start (RFC 8252 §7.3), on the way out as on the way in. What is public alone may be a web page.
fn judged_redirect(parameters: &Parameters, hint: &Hint, client: Option<&Client>) -> Redirect {
    let Some(asked) = parameters.get("post_logout_redirect_uri") else { return Redirect::NotAsked };
    let allowed = client.is_some_and(|Client { metadata, .. }| {
        let native = metadata.application_type == ApplicationType::Native;
        metadata.post_logout_redirect_uris.iter().any(|uri| uri.allows(asked, native))
    });
    if !allowed || matches!(hint, Hint::Bad) {
        return Redirect::Bad;
    }
    Redirect::To(with_state(asked, parameters.get("state")))
}

/// The URI that was asked for byte for byte, with `state` behind it (OIDC RP-Initiated Logout §3).
fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{uri}{separator}state={encoded}")
}

/// The names of the apps that are being told of the end of a session, for the browser that it lived in and nobody else: they
/// say where somebody was signed in. None while it goes on.
///
/// Costs: two reads.
///
/// # Errors
/// Only when something of ours fails.
pub async fn told(op: &Op, sid: &SessionId, browser: &BrowserKey) -> Result<Vec<String>, Internal> {
    let session = sessions::find(op.store.read(), sid).await?;
    if !session.is_some_and(|session| session.ended_at.is_some() && session.browser == *browser) {
        return Ok(Vec::new());
    }
    let told = backchannel_logouts::list_listeners(op.store.read(), sid).await?;
    let mut names: Vec<String> = told.iter().map(|client| client.display_name().to_owned()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

struct Ending {
    sid: SessionId,
    now: Timestamp,
    ended: Entry,
}

/// Ends a session and what does not outlive it (`offline_access` does: OIDC Core §11). Durable when it returns; a session
/// that has ended before, or never was, is left alone. False: there was nothing to end.
///
/// Costs: one write, which is one commit.
///
/// # Errors
/// Only when something of ours fails.
pub async fn perform(op: &Op, sid: &SessionId, origin: &Origin) -> Result<bool, OAuthError> {
    let event = AuditEvent { origin: origin.clone(), ..AuditEvent::new(AuditKind::Logout) };
    let ending = Ending { sid: sid.clone(), now: op.env.now(), ended: Entry::new(&op.env, event)? };
    let ended = op.store.write(ending, |tx, job| Box::pin(job.run(tx))).await?;
    op.signals.session_ended();
    Ok(ended)
}

impl Ending {
    async fn run(&self, tx: &Tx) -> Result<bool, StoreError> {
        let Some(session) = sessions::find(tx, &self.sid).await? else { return Ok(false) };
        if !sessions::end(tx, &self.sid, self.now).await? {
            return Ok(false);
        }
        let person = &session.authentication.user_id;
        self.ended.about(person.as_str(), self.sid.as_str()).write(tx, self.now).await?;
        Ok(true)
    }
}

#[cfg(test)]
#[path = "end_session_tests.rs"]
mod tests;
