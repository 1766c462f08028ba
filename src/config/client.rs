//! `[[client]]`: relying parties that the file declares. They are applied at each start and are read-only elsewhere.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::client_rules;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::domain::written::{DeclaredClient, WrittenClient};
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};

pub(super) const SECTION: Section = Section {
    name: "client",
    shape: Shape::List("id"),
    about: "A relying party, once for each. Declared ones are applied at each start and cannot be changed by commands.",
    keys: &[
        Key::new("id", Kind::Text, "Its client id.").alias("client_id"),
        Key::new(
            "secret",
            Kind::Secret,
            "Its secret: 32 random characters or more (`openssl rand -base64 32`). None for `auth_method` none.",
        )
        .alias("client_secret"),
        Key::new("name", Kind::Text, "The name that people read.").alias("client_name"),
        Key::new(
            "auth_method",
            Kind::Choice(&["client_secret_basic", "client_secret_post", "none"]),
            "How it authenticates. The first two are accepted for each other; `none` is a public client.",
        )
        .default("\"client_secret_basic\"")
        .alias("token_endpoint_auth_method"),
        Key::new("redirect_uris", Kind::Words, "Its redirect URIs, to the letter (RFC 6749 §3.1.2)."),
        Key::new("post_logout_redirect_uris", Kind::Words, "Where it may send people after a logout, to the letter."),
        Key::new("grants", Kind::Words, "The grants that it may use: authorization_code, refresh_token. Default: both.")
            .alias("grant_types"),
        Key::new(
            "scopes",
            Kind::Words,
            "The scopes that it may have: openid, profile, email, groups, offline_access. Default: all.",
        )
        .alias("scope"),
        Key::new(
            "application_type",
            Kind::Choice(&["web", "native"]),
            "`native` is a program on the person's machine: the port of its loopback redirect URIs may vary (RFC 8252 §7.3). \
             Default: native for a public client whose redirect URIs are on loopback or have a scheme of their own, else web.",
        ),
        Key::new(
            "id_token_signing_alg",
            Kind::Choice(&["RS256", "PS256", "ES256", "EdDSA"]),
            "The algorithm of its ID tokens (RFC 7518 §3.1).",
        )
        .default("\"RS256\"")
        .alias("id_token_signed_response_alg"),
        Key::new("require_pkce", Kind::Switch, "Whether it must use PKCE (RFC 7636). A public client always must.")
            .default("true"),
        Key::new("consent", Kind::Choice(&["none", "ask"]), "Whether people are asked before it learns who they are.")
            .default("\"none\""),
        Key::new(
            "id_token_claims",
            Kind::Choice(&["scope", "minimal"]),
            "Whether the claims of its scopes stand in the ID token, or only in the answer of userinfo.",
        )
        .default("\"scope\""),
        Key::new(
            "access_token_format",
            Kind::Choice(&["opaque", "jwt"]),
            "`opaque` can be revoked at once; `jwt` can be read without asking here (RFC 9068).",
        )
        .default("\"opaque\""),
        Key::new("always_refresh", Kind::Switch, "Whether it gets a refresh token without asking for `offline_access`.")
            .default("false"),
        Key::new(
            "forwards",
            Kind::Switch,
            "Whether it sends people on to other sites after the login (Keycloak, dex, authentik).",
        )
        .default("false"),
        Key::new("acr_values", Kind::Words, "The acr values that satisfy it when a request asks for none.")
            .alias("default_acr_values"),
        Key::new("client_uri", Kind::Text, "The page of the app, for the way back from an error."),
        Key::new(
            "backchannel_logout_uri",
            Kind::Text,
            "Where it is told that a session ended (OIDC Back-Channel Logout §2.2). https; plain http on this machine, or with \
             `[outbound] allow_private`.",
        ),
        Key::new(
            "backchannel_logout_session_required",
            Kind::Switch,
            "Whether it needs `sid` in logout tokens. Here they always have it.",
        )
        .default("false"),
        Key::new(
            "cors_origins",
            Kind::Words,
            "Origins (`https://app.example`) whose scripts may read answers of token, userinfo and revocation. The origins of a \
             public client's redirect URIs may without being named.",
        ),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Raw {
    id: Option<String>,
    secret: Option<String>,
    #[serde(flatten)]
    written: WrittenClient,
}

pub(super) fn read(raw: Vec<Raw>, allow_private: bool, reader: &mut Reader) -> Vec<DeclaredClient> {
    let mut ids = BTreeSet::new();
    let mut clients = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let id = raw.id.clone();
        if id.is_some_and(|id| !ids.insert(id)) {
            reader.report(&SECTION.path(index, "id"), "there is another client with this id");
        }
        clients.extend(read_one(raw, index, allow_private, reader));
    }
    clients
}

fn read_one(raw: Raw, index: usize, allow_private: bool, reader: &mut Reader) -> Option<DeclaredClient> {
    let path = |member: &str| SECTION.path(index, SECTION.key(member).map_or(member, |key| key.name));
    let id = reader.required(&path("id"), raw.id, "the client's id");
    let id = id.and_then(|id| reader.check(&path("id"), client_rules::check_id(&id).map(|()| ClientId::new(id))));
    let is_public = raw.written.auth_method == Some(AuthMethod::None);
    check_secret(raw.secret.as_deref(), is_public, &path("secret"), reader);
    let metadata = raw.written.applied_to(ClientMetadata::default()).map_err(|wrong| {
        for violation in wrong {
            reader.report(&path(violation.member), violation.message);
        }
    });
    let metadata = metadata.ok()?;
    if let Err(violation) = client_rules::check_transport(&metadata, allow_private) {
        reader.report(&path(violation.member), violation.message);
        return None;
    }
    Some(DeclaredClient { id: id?, metadata, secret: raw.secret.map(Secret::new) })
}

/// A confidential client has a secret, a public one has none (RFC 6749 §2.1).
fn check_secret(secret: Option<&str>, is_public: bool, path: &str, reader: &mut Reader) {
    match secret {
        Some(_) if is_public => reader.report(path, "a public client (auth_method none) cannot keep a secret: leave it out"),
        Some(secret) if secret.len() < 8 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
            reader.report(path, "must have at least 8 characters (better 32), all of them printable ASCII without blanks");
        }
        None if !is_public => {
            reader.required::<()>(path, None, "the client's secret, or secret_file with the path of a file that holds it");
        }
        _fine => {}
    }
}
