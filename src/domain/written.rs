//! Clients and people as an operator writes them, in the configuration file or in a command: plain texts, every member
//! optional. Checking them gives the values that exist here, or every mistake at once.

use serde::{Deserialize, Serialize};

use super::client_rules::{self, Violation};
use super::id::ClientId;
use super::names;
use super::secret::Secret;
use super::user::Upstream;
use crate::protocol::client_metadata::{
    AccessTokenFormat, ApplicationType, AuthMethod, ClientMetadata, ConsentPolicy, GrantType, IdTokenClaimsPolicy,
    SigningAlgorithm,
};
use crate::protocol::logout_uri::LogoutUri;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;
use crate::protocol::web_origin::WebOrigin;

/// What is written about a client; what is not written stays as it is. The members are those of [`ClientMetadata`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each member is documented where it ends up, in `ClientMetadata`")]
pub struct WrittenClient {
    pub name: Option<String>,
    pub auth_method: Option<AuthMethod>,
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub grants: Option<Vec<String>>,
    pub scopes: Option<Vec<String>>,
    pub application_type: Option<ApplicationType>,
    pub id_token_signing_alg: Option<SigningAlgorithm>,
    pub require_pkce: Option<bool>,
    pub consent: Option<ConsentPolicy>,
    pub id_token_claims: Option<IdTokenClaimsPolicy>,
    pub access_token_format: Option<AccessTokenFormat>,
    pub always_refresh: Option<bool>,
    pub forwards: Option<bool>,
    pub acr_values: Option<Vec<String>>,
    pub client_uri: Option<String>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    pub cors_origins: Option<Vec<String>>,
}

impl WrittenClient {
    /// What is written here, and what `other` says where nothing is.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            auth_method: self.auth_method.or(other.auth_method),
            redirect_uris: self.redirect_uris.or(other.redirect_uris),
            post_logout_redirect_uris: self.post_logout_redirect_uris.or(other.post_logout_redirect_uris),
            grants: self.grants.or(other.grants),
            scopes: self.scopes.or(other.scopes),
            application_type: self.application_type.or(other.application_type),
            id_token_signing_alg: self.id_token_signing_alg.or(other.id_token_signing_alg),
            require_pkce: self.require_pkce.or(other.require_pkce),
            consent: self.consent.or(other.consent),
            id_token_claims: self.id_token_claims.or(other.id_token_claims),
            access_token_format: self.access_token_format.or(other.access_token_format),
            always_refresh: self.always_refresh.or(other.always_refresh),
            forwards: self.forwards.or(other.forwards),
            acr_values: self.acr_values.or(other.acr_values),
            client_uri: self.client_uri.or(other.client_uri),
            backchannel_logout_uri: self.backchannel_logout_uri.or(other.backchannel_logout_uri),
            backchannel_logout_session_required: self
                .backchannel_logout_session_required
                .or(other.backchannel_logout_session_required),
            cors_origins: self.cors_origins.or(other.cors_origins),
        }
    }

    /// `before` with what is written here.
    ///
    /// # Errors
    /// Every rule that the result would break (RFC 7591 §2).
    pub fn applied_to(self, before: ClientMetadata) -> Result<ClientMetadata, Vec<Violation>> {
        let mut wrong = Vec::new();
        let redirect_uris = parse_all("redirect_uris", self.redirect_uris, &mut wrong, parse_uri);
        let after_logout = parse_all("post_logout_redirect_uris", self.post_logout_redirect_uris, &mut wrong, parse_uri);
        let grant_types = parse_all("grant_types", self.grants, &mut wrong, parse_grant);
        let scope = self.scopes.map(|tokens| Scope::parse(&tokens.join(" ")).map_err(|error| error.to_string()));
        let scope = scope.and_then(|parsed| good("scope", parsed, &mut wrong));
        let logout_uri = match self.backchannel_logout_uri.as_deref() {
            None => before.backchannel_logout_uri,
            // An empty text takes it away.
            Some("") => None,
            Some(text) => good("backchannel_logout_uri", parse_logout_uri(text), &mut wrong),
        };
        let cors_origins = parse_all("cors_origins", self.cors_origins, &mut wrong, parse_origin);
        let auth_method = self.auth_method.unwrap_or(before.token_endpoint_auth_method);
        let is_new = before.redirect_uris.is_empty();
        let redirect_uris = redirect_uris.unwrap_or(before.redirect_uris);
        let guessed = if is_new { application_type(auth_method, &redirect_uris) } else { before.application_type };
        let metadata = ClientMetadata {
            client_name: self.name.unwrap_or(before.client_name),
            redirect_uris,
            post_logout_redirect_uris: after_logout.unwrap_or(before.post_logout_redirect_uris),
            token_endpoint_auth_method: auth_method,
            grant_types: grant_types.unwrap_or(before.grant_types),
            scope: scope.unwrap_or(before.scope),
            application_type: self.application_type.unwrap_or(guessed),
            id_token_signed_response_alg: self.id_token_signing_alg.unwrap_or(before.id_token_signed_response_alg),
            require_pkce: self.require_pkce.unwrap_or(before.require_pkce),
            consent: self.consent.unwrap_or(before.consent),
            id_token_claims: self.id_token_claims.unwrap_or(before.id_token_claims),
            access_token_format: self.access_token_format.unwrap_or(before.access_token_format),
            always_refresh: self.always_refresh.unwrap_or(before.always_refresh),
            forwards: self.forwards.unwrap_or(before.forwards),
            default_acr_values: self.acr_values.unwrap_or(before.default_acr_values),
            client_uri: self.client_uri.or(before.client_uri),
            backchannel_logout_uri: logout_uri,
            backchannel_logout_session_required: self
                .backchannel_logout_session_required
                .unwrap_or(before.backchannel_logout_session_required),
            cors_origins: cors_origins.unwrap_or(before.cors_origins),
        };
        wrong.extend(client_rules::violations(&metadata));
        if wrong.is_empty() { Ok(metadata) } else { Err(wrong) }
    }
}

/// What a new client is that does not say so: native, when it is public and every redirect URI stays on the person's machine
/// (plain http is for loopback only) or belongs to an app (RFC 8252 §7).
fn application_type(auth_method: AuthMethod, redirect_uris: &[RedirectUri]) -> ApplicationType {
    let on_machine = redirect_uris.iter().all(|uri| !uri.as_str().starts_with("https:"));
    if auth_method == AuthMethod::None && on_machine { ApplicationType::Native } else { ApplicationType::Web }
}

fn parse_uri(text: &str) -> Result<RedirectUri, String> {
    RedirectUri::parse(text).map_err(|error| format!("`{text}`: {error}"))
}

fn parse_logout_uri(text: &str) -> Result<LogoutUri, String> {
    LogoutUri::parse(text).map_err(|error| format!("`{text}`: {error}"))
}

fn parse_origin(text: &str) -> Result<WebOrigin, String> {
    WebOrigin::parse(text).map_err(|error| format!("`{text}`: {error}"))
}

fn parse_grant(text: &str) -> Result<GrantType, String> {
    let known = || GrantType::ALL.map(GrantType::as_str).join(", ");
    GrantType::parse(text).ok_or_else(|| format!("`{text}` is no grant of this provider; there are {}", known()))
}

fn parse_all<T>(
    member: &'static str,
    written: Option<Vec<String>>,
    wrong: &mut Vec<Violation>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let parsed: Vec<_> = written?.iter().map(|text| parse(text)).collect();
    // Every mistake is reported; with one of them the old value stands, so that no rule is broken because of it.
    let kept: Vec<Option<T>> = parsed.into_iter().map(|item| good(member, item, wrong)).collect();
    kept.into_iter().collect()
}

fn good<T>(member: &'static str, parsed: Result<T, String>, wrong: &mut Vec<Violation>) -> Option<T> {
    parsed.map_err(|message| wrong.push(Violation { member, message })).ok()
}

/// A relying party that the file declares.
#[derive(Clone, Debug)]
pub struct DeclaredClient {
    /// Its client id.
    pub id: ClientId,
    /// What it registered.
    pub metadata: ClientMetadata,
    /// Its secret; a public client has none.
    pub secret: Option<Secret>,
}

/// What is written about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each member is documented where it ends up, in `NewUser`")]
pub struct WrittenUser {
    pub username: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub name: Option<String>,
    pub groups: Option<Vec<String>>,
    pub secsignid: Option<String>,
    pub thumbsignin_user_id: Option<String>,
}

/// A person to be added, in canonical spelling, with the phones to register at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The unique name.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the operator vouches for it.
    pub email_verified: bool,
    /// The full name; empty when unknown.
    pub name: String,
    /// Group names, each once.
    pub groups: Vec<String>,
    /// The names by which phone services know the person.
    pub devices: Vec<(Upstream, String)>,
}

impl WrittenUser {
    /// The person that is meant.
    ///
    /// # Errors
    /// Every name that cannot be one.
    pub fn check(self) -> Result<NewUser, Vec<Violation>> {
        let mut wrong = Vec::new();
        let username = self.username.ok_or_else(|| "missing: write the person's username".to_owned());
        let username = username.and_then(|written| names::username(&written).map_err(|error| error.to_string()));
        let username = good("username", username, &mut wrong);
        let email = self.email.and_then(|written| name_of("email", names::email(&written), &mut wrong));
        let name = self.name.and_then(|written| name_of("name", names::full_name(&written), &mut wrong));
        let groups = self.groups.unwrap_or_default();
        let mut groups: Vec<String> =
            groups.iter().filter_map(|written| name_of("groups", names::group(written), &mut wrong)).collect();
        groups.sort();
        groups.dedup();
        let registered = [
            ("secsignid", Upstream::SecSign, self.secsignid),
            ("thumbsignin_user_id", Upstream::ThumbSignIn, self.thumbsignin_user_id),
        ];
        let mut devices = Vec::new();
        for (member, upstream, written) in registered {
            let name = written.and_then(|written| name_of(member, names::upstream_user(upstream, &written), &mut wrong));
            devices.extend(name.map(|name| (upstream, name)));
        }
        let email_verified = email.is_some() && self.email_verified.unwrap_or(true);
        match username {
            Some(username) if wrong.is_empty() => {
                Ok(NewUser { username, email, email_verified, name: name.unwrap_or_default(), groups, devices })
            }
            _wrong => Err(wrong),
        }
    }
}

fn name_of(member: &'static str, name: Result<String, names::InvalidName>, wrong: &mut Vec<Violation>) -> Option<String> {
    good(member, name.map_err(|error| error.to_string()), wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> WrittenClient {
        WrittenClient { redirect_uris: Some(vec!["https://app.example/cb".into()]), ..WrittenClient::default() }
    }

    #[test]
    fn what_is_not_written_stays_as_it_was() {
        let first = written().applied_to(ClientMetadata::default()).unwrap();
        let renamed = WrittenClient { name: Some("App".into()), require_pkce: Some(false), ..WrittenClient::default() };
        let second = renamed.applied_to(first.clone()).unwrap();
        assert_eq!(second, ClientMetadata { client_name: "App".into(), require_pkce: false, ..first });
    }

    #[test]
    fn a_logout_uri_and_origins_are_checked_kept_and_taken_away() {
        let uri = |text: &str| WrittenClient { backchannel_logout_uri: Some(text.into()), ..WrittenClient::default() };
        let first = written().applied_to(ClientMetadata::default()).unwrap();
        let second = uri("https://app.example/out").applied_to(first.clone()).unwrap();
        assert_eq!(second.backchannel_logout_uri.as_ref().unwrap().as_str(), "https://app.example/out");
        assert_eq!(written().applied_to(second.clone()).unwrap(), second);
        let wrong = uri("https://app.example/out#x").applied_to(second.clone()).unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["backchannel_logout_uri"]);
        assert_eq!(uri("").applied_to(second).unwrap(), first);
        let origins = |list: &[&str]| {
            let cors_origins = Some(list.iter().map(|&text| text.to_owned()).collect());
            WrittenClient { cors_origins, ..WrittenClient::default() }.applied_to(first.clone())
        };
        assert_eq!(origins(&["https://spa.example", "http://localhost:3000"]).unwrap().cors_origins.len(), 2);
        let wrong = origins(&["*", "https://spa.example/"]).unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["cors_origins", "cors_origins"]);
    }

    #[test]
    fn a_new_public_client_on_the_machine_is_native() {
        let kind = |uri: &str, auth_method| {
            let client = WrittenClient { redirect_uris: Some(vec![uri.into()]), auth_method, ..WrittenClient::default() };
            client.applied_to(ClientMetadata::default()).unwrap().application_type
        };
        assert_eq!(kind("http://127.0.0.1/cb", Some(AuthMethod::None)), ApplicationType::Native);
        assert_eq!(kind("example.app:/cb", Some(AuthMethod::None)), ApplicationType::Native);
        assert_eq!(kind("https://app.example/cb", Some(AuthMethod::None)), ApplicationType::Web);
        assert_eq!(kind("http://127.0.0.1/cb", None), ApplicationType::Web);
    }

    #[test]
    fn every_mistake_is_reported() {
        let bad = WrittenClient {
            redirect_uris: Some(vec!["http://app.example/cb".into(), "/cb".into(), "https://app.example/cb".into()]),
            grants: Some(vec!["password".into()]),
            scopes: Some(vec!["openid".into(), "telepathy".into()]),
            ..WrittenClient::default()
        };
        let wrong = bad.applied_to(written().applied_to(ClientMetadata::default()).unwrap()).unwrap_err();
        let members: Vec<_> = wrong.iter().map(|violation| violation.member).collect();
        assert_eq!(members, ["redirect_uris", "redirect_uris", "grant_types", "scope"]);
    }

    #[test]
    fn a_person_is_canonical_and_vouched_for_unless_written_otherwise() {
        let alice = WrittenUser {
            username: Some("Alice".into()),
            email: Some("Alice@Example.org".into()),
            groups: Some(vec!["b".into(), "a".into(), "b".into()]),
            secsignid: Some("ALICE".into()),
            ..WrittenUser::default()
        };
        let user = alice.clone().check().unwrap();
        assert_eq!((user.username.as_str(), user.email.as_deref()), ("alice", Some("alice@example.org")));
        assert_eq!((user.email_verified, user.groups), (true, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(user.devices, [(Upstream::SecSign, "alice".to_owned())]);
        assert!(!WrittenUser { email_verified: Some(false), ..alice }.check().unwrap().email_verified);
        let wrong = WrittenUser { email: Some("x".into()), ..WrittenUser::default() }.check().unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["username", "email"]);
    }
}
