//! What the ThumbSignIn widget does in the page of another site (`[[site]]`, ThumbSignIn notes §3): it begins a login, or registers
//! another phone, and asks how far the phone is. It gets a handle, which is useless without the cookie of its browser; the site
//! gets a code, as for any authorization request.

pub(crate) mod text_message;

use std::borrow::Cow;

use super::authorization::request::{RequestError, VerifiedRequest, check};
use super::authorization::response::AuthorizationResponse;
use super::authorization::{self, Browser, Interaction, Next};
use super::login::begin::begin;
use super::login::finish::{Finished, finish};
use super::login::outcome::LoginTarget;
use super::login::{LoginRequest, end, find_own};
use super::prelude::*;
use crate::domain::browser::BrowserKey;
use crate::domain::id::{AuthorizationId, LoginId, is_well_formed};
use crate::domain::login::Purpose;
use crate::domain::settings::EmbeddingSite;
use crate::domain::user::Upstream;
use crate::protocol::client_metadata::ConsentPolicy;

/// With how old an approval somebody registers another phone, at most.
const RECENT: Duration = Duration::from_secs(300);
/// What the address that begins a login may say, as at `/authorize`.
const PASSED_ON: &[&str] = &["scope", "state", "nonce", "code_challenge", "code_challenge_method", "ui_locales"];
/// What a site is told where it does not say what it wants to know.
const USUAL_SCOPE: &str = "openid";
const ASKS_FOR_CONSENT: &str = "the client of this site asks for consent, for which the widget has no page";

/// The browser in which a site's page is open.
pub(crate) struct Visitor {
    pub(crate) site: EmbeddingSite,
    /// Its session is one that began at this site: it signs in nowhere else.
    pub(crate) browser: Browser,
    pub(crate) origin: RequestSource,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    /// What whoever set up the site has to mend.
    #[error("{0}")]
    Misconfigured(Cow<'static, str>),
    /// Nobody signed in here within the last five minutes, or the site may not do that.
    #[error("nobody signed in here a short while ago")]
    Unauthorized,
    /// Of this browser there is none.
    #[error("there is no such transaction")]
    Unknown,
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<StoreError> for SiteError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// What the widget calls a transaction: a login, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    login: LoginId,
    authorization: AuthorizationId,
}

impl Handle {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (login, authorization) = text.split_once('~')?;
        let both = is_well_formed(login) && is_well_formed(authorization);
        both.then(|| Self { login: LoginId::new(login), authorization: AuthorizationId::new(authorization) })
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.login, self.authorization)
    }
}

/// Begins a login of whoever scans: who signed in here before may have left.
pub(crate) async fn authenticate(op: &Op, visitor: &Visitor, sent: &Parameters) -> Result<(Handle, Login), SiteError> {
    let interaction = interaction(op, visitor, sent).await?;
    make_room(op, &visitor.browser.key, |open| matches!(open.purpose, Purpose::Authorization(_)), 1).await?;
    let purpose = Purpose::Authorization(interaction.authorization.id.clone());
    ask(op, visitor, purpose, interaction, None).await
}

/// Begins to register a phone for whoever signed in at this site a short while ago.
pub(crate) async fn register(op: &Op, visitor: &Visitor, sent: &Parameters) -> Result<(Handle, Login), SiteError> {
    let now = op.env.now();
    let signed_in = visitor.browser.session.as_ref().filter(|_| visitor.site.register);
    let recent = signed_in.filter(|(session, _)| now.since(session.authentication.auth_time) <= RECENT);
    let (_, user) = recent.ok_or(SiteError::Unauthorized)?;
    let interaction = interaction(op, visitor, sent).await?;
    let purpose = Purpose::Enrolment(user.id.clone());
    make_room(op, &visitor.browser.key, |open| open.purpose == purpose, 0).await?;
    // Its page did not go on with it: this is about another phone.
    if let Some(done) = logins::find_approved(op.store.read(), &visitor.browser.key, &purpose, now).await? {
        use_up(op, &done).await?;
    }
    ask(op, visitor, purpose, interaction, Some(user.username.clone())).await
}

/// A transaction of this browser; `cancel` withdraws it first, if it is open.
pub(crate) async fn state(op: &Op, visitor: &Visitor, handle: &Handle, cancel: bool) -> Result<Login, SiteError> {
    let login = own(op, visitor, handle).await?;
    if !cancel || !login.stage_at(op.env.now()).is_open() {
        return Ok(login);
    }
    end::withdraw(op, &login, None).await?;
    own(op, visitor, handle).await
}

async fn own(op: &Op, visitor: &Visitor, handle: &Handle) -> Result<Login, SiteError> {
    let login = find_own(op, &handle.login, &visitor.browser.key).await?.ok_or(SiteError::Unknown)?;
    match &login.purpose {
        Purpose::Authorization(id) if *id != handle.authorization => Err(SiteError::Unknown),
        _as_it_was_given => Ok(login),
    }
}

/// Hands the site its answer: a code, once, where the phone has approved, and an error where it has not. With it, the cookie of
/// the session that began.
pub(crate) async fn go_on(
    op: &Op,
    visitor: &Visitor,
    handle: &Handle,
) -> Result<(AuthorizationResponse, Option<Secret>), SiteError> {
    let login = own(op, visitor, handle).await?;
    if login.stage_at(op.env.now()).is_open() {
        return Err(SiteError::Unknown);
    }
    let (approved, cookie) = match &login.purpose {
        Purpose::Enrolment(_) => (use_up(op, &login).await?, None),
        _login => signed_in(op, visitor, login).await?,
    };
    let id = &handle.authorization;
    if approved && let Next::Respond(response) = authorization::advance(op, id, &visitor.browser, &visitor.origin).await? {
        return Ok((response, cookie));
    }
    let interaction = authorization::find_own(op, id, &visitor.browser.key).await?;
    let interaction = interaction.filter(|interaction| !interaction.client.disabled).ok_or(SiteError::Unknown)?;
    let refused = authorization::fail(op, &interaction, ErrorCode::AccessDenied, "the phone did not approve").await?;
    Ok((refused.ok_or(SiteError::Unknown)?, None))
}

/// Whether the approval counts. A reload comes after it was used up: what it led to, and once, the authorization tells.
async fn signed_in(op: &Op, visitor: &Visitor, login: Login) -> Result<(bool, Option<Secret>), SiteError> {
    let present = visitor.browser.session.as_ref().map(|(session, _)| session.id.clone());
    Ok(match finish(op, login, present, visitor.origin.clone()).await? {
        Finished::SignedIn { cookie } => (true, cookie),
        Finished::Before => (true, None),
        Finished::NotApproved | Finished::Refused => (false, None),
    })
}

/// Uses up the approval of a registration. It signs nobody in: the session in which the phone was registered answers the site.
async fn use_up(op: &Op, login: &Login) -> Result<bool, SiteError> {
    let (input, now) = ((login.id.clone(), login.browser.clone()), op.env.now());
    let used = op.store.write(input, move |tx, (id, browser)| Box::pin(logins::consume(tx, id, browser.as_ref(), now)));
    Ok(used.await?)
}

/// The authorization request of a site, as it would come to `/authorize`: checked, and kept until the phone has approved.
async fn interaction(op: &Op, visitor: &Visitor, sent: &Parameters) -> Result<Interaction, SiteError> {
    let told = |why: String| SiteError::Misconfigured(why.into());
    sent.all_sound(PASSED_ON).map_err(|invalid| told(invalid.to_string()))?;
    let VerifiedRequest { client, request } =
        check(op, &parameters(&visitor.site, sent)).await.map_err(|error| match error {
            RequestError::Unverified(refusal) => told(refusal.reason),
            RequestError::Refused(refusal) => told(refusal.description().to_owned()),
            RequestError::Internal(internal) => internal.into(),
        })?;
    if client.metadata.consent != ConsentPolicy::None {
        return Err(SiteError::Misconfigured(ASKS_FOR_CONSENT.into()));
    }
    // The widget always asks a phone.
    let asking = Browser { session: None, ..visitor.browser.clone() };
    match authorization::begin(op, VerifiedRequest { client, request }, &asking, &visitor.origin).await? {
        Next::Login(interaction) => Ok(*interaction),
        _ended => Err(SiteError::Misconfigured("the request leads to no login".into())),
    }
}

fn parameters(site: &EmbeddingSite, sent: &Parameters) -> Parameters {
    let scope = Some(("scope", USUAL_SCOPE)).filter(|_usual| !sent.has("scope"));
    let own = [("client_id", site.client_id.as_str()), ("redirect_uri", site.redirect_uri.as_str()), ("response_type", "code")];
    let passed_on = PASSED_ON.iter().filter_map(|name| Some((*name, sent.get(name)?)));
    let all = own.into_iter().chain(scope).chain(passed_on);
    Parameters::collect(all.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// A page that was loaded again has left its transaction behind: of the open ones of its kind the latest few stay, for other tabs.
async fn make_room(op: &Op, browser: &BrowserKey, is_alike: impl Fn(&Login) -> bool, stay: usize) -> Result<(), SiteError> {
    let open = logins::list_open_for_browser(op.store.read(), browser, op.env.now()).await?;
    for left_behind in open.iter().filter(|open| is_alike(open)).skip(stay) {
        end::withdraw(op, left_behind, Some(Reason::Replaced)).await?;
    }
    Ok(())
}

async fn ask(
    op: &Op,
    visitor: &Visitor,
    purpose: Purpose,
    interaction: Interaction,
    identifier: Option<String>,
) -> Result<(Handle, Login), SiteError> {
    let authorization = interaction.authorization.id.clone();
    let target = LoginTarget::from(interaction);
    let request = LoginRequest {
        purpose,
        browser: Some(visitor.browser.key.clone()),
        origin: visitor.origin.clone(),
        upstream: Upstream::ThumbSignIn,
        identifier,
        client: target.client().cloned(),
        app_name: target.app(op).name,
        remember: false,
        wanted: target.wanted(),
        until: target.until(op),
    };
    let id = begin(op, request).await?;
    let login = find_own(op, &id, &visitor.browser.key).await?.ok_or(SiteError::Unknown)?;
    Ok((Handle { login: id, authorization }, login))
}

#[cfg(test)]
mod tests;
