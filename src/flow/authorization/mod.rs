//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2) as a state machine over a stored row:
//!
//! ```text
//! request ──► Open ──login──► Authenticated ──consent──► Issued
//!               │                  │
//!               └──────────────────┴────────► Failed
//! ```
//!
//! [`request`] checks what came, [`next_step`] decides from stored state alone, [`response`] ends it. Steps never call one
//! another: a login or a consent writes what happened, and the browser returns to [`advance`].

pub mod consent;
pub mod next_step;
pub mod request;
pub mod response;

use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession};
use crate::domain::client::Client;
use crate::domain::grant::Consent;
use crate::domain::id::AuthorizationId;
use crate::domain::user::User;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::protocol::error::ErrorCode;
use next_step::{Situation, Step};
use request::{CheckedRequest, Refusal};
use response::AuthorizationResponse;

/// The browser as the request found it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Its cookie's digest.
    pub key: BrowserKey,
    /// Its live session and the person in it, if it is signed in.
    pub session: Option<(BrowserSession, User)>,
}

/// What the browser is shown next.
#[derive(Debug)]
pub enum Next {
    /// Somebody must sign in for this authorization.
    Login(Box<Interaction>),
    /// The person must allow the scopes.
    Consent(Box<Interaction>, Box<Authentication>),
    /// The answer to the relying party.
    Respond(AuthorizationResponse),
    /// The authorization has ended before: there is nothing to do, and nothing is issued twice.
    Over(Option<Box<Client>>),
    /// No authorization of this browser.
    Unknown,
}

/// An authorization that waits for the person, with the client it is for.
#[derive(Debug)]
pub struct Interaction {
    /// The authorization.
    pub authorization: Authorization,
    /// The client that asked.
    pub client: Client,
}

/// Takes a request: checks it and goes as far as possible without a page. A request that single sign-on answers at once
/// costs one commit; one that ends in an error, none.
///
/// # Errors
/// [`Refusal`]: a page before client and redirect URI are known, a redirect after (RFC 6749 §4.1.2.1).
pub async fn begin(op: &Op, parameters: &crate::protocol::parameters::Parameters, browser: &Browser) -> Result<Next, Refusal> {
    let CheckedRequest { client, request } = request::check(op, parameters).await?;
    let now = op.env.now();
    let authorization = Authorization {
        id: AuthorizationId::generate(&op.env).map_err(Internal::from)?,
        browser: browser.key.clone(),
        request,
        stage: AuthorizationStage::Open,
        created_at: now,
        expires_at: now.plus(op.settings.lifetimes.authorization),
    };
    let consent = stored_consent(op, &authorization, browser).await?;
    let step = next_step::next_step(&Situation {
        authorization: &authorization,
        client: &client,
        session: browser.session.as_ref(),
        consent: consent.as_ref(),
        now,
    });
    Ok(match step {
        Step::Fail(code, description) => Next::Respond(response::error(op, &authorization.request, code, description)),
        Step::Issue(authentication) => Next::Respond(response::issue_at_once(op, authorization, *authentication).await?),
        Step::Login => {
            store(op, &authorization).await?;
            Next::Login(Box::new(Interaction { authorization, client }))
        }
        Step::Consent(authentication) => {
            store(op, &authorization).await?;
            Next::Consent(Box::new(Interaction { authorization, client }), authentication)
        }
        Step::Over => Next::Over(Some(Box::new(client))),
    })
}

/// Goes on with a stored authorization of this browser, wherever it stands: the place to which every step returns.
///
/// # Errors
/// When something of ours fails.
pub async fn advance(op: &Op, id: &AuthorizationId, browser: &Browser) -> Result<Next, Internal> {
    let Some(authorization) = crate::store::authorizations::find(op.store.read(), id).await? else {
        return Ok(Next::Unknown);
    };
    // The cookie decides, not the URL: another browser's authorization does not exist (decision 2.2).
    if authorization.browser != browser.key {
        return Ok(Next::Unknown);
    }
    let now = op.env.now();
    let Some(client) = crate::store::clients::find(op.store.read(), &authorization.request.client_id).await? else {
        return Ok(Next::Over(None));
    };
    if client.disabled || now >= authorization.expires_at {
        return Ok(Next::Over(Some(Box::new(client))));
    }
    let consent = stored_consent(op, &authorization, browser).await?;
    let step = next_step::next_step(&Situation {
        authorization: &authorization,
        client: &client,
        session: browser.session.as_ref(),
        consent: consent.as_ref(),
        now,
    });
    Ok(match step {
        Step::Login => Next::Login(Box::new(Interaction { authorization, client })),
        Step::Consent(authentication) => Next::Consent(Box::new(Interaction { authorization, client }), authentication),
        Step::Issue(authentication) => match response::issue(op, authorization, *authentication).await? {
            Some(response) => Next::Respond(response),
            None => Next::Over(Some(Box::new(client))),
        },
        Step::Fail(code, description) => {
            fail(op, &authorization, code, description).await?.map_or_else(|| Next::Over(Some(Box::new(client))), Next::Respond)
        }
        Step::Over => Next::Over(Some(Box::new(client))),
    })
}

/// Ends an authorization with an error for the relying party; `None` when a code had been issued for it before.
///
/// # Errors
/// When something of ours fails.
pub async fn fail(
    op: &Op,
    authorization: &Authorization,
    code: ErrorCode,
    description: &'static str,
) -> Result<Option<AuthorizationResponse>, Internal> {
    let error = response::error(op, &authorization.request, code, description);
    if matches!(authorization.stage, AuthorizationStage::Failed(_)) {
        return Ok(Some(error));
    }
    let id = authorization.id.clone();
    let ended = op
        .store
        .write((id, code), |tx, (id, code)| Box::pin(async move { crate::store::authorizations::fail(tx, id, *code).await }))
        .await?;
    Ok(ended.then_some(error))
}

/// What the person who would be signed in had allowed this client before.
async fn stored_consent(op: &Op, authorization: &Authorization, browser: &Browser) -> Result<Option<Consent>, Internal> {
    let user_id = match &authorization.stage {
        AuthorizationStage::Authenticated { authentication, .. } => &authentication.user_id,
        _other => match &browser.session {
            Some((session, _)) => &session.authentication.user_id,
            None => return Ok(None),
        },
    };
    Ok(crate::store::consents::find(op.store.read(), user_id, &authorization.request.client_id).await?)
}

async fn store(op: &Op, authorization: &Authorization) -> Result<(), Internal> {
    Ok(op
        .store
        .write(authorization.clone(), |tx, authorization| {
            Box::pin(async move { crate::store::authorizations::insert(tx, authorization).await })
        })
        .await?)
}

/// The authorization of this browser, if it still waits for the person: for a form of its pages.
///
/// # Errors
/// When something of ours fails.
pub async fn find_waiting(op: &Op, id: &AuthorizationId, browser: &Browser) -> Result<Option<Interaction>, Internal> {
    let Some(authorization) = crate::store::authorizations::find(op.store.read(), id).await? else { return Ok(None) };
    let waits = matches!(authorization.stage, AuthorizationStage::Open | AuthorizationStage::Authenticated { .. });
    if authorization.browser != browser.key || !waits || op.env.now() >= authorization.expires_at {
        return Ok(None);
    }
    let client = crate::store::clients::find(op.store.read(), &authorization.request.client_id).await?;
    Ok(client.filter(|client| !client.disabled).map(|client| Interaction { authorization, client }))
}

/// The authorization of this browser, however far it got, with its client: for the page of its login.
///
/// # Errors
/// When something of ours fails.
pub async fn find_own(op: &Op, id: &AuthorizationId, browser: &Browser) -> Result<Option<Interaction>, Internal> {
    let Some(authorization) = crate::store::authorizations::find(op.store.read(), id).await? else { return Ok(None) };
    if authorization.browser != browser.key {
        return Ok(None);
    }
    let client = crate::store::clients::find(op.store.read(), &authorization.request.client_id).await?;
    Ok(client.map(|client| Interaction { authorization, client }))
}
