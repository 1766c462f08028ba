//! The protocol of the example app: to the authorization endpoint, back with a code, tokens, userinfo, refresh, sign-out.
//! Every check of an answer cites what demands it. No web framework here.

use openidconnect::core::{CoreAuthenticationFlow, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreTokenResponse};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, ClaimsVerificationError, CsrfToken, LogoutRequest,
    Nonce, NonceVerifier, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, RefreshToken,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, SubjectIdentifier, TokenResponse as _,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::provider::{Discovery, Provider};
use super::{DEFAULT_SCOPE, Settings, SignInError};
use crate::demo::http::{HttpClient, HttpError};
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;

/// Authorization parameters that `/login` does not pass on: they are the app's to choose.
const OWN_PARAMETERS: [&str; 8] = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// How much clocks may differ where `max_age` is checked, in seconds.
const LEEWAY: i64 = 60;

/// A sign-in under way: what was sent, to compare the answer with. Used once.
pub struct Attempt {
    /// Ties the answer to this browser (RFC 6749 §10.12).
    pub state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    max_age: Option<i64>,
}

/// An authorization answer (OIDC Core §3.1.2.5, §3.1.2.6).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// The code.
    pub code: Option<String>,
    /// The state as sent.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// The error, instead of a code.
    pub error: Option<String>,
    /// Its description.
    pub error_description: Option<String>,
}

/// Somebody who signed in. Lives on the server only.
pub struct Account {
    /// The verified claims of the ID token, as signed.
    pub claims: Value,
    /// What userinfo said.
    pub user_info: Value,
    /// Whether a refresh is possible.
    pub refresh_token: Option<RefreshToken>,
    id_token: CoreIdToken,
    nonce: Nonce,
    subject: SubjectIdentifier,
}

/// Claims that the crate has no field for, such as `groups`.
#[derive(Debug, Serialize, Deserialize)]
struct OtherClaims(serde_json::Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// The app's side of the protocol.
pub struct SignIn {
    settings: Settings,
    discovery: Discovery,
    http: HttpClient,
    env: Env,
}

impl SignIn {
    /// The protocol for the configured client.
    pub fn new(settings: Settings, http: HttpClient, env: Env) -> Self {
        Self { discovery: Discovery::new(settings.clone(), http.clone(), env.clone()), settings, http, env }
    }

    /// Where to send the browser, and what to remember of it (OIDC Core §3.1.2.1). `extra` are parameters to add;
    /// `scope` replaces [`DEFAULT_SCOPE`].
    ///
    /// # Errors
    /// When the provider cannot be discovered.
    pub async fn begin(&self, extra: &[(String, String)]) -> Result<(Url, Attempt), SignInError> {
        let provider = self.discovery.provider().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scope = find(extra, "scope").unwrap_or(DEFAULT_SCOPE);
        let mut request = provider
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scope.split_whitespace().map(|token| Scope::new(token.to_owned())))
            .set_pkce_challenge(challenge);
        for (name, value) in extra {
            if name != "scope" && !OWN_PARAMETERS.contains(&name.as_str()) {
                request = request.add_extra_param(name.clone(), value.clone());
            }
        }
        let (url, state, nonce) = request.url();
        let max_age = find(extra, "max_age").and_then(|seconds| seconds.parse().ok());
        Ok((url, Attempt { state, nonce, verifier, max_age }))
    }

    /// Checks who answered (RFC 9207 §2.4), before anything else in the answer is believed: an answer from elsewhere must
    /// not make the app send its code there.
    async fn check_issuer(&self, answer: &Answer) -> Result<(), SignInError> {
        let always_named = self.discovery.provider().await?.more.authorization_response_iss_parameter_supported;
        match answer.iss.as_deref() {
            Some(issuer) if issuer == self.settings.issuer => Ok(()),
            None if !always_named => Ok(()),
            _other_or_missing => Err(SignInError::WrongIssuer),
        }
    }

    /// Turns an answer into an account: the code into tokens, and every check on the way. The caller found `attempt` by the
    /// answer's `state` in this browser's session, and removed it there.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn finish(&self, attempt: Attempt, answer: Answer) -> Result<Account, SignInError> {
        self.check_issuer(&answer).await?;
        if let Some(code) = answer.error {
            return Err(SignInError::Refused { code, description: answer.error_description });
        }
        let code = AuthorizationCode::new(answer.code.ok_or(SignInError::NoCode)?);
        let provider = self.discovery.provider().await?;
        let tokens = provider
            .client
            .exchange_code(code)
            .map_err(|error| SignInError::Token(chain(&error)))?
            .set_pkce_verifier(attempt.verifier)
            .request_async(&self.http)
            .await
            .map_err(|error| token_error(&error))?;
        let id_token = tokens.id_token().ok_or_else(|| SignInError::IdToken("there is none".to_owned()))?.clone();
        let claims = self.verified(&id_token, tokens.access_token(), &attempt.nonce).await?;
        check_auth_time(&claims, attempt.max_age, self.env.now())?;
        let subject = claims.subject().clone();
        self.account(tokens, id_token, subject, attempt.nonce).await
    }

    /// The account with fresh tokens (OIDC Core §12).
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn refresh(&self, account: &Account) -> Result<Account, SignInError> {
        let token = account.refresh_token.as_ref().ok_or(SignInError::NoRefreshToken)?;
        let tokens = self
            .discovery
            .provider()
            .await?
            .client
            .exchange_refresh_token(token)
            .map_err(|error| SignInError::Token(chain(&error)))?
            .request_async(&self.http)
            .await
            .map_err(|error| token_error(&error))?;
        // A refresh may leave the ID token out (OIDC Core §12.2); what was known stays known then.
        let id_token = tokens.id_token().unwrap_or(&account.id_token).clone();
        if tokens.id_token().is_some() {
            // The nonce may be missing, but not another one; the person must be the same (OIDC Core §12.2).
            let same_nonce = |nonce: Option<&Nonce>| match nonce {
                Some(nonce) if nonce.secret() != account.nonce.secret() => Err("another nonce".to_owned()),
                _same_or_none => Ok(()),
            };
            let claims = self.verified(&id_token, tokens.access_token(), same_nonce).await?;
            if *claims.subject() != account.subject {
                return Err(SignInError::IdToken("it names another person than before".to_owned()));
            }
        }
        let mut renewed = self.account(tokens, id_token, account.subject.clone(), account.nonce.clone()).await?;
        // Without a new refresh token the old one stays in use (RFC 6749 §6).
        renewed.refresh_token = renewed.refresh_token.or_else(|| account.refresh_token.clone());
        Ok(renewed)
    }

    /// Where to send the browser to sign out at the provider as well (RP-Initiated Logout §2), if the provider can do that.
    ///
    /// # Errors
    /// When the provider cannot be discovered.
    pub async fn sign_out_url(&self, account: &Account, state: CsrfToken) -> Result<Option<Url>, SignInError> {
        let Some(end_session) = self.discovery.provider().await?.more.end_session_endpoint.clone() else {
            return Ok(None);
        };
        let back = PostLogoutRedirectUrl::new(self.settings.post_logout_redirect_uri())
            .map_err(|error| SignInError::Discovery(chain(&error)))?;
        let request = LogoutRequest::from(end_session)
            .set_id_token_hint(&account.id_token)
            .set_post_logout_redirect_uri(back)
            .set_state(state);
        Ok(Some(request.http_get_url()))
    }

    /// The claims of an ID token after the checks of OIDC Core §3.1.3.7 (issuer, audience, signature, expiry, nonce: by the
    /// crate) and of `at_hash` (§3.1.3.8). Under an unknown key the provider's keys are fetched once more: it may have
    /// rotated them (§10.1.1).
    async fn verified<N>(&self, token: &CoreIdToken, access: &AccessToken, nonce: N) -> Result<CoreIdTokenClaims, SignInError>
    where
        N: NonceVerifier + Clone,
    {
        const UNKNOWN_KEY: ClaimsVerificationError =
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey);
        let mut provider = self.discovery.provider().await?;
        let first = token.claims(&provider.client.id_token_verifier(), nonce.clone()).err();
        if first == Some(UNKNOWN_KEY) {
            provider = self.discovery.provider_newer_than(&provider).await?;
        }
        verify(&provider, token, access, nonce).map_err(SignInError::IdToken)
    }

    async fn account(
        &self,
        tokens: CoreTokenResponse,
        id_token: CoreIdToken,
        subject: SubjectIdentifier,
        nonce: Nonce,
    ) -> Result<Account, SignInError> {
        let user_info = self.user_info(tokens.access_token(), &subject).await?;
        let claims = signed_claims(&id_token).ok_or_else(|| SignInError::IdToken("its claims are no JSON".to_owned()))?;
        Ok(Account { claims, user_info, refresh_token: tokens.refresh_token().cloned(), id_token, nonce, subject })
    }

    /// What userinfo says about `subject`; about anybody else it is refused (OIDC Core §5.3.2).
    async fn user_info(&self, token: &AccessToken, subject: &SubjectIdentifier) -> Result<Value, SignInError> {
        let provider = self.discovery.provider().await?;
        let answer: UserInfoClaims<OtherClaims, CoreGenderClaim> = provider
            .client
            .user_info(token.clone(), Some(subject.clone()))
            .map_err(|error| SignInError::UserInfo(chain(&error)))?
            .request_async(&self.http)
            .await
            .map_err(|error| SignInError::UserInfo(chain(&error)))?;
        serde_json::to_value(answer).map_err(|error| SignInError::UserInfo(error.to_string()))
    }
}

fn verify<N>(provider: &Provider, token: &CoreIdToken, access: &AccessToken, nonce: N) -> Result<CoreIdTokenClaims, String>
where
    N: NonceVerifier,
{
    let verifier = provider.client.id_token_verifier();
    let claims = token.claims(&verifier, nonce).map_err(|error| chain(&error))?;
    // OIDC Core §3.1.3.8: the access token is the one that was issued with this ID token.
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|error| chain(&error))?;
        let key = token.signing_key(&verifier).map_err(|error| chain(&error))?;
        let actual = AccessTokenHash::from_token(access, algorithm, key).map_err(|error| chain(&error))?;
        if actual != *expected {
            return Err("at_hash does not belong to the access token".to_owned());
        }
    }
    Ok(claims.clone())
}

/// OIDC Core §3.1.3.7 step 13: who asks for a recent approval looks whether it is one.
fn check_auth_time(claims: &CoreIdTokenClaims, max_age: Option<i64>, now: Timestamp) -> Result<(), SignInError> {
    let Some(max_age) = max_age else { return Ok(()) };
    match claims.auth_time() {
        Some(at) if now.as_seconds() - at.timestamp() <= max_age.saturating_add(LEEWAY) => Ok(()),
        Some(_older) => Err(SignInError::IdToken("the approval is older than max_age".to_owned())),
        None => Err(SignInError::IdToken("max_age was sent and auth_time is missing".to_owned())),
    }
}

/// The claims of a verified ID token exactly as signed, for the page: the crate's types would rename and reorder them.
fn signed_claims(token: &CoreIdToken) -> Option<Value> {
    use base64::Engine as _;
    let compact = token.to_string();
    let payload = compact.split('.').nth(1)?;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&json).ok()
}

fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _value)| key == name).map(|(_key, value)| value.as_str())
}

type TokenError = RequestTokenError<HttpError, StandardErrorResponse<openidconnect::core::CoreErrorResponseType>>;

/// An OAuth error of the token endpoint keeps its code; everything else is a failed request.
fn token_error(error: &TokenError) -> SignInError {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            SignInError::Refused { code: answer.error().to_string(), description: answer.error_description().cloned() }
        }
        other => SignInError::Token(chain(other)),
    }
}
