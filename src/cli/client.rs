//! `client create|list|show|update|delete|rotate-secret`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use super::args::{ById, list, wire_value};
use super::output::{fields, table};
use super::recipe::{self, RecipeFlags, Wanted};
use super::{CliError, Context, Opened};
use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::domain::written::WrittenClient;
use crate::manage::ManageError;
use crate::manage::clients::{self, Issued};
use crate::protocol::client_metadata::{
    AccessTokenFormat, ApplicationType, AuthMethod, ConsentPolicy, IdTokenClaimsPolicy, SigningAlgorithm,
};
use crate::recipes::{File, Registered};

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Add one; prints its secret, which cannot be read again
    Create {
        /// Its client id [default: a new one; with a recipe, its name]
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        fields: Box<ClientFields>,
        #[command(flatten)]
        recipe: Box<RecipeFlags>,
    },
    /// All of them
    List,
    /// One of them
    Show(ById),
    /// Change what is given; a list replaces the old one
    Update {
        #[command(flatten)]
        which: ById,
        #[command(flatten)]
        fields: Box<ClientFields>,
        /// Switch it off: nothing is issued to it, and what it has is dead
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        disabled: Option<bool>,
    },
    /// Delete one with everything that was issued to it
    Delete(ById),
    /// Give one a new secret; the old one is dead at once
    RotateSecret(ById),
}

#[derive(Debug, Args)]
pub(super) struct ClientFields {
    /// The name that people read
    #[arg(long)]
    name: Option<String>,
    /// Where answers may go, to the letter; repeat it, or give several with blanks between them
    #[arg(long, alias = "redirect-uris", value_name = "URI")]
    redirect_uri: Option<Vec<String>>,
    /// Where people may be sent after a logout
    #[arg(long, alias = "post-logout-redirect-uris", value_name = "URI")]
    post_logout_redirect_uri: Option<Vec<String>>,
    /// client_secret_basic, client_secret_post (each is accepted for the other) or none
    #[arg(long, alias = "token-endpoint-auth-method", value_name = "METHOD", value_parser = wire_value::<AuthMethod>)]
    auth_method: Option<AuthMethod>,
    /// authorization_code, refresh_token [default: both]
    #[arg(long, aliases = ["grants", "grant-type"], value_name = "GRANT")]
    grant: Option<Vec<String>>,
    /// openid, profile, email, groups, offline_access [default: all]
    #[arg(long, alias = "scopes", value_name = "SCOPE")]
    scope: Option<Vec<String>>,
    /// web or native [default: native for a public client on loopback or with a scheme of its own, else web]
    #[arg(long, value_name = "TYPE", value_parser = wire_value::<ApplicationType>)]
    application_type: Option<ApplicationType>,
    /// Whether it must use PKCE; public clients always must [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_pkce: Option<bool>,
    /// Whether people are asked: ask (or true), none (or false) [default: none]
    #[arg(long, value_name = "POLICY", num_args = 0..=1, default_missing_value = "ask", value_parser = consent)]
    consent: Option<ConsentPolicy>,
    /// What it must keep to: standard
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    profile: Option<Profile>,
    /// RS256, PS256, ES256 or EdDSA [default: RS256]
    #[arg(long, alias = "id-token-signed-response-alg", value_name = "ALG", value_parser = wire_value::<SigningAlgorithm>)]
    id_token_signing_alg: Option<SigningAlgorithm>,
    /// Which claims stand in the ID token: scope or minimal [default: scope]
    #[arg(long, value_name = "POLICY", value_parser = wire_value::<IdTokenClaimsPolicy>)]
    id_token_claims: Option<IdTokenClaimsPolicy>,
    /// opaque or jwt [default: opaque]
    #[arg(long, value_name = "FORMAT", value_parser = wire_value::<AccessTokenFormat>)]
    access_token_format: Option<AccessTokenFormat>,
    /// Give it a refresh token without `offline_access` [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    always_refresh: Option<bool>,
    /// It sends people on to other sites after the login (Keycloak, dex, authentik) [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    forwards: Option<bool>,
    /// The acr values that satisfy it when a request asks for none
    #[arg(long, alias = "acr-values", value_name = "ACR")]
    acr_value: Option<Vec<String>>,
    /// The page of the app
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Where it is told that a session ended; an empty text takes it away
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// Whether it needs `sid` in logout tokens; they always have it [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    backchannel_logout_session_required: Option<bool>,
    /// Origins whose scripts may read answers; those of a public client's redirect URIs may anyway
    #[arg(long, alias = "cors-origins", value_name = "ORIGIN")]
    cors_origin: Option<Vec<String>>,
}

/// The profile of the specifications that a client keeps to.
#[derive(Clone, Copy, Debug)]
enum Profile {
    /// OpenID Connect Core.
    Standard,
}

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "standard" => Ok(Profile::Standard),
        "fapi2" => Err("the profile fapi2 is not supported yet: leave it out, or write standard".to_owned()),
        _other => Err("there is the profile standard".to_owned()),
    }
}

fn consent(text: &str) -> Result<ConsentPolicy, String> {
    match text {
        "ask" | "true" => Ok(ConsentPolicy::Ask),
        "none" | "false" => Ok(ConsentPolicy::None),
        _other => Err("expected ask (or true) or none (or false)".to_owned()),
    }
}

impl ClientFields {
    pub(super) fn into_written(self) -> WrittenClient {
        // There is one profile, and every client keeps to it.
        let _: Option<Profile> = self.profile;
        WrittenClient {
            name: self.name,
            auth_method: self.auth_method,
            redirect_uris: list(self.redirect_uri),
            post_logout_redirect_uris: list(self.post_logout_redirect_uri),
            grants: list(self.grant),
            scopes: list(self.scope),
            application_type: self.application_type,
            id_token_signing_alg: self.id_token_signing_alg,
            require_pkce: self.require_pkce,
            consent: self.consent,
            id_token_claims: self.id_token_claims,
            access_token_format: self.access_token_format,
            always_refresh: self.always_refresh,
            forwards: self.forwards,
            acr_values: list(self.acr_value),
            client_uri: self.client_uri,
            backchannel_logout_uri: self.backchannel_logout_uri,
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            cors_origins: list(self.cors_origin),
        }
    }
}

pub(super) async fn run(context: &Context, command: ClientCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    let id = |which: ById| ClientId::new(which.into_id());
    match command {
        ClientCommand::Create { id, fields, recipe } => match recipe.into_wanted().map_err(ManageError::Invalid)? {
            None => print(context, &opened, &clients::create(&manage, id, fields.into_written()).await?),
            Some(wanted) => {
                let id = id.unwrap_or_else(|| wanted.target.recipe.as_str().to_owned());
                let written = fields.into_written().or(wanted.target.client());
                let issued = if wanted.replace {
                    let known = known_secret(&opened, &id, &wanted).await?;
                    clients::replace(&manage, id, written, known).await?
                } else {
                    clients::create(&manage, Some(id), written).await?
                };
                print_recipe(context, &opened, &issued, &wanted)
            }
        },
        ClientCommand::List => print_list(context, &clients::list(&manage).await?),
        ClientCommand::Show(which) => {
            let client = clients::find(&manage, &id(which)).await?;
            print(context, &opened, &Issued { client, secret: None })
        }
        ClientCommand::Update { which, fields, disabled } => {
            let issued = clients::update(&manage, &id(which), fields.into_written(), disabled).await?;
            print(context, &opened, &issued)
        }
        ClientCommand::Delete(which) => {
            let client = clients::delete(&manage, &id(which)).await?;
            let json = json!({ "client_id": client.id.as_str(), "deleted": true });
            Ok(context.output.print(&json, || format!("client {} was deleted", client.id))?)
        }
        ClientCommand::RotateSecret(which) => print(context, &opened, &clients::rotate_secret(&manage, &id(which)).await?),
    }
}

/// The client as RFC 7591 §3.2.1 answers a registration, with the switches of our own beside it.
fn to_json(client: &Client) -> Map<String, Json> {
    let mut object = match serde_json::to_value(&client.metadata) {
        Ok(Json::Object(object)) => object,
        _never => Map::new(),
    };
    object.insert("client_id".to_owned(), json!(client.id.as_str()));
    object.insert("client_id_issued_at".to_owned(), json!(client.created_at.as_seconds()));
    object.insert("disabled".to_owned(), json!(client.disabled));
    object.insert("source".to_owned(), json!(client.source.as_str()));
    object
}

/// The client, and its secret where it has a new one.
fn issued_json(issued: &Issued) -> Map<String, Json> {
    let mut object = to_json(&issued.client);
    if let Some(secret) = &issued.secret {
        object.insert("client_secret".to_owned(), json!(secret.expose()));
        // It does not expire (RFC 7591 §3.2.1).
        object.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    object
}

fn issued_text(opened: &Opened, issued: &Issued) -> String {
    let Issued { client, secret } = issued;
    let mut rows = vec![
        ("issuer", opened.config.issuer.text().to_owned()),
        ("client_id", client.id.as_str().to_owned()),
        ("client_secret", secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default()),
    ];
    let rest = to_json(client);
    let rest =
        rest.iter().filter(|(name, _)| name.as_str() != "client_id").map(|(name, value)| (name.as_str(), written(value)));
    rows.extend(rest);
    let note = if secret.is_some() { "\nKeep the secret now: it cannot be read again.\n" } else { "" };
    format!("{}{note}", fields(&rows))
}

fn print(context: &Context, opened: &Opened, issued: &Issued) -> Result<(), CliError> {
    Ok(context.output.print(&Json::Object(issued_json(issued)), || issued_text(opened, issued))?)
}

/// What to paste at the app.
fn recipe_files(opened: &Opened, issued: &Issued, wanted: &Wanted) -> Result<Vec<File>, ManageError> {
    let fresh = Secret::generate(&opened.env)?;
    let registered = Registered::new(opened.config.issuer.text(), &issued.client, issued.secret.as_ref(), &fresh);
    Ok(wanted.target.files(&registered))
}

/// The secret that the client has, if an earlier run left it in the files that are to be replaced.
async fn known_secret(opened: &Opened, id: &str, wanted: &Wanted) -> Result<Option<Secret>, ManageError> {
    let Some(dir) = &wanted.dir else { return Ok(None) };
    let client = match clients::find(&opened.manage(), &ClientId::new(id)).await {
        Ok(client) => client,
        Err(ManageError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(digest) = client.secret.clone() else { return Ok(None) };
    // For the names of the files.
    let files = recipe_files(opened, &Issued { client, secret: None }, wanted)?;
    Ok(recipe::known_secret(dir, &files, &digest))
}

/// Prints the client and what to paste at the app. Where the files cannot be written they are printed after all: their
/// secrets exist nowhere else.
fn print_recipe(context: &Context, opened: &Opened, issued: &Issued, wanted: &Wanted) -> Result<(), CliError> {
    let files = recipe_files(opened, issued, wanted)?;
    let mut object = issued_json(issued);
    object.insert("recipe".to_owned(), recipe::to_json(&wanted.target, &files));
    let wrote = wanted.dir.as_deref().map(|dir| recipe::write(dir, &files, wanted.replace)).transpose();
    let paste = match &wrote {
        Ok(Some(said)) => said.clone(),
        Ok(None) | Err(_) => recipe::to_text(&files),
    };
    context.output.print(&Json::Object(object), || format!("{}{paste}", issued_text(opened, issued)))?;
    wrote?;
    Ok(())
}

fn written(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn print_list(context: &Context, clients: &[Client]) -> Result<(), CliError> {
    let json = clients.iter().map(|client| Json::Object(to_json(client))).collect();
    let row = |client: &Client| {
        let state = if client.disabled { "disabled" } else { "" };
        let method = written(&json!(client.metadata.token_endpoint_auth_method));
        let name = client.metadata.client_name.clone();
        vec![client.id.as_str().to_owned(), name, method, client.source.as_str().to_owned(), state.to_owned()]
    };
    let text = || {
        let rows: Vec<Vec<String>> = clients.iter().map(row).collect();
        table(
            &["id", "name", "auth method", "from", "state"],
            &rows,
            "there are no clients; add one with `signbridge client create`",
        )
    };
    Ok(context.output.print(&json, text)?)
}
