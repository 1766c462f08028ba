//! The ordered checks of an authorization request: first what decides whether its relying party may be answered at all (RFC 6749
//! §4.1.2.1), then [`Checks::request`], everything else. Nothing is told to anybody here.

use std::borrow::Cow;

use super::response::{AuthorizationResponse, ResponseTarget, error};
use crate::domain::assurance::Acr;
use crate::domain::authorization::AuthorizationRequest;
use crate::domain::id::{ClientId, UserId};
use crate::domain::refusal::Refusal;
use crate::flow::client_request::{find_presented, registered_uri};
use crate::flow::prelude::*;
use crate::protocol::authorization::{CodeChallenge, Prompt, ResponseMode};
use crate::protocol::client_metadata::GrantType;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::jws;
use crate::protocol::nearest::{nearest, shown, shown_uri};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope;

/// The parameters that are read here. Others are ignored, whatever is wrong with them (RFC 6749 §3.1).
const READ: &[&str] = &[
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "ui_locales",
];

/// The most bytes, as JSON, of a request's own words: what anybody may have us keep while the person signs in (B35).
const MOST_WORDS: usize = 1024;
/// The longest language tag that is kept (RFC 5646 §4.4.1).
const LONGEST_TAG: usize = 35;

#[derive(Debug)]
pub(crate) struct VerifiedRequest {
    pub client: Client,
    pub request: AuthorizationRequest,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Client or redirect URI are not known: nobody may be redirected (RFC 6749 §4.1.2.1).
    #[error("{}", .0.reason)]
    Unverified(Box<Refusal>),
    #[error("the authorization request was refused")]
    Refused(Box<AuthorizationResponse>),
    #[error(transparent)]
    Internal(#[from] Internal),
}

pub(crate) const CLIENT_UNKNOWN: &str = "the client_id is not registered here";

const REDIRECT_URI: &str = "redirect_uri";

/// Of a client that nobody registered, or that is switched off.
fn unknown(presented: &str, reason: impl Into<String>) -> RequestError {
    let (client, error) = (ClientId::new(shown(presented)), ErrorCode::InvalidRequest);
    RequestError::Unverified(Box::new(Refusal::new(&client, Endpoint::Authorization, error, "client_id", reason)))
}

/// Of a client that is known, and whose redirect URI is not.
fn unverified(op: &Op, refusal: Refusal) -> RequestError {
    op.refusals.note(&refusal, op.env.now());
    RequestError::Unverified(Box::new(refusal))
}

fn about_redirect_uri(client: &Client, reason: impl Into<String>) -> Refusal {
    Refusal::new(&client.id, Endpoint::Authorization, ErrorCode::InvalidRequest, REDIRECT_URI, reason)
}

pub(crate) async fn check(op: &Op, parameters: &Parameters) -> Result<VerifiedRequest, RequestError> {
    // Where one of these came twice or is too long, nobody knows whose request it is.
    parameters.sound("client_id").map_err(|invalid| unknown("", invalid.to_string()))?;
    let client = known_client(op, parameters.get("client_id")).await?;
    let sound = parameters.sound(REDIRECT_URI);
    sound.map_err(|invalid| unverified(op, about_redirect_uri(&client, invalid.to_string())))?;
    let redirect_uri = registered_redirect_uri(op, &client, parameters.get(REDIRECT_URI))?;
    let target = ResponseTarget::new(&client, redirect_uri, error_mode(parameters), parameters.get("state"));
    let mut checks = Checks { op, client: &client, parameters, target };
    match checks.request() {
        Ok(request) => {
            op.repeats.notice(&request);
            Ok(VerifiedRequest { client, request })
        }
        Err(rejection) => {
            let refusal = rejection.of(&client, parameters);
            op.refusals.note(&refusal, op.env.now());
            let response = error(op, checks.target, rejection.code, &rejection.description);
            Err(RequestError::Refused(Box::new(response.because(refusal))))
        }
    }
}

/// Admits a request that [`check`] passed a while ago: its client may still ask, and may still be answered there.
pub(crate) async fn admit(op: &Op, request: AuthorizationRequest) -> Result<VerifiedRequest, RequestError> {
    let client = known_client(op, Some(request.client_id.as_str())).await?;
    registered_redirect_uri(op, &client, Some(request.redirect_uri.as_str()))?;
    Ok(VerifiedRequest { client, request })
}

/// RFC 6749 §4.1.2.1: an invalid client identifier must not redirect.
async fn known_client(op: &Op, id: Option<&str>) -> Result<Client, RequestError> {
    let id = id.ok_or_else(|| unknown("", "the request names no client_id"))?;
    let found = find_presented(op, id).await.map_err(Internal::from)?;
    found.filter(|client| !client.disabled).ok_or_else(|| unknown(id, CLIENT_UNKNOWN))
}

/// OIDC Core §3.1.2.1: REQUIRED.
fn registered_redirect_uri(op: &Op, client: &Client, requested: Option<&str>) -> Result<RedirectUri, RequestError> {
    let missing = || unverified(op, about_redirect_uri(client, "the request names no redirect_uri"));
    let requested = requested.ok_or_else(missing)?;
    let registered = &client.metadata.redirect_uris;
    registered_uri(client, registered, requested).ok_or_else(|| {
        let refusal = about_redirect_uri(client, "the redirect_uri is not registered for this client");
        let nearest = nearest(registered, requested).map(|uri| shown_uri(uri.as_str()));
        unverified(op, Refusal { got: Some(shown_uri(requested)), registered: nearest, ..refusal })
    })
}

/// For an error about the mode itself (OAuth 2.0 Multiple Response Type Encoding Practices §5).
fn error_mode(parameters: &Parameters) -> ResponseMode {
    let front_channel = |kind: &str| matches!(kind, "token" | "id_token");
    let named = parameters.get("response_mode").and_then(ResponseMode::parse);
    named.unwrap_or_else(|| match parameters.get("response_type") {
        Some(kinds) if kinds.split(' ').any(front_channel) => ResponseMode::Fragment,
        _code_or_nothing => ResponseMode::Query,
    })
}

/// The parameters of which it may be shown what came: none has a secret for its value.
const SHOWN: &[&str] = &["response_type", "response_mode", "scope", "prompt", "max_age", "code_challenge_method"];

struct Rejection {
    code: ErrorCode,
    field: &'static str,
    description: Cow<'static, str>,
}

impl Rejection {
    fn of(&self, client: &Client, parameters: &Parameters) -> Refusal {
        let Self { code, field, description } = self;
        Refusal {
            got: parameters.get(field).filter(|_| SHOWN.contains(field)).map(shown),
            registered: (*field == "scope").then(|| shown(&client.metadata.scope.to_string())),
            ..Refusal::new(&client.id, Endpoint::Authorization, *code, field, &**description)
        }
    }
}

const fn rejected(code: ErrorCode, field: &'static str, description: &'static str) -> Rejection {
    Rejection { code, field, description: Cow::Borrowed(description) }
}

const fn invalid(field: &'static str, description: &'static str) -> Rejection {
    rejected(ErrorCode::InvalidRequest, field, description)
}

struct Checks<'a> {
    op: &'a Op,
    client: &'a Client,
    parameters: &'a Parameters,
    /// Where an error goes by what was read so far.
    target: ResponseTarget,
}

impl Checks<'_> {
    fn request(&mut self) -> Result<AuthorizationRequest, Rejection> {
        self.no_request_object()?;
        self.everything_once()?;
        let response_mode = self.response_mode()?;
        self.response_type_is_code()?;
        self.target.mode = response_mode;
        // RFC 6749 §4.1.2.1 `unauthorized_client`.
        if !self.client.metadata.grant_types.contains(&GrantType::AuthorizationCode) {
            let description = "the client is not registered for authorization_code";
            return Err(rejected(ErrorCode::UnauthorizedClient, "grant_types", description));
        }
        let prompt = Prompt::parse(self.parameters.get("prompt").unwrap_or_default());
        let max_age = self.parameters.get("max_age").map(str::parse).transpose();
        let text = |name: &str| self.parameters.get(name).map(str::to_owned);
        let request = AuthorizationRequest {
            client_id: self.client.id.clone(),
            redirect_uri: self.target.redirect_uri.clone(),
            response_mode,
            scope: self.scope()?,
            state: text("state"),
            nonce: text("nonce"),
            code_challenge: self.code_challenge()?,
            // OIDC Core §3.1.2.1: `none` with another value is an error.
            prompt: prompt.ok_or_else(|| invalid("prompt", "prompt=none cannot be combined"))?,
            max_age: max_age.map_err(|_not_a_number| invalid("max_age", "max_age is not a number of seconds"))?,
            login_hint: text("login_hint"),
            expected_user: self.id_token_hint()?,
            acr_values: self.acr_values(),
            ui_locales: self.parameters.get("ui_locales").map(languages).unwrap_or_default(),
        };
        few_words(&request)?;
        Ok(request)
    }

    /// OAuth 2.0 Multiple Response Type Encoding Practices §2.1; a mode that we do not have is an error.
    fn response_mode(&self) -> Result<ResponseMode, Rejection> {
        let Some(text) = self.parameters.get("response_mode") else { return Ok(ResponseMode::Query) };
        ResponseMode::parse(text).ok_or(invalid("response_mode", "response_mode is not supported"))
    }

    /// RFC 6749 §3.1: a parameter must not be included more than once.
    fn everything_once(&self) -> Result<(), Rejection> {
        READ.iter().copied().try_for_each(|field| {
            let told = |description: Cow<'static, str>| Rejection { code: ErrorCode::InvalidRequest, field, description };
            self.parameters.sound(field).map_err(|invalid| told(invalid.to_string().into()))
        })
    }

    /// OIDC Core §6.1, §6.2, §7.2.1: what is not supported must be refused, never ignored. Where the query does not say how the
    /// refusal travels and what `state` it carries, the refused object may: nothing else of it is looked at, and nothing verified.
    fn no_request_object(&mut self) -> Result<(), Rejection> {
        for (name, code) in [
            ("request", ErrorCode::RequestNotSupported),
            ("request_uri", ErrorCode::RequestUriNotSupported),
            ("registration", ErrorCode::RegistrationNotSupported),
        ] {
            if self.parameters.has(name) {
                self.target = self.target_of_refused_object();
                return Err(rejected(code, name, "request objects are not supported"));
            }
        }
        Ok(())
    }

    fn target_of_refused_object(&self) -> ResponseTarget {
        let claims = self.parameters.get("request").and_then(jws::unchecked_claims).unwrap_or_default();
        let claim = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).filter(|_| !self.parameters.has(name));
        let mode = claim("response_mode").and_then(ResponseMode::parse);
        let state = claim("state").filter(|state| state.len() <= MOST_WORDS);
        let mut target = self.target.clone();
        target.mode = mode.unwrap_or(target.mode);
        target.state = target.state.or_else(|| state.map(str::to_owned));
        target
    }

    /// RFC 6749 §3.1.1; only `code` exists here (decision 2.11, RFC 9700 §2.1.2).
    fn response_type_is_code(&self) -> Result<(), Rejection> {
        match self.parameters.get("response_type") {
            Some("code") => Ok(()),
            Some(_other) => Err(rejected(ErrorCode::UnsupportedResponseType, "response_type", "response_type must be code")),
            None => Err(invalid("response_type", "response_type is missing")),
        }
    }

    /// RFC 6749 §3.3: unknown and unallowed scopes are dropped, and the granted `scope` is returned (decision 2.9).
    fn scope(&self) -> Result<Scope, Rejection> {
        let asked = Scope::parse(self.parameters.get("scope").unwrap_or_default());
        let asked = asked.map_err(|_malformed| rejected(ErrorCode::InvalidScope, "scope", "scope is malformed"))?;
        let allowed = &self.client.metadata.scope;
        let granted = asked.filtered(|token| scope::KNOWN.contains(&token) && allowed.contains(token));
        if granted.is_empty() {
            return Err(rejected(ErrorCode::InvalidScope, "scope", "scope names nothing that this client may have"));
        }
        Ok(granted)
    }

    /// RFC 7636 §4.4.1, RFC 9700 §2.1.1: demanded where the client demands it; enforced wherever it was sent.
    fn code_challenge(&self) -> Result<Option<CodeChallenge>, Rejection> {
        let method = self.parameters.get("code_challenge_method");
        let parsed = CodeChallenge::parse(self.parameters.get("code_challenge"), method);
        let field = if method == Some("S256") { "code_challenge" } else { "code_challenge_method" };
        match parsed.map_err(|_invalid| invalid(field, "code_challenge must be an S256 challenge"))? {
            None if self.client.metadata.demands_pkce() => Err(invalid("code_challenge", "code_challenge is required")),
            challenge => Ok(challenge),
        }
    }

    /// OIDC Core §3.1.2.1: a token of ours; the client need not be its audience, and it may have expired.
    fn id_token_hint(&self) -> Result<Option<UserId>, Rejection> {
        let Some(hint) = self.parameters.get("id_token_hint") else { return Ok(None) };
        let verified = self.op.keys.verify_hint(hint, &self.op.settings.issuer, None);
        let refused = |_| invalid("id_token_hint", "id_token_hint is not an ID token of this issuer");
        Ok(Some(UserId::new(verified.map_err(refused)?.sub)))
    }

    /// OIDC Core §3.1.2.1, Registration §2 `default_acr_values`; values that are not ours cannot be met and are dropped.
    fn acr_values(&self) -> Vec<String> {
        let asked = self.parameters.get("acr_values").map(words);
        let asked = asked.unwrap_or_else(|| self.client.metadata.default_acr_values.clone());
        let mut known = Vec::new();
        for value in asked {
            if Acr::parse(&value).is_some() && !known.contains(&value) {
                known.push(value);
            }
        }
        known
    }
}

fn few_words(request: &AuthorizationRequest) -> Result<(), Rejection> {
    let words = (&request.state, &request.nonce, &request.login_hint, &request.ui_locales);
    match serde_json::to_string(&words) {
        Ok(json) if json.len() <= MOST_WORDS => Ok(()),
        _too_long => Err(invalid("state", "state, nonce, login_hint and ui_locales are longer than 1 KiB together")),
    }
}

fn languages(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|tag| tag.len() <= LONGEST_TAG).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).take(20).map(str::to_owned).collect()
}
