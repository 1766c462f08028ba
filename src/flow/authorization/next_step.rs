//! What comes next for an authorization: a pure function of stored state (the dispatcher of design 1). With `prompt=none` the
//! first thing that would need a page becomes its error (OIDC Core §3.1.2.6).

use super::Interaction;
use super::offer::weakest;
use crate::domain::assurance::Acr;
use crate::domain::authorization::{AuthorizationRequest, AuthorizationStage};
use crate::domain::grant::Consent;
use crate::domain::user::canonical_identifier;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::ConsentPolicy;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Login,
    /// Whoever signed in is asked about requests that they declined (check 136).
    Declined(Box<Authentication>),
    Consent(Box<Authentication>),
    Issue(Box<Authentication>),
    /// Whoever signed in may not use this client.
    Deny(Box<Authentication>),
    Fail(ErrorCode, &'static str),
    Over,
}

/// What is known of whoever signed in for this request; else of the session's person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// What they had allowed the client before.
    pub consent: Option<&'a Consent>,
    /// Whether there is something that they declined and are to be asked about in this browser.
    pub declined: bool,
    /// Whether they may sign in to it ([`Client::admits`]).
    pub admitted: bool,
}

/// `session` is a live one.
pub(crate) fn next_step(
    interaction: &Interaction,
    session: Option<&(BrowserSession, User)>,
    known: Known<'_>,
    now: Timestamp,
) -> Step {
    let request = &interaction.authorization.request;
    let (authentication, consented) = match &interaction.authorization.stage {
        AuthorizationStage::Issued => return Step::Over,
        // An error holds no secret: a page that is opened again sends it again.
        AuthorizationStage::Failed(code) => return Step::Fail(*code, "the request was ended"),
        AuthorizationStage::Authenticated { authentication, consented } => (Some(authentication), *consented),
        AuthorizationStage::Open => (reusable_session(interaction, session, now), false),
    };
    let Some(authentication) = authentication else {
        return if request.prompt.none {
            Step::Fail(ErrorCode::LoginRequired, "nobody is signed in who may answer this request")
        } else {
            Step::Login
        };
    };
    // OIDC Core §3.1.2.2: the end-user must be the one whom the hint names.
    if request.expected_user.as_ref().is_some_and(|expected| *expected != authentication.user_id) {
        return Step::Fail(ErrorCode::LoginRequired, "another person signed in than id_token_hint names");
    }
    if !known.admitted {
        return Step::Deny(Box::new(authentication.clone()));
    }
    // What the operator demands of every login for this client is not voluntary (decision 2.1).
    if !meets(authentication.acr, &interaction.client.metadata.default_acr_values) {
        return Step::Fail(ErrorCode::UnmetAuthenticationRequirements, "the login was weaker than this client demands");
    }
    // It keeps no app from its answer where no page may be shown.
    if known.declined && !request.prompt.none {
        return Step::Declined(Box::new(authentication.clone()));
    }
    if !consented && must_ask(interaction, known.consent) {
        return if request.prompt.none {
            Step::Fail(ErrorCode::ConsentRequired, "the person has not allowed these scopes")
        } else {
            Step::Consent(Box::new(authentication.clone()))
        };
    }
    Step::Issue(Box::new(authentication.clone()))
}

/// The session's login, if it may answer this request without a new approval (OIDC Core §3.1.2.3).
fn reusable_session<'a>(
    interaction: &Interaction,
    session: Option<&'a (BrowserSession, User)>,
    now: Timestamp,
) -> Option<&'a Authentication> {
    let (session, user) = session?;
    let request = &interaction.authorization.request;
    let authentication = &session.authentication;
    let fresh_enough = request.max_age.is_none_or(|max_age| {
        // `max_age=0` always asks for a new approval (OIDC Core §3.1.2.1).
        max_age > 0 && now.since(authentication.auth_time).as_secs() <= max_age
    });
    let right_person = request.expected_user.as_ref().is_none_or(|expected| *expected == authentication.user_id);
    let reusable = !request.prompt.wants_fresh_login()
        && fresh_enough
        && right_person
        && hint_fits(request, user)
        && meets(authentication.acr, &request.acr_values)
        && meets(authentication.acr, &interaction.client.metadata.default_acr_values);
    reusable.then_some(authentication)
}

/// A `login_hint` for somebody else never signs the session's person in silently (check 12); one that cannot be a name says nothing.
fn hint_fits(request: &AuthorizationRequest, user: &User) -> bool {
    let Some(hint) = request.login_hint.as_deref().and_then(canonical_identifier) else { return true };
    hint == user.username || user.email.as_ref() == Some(&hint)
}

fn meets(reached: Acr, wanted: &[String]) -> bool {
    weakest(wanted).is_none_or(|weakest| reached >= weakest)
}

/// OIDC Core §3.1.2.4: ask where the client's policy says so and something new is asked for, or the request wants it.
/// `offline_access` alone does not make us ask: a client of the operator's own gets it without (decision 2.9).
fn must_ask(interaction: &Interaction, consent: Option<&Consent>) -> bool {
    let request = &interaction.authorization.request;
    let is_new = || consent.is_none_or(|consent| !request.scope.is_subset_of(&consent.scope));
    request.prompt.consent || interaction.client.metadata.consent == ConsentPolicy::Ask && is_new()
}

#[cfg(test)]
mod tests;
