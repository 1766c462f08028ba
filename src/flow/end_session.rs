//! RP-initiated logout (OIDC RP-Initiated Logout 1.0 §2, §3; decision 2.16).
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
//! A `post_logout_redirect_uri` is followed where it is registered ([`registered_uri`]) for the client that a good hint or
//! `client_id` names. One that cannot be followed makes the request suspect: nothing is ended unasked.

use serde::{Deserialize, Serialize};

use super::client_request::{find_presented, registered_uri};
use super::prelude::*;
use crate::domain::browser::BrowserKey;
use crate::domain::id::SessionId;
use crate::protocol::parameters::InvalidParameter;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::{backchannel_logouts, sessions};

/// The parameters that are read here (OIDC RP-Initiated Logout §2); others are ignored.
const READ: &[&str] = &["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A logout request, its hint judged: one of many kilobytes need not be carried on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LogoutRequest {
    hint: Hint,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
}

impl LogoutRequest {
    pub(crate) fn read(op: &Op, parameters: &Parameters) -> Result<Self, InvalidParameter> {
        parameters.all_sound(READ)?;
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        Ok(Self {
            hint: judged_hint(op, parameters),
            client_id: text("client_id"),
            redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// End this session ([`perform`]), then go on to `redirect`, `state` included; else to the page that says so.
    EndNow { sid: SessionId, redirect: Option<String> },
    /// Ask the person (OIDC RP-Initiated Logout §2). Their yes comes back with the same request.
    Ask {
        /// Where a yes leads to, by the client that registered it.
        target: Option<Target>,
        client_name: Option<String>,
    },
    /// As [`Self::EndNow`], without a session to end.
    SignedOut { redirect: Option<String> },
    /// The request is wrong and there is nobody to ask. The reason is for the log.
    Refused { hint: &'static str },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) redirect_uri: RedirectUri,
    /// Whether the client sends browsers on to places that we cannot know (decision 2.15).
    pub(crate) forwards: bool,
    state: Option<String>,
}

/// Whether the person has said yes to [`Decision::Ask`]; the caller has checked that the form is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    NotAsked,
    Yes,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
enum Hint {
    #[default]
    Absent,
    Bad,
    Good {
        sub: String,
        sid: Option<String>,
        client_id: Option<String>,
    },
}

/// Decides about a logout request of a browser whose live session is `current`. Changes nothing. At most one read.
pub(crate) async fn decide(
    op: &Op,
    request: &LogoutRequest,
    current: Option<&BrowserSession>,
    answer: Answer,
) -> Result<Decision, OAuthError> {
    let client = named_client(op, request).await?;
    let target = judged_target(request, client.as_ref());
    let suspect = request.redirect_uri.is_some() && target.is_none();
    let redirect = target.as_ref().map(|target| with_state(target.redirect_uri.as_str(), target.state.as_deref()));
    if let (Answer::Yes, Some(session)) = (answer, current) {
        // The person wants out, whoever asked first; where to depends on the request all the same.
        return Ok(Decision::EndNow { sid: session.id.clone(), redirect });
    }
    Ok(match (&request.hint, current) {
        (Hint::Good { sub, .. }, Some(session)) if sub == session.authentication.user_id.as_str() && !suspect => {
            Decision::EndNow { sid: session.id.clone(), redirect }
        }
        (_, Some(_)) => Decision::Ask { client_name: client.map(|client| client.display_name().to_owned()), target },
        (_, None) if answer == Answer::Yes => Decision::SignedOut { redirect },
        (Hint::Bad, None) => Decision::Refused { hint: "id_token_hint is not an ID token of ours for this client" },
        (_, None) if suspect => {
            Decision::Refused { hint: "post_logout_redirect_uri is not registered for a client that the request names" }
        }
        (Hint::Good { sid: Some(sid), .. }, None) => Decision::EndNow { sid: SessionId::new(sid.as_str()), redirect },
        (Hint::Good { sid: None, .. } | Hint::Absent, None) => Decision::SignedOut { redirect },
    })
}

/// OIDC RP-Initiated Logout §2, §4: issued by us, also long ago, and for the client that `client_id` names.
fn judged_hint(op: &Op, parameters: &Parameters) -> Hint {
    let Some(hint) = parameters.get("id_token_hint") else { return Hint::Absent };
    match op.keys.verify_hint(hint, &op.settings.issuer, parameters.get("client_id")) {
        Ok(claims) => Hint::Good { sub: claims.sub, sid: claims.sid, client_id: Some(claims.aud) },
        Err(_not_ours) => Hint::Bad,
    }
}

/// By `client_id` or by the audience of a good hint.
async fn named_client(op: &Op, request: &LogoutRequest) -> Result<Option<Client>, OAuthError> {
    let id = match (&request.client_id, &request.hint) {
        (Some(id), _) | (None, Hint::Good { client_id: Some(id), .. }) => id,
        (None, _) => return Ok(None),
    };
    Ok(find_presented(op, id).await?.filter(|client| !client.disabled))
}

/// OIDC RP-Initiated Logout §3: "exactly match", compared as strings; never after a bad hint.
fn judged_target(request: &LogoutRequest, client: Option<&Client>) -> Option<Target> {
    let client = client.filter(|_| !matches!(request.hint, Hint::Bad))?;
    let asked = request.redirect_uri.as_ref()?;
    let redirect_uri = registered_uri(client, &client.metadata.post_logout_redirect_uris, asked)?;
    Some(Target { redirect_uri, forwards: client.metadata.forwards, state: request.state.clone() })
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
/// say where somebody was signed in. None while it goes on. Two reads.
pub(crate) async fn told(op: &Op, sid: &SessionId, browser: &BrowserKey) -> Result<Vec<String>, Internal> {
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

/// Ends a session and what does not outlive it (`offline_access` does: OIDC Core §11). Durable when it returns; a session
/// that has ended before, or never was, is left alone. False: there was nothing to end. One commit.
pub(crate) async fn perform(op: &Op, sid: &SessionId, origin: &RequestSource) -> Result<bool, OAuthError> {
    let event = AuditEvent { origin: origin.clone(), ..AuditEvent::new(AuditKind::Logout) };
    let (now, input) = (op.env.now(), (sid.clone(), PendingEvent::new(&op.store, event)?));
    let ended = op.store.write(input, move |tx, (sid, event)| {
        Box::pin(async move {
            let Some(session) = sessions::find(tx, sid).await? else { return Ok(false) };
            if !sessions::end(tx, sid, now).await? {
                return Ok(false);
            }
            event.about(session.authentication.user_id.as_str(), sid.as_str()).write(tx, now).await?;
            Ok(true)
        })
    });
    let ended = ended.await?;
    op.signals.logouts.notify_one();
    Ok(ended)
}

#[cfg(test)]
mod tests;
