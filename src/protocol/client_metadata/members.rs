//! The members of a client, each declared once: its name (RFC 7591 §2), its type, what it is where nothing is said, and how an
//! operator writes it: the key of `[[client]]`, the flag of `client create` and `client update`, and what both say of it.
//!
//! What a new member needs: an entry here, a rule in `domain::client_rules` where its type does not carry it, and a new
//! `docs/configuration.md`, which `signbridge config reference` prints. A member that an older release does not know is
//! written only where it is set (`skip_serializing_if`): one that reads strictly refuses it.

use serde::{Deserialize, Serialize};

use super::values::{
    AccessTokenFormat, ApplicationType, AuthMethod, ConsentPolicy, GrantType, IdTokenClaimsPolicy, SigningAlgorithm,
};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::{self, Scope};
use crate::protocol::uri::{LogoutUri, WebOrigin};

/// How a member is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The name in RFC 7591 §2, or of our own: in stored JSON and on the wire.
    pub name: &'static str,
    /// The key of `[[client]]`; the file takes the name as well.
    pub key: &'static str,
    /// The flag of the commands, without its dashes.
    pub flag: &'static str,
    /// Other names of the flag.
    pub aliases: &'static [&'static str],
    /// What may be written.
    pub kind: Kind,
    /// What the help calls the value.
    pub value_name: &'static str,
    /// The default as it would be written in the file, where it is shown there.
    pub default: Option<&'static str>,
    /// Of several words the one that gives away least: for a stored word that this program does not know.
    pub(super) cautious: Option<&'static str>,
    /// What it means, for the file.
    pub about: &'static str,
    /// The same in a line, for the help of the flag.
    pub help: &'static str,
}

/// What an operator may write for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A URL, which an empty text takes away.
    Url,
    /// A list of texts without blanks.
    Words,
    /// The same; in JSON they are one text (RFC 6749 §3.3).
    Scope,
    /// A list of texts that may hold blanks: a flag names one each time, and an empty text names none.
    Texts,
    /// `true` or `false`.
    Switch,
    /// One of these.
    Choice(&'static [&'static str]),
    /// One of these two; a flag may also be `false` for the first and `true` for the second.
    Policy([&'static str; 2]),
}

impl Member {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            key: name,
            flag: name,
            aliases: &[],
            kind: Kind::Text,
            value_name: "TEXT",
            default: None,
            cautious: None,
            about: "",
            help: "",
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares the members: the type with its defaults, and the table. The comment of a member is what the configuration
/// reference says of it.
macro_rules! members {
    ($(
        $(#[doc = $about:literal])+
        $(#[serde($serde:meta)])?
        $name:ident: $type:ty $(= $default:expr)? => { $($field:ident: $value:expr,)* };
    )*) => {
        /// The metadata of one client. Unknown members are refused where an operator writes them; what stands in the database
        /// is read by [`ClientMetadata::of_any_program`].
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct ClientMetadata {
            $($(#[doc = $about])+ $(#[serde($serde)])? pub $name: $type,)*
        }

        impl Default for ClientMetadata {
            fn default() -> Self {
                Self { $($name: members!(@default $($default)?),)* }
            }
        }

        /// Every member, in the order of the configuration reference.
        pub(crate) const MEMBERS: &[Member] = &[$(Member {
            about: concat!($($about),+).trim_ascii_start(),
            $($field: $value,)*
            ..Member::named(stringify!($name))
        },)*];
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}

members! {
    /// The name that people read.
    client_name: String => {
        key: "name",
        flag: "name",
        value_name: "NAME",
        help: "The name that people read",
    };

    /// How it authenticates. The first two are accepted for each other; `none` is a public client.
    token_endpoint_auth_method: AuthMethod => {
        key: "auth_method",
        flag: "auth-method",
        aliases: &["token-endpoint-auth-method"],
        kind: Kind::Choice(&["client_secret_basic", "client_secret_post", "none"]),
        value_name: "METHOD",
        default: Some("\"client_secret_basic\""),
        // A client without a secret that is not public can do nothing at the token endpoint.
        cautious: Some("client_secret_basic"),
        help: "client_secret_basic, client_secret_post (each is accepted for the other) or none",
    };

    /// Its redirect URIs, to the letter (RFC 6749 §3.1.2).
    redirect_uris: Vec<RedirectUri> => {
        flag: "redirect-uri",
        aliases: &["redirect-uris"],
        kind: Kind::Words,
        value_name: "URI",
        help: "Allowed redirect URI (exact match); repeat the flag or separate several with spaces",
    };

    /// Where it may send people after a logout, to the letter.
    post_logout_redirect_uris: Vec<RedirectUri> => {
        flag: "post-logout-redirect-uri",
        aliases: &["post-logout-redirect-uris"],
        kind: Kind::Words,
        value_name: "URI",
        help: "Where people may be sent after a logout (exact match); repeat the flag or separate several with spaces",
    };

    /// The grants that it may use: authorization_code, refresh_token. Default: both.
    grant_types: Vec<GrantType> = GrantType::ALL.to_vec() => {
        key: "grants",
        flag: "grant",
        aliases: &["grants", "grant-type"],
        kind: Kind::Words,
        value_name: "GRANT",
        help: "authorization_code, refresh_token [default: both]",
    };

    /// The scopes that it may have: openid, profile, email, groups, offline_access. Default: all.
    scope: Scope = Scope::parse(&scope::KNOWN.join(" ")).unwrap_or_default() => {
        key: "scopes",
        aliases: &["scopes"],
        kind: Kind::Scope,
        value_name: "SCOPE",
        cautious: Some(scope::OPENID),
        help: "openid, profile, email, groups, offline_access [default: all]",
    };

    /// `native` is a program on the person's machine: the port of its loopback redirect URIs may vary (RFC 8252 §7.3).
    /// Default: native for a public client whose redirect URIs are on loopback or have a scheme of their own, else web.
    application_type: ApplicationType => {
        flag: "application-type",
        kind: Kind::Choice(&["web", "native"]),
        value_name: "TYPE",
        cautious: Some("web"),
        help: "web or native [default: native for a public client on loopback or with a scheme of its own, else web]",
    };

    /// The algorithm of its ID tokens (RFC 7518 §3.1).
    id_token_signed_response_alg: SigningAlgorithm => {
        key: "id_token_signing_alg",
        flag: "id-token-signing-alg",
        aliases: &["id-token-signed-response-alg"],
        kind: Kind::Choice(&["RS256", "PS256", "ES256", "EdDSA"]),
        value_name: "ALG",
        default: Some("\"RS256\""),
        cautious: Some("RS256"),
        help: "RS256, PS256, ES256 or EdDSA [default: RS256]",
    };

    /// Whether it must use PKCE (RFC 7636). A public client always must.
    require_pkce: bool = true => {
        flag: "require-pkce",
        kind: Kind::Switch,
        default: Some("true"),
        help: "Whether it must use PKCE; public clients always must [default: true]",
    };

    /// Whether people are asked before it learns who they are.
    consent: ConsentPolicy => {
        kind: Kind::Policy(["none", "ask"]),
        value_name: "POLICY",
        default: Some("\"none\""),
        cautious: Some("ask"),
        help: "Whether people are asked: ask (or true), none (or false) [default: none]",
    };

    /// Whether the claims of its scopes stand in the ID token, or only in the answer of userinfo.
    id_token_claims: IdTokenClaimsPolicy => {
        flag: "id-token-claims",
        kind: Kind::Choice(&["scope", "minimal"]),
        value_name: "POLICY",
        default: Some("\"scope\""),
        cautious: Some("minimal"),
        help: "Which claims stand in the ID token: scope or minimal [default: scope]",
    };

    /// `opaque` can be revoked at once; `jwt` can be read without asking here (RFC 9068).
    access_token_format: AccessTokenFormat => {
        flag: "access-token-format",
        kind: Kind::Choice(&["opaque", "jwt"]),
        value_name: "FORMAT",
        default: Some("\"opaque\""),
        cautious: Some("opaque"),
        help: "opaque or jwt [default: opaque]",
    };

    /// Whether it gets a refresh token without asking for `offline_access`.
    always_refresh: bool => {
        flag: "always-refresh",
        kind: Kind::Switch,
        default: Some("false"),
        help: "Give it a refresh token without `offline_access` [default: false]",
    };

    /// Whether it sends people on to other sites after the login (Keycloak, dex, authentik).
    forwards: bool => {
        kind: Kind::Switch,
        default: Some("false"),
        help: "It sends people on to other sites after the login (Keycloak, dex, authentik) [default: false]",
    };

    /// The acr values that satisfy it when a request asks for none.
    #[serde(skip_serializing_if = "is_default")]
    default_acr_values: Vec<String> => {
        key: "acr_values",
        flag: "acr-value",
        aliases: &["acr-values"],
        kind: Kind::Words,
        value_name: "ACR",
        help: "The acr values that satisfy it when a request asks for none",
    };

    /// The page of the app, for the way back from an error.
    #[serde(skip_serializing_if = "is_default")]
    client_uri: Option<String> => {
        flag: "client-uri",
        value_name: "URL",
        help: "The page of the app",
    };

    /// The logo of the app, an https URL. It is kept and shown by commands; our pages load nothing from elsewhere and show the
    /// file of `logo`.
    #[serde(skip_serializing_if = "is_default")]
    logo_uri: Option<String> => {
        flag: "logo-uri",
        kind: Kind::Url,
        value_name: "URL",
        help: "The logo of the app, an https URL; an empty text takes it away",
    };

    /// Where it is told that a session ended (OIDC Back-Channel Logout §2.2). https; plain http on this machine, or with
    /// `[outbound] allow_private`.
    #[serde(skip_serializing_if = "is_default")]
    backchannel_logout_uri: Option<LogoutUri> => {
        flag: "backchannel-logout-uri",
        kind: Kind::Url,
        value_name: "URL",
        help: "Where it is told that a session ended; an empty text takes it away",
    };

    /// Whether it needs `sid` in logout tokens. Here they always have it.
    #[serde(skip_serializing_if = "is_default")]
    backchannel_logout_session_required: bool => {
        flag: "backchannel-logout-session-required",
        kind: Kind::Switch,
        default: Some("false"),
        help: "Whether it needs `sid` in logout tokens; they always have it [default: false]",
    };

    /// Origins (`https://app.example`) whose scripts may read answers of token, userinfo and revocation. The origins of a
    /// public client's redirect URIs may without being named.
    #[serde(skip_serializing_if = "is_default")]
    cors_origins: Vec<WebOrigin> => {
        flag: "cors-origin",
        aliases: &["cors-origins"],
        kind: Kind::Words,
        value_name: "ORIGIN",
        help: "Origins whose scripts may read answers; those of a public client's redirect URIs may anyway",
    };

    /// The groups whose members may sign in to it, compared exactly. None: everybody may.
    #[serde(skip_serializing_if = "is_default")]
    allowed_groups: Vec<String> => {
        flag: "allowed-group",
        aliases: &["allowed-groups"],
        kind: Kind::Texts,
        value_name: "GROUP",
        help: "A group whose members may sign in to it; one each time, an empty text lets everybody in [default: everybody]",
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_default_that_is_documented_is_the_one_that_holds() {
        let defaults = ClientMetadata::default().to_map();
        for member in MEMBERS {
            let Some(literal) = member.default else { continue };
            let documented: Value = serde_json::from_str(literal).unwrap();
            let holds = defaults.get(member.name).cloned().unwrap_or(json!(false));
            assert_eq!(documented, holds, "{}", member.name);
        }
    }

    #[test]
    fn every_word_of_a_choice_is_understood_and_one_of_them_is_cautious() {
        for member in MEMBERS {
            let words: &[&str] = match &member.kind {
                Kind::Choice(words) => words,
                Kind::Policy(words) => words,
                _other => continue,
            };
            assert!(words.iter().all(|word| member.problems(&json!(word)).is_empty()), "{}", member.name);
            assert!(member.cautious.is_some_and(|word| words.contains(&word)), "{}", member.name);
        }
    }
}
