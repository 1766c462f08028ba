//! Each recipe: what it registers, and that what it prints can be read by the format's own parser and names what discovery
//! names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{File, NAMES, Recipe, Registered, Target, Wishes};
use crate::domain::client::{Client, ClientPatch, Source};
use crate::domain::clock::Timestamp;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::flow::discovery;
use crate::protocol::client_metadata::{ApplicationType, ClientMetadata, IdTokenClaimsPolicy, MEMBERS};

const ISSUER: &str = "https://id.example";
const SECRET: &str = "s3cr3t-s3cr3t-s3cr3t";

fn wishes(recipe: Recipe) -> Wishes {
    let flags = recipe.app().unwrap().flags;
    let takes = |flag: &str, value: &str| flags.iter().any(|taken| taken == flag).then(|| value.to_owned());
    Wishes {
        url: takes("--url", "https://app.example/sub/"),
        realm: takes("--realm", "staff"),
        groups: takes("--group", "ops team").map(|group| vec![group]),
        ..Wishes::default()
    }
}

fn target(recipe: Recipe) -> Target {
    Target::new(recipe, wishes(recipe)).unwrap()
}

fn registered(target: &Target, flags: ClientPatch) -> Client {
    let metadata = flags.or(target.client().unwrap()).apply(&ClientMetadata::default(), false).unwrap();
    Client {
        id: ClientId::new(target.recipe.as_str()),
        metadata,
        secret: None,
        source: Source::Command,
        disabled: false,
        created_at: Timestamp::from_seconds(0),
        logo: None,
    }
}

fn client(recipe: Recipe) -> ClientMetadata {
    registered(&target(recipe), ClientPatch::default()).metadata
}

fn files_with(recipe: Recipe, flags: ClientPatch) -> BTreeMap<String, String> {
    let target = target(recipe);
    let client = registered(&target, flags);
    let (secret, fresh) = (Secret::new(SECRET), Secret::new("fresh"));
    let secret = (!client.metadata.is_public()).then_some(&secret);
    let files: Vec<File> = target.files(&Registered { issuer: ISSUER, client: &client, secret, fresh: &fresh }).unwrap();
    files.into_iter().map(|file| (file.name, file.content.expose().to_owned())).collect()
}

fn files(recipe: Recipe) -> BTreeMap<String, String> {
    files_with(recipe, ClientPatch::default())
}

fn refused(recipe: Recipe, wishes: Wishes) -> Vec<&'static str> {
    Target::new(recipe, wishes).unwrap_err().into_iter().map(|violation| violation.member).collect()
}

fn uris(uris: &[crate::protocol::redirect_uri::RedirectUri]) -> Vec<&str> {
    uris.iter().map(|uri| uri.as_str()).collect()
}

/// The pairs of one section of an ini file.
fn section(ini: &str, name: &str) -> BTreeMap<String, String> {
    let of = ini.split_once(&format!("[{name}]\n")).unwrap().1;
    let lines = of.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
    lines.map(|line| line.split_once(" = ").map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap()).collect()
}

#[test]
fn names_parse_back() {
    for name in NAMES {
        assert_eq!(Recipe::parse(name), Ok(Recipe(name)));
    }
    assert!(Recipe::parse("phpbb").unwrap_err().starts_with("there are the recipes keycloak, "));
}

#[test]
fn every_template_is_rendered_and_registers_members_that_exist() {
    for recipe in NAMES.map(Recipe) {
        let Value::Object(members) = serde_json::to_value(target(recipe).client().unwrap()).unwrap() else { panic!() };
        assert!(members.keys().all(|name| MEMBERS.iter().any(|member| member.name == name)), "{members:?}");
        let public = ClientPatch::default().with("token_endpoint_auth_method", "none");
        let secret = ClientPatch::default().with("token_endpoint_auth_method", "client_secret_basic");
        for flags in [public, secret.clone(), secret.with("post_logout_redirect_uris", serde_json::json!([]))] {
            assert!(files_with(recipe, flags).values().all(|content| content.ends_with('\n')), "{}", recipe.as_str());
        }
    }
}

#[test]
fn what_is_missing_or_not_taken_is_named() {
    for recipe in NAMES.map(Recipe) {
        let flags = recipe.app().unwrap().flags;
        let needed: Vec<_> = flags.iter().filter(|flag| matches!(flag.as_str(), "--url" | "--realm")).collect();
        match needed.is_empty() {
            true => assert!(Target::new(recipe, Wishes::default()).is_ok()),
            false => assert_eq!(refused(recipe, Wishes::default()), needed),
        }
    }
    let realm = Wishes { realm: Some("x".into()), ..wishes(Recipe("grafana")) };
    assert_eq!(refused(Recipe("grafana"), realm), ["--realm"]);
    assert_eq!(refused(Recipe("kubernetes"), Wishes { url: Some("https://a.example".into()), ..Wishes::default() }), ["--url"]);
}

#[test]
fn values_that_another_format_could_misread_are_refused() {
    for bad in [
        "app.example",
        "https://",
        "https://a.example/?x",
        "https://a.example/#f",
        "https://a.example/'",
        "https://a b",
        "ftp://a",
    ] {
        assert_eq!(refused(Recipe("grafana"), Wishes { url: Some(bad.into()), ..Wishes::default() }), ["--url"], "{bad}");
    }
    for bad in ["", "a/b", "a b", "${X}", "ä"] {
        assert_eq!(
            refused(Recipe("keycloak"), Wishes { realm: Some(bad.into()), ..wishes(Recipe("keycloak")) }),
            ["--realm"],
            "{bad}"
        );
    }
    for bad in ["it's", "a'b", "`x`", "a,b", " a", "a:b", "a\nb", ""] {
        assert_eq!(
            refused(Recipe("grafana"), Wishes { admin_group: Some(bad.into()), ..wishes(Recipe("grafana")) }),
            ["--admin-group"]
        );
    }
    let umlaut = Wishes { admin_group: Some("Gäste 2".into()), ..wishes(Recipe("grafana")) };
    assert!(Target::new(Recipe("grafana"), umlaut).is_ok());
}

#[test]
fn each_app_is_registered_as_it_needs() {
    let at = "https://app.example/sub";
    for (recipe, redirect_uris, pkce) in [
        (Recipe("keycloak"), vec![format!("{at}/realms/staff/broker/signbridge/endpoint")], true),
        (Recipe("grafana"), vec![format!("{at}/login/generic_oauth")], true),
        (Recipe("oauth2-proxy"), vec![format!("{at}/oauth2/callback")], true),
        (Recipe("nextcloud"), vec![format!("{at}/apps/user_oidc/code"), format!("{at}/index.php/apps/user_oidc/code")], true),
        (Recipe("gitea"), vec![format!("{at}/user/oauth2/signbridge/callback")], false),
        (Recipe("kubernetes"), vec!["http://localhost:8000".to_owned(), "http://localhost:18000".to_owned()], true),
        (Recipe("apache"), vec![format!("{at}/oidc/callback")], true),
        (Recipe("jupyterhub"), vec![format!("{at}/hub/oauth_callback")], true),
        (Recipe("oidc-agent"), vec!["http://localhost".to_owned()], true),
    ] {
        let client = client(recipe);
        assert_eq!(uris(&client.redirect_uris), redirect_uris);
        assert_eq!(client.demands_pkce(), pkce, "{}", recipe.as_str());
        assert_eq!(client.forwards, recipe == Recipe("keycloak"));
        assert_eq!(client.is_public(), matches!(recipe, Recipe("kubernetes") | Recipe("oidc-agent")));
        assert_eq!(client.id_token_claims, IdTokenClaimsPolicy::Scope);
        assert!(client.scope.contains("openid") && client.scope.contains("email") && client.scope.contains("groups"));
    }
    assert_eq!(
        uris(&client(Recipe("keycloak")).post_logout_redirect_uris),
        ["https://app.example/sub/realms/staff/broker/signbridge/endpoint/logout_response"]
    );
    assert_eq!(client(Recipe("kubernetes")).application_type, ApplicationType::Native);
    assert_eq!(client(Recipe("oidc-agent")).application_type, ApplicationType::Native);
    let logout = client(Recipe("apache")).backchannel_logout_uri.unwrap();
    assert_eq!(logout.as_str(), "https://app.example/sub/oidc/callback?logout=backchannel");
}

#[test]
fn what_the_operator_says_wins_on_both_sides() {
    let flags = ClientPatch::default().with("scope", "email openid").with("token_endpoint_auth_method", "client_secret_post");
    let realm: Value = serde_json::from_str(&files_with(Recipe("keycloak"), flags.clone())["staff-realm.json"]).unwrap();
    let config = &realm["identityProviders"][0]["config"];
    assert_eq!((&config["defaultScope"], &config["clientAuthMethod"]), (&"openid email".into(), &"client_secret_post".into()));
    let grafana = section(&files_with(Recipe("grafana"), flags)["grafana.ini"], "auth.generic_oauth");
    assert_eq!(grafana["scopes"], "openid email");
    assert_eq!(grafana["auth_style"], "InParams");
    assert_eq!(grafana["use_refresh_token"], "false");
}

#[test]
fn the_realm_is_json_with_the_endpoints_of_discovery() {
    let endpoints = discovery::document(ISSUER);
    let realm: Value = serde_json::from_str(&files(Recipe("keycloak"))["staff-realm.json"]).unwrap();
    let provider = &realm["identityProviders"][0];
    for (key, value) in [
        ("issuer", endpoints.issuer.as_str()),
        ("authorizationUrl", &endpoints.authorization_endpoint),
        ("tokenUrl", &endpoints.token_endpoint),
        ("userInfoUrl", &endpoints.userinfo_endpoint),
        ("logoutUrl", &endpoints.end_session_endpoint),
        ("jwksUrl", &endpoints.jwks_uri),
        ("clientId", "keycloak"),
        ("clientSecret", SECRET),
        ("clientAuthMethod", "client_secret_basic"),
        ("pkceEnabled", "true"),
        ("pkceMethod", "S256"),
    ] {
        assert_eq!(provider["config"][key], value, "{key}");
    }
    // Keycloak refuses an import that names a flow or a configuration which does not come along.
    let flows = realm["authenticationFlows"].as_array().unwrap();
    let has_flow = |name: &Value| flows.iter().any(|flow| &flow["alias"] == name);
    assert!(has_flow(&realm["browserFlow"]) && has_flow(&provider["firstBrokerLoginFlowAlias"]));
    let configs = realm["authenticatorConfig"].as_array().unwrap();
    for step in flows.iter().flat_map(|flow| flow["authenticationExecutions"].as_array().unwrap()) {
        let named = step.get("authenticatorConfig");
        assert!(named.is_none_or(|name| configs.iter().any(|config| &config["alias"] == name)), "{step}");
    }
    // Every switch is a string, and every mapper's group exists.
    assert!(provider["config"].as_object().unwrap().values().all(Value::is_string));
    let mappers = realm["identityProviderMappers"].as_array().unwrap();
    assert!(mappers.iter().all(|mapper| mapper["identityProviderAlias"] == provider["alias"]));
    let group = mappers.iter().find(|mapper| mapper["identityProviderMapper"] == "oidc-advanced-group-idp-mapper").unwrap();
    assert_eq!(group["config"]["group"], "/ops team");
    let claims: Value = serde_json::from_str(group["config"]["claims"].as_str().unwrap()).unwrap();
    assert_eq!(claims, serde_json::json!([{"key": "groups", "value": "ops team"}]));
    assert_eq!(realm["groups"], serde_json::json!([{"name": "ops team"}]));
}

#[test]
fn grafana_gets_the_same_settings_as_ini_and_as_environment() {
    let endpoints = discovery::document(ISSUER);
    let files = files(Recipe("grafana"));
    let settings = section(&files["grafana.ini"], "auth.generic_oauth");
    for (key, value) in [
        ("auth_url", endpoints.authorization_endpoint.as_str()),
        ("token_url", &endpoints.token_endpoint),
        ("api_url", &endpoints.userinfo_endpoint),
        ("jwk_set_url", &endpoints.jwks_uri),
        ("client_secret", SECRET),
        ("use_pkce", "true"),
        ("use_refresh_token", "true"),
        ("auth_style", "InHeader"),
        ("scopes", "openid email groups offline_access profile"),
    ] {
        assert_eq!(settings[key], value, "{key}");
    }
    let out = url::Url::parse(&settings["signout_redirect_url"]).unwrap();
    assert!(settings["signout_redirect_url"].starts_with(&endpoints.end_session_endpoint));
    let pairs: BTreeMap<_, _> = out.query_pairs().collect();
    assert_eq!(pairs["post_logout_redirect_uri"], "https://app.example/sub/login");
    assert_eq!(pairs["client_id"], "grafana");
    assert_eq!(section(&files["grafana.ini"], "server")["root_url"], "https://app.example/sub/");
    let environment: BTreeMap<_, _> = files["grafana.env"].lines().map(|line| line.split_once('=').unwrap()).collect();
    assert_eq!(environment.len(), settings.len() + 1);
    for (key, value) in &settings {
        assert_eq!(environment[format!("GF_AUTH_GENERIC_OAUTH_{}", key.to_uppercase()).as_str()], value);
    }
}

#[test]
fn the_proxy_gets_a_configuration_that_toml_reads() {
    let config: toml::Table = files(Recipe("oauth2-proxy"))["oauth2-proxy.cfg"].parse().unwrap();
    assert_eq!(config["oidc_issuer_url"].as_str(), Some(ISSUER));
    assert_eq!(config["client_secret"].as_str(), Some(SECRET));
    assert_eq!(config["cookie_secret"].as_str(), Some("fresh"));
    assert_eq!(config["code_challenge_method"].as_str(), Some("S256"));
    assert_eq!(config["cookie_secure"].as_bool(), Some(true));
    assert_eq!(config["backend_logout_url"].as_str(), Some("https://id.example/logout?id_token_hint={id_token}"));
}

#[test]
fn commands_name_client_secret_and_discovery() {
    for (recipe, file) in [(Recipe("nextcloud"), "nextcloud.sh"), (Recipe("gitea"), "gitea.sh")] {
        let command = &files(recipe)[file];
        assert!(
            command.contains(SECRET) && command.contains("https://id.example/.well-known/openid-configuration"),
            "{command}"
        );
    }
    assert!(files(Recipe("nextcloud"))["nextcloud.sh"].contains("'--scope=openid email groups profile'"));
    let gitea = &files(Recipe("gitea"))["gitea.sh"];
    assert!(gitea.contains("--scopes=groups \\\n") && gitea.contains("--admin-group=gitea-admins"), "{gitea}");
}

#[test]
fn a_cluster_gets_the_same_client_on_both_sides() {
    let files = files(Recipe("kubernetes"));
    let user: Value = serde_json::from_str(&files["kubeconfig-user.json"]).unwrap();
    let arguments = user["users"][0]["user"]["exec"]["args"].as_array().unwrap();
    for flag in ["--oidc-issuer-url=https://id.example", "--oidc-client-id=kubernetes"] {
        assert!(arguments.contains(&flag.into()), "{flag}");
        assert!(files["kube-apiserver.flags"].lines().any(|line| line == flag), "{flag}");
    }
    assert!(arguments.contains(&"--oidc-extra-scope=offline_access".into()));
    assert!(!files.values().any(|content| content.contains(SECRET)));
}

#[test]
fn apache_protects_its_callback_and_knows_where_discovery_is() {
    let conf = &files(Recipe("apache"))["signbridge.conf"];
    for line in [
        "OIDCProviderMetadataURL https://id.example/.well-known/openid-configuration",
        "OIDCClientSecret s3cr3t-s3cr3t-s3cr3t",
        "OIDCRedirectURI https://app.example/sub/oidc/callback",
        "OIDCCryptoPassphrase fresh",
        "OIDCScope \"openid email groups offline_access profile\"",
        "<Location /sub/oidc/callback>",
        "# https://app.example/sub/oidc/callback?logout=https%3A%2F%2Fapp.example%2Fsub%2F",
    ] {
        assert!(conf.lines().any(|written| written == line), "{line}\n{conf}");
    }
}

#[test]
fn the_hub_lets_in_the_groups_that_are_named_else_everybody() {
    let endpoints = discovery::document(ISSUER);
    let named = &files(Recipe("jupyterhub"))["jupyterhub_signbridge.py"];
    let set = |name: &str, value: &str| format!("c.GenericOAuthenticator.{name} = {value}");
    for line in [
        set("token_url", &format!("\"{}\"", endpoints.token_endpoint)),
        set("logout_redirect_url", &format!("\"{}\"", endpoints.end_session_endpoint)),
        set("allowed_groups", "[\"ops team\"]"),
        set("admin_groups", "[\"jupyterhub-admins\"]"),
    ] {
        assert!(named.lines().any(|written| written == line), "{line}\n{named}");
    }
    assert!(!named.contains("allow_all"));
    let target = Target::new(Recipe("jupyterhub"), Wishes { groups: None, ..wishes(Recipe("jupyterhub")) }).unwrap();
    let client = registered(&target, ClientPatch::default());
    let (secret, fresh) = (Secret::new(SECRET), Secret::new("fresh"));
    let open = target.files(&Registered { issuer: ISSUER, client: &client, secret: Some(&secret), fresh: &fresh }).unwrap();
    assert!(open[0].content.expose().contains(&set("allow_all", "True")));
}

#[test]
fn the_agent_gets_a_command_for_a_public_client() {
    let command = &files(Recipe("oidc-agent"))["oidc-gen.sh"];
    assert!(command.starts_with("oidc-gen \\\n  signbridge \\\n  --manual"), "{command}");
    assert!(command.contains("--client-secret= ") && command.contains("'--scope=openid email groups offline_access profile'"));
}

#[test]
fn a_file_does_not_show_its_content_in_a_log() {
    let target = target(Recipe("grafana"));
    let client = registered(&target, ClientPatch::default());
    let (secret, fresh) = (Secret::new(SECRET), Secret::new("fresh"));
    let registered = Registered { issuer: ISSUER, client: &client, secret: Some(&secret), fresh: &fresh };
    assert!(!format!("{registered:?} {:?}", target.files(&registered).unwrap()).contains(SECRET));
}
