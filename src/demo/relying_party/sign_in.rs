//! The protocol of the example app: to the authorization endpoint, back with a code, tokens, userinfo, refresh, sign-out.
//! Every check of an answer cites what demands it. No web framework here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreGenderClaim, CoreIdToken, CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, IssuerUrl, LogoutRequest, Nonce, NonceVerifier,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardErrorResponse, SubjectIdentifier, TokenResponse as _,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::Settings;
use crate::demo::http;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;

const DEFAULT_SCOPE: &str = "openid profile email groups offline_access";
/// Authorization parameters that `/login` does not pass on: they are the app's to choose.
const OWN_PARAMETERS: &str =
    "client_id client_secret redirect_uri response_type state nonce code_challenge code_challenge_method";
/// How much clocks may differ where `max_age` is checked, in seconds.
const LEEWAY: i64 = 60;

/// The texts are for the person who integrates an app: they say what was checked, and hold no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignInError {
    #[error("The provider could not be discovered: {0}")]
    Discovery(String),
    /// OIDC Core §3.1.2.6, RFC 6749 §5.2.
    #[error("The provider answered {code}{}", .description.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused { code: String, description: Option<String> },
    /// RFC 6749 §10.12.
    #[error("This answer belongs to no sign-in that this browser began, or it was used before.")]
    UnknownState,
    /// RFC 9207 §2.4.
    #[error("The answer does not come from the configured issuer.")]
    WrongIssuer,
    /// RFC 6749 §3.1.
    #[error("The answer cannot be read: a parameter comes twice.")]
    Malformed,
    #[error("The answer has neither a code nor an error.")]
    NoCode,
    #[error("The token request failed: {0}")]
    Token(String),
    /// OIDC Core §3.1.3.7.
    #[error("The ID token is not valid: {0}")]
    IdToken(String),
    #[error("The userinfo request failed: {0}")]
    UserInfo(String),
    #[error("There is no refresh token: ask for the scope offline_access.")]
    NoRefreshToken,
}

/// A sign-in under way: what was sent, to compare the answer with. Used once.
pub(super) struct Attempt {
    /// Ties the answer to this browser (RFC 6749 §10.12).
    pub(super) state: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    max_age: Option<i64>,
}

/// An authorization answer (OIDC Core §3.1.2.5, §3.1.2.6; `iss`: RFC 9207).
#[derive(Deserialize)]
pub(super) struct Answer {
    code: Option<String>,
    pub(super) state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Lives on the server only.
pub(super) struct Account {
    /// The verified claims of the ID token, as signed.
    pub(super) claims: Value,
    pub(super) user_info: Value,
    pub(super) refresh_token: Option<RefreshToken>,
    id_token: CoreIdToken,
    nonce: Nonce,
    subject: SubjectIdentifier,
}

/// Claims that the crate has no field for, such as `groups`.
#[derive(Debug, Serialize, Deserialize)]
struct OtherClaims(serde_json::Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

type DiscoveredClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The provider as its metadata and keys describe it now (OIDC Discovery §4), and the app as a client of it.
pub(super) struct Provider<'a> {
    settings: &'a Settings,
    http: &'a reqwest::Client,
    client: DiscoveredClient,
    end_session: Option<EndSessionUrl>,
}

impl<'a> Provider<'a> {
    /// Asked anew for each step: an app with more users keeps the answer for some minutes, and asks again when an ID token
    /// names a key that it does not know (OIDC Core §10.1.1).
    pub(super) async fn discover(settings: &'a Settings, http: &'a reqwest::Client) -> Result<Self, SignInError> {
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(because(SignInError::Discovery))?;
        // The crate compares the `issuer` of the document with the one asked for (OIDC Discovery §4.3).
        let send = |request: HttpRequest| http::send(http, request);
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &send).await;
        let metadata = metadata.map_err(because(SignInError::Discovery))?;
        let redirect_uri = RedirectUrl::new(format!("{}/callback", settings.app_url));
        let redirect_uri = redirect_uri.map_err(because(SignInError::Discovery))?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let secret = ClientSecret::new(settings.client_secret.expose().to_owned());
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(settings.client_id.clone()), Some(secret))
            .set_redirect_uri(redirect_uri)
            // The scopes are sent exactly as asked for, `openid` included.
            .disable_openid_scope();
        Ok(Self { settings, http, client, end_session })
    }

    /// Where to send the browser, and what to remember of it (OIDC Core §3.1.2.1). `extra` are parameters to add; a `scope`
    /// among them replaces [`DEFAULT_SCOPE`].
    pub(super) fn begin(&self, extra: &[(String, String)]) -> (Url, Attempt) {
        let find = |name: &str| extra.iter().find(|(key, _value)| key == name).map(|(_key, value)| value.as_str());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = find("scope").unwrap_or(DEFAULT_SCOPE).split_whitespace();
        let mut request = self
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes.map(|token| Scope::new(token.to_owned())))
            .set_pkce_challenge(challenge);
        for (name, value) in extra {
            if name != "scope" && !OWN_PARAMETERS.split(' ').any(|own| own == name) {
                request = request.add_extra_param(name.clone(), value.clone());
            }
        }
        let (url, state, nonce) = request.url();
        let max_age = find("max_age").and_then(|seconds| seconds.parse().ok());
        (url, Attempt { state: state.into_secret(), nonce, verifier, max_age })
    }

    /// The caller found `attempt` by the answer's `state` in this browser's session, and removed it there.
    pub(super) async fn finish(&self, attempt: Attempt, answer: Answer) -> Result<Account, SignInError> {
        // Before anything else in the answer is believed: an answer from elsewhere must not make the app send its code there.
        if answer.iss.as_deref() != Some(self.settings.issuer.as_str()) {
            return Err(SignInError::WrongIssuer);
        }
        if let Some(code) = answer.error {
            return Err(SignInError::Refused { code, description: answer.error_description });
        }
        let code = AuthorizationCode::new(answer.code.ok_or(SignInError::NoCode)?);
        let request = self.client.exchange_code(code).map_err(because(SignInError::Token))?;
        let send = |request: HttpRequest| http::send(self.http, request);
        let tokens = request.set_pkce_verifier(attempt.verifier).request_async(&send).await.map_err(|error| refused(&error))?;
        let id_token = tokens.id_token().ok_or_else(|| SignInError::IdToken("there is none".to_owned()))?.clone();
        let verified = self.verified(&id_token, tokens.access_token(), &attempt.nonce, attempt.max_age);
        let subject = verified.map_err(SignInError::IdToken)?;
        self.account(&tokens, id_token, subject, attempt.nonce).await
    }

    /// OIDC Core §12.
    pub(super) async fn refresh(&self, account: &Account) -> Result<Account, SignInError> {
        let token = account.refresh_token.as_ref().ok_or(SignInError::NoRefreshToken)?;
        let request = self.client.exchange_refresh_token(token).map_err(because(SignInError::Token))?;
        let send = |request: HttpRequest| http::send(self.http, request);
        let tokens = request.request_async(&send).await.map_err(|error| refused(&error))?;
        // A refresh may leave the ID token out (OIDC Core §12.2); what was known stays known then.
        if let Some(id_token) = tokens.id_token() {
            // The nonce may be missing, but not another one; the person must be the same (OIDC Core §12.2).
            let same_nonce = |nonce: Option<&Nonce>| match nonce {
                Some(nonce) if nonce.secret() != account.nonce.secret() => Err("another nonce".to_owned()),
                _same_or_none => Ok(()),
            };
            let verified = self.verified(id_token, tokens.access_token(), same_nonce, None);
            if verified.map_err(SignInError::IdToken)? != account.subject {
                return Err(SignInError::IdToken("it names another person than before".to_owned()));
            }
        }
        let id_token = tokens.id_token().unwrap_or(&account.id_token).clone();
        let mut renewed = self.account(&tokens, id_token, account.subject.clone(), account.nonce.clone()).await?;
        // Without a new refresh token the old one stays in use (RFC 6749 §6).
        renewed.refresh_token = renewed.refresh_token.or_else(|| account.refresh_token.clone());
        Ok(renewed)
    }

    /// Where to send the browser to sign out at the provider as well (RP-Initiated Logout §2), if the provider can do that.
    pub(super) fn sign_out_url(&self, account: &Account, state: String) -> Option<Url> {
        let back = PostLogoutRedirectUrl::new(format!("{}/signed-out", self.settings.app_url)).ok()?;
        let request = LogoutRequest::from(self.end_session.clone()?)
            .set_id_token_hint(&account.id_token)
            .set_post_logout_redirect_uri(back)
            .set_state(CsrfToken::new(state));
        Some(request.http_get_url())
    }

    /// Whom an ID token names, after the checks of OIDC Core §3.1.3.7 (issuer, audience, signature, expiry, nonce and
    /// `auth_time`: by the crate) and of `at_hash` (§3.1.3.8).
    fn verified(
        &self,
        token: &CoreIdToken,
        access: &AccessToken,
        nonce: impl NonceVerifier,
        max_age: Option<i64>,
    ) -> Result<SubjectIdentifier, String> {
        let now = Env::system().now().as_seconds();
        // Step 13: who asks for a recent approval looks whether it is one.
        let verifier = self.client.id_token_verifier().set_auth_time_verifier_fn(move |at| match (max_age, at) {
            (None, _) => Ok(()),
            (Some(max_age), Some(at)) if now - at.timestamp() <= max_age.saturating_add(LEEWAY) => Ok(()),
            (Some(_), Some(_older)) => Err("the approval is older than max_age".to_owned()),
            (Some(_), None) => Err("max_age was sent and auth_time is missing".to_owned()),
        });
        let claims = token.claims(&verifier, nonce).map_err(|error| chain(&error))?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| chain(&error))?;
            let key = token.signing_key(&verifier).map_err(|error| chain(&error))?;
            if AccessTokenHash::from_token(access, algorithm, key).map_err(|error| chain(&error))? != *expected {
                return Err("at_hash does not belong to the access token".to_owned());
            }
        }
        Ok(claims.subject().clone())
    }

    async fn account(
        &self,
        tokens: &CoreTokenResponse,
        id_token: CoreIdToken,
        subject: SubjectIdentifier,
        nonce: Nonce,
    ) -> Result<Account, SignInError> {
        // What userinfo says about anybody else is refused (OIDC Core §5.3.2).
        let request = self.client.user_info(tokens.access_token().clone(), Some(subject.clone()));
        let send = |request: HttpRequest| http::send(self.http, request);
        let answer = request.map_err(because(SignInError::UserInfo))?.request_async(&send).await;
        let answer: UserInfoClaims<OtherClaims, CoreGenderClaim> = answer.map_err(because(SignInError::UserInfo))?;
        let user_info = serde_json::to_value(answer).map_err(because(SignInError::UserInfo))?;
        // Exactly as signed, for the page: the crate's types would rename and reorder them.
        let payload = id_token.to_string().split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let claims = payload.and_then(|json| serde_json::from_slice(&json).ok());
        let claims = claims.ok_or_else(|| SignInError::IdToken("its claims are no JSON".to_owned()))?;
        Ok(Account { claims, user_info, refresh_token: tokens.refresh_token().cloned(), id_token, nonce, subject })
    }
}

/// An error of this kind, with the whole chain of causes as its reason.
fn because<E: std::error::Error>(kind: fn(String) -> SignInError) -> impl Fn(E) -> SignInError {
    move |error| kind(chain(&error))
}

/// An OAuth error of the token endpoint keeps its code; everything else is a failed request.
fn refused(error: &RequestTokenError<reqwest::Error, StandardErrorResponse<CoreErrorResponseType>>) -> SignInError {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            SignInError::Refused { code: answer.error().to_string(), description: answer.error_description().cloned() }
        }
        other => SignInError::Token(chain(other)),
    }
}
