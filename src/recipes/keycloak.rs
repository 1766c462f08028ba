//! Keycloak as a broker: a realm whose people sign in here. `--import-realm` creates it as it stands; a realm that exists
//! already is skipped by Keycloak in silence.
//!
//! Keycloak refuses the import without `jwksUrl` next to `validateSignature`, without `pkceMethod` next to `pkceEnabled`, and
//! with a flow that does not exist, so that both flows come along. Its switches are strings.

use serde_json::{Value, json};

use super::{File, Registered, Target};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    let realm = target.at(&format!("/realms/{}", target.realm));
    let endpoint = format!("{realm}/broker/{}/endpoint", target.alias);
    WrittenClient {
        name: Some("Keycloak".to_owned()),
        redirect_uris: Some(vec![endpoint.clone()]),
        post_logout_redirect_uris: Some(vec![format!("{endpoint}/logout_response")]),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        scopes: Some(["openid", "profile", "email", "groups"].map(str::to_owned).to_vec()),
        forwards: Some(true),
        client_uri: Some(format!("{realm}/account/")),
        backchannel_logout_uri: Some(format!("{realm}/protocol/openid-connect/logout/backchannel-logout")),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let name = format!("{}-realm.json", target.realm);
    vec![File::new(
        name,
        "into Keycloak's data/import, then start it with --import-realm",
        format!("{:#}\n", realm(target, registered)),
    )]
}

fn realm(target: &Target, registered: &Registered<'_>) -> Value {
    let groups: Vec<Value> = target.groups.iter().map(|name| json!({ "name": name })).collect();
    let (browser, first_login) = (browser_flow(target), first_login_flow(target));
    json!({
        "realm": target.realm,
        "enabled": true,
        "sslRequired": "external",
        // Keycloak hands on the language in which it speaks itself. Where this is off that is always its default, and
        // everybody would read our pages in English.
        "internationalizationEnabled": true,
        "supportedLocales": registered.endpoints.ui_locales_supported,
        "defaultLocale": registered.endpoints.ui_locales_supported.first(),
        "groups": groups,
        "authenticationFlows": [flow(&browser, &[
            ("auth-cookie", "ALTERNATIVE", None),
            ("identity-provider-redirector", "ALTERNATIVE", Some("to Signbridge")),
        ]), flow(&first_login, &[
            ("idp-review-profile", "REQUIRED", Some("ask for what is missing")),
            ("idp-create-user-if-unique", "REQUIRED", Some("create the account")),
        ])],
        "authenticatorConfig": [
            { "alias": "to Signbridge", "config": { "defaultProvider": target.alias } },
            { "alias": "ask for what is missing", "config": { "update.profile.on.first.login": "missing" } },
            { "alias": "create the account", "config": { "require.password.update.after.registration": "false" } },
        ],
        "browserFlow": browser,
        "identityProviders": [{
            "alias": target.alias,
            "displayName": "Signbridge",
            "providerId": "oidc",
            "enabled": true,
            "trustEmail": true,
            "firstBrokerLoginFlowAlias": first_login,
            "config": provider(registered),
        }],
        "identityProviderMappers": mappers(target),
    })
}

fn browser_flow(target: &Target) -> String {
    format!("{} browser", target.alias)
}

fn first_login_flow(target: &Target) -> String {
    format!("{} first login", target.alias)
}

fn flow(alias: &str, steps: &[(&str, &str, Option<&str>)]) -> Value {
    let executions = steps.iter().zip(1..).map(|((authenticator, requirement, config), at)| {
        let mut step = json!({
            "authenticator": authenticator, "requirement": requirement, "priority": at * 10, "authenticatorFlow": false,
        });
        if let (Some(config), Some(step)) = (config, step.as_object_mut()) {
            step.insert("authenticatorConfig".to_owned(), json!(config));
        }
        step
    });
    json!({
        "alias": alias, "providerId": "basic-flow", "topLevel": true, "builtIn": false,
        "authenticationExecutions": executions.collect::<Vec<_>>(),
    })
}

/// The settings of the identity provider: what "import from URL" would fill in, and what it would not.
fn provider(registered: &Registered<'_>) -> Value {
    let endpoints = &registered.endpoints;
    let method = registered.client.metadata.token_endpoint_auth_method;
    json!({
        "issuer": endpoints.issuer,
        "authorizationUrl": endpoints.authorization_endpoint,
        "tokenUrl": endpoints.token_endpoint,
        "userInfoUrl": endpoints.userinfo_endpoint,
        "logoutUrl": endpoints.end_session_endpoint,
        "jwksUrl": endpoints.jwks_uri,
        "useJwksUrl": "true",
        "validateSignature": "true",
        "clientId": registered.id(),
        "clientSecret": registered.secret().unwrap_or_default(),
        "clientAuthMethod": method,
        "defaultScope": registered.scopes().join(" "),
        "pkceEnabled": "true",
        "pkceMethod": "S256",
        // The browser comes here to log out, and then the other apps of the session are told.
        "backchannelSupported": "false",
        "sendIdTokenOnLogout": "true",
        "sendClientIdOnLogout": "true",
        "loginHint": "true",
        "uiLocales": "true",
        "passMaxAge": "true",
        "acceptsPromptNoneForwardFromClient": "true",
        "forwardParameters": "acr_values",
        "syncMode": "FORCE",
    })
}

/// `acr` becomes an attribute, because Keycloak's own `acr` says nothing of ours. A group of a person becomes the group of
/// the same name, and is taken away when the person leaves it (`FORCE`).
fn mappers(target: &Target) -> Vec<Value> {
    let mapper = |name: String, kind: &str, config: Value| {
        json!({
            "name": name, "identityProviderAlias": target.alias, "identityProviderMapper": kind, "config": config,
        })
    };
    let attribute = |claim: &str| {
        let config = json!({ "syncMode": "INHERIT", "claim": claim, "user.attribute": format!("{}_{claim}", target.alias) });
        mapper(format!("{claim} as attribute"), "oidc-user-attribute-idp-mapper", config)
    };
    let group = |name: &String| {
        let claims = json!([{ "key": "groups", "value": name }]).to_string();
        let config = json!({
            "syncMode": "INHERIT", "claims": claims, "are.claim.values.regex": "false", "group": format!("/{name}"),
        });
        mapper(format!("group {name}"), "oidc-advanced-group-idp-mapper", config)
    };
    [attribute("acr"), attribute("groups")].into_iter().chain(target.groups.iter().map(group)).collect()
}
