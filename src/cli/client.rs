//! `client create|list|show|update|delete|rotate-secret`.

use clap::Subcommand;
use serde_json::{Map, Value as Json, json};

use super::args::ById;
use super::client_flags::ClientFlags;
use super::output::{Listed, fields};
use super::recipe::{self, RecipeFlags};
use super::{CliError, Context, Opened};
use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::manage::ManageError;
use crate::manage::clients::{self, Issued};
use crate::recipes::{File, Registered, Target};

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Add one; prints its secret, which cannot be read again
    Create {
        /// Its client id [default: a new one; with a recipe, its name]
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        fields: Box<ClientFlags>,
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
        fields: Box<ClientFlags>,
        /// Switch it off: nothing is issued to it, and what it has is dead
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        disabled: Option<bool>,
    },
    /// Delete one with everything that was issued to it
    Delete(ById),
    /// Give one a new secret; the old one is dead at once
    RotateSecret(ById),
}

pub(super) async fn run(context: &Context, command: ClientCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    let id = |which: ById| ClientId::new(which.into_id());
    match command {
        ClientCommand::Create { id, fields, recipe } => match recipe.target().map_err(ManageError::Invalid)? {
            None => print(context, &opened, &clients::create(&manage, id, fields.0).await?),
            Some(target) => {
                let id = id.unwrap_or_else(|| target.recipe.as_str().to_owned());
                let patch = fields.0.or(target.client()?);
                let issued = if recipe.replace {
                    let known = known_secret(&opened, &id, &target, &recipe).await?;
                    clients::replace(&manage, id, patch, known).await?
                } else {
                    clients::create(&manage, Some(id), patch).await?
                };
                print_recipe(context, &opened, &issued, &target, &recipe)
            }
        },
        ClientCommand::List => Ok(context.format.print_list(&clients::list(&manage).await?)?),
        ClientCommand::Show(which) => {
            let client = clients::find(&manage, &id(which)).await?;
            print(context, &opened, &Issued { client, secret: None })
        }
        ClientCommand::Update { which, fields, disabled } => {
            let issued = clients::update(&manage, &id(which), fields.0, disabled).await?;
            print(context, &opened, &issued)
        }
        ClientCommand::Delete(which) => {
            let client = clients::delete(&manage, &id(which)).await?;
            let json = json!({ "client_id": client.id.as_str(), "deleted": true });
            Ok(context.format.print(&json, || format!("client {} was deleted", client.id))?)
        }
        ClientCommand::RotateSecret(which) => print(context, &opened, &clients::rotate_secret(&manage, &id(which)).await?),
    }
}

/// The client as RFC 7591 §3.2.1 answers a registration, with the switches of our own beside it.
fn to_json(client: &Client) -> Map<String, Json> {
    let mut object = client.metadata.to_map();
    object.insert("client_id".to_owned(), json!(client.id.as_str()));
    object.insert("client_id_issued_at".to_owned(), json!(client.created_at.as_seconds()));
    object.insert("disabled".to_owned(), json!(client.disabled));
    object.insert("source".to_owned(), json!(client.source.as_str()));
    object
}

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
    Ok(context.format.print(&Json::Object(issued_json(issued)), || issued_text(opened, issued))?)
}

fn recipe_files(opened: &Opened, issued: &Issued, target: &Target) -> Result<Vec<File>, CliError> {
    let fresh = Secret::generate(&opened.env).map_err(ManageError::from)?;
    let registered = Registered::new(opened.config.issuer.text(), &issued.client, issued.secret.as_ref(), &fresh);
    Ok(target.files(&registered)?)
}

/// The secret that the client has, if an earlier run left it in the files that are to be replaced.
async fn known_secret(opened: &Opened, id: &str, target: &Target, flags: &RecipeFlags) -> Result<Option<Secret>, CliError> {
    let Some(dir) = &flags.recipe_dir else { return Ok(None) };
    let client = match clients::find(&opened.manage(), &ClientId::new(id)).await {
        Ok(client) => client,
        Err(ManageError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(digest) = client.secret.clone() else { return Ok(None) };
    // For the names of the files.
    let files = recipe_files(opened, &Issued { client, secret: None }, target)?;
    Ok(recipe::known_secret(dir, &files, &digest))
}

/// Where the files cannot be written they are printed after all: their secrets exist nowhere else.
fn print_recipe(
    context: &Context,
    opened: &Opened,
    issued: &Issued,
    target: &Target,
    flags: &RecipeFlags,
) -> Result<(), CliError> {
    let files = recipe_files(opened, issued, target)?;
    let mut object = issued_json(issued);
    object.insert("recipe".to_owned(), recipe::to_json(target, &files));
    let wrote = flags.recipe_dir.as_deref().map(|dir| recipe::write(dir, &files, flags.replace)).transpose();
    let paste = match &wrote {
        Ok(Some(said)) => said.clone(),
        Ok(None) | Err(_) => recipe::to_text(&files),
    };
    context.format.print(&Json::Object(object), || format!("{}{paste}", issued_text(opened, issued)))?;
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

impl Listed for Client {
    const HEAD: &'static [&'static str] = &["id", "name", "auth method", "from", "state"];
    const NOTHING: &'static str = "there are no clients; add one with `signbridge client create`";

    fn json(&self) -> Json {
        Json::Object(to_json(self))
    }

    fn row(&self) -> Vec<String> {
        let method = written(&json!(self.metadata.token_endpoint_auth_method));
        let state = if self.disabled { "disabled" } else { "" };
        vec![self.id.to_string(), self.metadata.client_name.clone(), method, self.source.as_str().to_owned(), state.to_owned()]
    }
}
